//! Whether a producer that knows of a sleeping reader leaves it asleep for now.
//!
//! To wake a reader is a system call of some microseconds. A producer may leave it to a later call, or make it once for
//! all messages of a short time. What it decides is private to the handle: nothing here is in shared memory.

use core::cell::Cell;
use core::time::Duration;
use std::time::Instant;

/// A producer's choice, and when it has rung.
#[derive(Debug, Default)]
pub(crate) struct Deferral {
    /// Whether publishing rings at all.
    never: Cell<bool>,
    /// Publishing rings once in this time: zero for each time that a reader sleeps.
    every: Cell<Duration>,
    /// When the time began: before the last ring that counts.
    rung: Cell<Option<Instant>>,
}

impl Deferral {
    /// Sets whether publishing leaves all sleepers asleep.
    pub(crate) fn set_deferred(&self, deferred: bool) {
        self.never.set(deferred);
    }

    /// Whether publishing leaves all sleepers asleep.
    pub(crate) fn is_deferred(&self) -> bool {
        self.never.get()
    }

    /// Sets the time in which publishing rings once. The next ring is made at once.
    pub(crate) fn set_every(&self, every: Duration) {
        self.every.set(every);
        self.rung.set(None);
    }

    /// The time in which publishing rings once.
    pub(crate) fn every(&self) -> Duration {
        self.every.get()
    }

    /// Whether a reader may be asleep that publishing left so.
    pub(crate) fn is_on(&self) -> bool {
        self.never.get() || !self.every.get().is_zero()
    }

    /// Whether it is too early to ring again. If not, a ring follows, and the time begins.
    pub(crate) fn is_early(&self) -> bool {
        let every = self.every.get();
        if every.is_zero() {
            return false;
        }
        let now = Instant::now();
        let early = self.rung.get().is_some_and(|rung| now.saturating_duration_since(rung) < every);
        if !early {
            self.rung.set(Some(now));
        }
        early
    }

    /// A ring follows that waits for no time: the time begins.
    pub(crate) fn note_ring(&self) {
        if !self.every.get().is_zero() {
            self.rung.set(Some(Instant::now()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    #[test]
    fn only_the_first_ring_of_a_time_is_due() {
        let deferral = Deferral::default();
        assert!(!deferral.is_on() && !deferral.is_early() && !deferral.is_early());
        deferral.set_every(LONG);
        assert!(deferral.is_on() && !deferral.is_early());
        assert!(deferral.is_early() && deferral.is_early());
        // A new time begins with a ring.
        deferral.set_every(LONG);
        assert!(!deferral.is_early() && deferral.is_early());
        deferral.set_every(Duration::ZERO);
        assert!(!deferral.is_on() && !deferral.is_early());
    }

    #[test]
    fn a_ring_that_did_not_wait_begins_the_time() {
        let deferral = Deferral::default();
        deferral.set_every(LONG);
        deferral.note_ring();
        assert!(deferral.is_early());
    }
}
