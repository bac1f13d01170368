//! What the last scan of a full ring leaves for the calls after it: an answer that they repeat by a look at one cell.

#[cfg(not(loom))]
use std::time::{Duration, Instant};

use crate::format::error::Full;
use crate::format::layout::cell;
use crate::format::seq::Seq;
use crate::memory::access::AsProducer;
use crate::memory::region::Region;
use crate::ordering::fault::{Fault, seeded};
use crate::protocol::patience::Clock;
use crate::protocol::scan::{Active, Scanner, clamp};

/// For how long a full ring is polled at the one cell that fills it before everything is read again, and the
/// kernel asked whether that cell's reader lives.
#[cfg(not(loom))]
const SCAN_SLICE: Duration = Duration::from_millis(10);

/// The cell that filled the ring, as last seen.
#[derive(Debug)]
pub(super) struct Blocked {
    /// For how many messages there was no room.
    needed: u64,
    cell: usize,
    word: u64,
    cursor: u64,
    full: Full,
    /// When everything is read again.
    #[cfg(not(loom))]
    until: Instant,
    /// Whether a model's producer has gone by this once.
    #[cfg(loom)]
    repeated: core::cell::Cell<bool>,
}

impl Blocked {
    /// Whether the answer holds, by a look that has found the cell as it was: not if it is time for another scan. The
    /// patience is used up by time between two such looks.
    #[cfg(not(loom))]
    fn holds(&self, needed: u64, clock: &mut Clock) -> bool {
        let now = Instant::now();
        let holds = now < self.until;
        if holds && needed == self.needed {
            clock.look_again(now);
        }
        holds
    }

    /// The same in a model, which knows no time: there each scan's answer is repeated once.
    #[cfg(loom)]
    fn holds(&self, _needed: u64, _clock: &mut Clock) -> bool {
        !self.repeated.replace(true)
    }
}

impl Scanner {
    /// The answer of the last scan again, if the cell that it named hasn't moved, and no fewer messages are to be
    /// written. Reads one cache line.
    #[inline]
    pub(crate) fn still_blocked(
        &mut self,
        region: &Region<AsProducer>,
        next: Seq,
        needed: u64,
    ) -> Option<Full> {
        let blocked = self.blocked.as_ref()?;
        let cursor = || region.cells.word::<{ cell::CURSOR }>(blocked.cell).load();
        let word = || region.cells.word::<{ cell::WORD }>(blocked.cell).load();
        let same = needed >= blocked.needed
            && blocked.full.lag == next.since(clamp(blocked.cursor, next, region.geometry.slots))
            && (cursor() == blocked.cursor || seeded(Fault::BlockedByWordAlone))
            && (word() == blocked.word || seeded(Fault::BlockedByCursorAlone))
            && blocked.holds(needed, &mut self.clock);
        same.then_some(blocked.full)
    }

    /// Forgets the answer of the last scan: the next call scans.
    pub(crate) fn forget(&mut self) {
        self.blocked = None;
    }

    /// What a scan that found no room leaves for the calls after it.
    pub(super) fn blocked_by(&self, awaited: Active, needed: u64, full: Full) -> Blocked {
        let Active { cell, word, raw, .. } = awaited;
        Blocked {
            needed,
            cell,
            word,
            cursor: raw,
            full,
            #[cfg(not(loom))]
            until: Instant::now() + self.clock.left().map_or(SCAN_SLICE, |left| left.min(SCAN_SLICE)),
            #[cfg(loom)]
            repeated: core::cell::Cell::default(),
        }
    }
}
