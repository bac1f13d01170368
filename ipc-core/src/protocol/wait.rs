//! How a blocked call passes its time.

use core::time::Duration;
use std::time::Instant;

use crossbeam_utils::Backoff;

use crate::format::error::RecvError;
use crate::memory::cancel_word::Cancelling;
use crate::ordering::fault::{Fault, seeded};
use crate::protocol::message::Outcome;
pub use crate::protocol::wait_policy::Wait;
pub(crate) use crate::protocol::wait_policy::WaitPolicy;

/// How often a blocking call looks before anything else. A model looks once.
const LOOKS: u32 = if cfg!(loom) { 0 } else { 32 };
/// How long a blocked call waits between its questions to the kernel whether its peer lives.
const LIVENESS_SLICE: Duration = Duration::from_millis(10);

/// Until when a call waits. However it is given, the call looks once before it gives up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Limit {
    /// Without end.
    Never,
    /// For so long, counted from the first look at the clock. A time that no clock will show is without end.
    After(Duration),
    /// Until then.
    At(Instant),
}

impl Limit {
    /// Whether the time is up before it begins, told without a clock.
    #[inline(always)]
    fn is_zero(self) -> bool {
        self == Limit::After(Duration::ZERO)
    }

    /// Whether the time is up before it begins. Only a deadline takes a look at the clock.
    #[inline(always)]
    pub(crate) fn is_over(self) -> bool {
        match self {
            Limit::At(end) => Instant::now() >= end,
            _ => self.is_zero(),
        }
    }

    /// Whether at least so much time is left to a call that begins now.
    pub(crate) fn leaves(self, time: Duration) -> bool {
        match self {
            Limit::Never => true,
            Limit::After(limit) => limit >= time,
            Limit::At(end) => end.saturating_duration_since(Instant::now()) >= time,
        }
    }

    /// The same limit, of a call that does something else before it waits.
    pub(crate) fn started(self) -> Self {
        match self {
            Limit::After(time) if !self.is_zero() => {
                Instant::now().checked_add(time).map_or(Limit::Never, Limit::At)
            }
            limit => limit,
        }
    }

    /// When the time is up for a call that begins to count `now`; `None` if never.
    fn end(self, now: Instant) -> Option<Instant> {
        match self {
            Limit::Never => None,
            Limit::After(time) => now.checked_add(time),
            Limit::At(end) => Some(end),
        }
    }
}

/// What a blocked call does next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Pause {
    /// Poll again.
    Again,
    /// Sleep for so long at most, then poll again.
    Sleep(Duration),
    /// Ask whether the peer lives, then poll again.
    CheckLiveness,
    /// Give up.
    TimedOut,
}

/// One blocked call.
pub(crate) struct Waiter {
    policy: WaitPolicy,
    /// For how long it polls before it sleeps; `None` if it never sleeps.
    polls_for: Option<Duration>,
    limit: Limit,
    backoff: Backoff,
    polls: u32,
    /// Whether the call has polled for long enough, and sleeps from now on.
    sleeps: bool,
    /// Set at the first look at the clock, some polls into the wait, so that a short wait seldom reads it.
    times: Option<Times>,
}

/// What a blocked call knows of the time.
#[derive(Clone, Copy)]
struct Times {
    /// When it looked at the clock first.
    began: Instant,
    /// When its time is up; `None` if never.
    end: Option<Instant>,
    /// When it asked last whether its peer lives.
    asked: Instant,
    /// When it looked at the clock last.
    looked: Instant,
}

impl Waiter {
    pub(crate) fn new(policy: WaitPolicy, limit: Limit) -> Self {
        let polls_for = policy.polls_for();
        Self { policy, polls_for, limit, backoff: Backoff::new(), polls: 0, sleeps: false, times: None }
    }

    /// Whether the first pause looks at the clock: a deadline may be over, a call may sleep at once, and one that learns
    /// counts its time from there.
    fn looks_at_once(&self) -> bool {
        matches!(self.limit, Limit::At(_))
            || self.polls_for == Some(Duration::ZERO)
            || self.policy.wait() == Wait::Adaptive
    }

    /// Passes a moment.
    pub(crate) fn pause(&mut self) -> Pause {
        if self.limit.is_zero() {
            return Pause::TimedOut;
        }
        self.polls = self.polls.wrapping_add(1);
        let wait = self.policy.wait();
        // Reading the clock costs nothing beside a turn of another thread or a sleep.
        let look = self.polls.is_multiple_of(wait.polls_per_clock())
            || self.sleeps
            || (wait == Wait::Yield && self.backoff.is_completed())
            || (self.times.is_none() && self.looks_at_once());
        if look {
            let now = Instant::now();
            let times = self.times.get_or_insert_with(|| {
                let end = self.limit.end(now);
                Times { began: now, end, asked: now, looked: now }
            });
            times.looked = now;
            // Never negative: a time that is up is 0.
            let left = times.end.map_or(Duration::MAX, |end| end.saturating_duration_since(now));
            if left.is_zero() {
                return Pause::TimedOut;
            }
            if now.duration_since(times.asked) >= LIVENESS_SLICE {
                times.asked = now;
                return Pause::CheckLiveness;
            }
            let has_polled = self.polls_for.is_some_and(|time| now.duration_since(times.began) >= time);
            if has_polled && left > self.policy.shortest_sleep() {
                self.sleeps = true;
                return Pause::Sleep(left);
            }
        }
        if wait == Wait::Yield {
            self.backoff.snooze();
        } else {
            core::hint::spin_loop();
        }
        Pause::Again
    }

    /// Calls `sleep`, as [`pause`](Self::pause) said.
    pub(crate) fn sleep<R>(&mut self, sleep: impl FnOnce() -> R) -> R {
        self.policy.sleep(sleep)
    }

    /// The call ends: something has come, or its time is up, or it is cancelled. Leaves in `policy` what is learnt of that.
    pub(crate) fn ended(mut self, came: bool, policy: &mut WaitPolicy) {
        let (Wait::Adaptive, Some(times)) = (self.policy.wait(), self.times) else { return };
        // A message that came while the call polled came soon after its last look at the clock.
        let now = if self.sleeps { Instant::now() } else { times.looked };
        self.policy.ended(now.duration_since(times.began), self.sleeps, came);
        *policy = self.policy;
    }
}

/// The first tier of waiting, in the caller's own code: looks again for about a microsecond and a half, while `waits`
/// says so of the answer. A caller that waits for a reply gets it here, without a way back through all else that
/// waiting takes.
#[inline(always)]
pub(crate) fn look_briefly<A>(limit: Limit, look: impl Fn() -> A, waits: impl Fn(&A) -> bool) -> A {
    let mut answer = look();
    if !waits(&answer) || limit.is_over() {
        return answer;
    }
    for _ in 0..LOOKS {
        core::hint::spin_loop();
        answer = look();
        if !waits(&answer) {
            break;
        }
    }
    answer
}

/// A reader, as far as waiting is concerned.
pub(crate) trait Reader {
    /// What it gets.
    type Got;

    /// Looks whether something has come.
    fn poll(&mut self) -> Result<Outcome<Self::Got>, RecvError>;

    /// Asks the kernel whether the producer lives.
    fn ask(&mut self) -> Result<Option<Outcome<()>>, RecvError>;

    /// Sleeps for `time` at most, unless something has come.
    fn sleep(&mut self, time: Duration) -> Result<Outcome<Self::Got>, RecvError>;

    /// How its calls wait.
    fn policy(&mut self) -> &mut WaitPolicy;

    /// What cancels this reader's calls.
    fn cancelling(&self) -> &Cancelling;
}

/// Has `reader` wait until something comes or the time is up; with no `limit`, look just once.
pub(crate) fn block<R: Reader>(reader: &mut R, limit: Option<Limit>) -> Result<Outcome<R::Got>, RecvError> {
    let first = reader.poll()?;
    let Some(limit) = limit.filter(|_| matches!(first, Outcome::Empty)) else {
        return Ok(first);
    };
    // A call that doesn't wait doesn't ask the kernel, either.
    if limit.is_over() {
        return Ok(Outcome::TimedOut);
    }
    if seeded(Fault::CancelTakenFirst) {
        reader.cancelling().take();
    }
    let mut waiter = Waiter::new(*reader.policy(), limit);
    let found = pass_time(reader, &mut waiter);
    waiter.ended(!matches!(found, Ok(Outcome::TimedOut | Outcome::Cancelled)), reader.policy());
    found
}

/// Has `reader` wait as `waiter` says.
fn pass_time<R: Reader>(reader: &mut R, waiter: &mut Waiter) -> Result<Outcome<R::Got>, RecvError> {
    loop {
        // After each look that has shown nothing: a call that has its message returns it.
        if reader.cancelling().take() {
            return Ok(Outcome::Cancelled);
        }
        let pause = waiter.pause();
        match pause {
            Pause::Again => {}
            Pause::Sleep(time) => match waiter.sleep(|| reader.sleep(time))? {
                // A modelled sleeper makes no further step.
                Outcome::Empty if cfg!(loom) => return Ok(Outcome::TimedOut),
                Outcome::Empty => {}
                found => return Ok(found),
            },
            Pause::CheckLiveness | Pause::TimedOut => {
                if let Some(event) = reader.ask()? {
                    return Ok(event.without_message());
                }
            }
        }
        match reader.poll()? {
            Outcome::Empty if pause == Pause::TimedOut => return Ok(Outcome::TimedOut),
            Outcome::Empty => {}
            found => return Ok(found),
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// How many pauses a call makes before its time is up, of those that a clock which stands still allows.
    fn pauses(limit: Limit) -> usize {
        let mut waiter = Waiter::new(Wait::Spin.into(), limit);
        (0..1000).take_while(|_| waiter.pause() != Pause::TimedOut).count()
    }

    #[test]
    fn no_time_and_a_deadline_in_the_past_end_the_wait_at_once() {
        assert_eq!(pauses(Limit::After(Duration::ZERO)), 0);
        assert_eq!(pauses(Limit::At(Instant::now())), 0);
    }

    /// After how many pauses a call sleeps, of a thousand at most.
    fn polls_before_sleep(policy: impl Into<WaitPolicy>, limit: Limit) -> usize {
        let mut waiter = Waiter::new(policy.into(), limit);
        (0..1000).take_while(|_| !matches!(waiter.pause(), Pause::Sleep(_))).count()
    }

    #[test]
    fn parking_after_no_time_sleeps_at_once_and_after_all_time_never() {
        assert_eq!(polls_before_sleep(Wait::park_after(Duration::ZERO), Limit::Never), 0);
        assert_eq!(polls_before_sleep(Wait::park_after(Duration::MAX), Limit::Never), 1000);
        let soon = Limit::At(Instant::now() + Duration::from_secs(1000));
        assert_eq!(polls_before_sleep(Wait::park_after(Duration::ZERO), soon), 0);
    }

    #[test]
    fn an_adaptive_call_that_knows_long_waits_sleeps_at_once_and_never_for_less_than_it_costs() {
        let mut policy = WaitPolicy::from(Wait::Adaptive);
        (0..10).for_each(|_| policy.ended(Duration::from_secs(1), true, true));
        assert_eq!(polls_before_sleep(policy, Limit::Never), 0);
        assert_ne!(polls_before_sleep(policy, Limit::After(Duration::from_nanos(1))), 0);
    }

    #[test]
    fn a_call_leaves_what_it_has_learnt() {
        let mut policy = WaitPolicy::from(Wait::Adaptive);
        let first = policy.polls_for();
        for came in [true, true, true, true, true, false] {
            let mut waiter = Waiter::new(policy, Limit::Never);
            // A long wait, by a clock that is set.
            waiter.pause();
            waiter.sleeps = true;
            let times = waiter.times.as_mut().expect("a first look");
            times.began = times.began.checked_sub(Duration::from_millis(1)).expect("a clock that has run");
            waiter.ended(came, &mut policy);
        }
        assert_ne!(policy.polls_for(), first);
        assert_eq!(policy.polls_for(), Some(Duration::ZERO));
    }

    #[test]
    fn a_call_whose_time_is_up_before_it_begins_looks_once() {
        let looks = |limit| {
            let count = core::cell::Cell::new(0);
            look_briefly(limit, || count.set(count.get() + 1), |()| true);
            count.get()
        };
        assert_eq!(looks(Limit::After(Duration::ZERO)), 1);
        assert_eq!(looks(Limit::At(Instant::now())), 1);
        assert_eq!(looks(Limit::Never), 1 + LOOKS);
        assert_eq!(looks(Limit::After(Duration::from_secs(1))), 1 + LOOKS);
    }

    #[test]
    fn a_limit_leaves_no_more_than_its_time() {
        let (short, long) = (Duration::from_secs(10), Duration::from_secs(1000));
        assert!(
            Limit::Never.leaves(long) && Limit::After(long).leaves(long) && !Limit::After(short).leaves(long)
        );
        let end = Instant::now() + long;
        assert!(Limit::At(end).leaves(short) && !Limit::At(end).leaves(2 * long));
        assert_eq!(Limit::At(end).started(), Limit::At(end));
        assert_eq!(Limit::Never.started(), Limit::Never);
        assert_eq!(Limit::After(Duration::MAX).started(), Limit::Never);
        assert_eq!(Limit::After(Duration::ZERO).started(), Limit::After(Duration::ZERO));
        let Limit::At(later) = Limit::After(long).started() else { panic!("a time from now is an instant") };
        assert!(later >= end);
    }

    #[test]
    fn a_time_that_no_clock_shows_is_without_end() {
        let now = Instant::now();
        assert_eq!(Limit::After(Duration::MAX).end(now), None);
        assert_eq!(Limit::Never.end(now), None);
        assert_eq!(Limit::After(Duration::from_secs(1)).end(now), Some(now + Duration::from_secs(1)));
        assert_eq!(pauses(Limit::Never), 1000);
        assert_eq!(pauses(Limit::After(Duration::MAX)), 1000);
    }
}
