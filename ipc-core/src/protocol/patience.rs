//! How long a producer lets best-effort readers hold it back.
//!
//! There is one clock for all of them. It runs from a scan that finds that best-effort readers alone leave no room to
//! the next scan that finds something else. So it counts the time in which the ring is blocked, whoever waits
//! meanwhile: a call that waits for room, or a caller that comes back later.

use core::time::Duration;
use std::time::Instant;

/// How long a producer lets best-effort readers hold it back before it passes them over.
///
/// A best-effort reader that is a lap behind leaves no room for the next message. The producer waits for it as it waits
/// for a consumer, but only as long as its patience lasts. Then it passes over all best-effort readers that leave no
/// room: it overwrites what they haven't read, and they are told how much they lost.
///
/// The time that counts is the time in which best-effort readers alone leave no room, however many calls it takes. It is
/// counted anew once each of them has come within half a lap of head. While a consumer leaves no room either, nothing
/// is counted and no reader is passed over: that would bring no room.
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
    /// for it.
    Lap,
    /// Readers are passed over once they have held the producer back for so long in all.
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
    /// How long best-effort readers have held the producer back, but for the time since `since`.
    waited: Duration,
    /// Since when they alone leave no room; `None` if that isn't so, as far as is known.
    since: Option<Instant>,
    /// Whether one of these says something: a scan that finds room looks at nothing else.
    is_used: bool,
}

impl Clock {
    /// Best-effort readers alone leave no room. Whether the patience is over.
    ///
    /// A model knows no time: there only a patience of no time is ever over.
    pub(crate) fn run(&mut self) -> bool {
        match self.patience {
            Patience::Lap => true,
            Patience::Time(limit) if cfg!(loom) => limit.is_zero(),
            Patience::Time(limit) => self.run_at(Instant::now(), limit),
            Patience::Endless => false,
        }
    }

    fn run_at(&mut self, now: Instant, limit: Duration) -> bool {
        self.is_used = true;
        let since = *self.since.get_or_insert(now);
        self.waited.saturating_add(now.saturating_duration_since(since)) >= limit
    }

    /// Whether a scan that finds room may have to stop or to reset it.
    pub(crate) fn is_used(&self) -> bool {
        self.is_used
    }

    /// There is room, or a consumer leaves none.
    pub(crate) fn stop(&mut self) {
        if self.since.is_some() {
            self.stop_at(Instant::now());
        }
    }

    fn stop_at(&mut self, now: Instant) {
        if let Some(since) = self.since.take() {
            self.waited = self.waited.saturating_add(now.saturating_duration_since(since));
        }
    }

    /// No best-effort reader is further than half a lap back.
    pub(crate) fn reset(&mut self) {
        if self.is_used {
            (self.waited, self.since, self.is_used) = (Duration::ZERO, None, false);
        }
    }

    /// How much of the patience is left, if it runs out by itself.
    pub(crate) fn left(&self) -> Option<Duration> {
        self.left_at(Instant::now())
    }

    fn left_at(&self, now: Instant) -> Option<Duration> {
        match (self.patience, self.since) {
            (Patience::Time(limit), Some(since)) => {
                let waited = self.waited.saturating_add(now.saturating_duration_since(since));
                Some(limit.saturating_sub(waited))
            }
            _ => None,
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(100);

    fn clock() -> (Clock, Instant) {
        (Clock { patience: Patience::Time(LIMIT), ..Clock::default() }, Instant::now())
    }

    #[test]
    fn the_patience_is_over_once_the_ring_was_blocked_for_so_long_in_all() {
        let (mut clock, begin) = clock();
        let after = |seconds| begin + Duration::from_secs(seconds);
        assert!(!clock.run_at(begin, LIMIT) && !clock.run_at(after(60), LIMIT));
        // There is room for a while, which doesn't count.
        clock.stop_at(after(70));
        assert!(!clock.run_at(after(1000), LIMIT));
        assert_eq!(clock.left_at(after(1010)), Some(Duration::from_secs(20)));
        assert!(!clock.run_at(after(1029), LIMIT) && clock.run_at(after(1030), LIMIT));
        assert_eq!(clock.left_at(after(2000)), Some(Duration::ZERO));
    }

    #[test]
    fn a_clock_that_was_reset_counts_from_nothing() {
        let (mut clock, begin) = clock();
        let after = |seconds| begin + Duration::from_secs(seconds);
        clock.run_at(begin, LIMIT);
        clock.stop_at(after(99));
        clock.reset();
        assert!(!clock.run_at(after(200), LIMIT) && !clock.run_at(after(299), LIMIT));
        clock.reset();
        assert!(!clock.run_at(after(300), LIMIT) && clock.run_at(after(400), LIMIT));
    }

    #[test]
    fn a_clock_that_stands_still_leaves_its_time_to_nobody() {
        let (mut clock, begin) = clock();
        assert_eq!(clock.left_at(begin), None);
        clock.stop();
        clock.run_at(begin, LIMIT);
        assert_eq!(clock.left_at(begin), Some(LIMIT));
        clock.patience = Patience::Endless;
        assert!(!clock.run() && clock.left().is_none());
        clock.patience = Patience::Lap;
        assert!(clock.run() && clock.left().is_none());
        clock.patience = Patience::Time(Duration::ZERO);
        assert!(clock.run() && clock.left() == Some(Duration::ZERO));
    }
}
