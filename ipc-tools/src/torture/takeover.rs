//! How long it takes until the ring has a producer again.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::ledger::{Desk, Entry};

/// Longest time told from longer ones.
const LONGEST: Duration = Duration::from_secs(60);

/// The takeovers so far. Times are in nanoseconds.
pub(super) struct Takeovers {
    pending: Option<Pending>,
    /// From the kill to the lock being free.
    pub(super) lock_free: Histogram<u64>,
    /// From there to the successor's first message.
    pub(super) takeover: Histogram<u64>,
    /// Number of takeovers, timed or not.
    pub(super) count: u64,
}

/// A producer was killed, and nobody has succeeded it yet.
struct Pending {
    killed: u64,
    /// Something was done to a successor meanwhile, so the times say nothing.
    disturbed: bool,
}

impl Takeovers {
    pub(super) fn new() -> anyhow::Result<Self> {
        let histogram = || Histogram::new_with_bounds(1, LONGEST.as_nanos() as u64, 3);
        Ok(Self { pending: None, lock_free: histogram()?, takeover: histogram()?, count: 0 })
    }

    /// The producer was killed just after `killed`.
    pub(super) fn expect(&mut self, killed: u64, disturbed: bool) {
        self.pending = Some(Pending { killed, disturbed });
    }

    /// One of those that wait for the ring was killed or stopped.
    pub(super) fn disturb(&mut self) {
        if let Some(pending) = &mut self.pending {
            pending.disturbed = true;
        }
    }

    /// The ring has a producer, whose account this is.
    pub(super) fn note(&mut self, desk: Desk) {
        let Some(Pending { killed, disturbed }) = self.pending.take() else { return };
        self.count += 1;
        let [watching, freed, taken] = [Entry::Watching, Entry::Freed, Entry::Taken].map(|at| desk.get(at));
        if disturbed {
            return;
        }
        self.takeover.saturating_record(taken.saturating_sub(freed));
        // A producer that came later found the lock free, and can't tell since when.
        if watching < killed {
            self.lock_free.saturating_record(freed.saturating_sub(killed));
        }
    }
}
