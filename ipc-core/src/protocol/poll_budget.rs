//! How long an adaptive wait polls before it sleeps.
//!
//! Polling costs processor time for as long as it lasts. A sleep has a *price*, which both sides pay together: falling
//! asleep, the kernel's fence, waking. That is the ski rental problem. A wait that polls for one price before it
//! sleeps never costs more than twice what it has to: the shorter of the wait and the price.
//!
//! A handle that knows its waits does better: it sleeps at once where they are long, and polls for two prices where
//! they are a little longer than one. A wrong guess costs at most one price more than twice what the wait had to
//! cost. So a handle guesses only while it has *credit* for a price: by that much its waits so far have cost less than
//! twice what they had to.
//!
//! `docs/design.md`, section 9, has the arithmetic. No clock is read here.

use core::time::Duration;

/// For how many prices a wait may poll. The first needs no credit, and is chosen where two do equally well.
const CHOICES: [u32; 3] = [1, 0, 2];
/// The price before any was measured, and its limits, in nanoseconds. A machine that measures nonsense stays
/// within them.
const PRICE: u32 = 12_000;
const PRICES: [u32; 2] = [1_000, 100_000];
/// The most credit, in prices: a handle whose waits change all the time soon stops guessing.
const MOST_CREDIT: u32 = 8;
/// A wait that is longer than the price gives this part of it as credit: else a handle without credit, whose waits have
/// become long, would never guess again.
const LOAN: u32 = 16;
/// One sleep of so many is measured: asking the kernel for the processor time takes a system call.
const MEASURED_ONE_IN: u8 = 16;
/// A wait that polls for more than half a price takes this part of the price away. The price was measured by other
/// sleeps, and those after long waits cost more. Once it has fallen far enough a wait sleeps, and that is measured.
const DOUBT: u32 = 64;

/// What a handle has learnt of its waits. All times are in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PollBudget {
    /// What a sleep costs both sides, as the wait under way counts it.
    price: u32,
    /// The same, as far as it was measured: it counts from the next wait on.
    measured: u32,
    /// What each choice would have been charged in waits of late: each wait counts three quarters of the next.
    charges: [u32; CHOICES.len()],
    credit: u32,
    /// How many sleeps follow before one is measured.
    unmeasured: u8,
}

impl Default for PollBudget {
    fn default() -> Self {
        Self { price: PRICE, measured: PRICE, charges: [0; CHOICES.len()], credit: 2 * PRICE, unmeasured: 0 }
    }
}

impl PollBudget {
    /// For how long the next wait polls before it sleeps.
    pub(crate) fn time(&self) -> Duration {
        Duration::from_nanos(u64::from(self.polled()))
    }

    /// What a sleep costs both sides: no wait that ends sooner is worth one.
    pub(crate) fn price(&self) -> Duration {
        Duration::from_nanos(u64::from(self.price))
    }

    fn polled(&self) -> u32 {
        if self.credit < self.price {
            return self.price;
        }
        let mut best = 0;
        for choice in 1..CHOICES.len() {
            if self.charges[choice] < self.charges[best] {
                best = choice;
            }
        }
        CHOICES[best] * self.price
    }

    /// A wait has polled for [`time`](Self::time), and slept if that was too short. What it waited for came after
    /// `waited`.
    pub(crate) fn ended(&mut self, waited: Duration, slept: bool) {
        let (price, polled) = (self.price, self.polled());
        let mut waited = saturated(waited);
        // A thread that was kept from running while it polled took no time meanwhile.
        if !slept {
            waited = waited.min(polled);
        }
        for (charge, prices) in self.charges.iter_mut().zip(CHOICES) {
            let polls = prices * price;
            // A sleep is charged twice: once for its price, and once because the message is handled later.
            let this = if waited <= polls { waited } else { polls + 2 * price };
            *charge = *charge / 4 * 3 + this;
        }
        let had_to = waited.min(price);
        let cost = if slept { polled + price } else { waited };
        let loan = if waited >= price { price / LOAN } else { 0 };
        self.credit = (self.credit + 2 * had_to + loan).saturating_sub(cost).min(MOST_CREDIT * price);
        if !slept && waited > price / 2 {
            self.measured = (self.measured - self.measured / DOUBT).max(PRICES[0]);
            self.unmeasured = 0;
        }
        self.price = self.measured;
    }

    /// Whether the processor time of the next sleep is to be measured.
    pub(crate) fn is_due(&mut self) -> bool {
        let due = self.unmeasured == 0;
        self.unmeasured = if due { MEASURED_ONE_IN - 1 } else { self.unmeasured - 1 };
        due
    }

    /// A sleep took so much of this thread's processor time. To wake it takes the other side about half as much.
    pub(crate) fn measured(&mut self, own: Duration) {
        // One that was disturbed changes little.
        let both = (saturated(own) / 2 * 3).clamp(self.measured / 2, 2 * self.measured);
        self.measured = ((3 * self.measured + both) / 4).clamp(PRICES[0], PRICES[1]);
    }
}

/// A time in nanoseconds; one that is longer than any price matters is as good as a second.
fn saturated(time: Duration) -> u32 {
    u32::try_from(time.as_nanos()).unwrap_or(u32::MAX).min(1_000_000_000)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What waits have cost by a budget, and what they had to cost, in nanoseconds.
    #[derive(Clone, Copy, Default)]
    struct Bill {
        cost: u64,
        had_to: u64,
        polling_on: u64,
        sleeping_at_once: u64,
    }

    impl Bill {
        /// A wait for what comes after `waits`.
        fn wait(&mut self, budget: &mut PollBudget, waits: u32) {
            let (price, polls) = (u64::from(budget.price), u64::from(budget.polled()));
            let (waits, slept) = (u64::from(waits), u64::from(waits) > polls);
            self.cost += if slept { polls + price } else { waits };
            self.had_to += waits.min(price);
            self.polling_on += waits;
            self.sleeping_at_once += price;
            // Each sleep costs what the first price is.
            if slept && budget.is_due() {
                budget.measured(Duration::from_nanos(u64::from(PRICE / 3 * 2)));
            }
            budget.ended(Duration::from_nanos(waits), slept);
        }

        /// Of a handle that began with so much credit.
        fn is_within_the_bound(&self, credit: u32) -> bool {
            self.cost <= 2 * self.had_to + self.had_to / u64::from(LOAN) + u64::from(credit)
        }
    }

    /// Waits on each side of each choice's limit.
    const WAITS: [u32; 7] = [0, PRICE / 2, PRICE, PRICE + 1, 2 * PRICE, 2 * PRICE + 1, 100 * PRICE];

    fn try_all(budget: PollBudget, bill: Bill, credit: u32, depth: u32) {
        for waits in WAITS {
            let (mut budget, mut bill) = (budget, bill);
            bill.wait(&mut budget, waits);
            assert!(bill.is_within_the_bound(credit), "{} against {}, {budget:?}", bill.cost, bill.had_to);
            if depth > 1 {
                try_all(budget, bill, credit, depth - 1);
            }
        }
    }

    #[test]
    fn no_sequence_of_waits_costs_more_than_twice_what_it_had_to() {
        for credit in [0, 2 * PRICE] {
            try_all(PollBudget { credit, ..PollBudget::default() }, Bill::default(), credit, 6);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn nor_does_a_long_one(waits in prop::collection::vec(
            prop_oneof![0..3 * PRICE, prop::sample::select(&WAITS[..])], 1..500,
        )) {
            let (mut budget, mut bill) = (PollBudget::default(), Bill::default());
            for waits in waits {
                bill.wait(&mut budget, waits);
                prop_assert!(bill.is_within_the_bound(2 * PRICE));
            }
        }

        #[test]
        fn whatever_came_before_a_steady_pace_is_followed(
            before in prop::collection::vec(prop::sample::select(&WAITS[..]), 0..200),
        ) {
            for (pace, polls) in [(PRICE / 10, 1), (PRICE * 3 / 2, 2), (100 * PRICE, 0)] {
                let (mut budget, mut bill) = (PollBudget::default(), Bill::default());
                for &waits in &before {
                    bill.wait(&mut budget, waits);
                }
                for _ in 0..2 * LOAN {
                    bill.wait(&mut budget, pace);
                }
                // A short wait ends while any choice but sleeping at once polls.
                let follows = match polls {
                    1 => budget.polled() > 0,
                    // It falls asleep now and then, to measure that.
                    2 => bill.cost <= 2 * bill.had_to + bill.had_to / u64::from(LOAN) + 2 * u64::from(PRICE),
                    _ => budget.polled() == 0,
                };
                prop_assert!(follows, "pace {}: {:?}", pace, budget);
            }
        }
    }

    /// The waits that cost a handle the most: just longer than it polls, which it tells.
    fn against(budget: &mut PollBudget) -> Bill {
        let mut bill = Bill::default();
        for _ in 0..100_000 {
            let waits = budget.polled() + 1;
            bill.wait(budget, waits);
            assert!(bill.is_within_the_bound(2 * PRICE));
        }
        bill
    }

    #[test]
    fn an_adversary_that_knows_the_budget_gains_nothing() {
        let bill = against(&mut PollBudget::default());
        let better = bill.polling_on.min(bill.sleeping_at_once);
        assert!(bill.cost <= 2 * better + better / u64::from(LOAN) + 2 * u64::from(PRICE));
    }

    #[test]
    fn a_handle_without_credit_guesses_again_once_waits_are_long() {
        let mut budget = PollBudget::default();
        against(&mut budget);
        budget.credit = 0;
        (0..=LOAN).for_each(|_| Bill::default().wait(&mut budget, 100 * PRICE));
        assert_eq!(budget.polled(), 0);
    }

    /// How many waits at a new pace it takes until a handle that has known `before` polls for `prices`.
    fn waits_until(before: u32, after: u32, prices: u32) -> usize {
        let (mut budget, mut bill) = (PollBudget::default(), Bill::default());
        (0..1000).for_each(|_| bill.wait(&mut budget, before));
        let follows = |_: &usize| {
            let done = budget.polled() == prices * budget.price;
            bill.wait(&mut budget, after);
            !done
        };
        (0..1000).take_while(follows).count()
    }

    #[test]
    fn a_sudden_change_is_followed_within_six_waits() {
        let (short, longer, long) = (PRICE / 10, PRICE * 3 / 2, 1000 * PRICE);
        for (before, after, prices) in
            [(short, long, 0), (long, short, 1), (long, longer, 2), (longer, long, 0)]
        {
            let waits = waits_until(before, after, prices);
            assert!(waits <= 6, "{before} to {after}: {waits} waits");
        }
    }

    /// The cost of the last of many rounds, in prices.
    fn cost_of_a_round(round: &[u32]) -> f64 {
        let (mut budget, mut bill) = (PollBudget::default(), Bill::default());
        for _ in 0..100 {
            round.iter().for_each(|&waits| bill.wait(&mut budget, waits));
        }
        let before = bill.cost;
        round.iter().for_each(|&waits| bill.wait(&mut budget, waits));
        (bill.cost - before) as f64 / f64::from(PRICE)
    }

    #[test]
    fn steady_paces_and_bursts_cost_little_more_than_the_better_choice() {
        let (short, long) = (PRICE / 10, 100 * PRICE);
        assert_eq!(cost_of_a_round(&[short]), 0.1);
        assert!(cost_of_a_round(&[PRICE * 3 / 2]) <= 1.75);
        assert_eq!(cost_of_a_round(&[long]), 1.0);
        // A burst is polled through, and the silence after it met by polling for a price.
        assert_eq!(cost_of_a_round(&[short, short, short, long]), 2.3);
        assert_eq!(cost_of_a_round(&[short, long]), 2.1);
        // Long silences with a short wait now and then: that one is slept through.
        assert_eq!(cost_of_a_round(&[long, long, long, long, long, long, long, short]), 8.0);
    }

    #[test]
    fn a_price_is_measured_now_and_then_and_follows_the_machine() {
        let mut budget = PollBudget::default();
        assert_eq!((0..64).filter(|_| budget.is_due()).count(), 64 / usize::from(MEASURED_ONE_IN));
        for (own, price) in [(4, 6), (20, 30), (0, 1), (1_000_000, 100)] {
            (0..40).for_each(|_| budget.measured(Duration::from_micros(own)));
            budget.ended(Duration::ZERO, false);
            let found = budget.price().as_nanos();
            assert!(found.abs_diff(price * 1000) < 20, "{found} ns for {own} us of one side");
        }
        // One sample of a thousand times as much changes it by a quarter.
        let mut budget = PollBudget::default();
        budget.measured(Duration::from_secs(1));
        assert_eq!((budget.price, budget.measured), (PRICE, PRICE * 5 / 4));
    }

    #[test]
    fn a_price_that_no_sleep_confirms_falls_until_one_is_measured() {
        let mut budget = PollBudget::default();
        // Measured where sleeps cost five times as much.
        (0..100).for_each(|_| budget.measured(Duration::from_nanos(u64::from(5 * PRICE / 3 * 2))));
        budget.ended(Duration::ZERO, false);
        assert!(budget.polled() > 4 * PRICE);
        let mut bill = Bill::default();
        (0..200).for_each(|_| bill.wait(&mut budget, 4 * PRICE));
        assert_eq!(budget.polled(), 0, "{budget:?}");
        // Short waits leave it as it is.
        let price = budget.price;
        (0..200).for_each(|_| bill.wait(&mut budget, price / 4));
        assert_eq!(budget.price, price);
    }

    #[test]
    fn no_time_overflows() {
        let mut budget = PollBudget::default();
        (0..100).for_each(|_| budget.measured(Duration::MAX));
        for slept in [true, false] {
            for waited in [Duration::MAX, Duration::ZERO] {
                (0..100).for_each(|_| budget.ended(waited, slept));
            }
        }
        assert!(budget.time() <= 2 * Duration::from_micros(100));
    }
}
