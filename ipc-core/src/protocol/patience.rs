//! How long a producer lets best-effort readers hold it back.
//!
//! The patience is a budget that all of them share. Time in which they alone leave no room uses it up, and other time
//! gives it back, much more slowly. So a reader that is slow for ever costs the producer a small part of its time,
//! however often it joins again.

use core::time::Duration;
use std::time::Instant;

use crate::format::seq::Seq;

/// One part in so many of the time in which the patience isn't used up is given back.
const GIVEN_BACK: u32 = 20;

/// How long a producer lets best-effort readers hold it back before it passes them over.
///
/// A best-effort reader that is a lap behind leaves no room for the next message. The producer waits for it as it waits
/// for a consumer, but only as long as its patience lasts. Then it passes over all best-effort readers that leave no
/// room: it overwrites what they haven't read, and they are told how much they lost.
///
/// Best-effort readers use up the patience together, in the time in which they alone leave no room. For a call that waits
/// that is the time of its wait. For a caller that comes back later it is the time between two looks at the same message
/// that both found no room. So what such a reader does after the last look in vain costs it nothing. While a
/// consumer leaves no room either, no patience is used up and no reader is passed over: that would bring no room.
///
/// Of all other time, a twentieth is given back, up to the whole patience. So in any time `t` the producer waits for
/// best-effort readers no longer than its patience and `t / 20`. The bound holds for all of them together, and for a
/// reader that is too slow for ever, and joins again each time. A reader that blocks the ring once others have used up
/// the patience is passed over at once.
///
/// # Examples
/// ```
/// use std::time::Duration;
///
/// use ringway::{Config, Patience, Ring};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let ring = ringway::anon::create(&Config::new())?;
/// let mut producer = ring.producer()?;
/// assert_eq!(producer.patience(), Patience::Time(Duration::from_millis(100)));
/// producer.set_patience(Patience::Lap); // best-effort readers never hold this producer back
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Patience {
    /// A reader is passed over as soon as it is a lap behind and a message is to be written: the producer never waits
    /// for it. Nor does it wait for one that sleeps because [wake-ups are deferred](crate::Producer::set_deferred_wake):
    /// that one is woken, and passed over.
    Lap,
    /// Readers are passed over once they have used up so much time.
    Time(Duration),
    /// No reader is ever passed over: the producer waits for it as for a consumer.
    Endless,
}

impl Default for Patience {
    /// A tenth of a second: longer than a machine's usual hiccups, and shorter than what stops a stream.
    fn default() -> Self {
        Self::Time(Duration::from_millis(100))
    }
}

/// A producer's patience, and how much of it is used up.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    pub(crate) patience: Patience,
    /// How much of it is used up, as of `counted`: not more than the whole.
    used: Duration,
    /// The end of the time that was last counted as used.
    counted: Option<Instant>,
    /// The message for which best-effort readers alone left no room at the last look; `None` if that wasn't so.
    blocked_at: Option<Seq>,
    /// Whether a call waits meanwhile: all of its time counts.
    waits: bool,
}

impl Clock {
    /// Best-effort readers alone leave no room for message `next`. Whether the patience is over.
    ///
    /// A model knows no time: there only a patience of no time is ever over.
    pub(crate) fn run(&mut self, next: Seq) -> bool {
        match self.patience {
            Patience::Time(limit) if cfg!(loom) => limit.is_zero(),
            Patience::Time(limit) => self.run_at(Instant::now(), next, limit),
            Patience::Lap | Patience::Endless => {
                self.pause();
                self.patience == Patience::Lap
            }
        }
    }

    fn run_at(&mut self, now: Instant, next: Seq, limit: Duration) -> bool {
        if self.runs_at(next) {
            self.count_to(now, limit);
        } else {
            let before = *self.counted.get_or_insert(now);
            let given_back = now.saturating_duration_since(before) / GIVEN_BACK;
            self.used = self.used.saturating_sub(given_back);
            (self.counted, self.blocked_at) = (Some(now.max(before)), Some(next));
        }
        self.used >= limit
    }

    /// Counts the time since it was last counted as used.
    fn count_to(&mut self, now: Instant, limit: Duration) {
        if let Some(before) = self.counted {
            let used = self.used.saturating_add(now.saturating_duration_since(before));
            (self.used, self.counted) = (used.min(limit), Some(now.max(before)));
        }
    }

    /// Whether a scan that finds room is to say so.
    #[inline]
    pub(crate) fn runs(&self) -> bool {
        self.blocked_at.is_some()
    }

    /// Whether the last look found that best-effort readers alone leave no room for this message.
    pub(crate) fn runs_at(&self, next: Seq) -> bool {
        self.blocked_at == Some(next)
    }

    /// Another look, at `now`, has found the same as the last one.
    pub(crate) fn look_again(&mut self, now: Instant) {
        if let (Patience::Time(limit), true) = (self.patience, self.runs()) {
            self.count_to(now, limit);
        }
    }

    /// A sleep has ended that no look follows at once: it was to take `longest`.
    pub(crate) fn slept(&mut self, longest: Duration) {
        if self.runs() {
            self.slept_until(Instant::now(), longest);
        }
    }

    fn slept_until(&mut self, now: Instant, longest: Duration) {
        let end = self.counted.and_then(|counted| counted.checked_add(longest));
        self.look_again(end.map_or(now, |end| end.min(now)));
    }

    /// A call begins to wait for room, or ends.
    pub(crate) fn set_waits(&mut self, waits: bool) {
        self.waits = waits;
    }

    /// There is room. What has passed since the last look counts if a call has waited for it.
    pub(crate) fn stop(&mut self) {
        if self.runs() && self.waits {
            self.look_again(Instant::now());
        }
        self.pause();
    }

    /// A consumer leaves no room. What has passed since the last look doesn't count.
    pub(crate) fn pause(&mut self) {
        self.blocked_at = None;
    }

    /// How much of the patience is left, if it runs out by itself.
    pub(crate) fn left(&self) -> Option<Duration> {
        self.left_at(Instant::now())
    }

    fn left_at(&self, now: Instant) -> Option<Duration> {
        match (self.patience, self.counted) {
            (Patience::Time(limit), Some(before)) if self.runs() => {
                let used = self.used.saturating_add(now.saturating_duration_since(before));
                Some(limit.saturating_sub(used))
            }
            _ => None,
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(100);

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn clock() -> (Clock, impl Fn(u64) -> Instant) {
        let begin = Instant::now();
        (Clock { patience: Patience::Time(LIMIT), ..Clock::default() }, move |after| begin + seconds(after))
    }

    /// A look that finds that best-effort readers alone leave no room for message `next`.
    fn blocked(clock: &mut Clock, now: Instant, next: u64) -> bool {
        clock.run_at(now, Seq::new(next), LIMIT)
    }

    #[test]
    fn only_time_between_two_looks_that_find_no_room_for_the_same_message_is_used_up() {
        let (mut clock, at) = clock();
        assert!(!blocked(&mut clock, at(0), 7) && !blocked(&mut clock, at(60), 7));
        assert_eq!(clock.left_at(at(60)), Some(seconds(40)));
        // There is room at the next look, and then none for a later message. A twentieth of it is given back.
        clock.stop();
        assert_eq!(clock.left_at(at(100)), None);
        assert!(!blocked(&mut clock, at(160), 8));
        assert_eq!(clock.left_at(at(160)), Some(seconds(45)));
        // The same without a look between.
        assert!(!blocked(&mut clock, at(260), 9));
        assert_eq!(clock.left_at(at(270)), Some(seconds(40)));
        assert!(!blocked(&mut clock, at(309), 9) && blocked(&mut clock, at(310), 9));
        assert_eq!(clock.left_at(at(2000)), Some(Duration::ZERO));
    }

    #[test]
    fn the_time_of_a_call_that_waits_is_used_up_until_there_is_room() {
        let (mut clock, _) = clock();
        let long_ago = Instant::now().checked_sub(seconds(40)).unwrap();
        for (waits, used) in [(false, 0), (true, 40)] {
            clock.set_waits(waits);
            blocked(&mut clock, long_ago, used);
            clock.stop();
            assert!(if waits { clock.used >= seconds(used) } else { clock.used.is_zero() });
        }
    }

    #[test]
    fn a_sleep_uses_up_no_more_than_it_was_to_take() {
        let (mut clock, at) = clock();
        clock.slept_until(at(1), LIMIT);
        blocked(&mut clock, at(0), 0);
        clock.slept_until(at(10), seconds(20));
        assert_eq!(clock.left_at(at(10)), Some(seconds(90)));
        clock.slept_until(at(1000), seconds(20));
        assert_eq!((clock.used, clock.counted), (seconds(30), Some(at(30))));
        clock.slept_until(at(31), Duration::MAX);
        assert_eq!(clock.used, seconds(31));
    }

    #[test]
    fn a_consumer_that_leaves_no_room_either_stops_the_clock() {
        let (mut clock, at) = clock();
        clock.set_waits(true);
        blocked(&mut clock, at(0), 7);
        clock.pause();
        assert!(!blocked(&mut clock, at(1000), 7));
        assert_eq!(clock.left_at(at(1000)), Some(LIMIT));
    }

    #[test]
    fn the_patience_comes_back_at_a_twentieth_of_the_time_and_never_beyond_the_whole() {
        let (mut clock, at) = clock();
        blocked(&mut clock, at(0), 0);
        // What goes beyond it isn't owed.
        assert!(blocked(&mut clock, at(100_000), 0));
        for (now, left) in [(100_020, 1), (100_040, 2), (101_040, 52), (102_000, 100), (200_000, 100)] {
            assert!(!blocked(&mut clock, at(now), now));
            assert_eq!(clock.left_at(at(now)), Some(seconds(left)));
        }
    }

    #[test]
    fn a_clock_that_stands_still_leaves_its_time_to_nobody() {
        let (mut clock, at) = clock();
        assert_eq!(clock.left_at(at(0)), None);
        clock.stop();
        blocked(&mut clock, at(0), 0);
        assert_eq!(clock.left_at(at(0)), Some(LIMIT));
        // An instant that lies back changes nothing.
        blocked(&mut clock, at(10), 0);
        assert!(!blocked(&mut clock, at(5), 0) && !blocked(&mut clock, at(5), 1));
        assert_eq!((clock.used, clock.counted), (seconds(10), Some(at(10))));
        for (patience, is_over) in [(Patience::Endless, false), (Patience::Lap, true)] {
            clock.patience = patience;
            assert!(clock.run(Seq::new(1)) == is_over && clock.left().is_none() && !clock.runs());
        }
        clock.patience = Patience::Time(Duration::ZERO);
        assert!(clock.run(Seq::new(1)) && clock.left() == Some(Duration::ZERO));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        /// A producer that looks again when its patience ends, as a call that waits does, and passes the readers over
        /// then. In each stretch of the whole it waits no longer than the bound says.
        #[test]
        fn no_stretch_has_more_waiting_than_the_patience_and_a_twentieth_of_it(
            steps in proptest::collection::vec((0..300_u64, 0..300_u64, any::<bool>()), 1..40),
        ) {
            let (mut clock, at) = clock();
            let (mut now, mut waits) = (at(0), Vec::new());
            for (next, (block, room, looks_between)) in (0..).zip(steps) {
                let begin = now;
                if !blocked(&mut clock, now, next) {
                    let left = clock.left_at(now).unwrap();
                    if looks_between {
                        now += (left / 2).min(seconds(block));
                        blocked(&mut clock, now, next);
                    }
                    now = now.max(begin + left.min(seconds(block)));
                    prop_assert_eq!(blocked(&mut clock, now, next), seconds(block) >= left);
                }
                waits.push((begin, now));
                clock.stop();
                now += seconds(room);
            }
            for (first, &(begin, _)) in waits.iter().enumerate() {
                let mut waited = Duration::ZERO;
                for &(from, to) in &waits[first..] {
                    waited += to - from;
                    prop_assert!(waited <= LIMIT + (to - begin) / GIVEN_BACK);
                }
            }
        }
    }
}
