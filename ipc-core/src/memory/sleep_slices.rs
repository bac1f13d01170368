//! For how long a handle sleeps at a time.
//!
//! A sleep ends when the bell is rung, and after a slice at the latest. Any process that can read the ring's memory
//! can move its sleepers to another word (`FUTEX_REQUEUE`), where no ring of the bell finds them. Such a sleep ends
//! with its slice, and the bell has changed meanwhile: then this handle's slices are short for a while.
//!
//! A producer may wake readers only once in some time, which its page names. A reader that sleeps within that time isn't
//! woken. So it sleeps no longer than until the time is over, counted from when it first saw the bell's value: the
//! producer's time began before it rang. After that the producer wakes it again.

use core::cell::Cell;
use core::time::Duration;
use std::time::Instant;

/// The longest sleep of a handle that can't be sure to be woken.
pub(crate) const SHORT: Duration = Duration::from_millis(1);
/// For how many sleeps a handle keeps to short slices after it wasn't woken.
const WARY: u32 = 1000;
/// How many more short sleeps follow one that wasn't woken. A ring just after a sleep's end looks like one that woke
/// nobody. Up to one such ring in so many short sleeps doesn't keep them short for ever.
const MORE: u32 = 100;

/// A handle's slices.
#[derive(Debug, Default)]
pub(crate) struct Slices {
    /// How many of the next sleeps are to be short.
    wary: Cell<u32>,
    /// The bell's value, and when this handle first slept on it, or was about to.
    seen: Cell<Option<(u32, Instant)>>,
}

impl Slices {
    /// How long the next sleep may be, where `slice` would do for a handle that is always woken.
    pub(crate) fn longest(&self, slice: Duration) -> Duration {
        if self.wary.get() == 0 { slice } else { slice.min(SHORT) }
    }

    /// How long the next sleep may be while the bell has this value, of a producer that rings once in the time `every`.
    pub(crate) fn spaced(&self, bell: u32, every: Duration) -> Duration {
        if every.is_zero() {
            return Duration::MAX;
        }
        let now = Instant::now();
        let since = match self.seen.get() {
            Some((value, since)) if value == bell => since,
            _ => {
                self.seen.set(Some((bell, now)));
                now
            }
        };
        let left = every.saturating_sub(now.saturating_duration_since(since));
        if left.is_zero() { Duration::MAX } else { left }
    }

    /// A sleep has ended; `missed` if the bell was rung and didn't end it.
    pub(crate) fn ended(&self, missed: bool) {
        let wary = self.wary.get();
        self.wary.set(match (missed, wary) {
            (true, 0) => WARY,
            (true, _) => (wary + MORE).min(WARY),
            (false, _) => wary.saturating_sub(1),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_millis(100);

    #[test]
    fn a_missed_ring_makes_the_next_thousand_sleeps_short() {
        let slices = Slices::default();
        slices.ended(false);
        assert_eq!(slices.longest(LONG), LONG);
        slices.ended(true);
        for _ in 0..WARY {
            assert_eq!(slices.longest(LONG), SHORT);
            slices.ended(false);
        }
        assert_eq!(slices.longest(LONG), LONG);
    }

    /// Whether all of many sleeps are short, of which one in so many seems to have missed a ring.
    fn stays_short(one_in: u32) -> bool {
        let slices = Slices::default();
        slices.ended(true);
        (0..100 * WARY).all(|sleep| {
            slices.ended(sleep % one_in == 0);
            slices.longest(LONG) == SHORT
        })
    }

    #[test]
    fn rings_that_seem_missed_now_and_then_do_not_keep_sleeps_short() {
        assert!(!stays_short(2 * MORE));
        assert!(stays_short(MORE / 2));
    }

    #[test]
    fn a_sleep_within_the_time_of_one_ring_ends_with_it() {
        let (slices, every) = (Slices::default(), Duration::from_secs(3600));
        let first = slices.spaced(7, every);
        assert!(first <= every);
        // It goes on from when the value was seen first, and anew with another value.
        assert!(slices.spaced(7, every) <= first);
        let (_, since) = slices.seen.get().unwrap();
        assert!(slices.spaced(8, every) <= every);
        assert!(matches!(slices.seen.get(), Some((8, later)) if later >= since));
        // The time is over.
        let long_ago = Instant::now().checked_sub(Duration::from_millis(1)).unwrap();
        slices.seen.set(Some((8, long_ago)));
        assert_eq!(slices.spaced(8, Duration::from_millis(1)), Duration::MAX);
        assert_eq!(slices.spaced(9, Duration::ZERO), Duration::MAX);
    }

    #[test]
    fn a_slice_that_is_shorter_still_stays_as_it_is() {
        let slices = Slices::default();
        slices.ended(true);
        assert_eq!(slices.longest(Duration::from_micros(3)), Duration::from_micros(3));
    }
}
