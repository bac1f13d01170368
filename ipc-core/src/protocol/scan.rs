//! What holds the producer back: the consumers' cursors.
//!
//! # Orderings
//! `G1`/`J1` and `G2`/`C1`, `L1` of [`crate::ordering::edge`].

use core::cell::Cell;
#[cfg(not(loom))]
use std::time::{Duration, Instant};

use crate::format::error::{AttachError, Full};
#[cfg(loom)]
use crate::format::layout::cell_state;
use crate::format::layout::{cell, cell_counts};
use crate::format::role_hint::RoleHint;
use crate::format::seq::Seq;
use crate::memory::access::AsProducer;
use crate::memory::region::Region;
use crate::ordering::edge::{Edge, fence};
use crate::ordering::fault::{Fault, seeded};
use crate::protocol::events;
use crate::protocol::role_words;

/// For how long a full ring is polled at the one cell that fills it before everything is read again, and the
/// kernel asked whether that cell's consumer lives.
#[cfg(not(loom))]
const SCAN_SLICE: Duration = Duration::from_millis(10);
/// How often a scan begins anew because a consumer was cloned meanwhile. A clone takes many times as long as a scan.
const PASSES: u32 = if cfg!(loom) { 3 } else { 64 };

/// The producer's private notes on the consumers.
#[derive(Debug)]
pub(crate) struct Scanner {
    /// For each cell, the word it had when its consumer was found dead: ignored while it is the same. 0 if none was,
    /// which says of no cell that it counts.
    dead: Vec<u64>,
    /// How many cells were in use at most, as last read. Stale for `count` alone: each scan reads it anew.
    used: Cell<usize>,
    blocked: Option<Blocked>,
    /// What the last scan found.
    found: Found,
    /// What the fault `ClonesAfterFence` compares.
    #[cfg(loom)]
    late_clones: Cell<u64>,
}

/// What a scan finds besides the limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    /// Whether some consumer counts.
    pub(crate) readers: bool,
    /// How many messages may be written until the ring is full.
    pub(crate) room: u64,
}

/// The cell that filled the ring, as last seen.
#[derive(Debug)]
struct Blocked {
    /// For how many messages there was no room.
    needed: u64,
    cell: usize,
    word: u64,
    cursor: u64,
    full: Full,
    #[cfg(not(loom))]
    since: Instant,
    /// Whether a model's producer has gone by this once.
    #[cfg(loom)]
    repeated: core::cell::Cell<bool>,
}

impl Blocked {
    /// Whether it is time for another scan. A model knows no time: there each scan's answer is repeated once.
    fn is_old(&self) -> bool {
        #[cfg(loom)]
        return self.repeated.replace(true);
        #[cfg(not(loom))]
        return self.since.elapsed() >= SCAN_SLICE;
    }
}

/// A consumer that counts, as read in one scan.
#[derive(Clone, Copy)]
pub(crate) struct Active {
    cell: usize,
    word: u64,
    /// As found in shared memory.
    raw: u64,
    /// The same, within the bounds that a correct consumer keeps.
    cursor: Seq,
}

impl Scanner {
    /// Notes on so many cells: their number comes from the ring's file.
    pub(crate) fn new(cells: usize) -> Result<Self, AttachError> {
        let mut dead = Vec::new();
        let needed = cells.saturating_mul(size_of::<u64>());
        dead.try_reserve_exact(cells).map_err(|_| AttachError::NoMemory { needed })?;
        dead.resize(cells, 0);
        let found = Found { readers: false, room: 0 };
        Ok(Self {
            dead,
            used: Cell::new(0),
            blocked: None,
            found,
            #[cfg(loom)]
            late_clones: Cell::new(0),
        })
    }

    /// The consumers that count.
    pub(crate) fn active<'a>(&'a self, region: &'a Region<AsProducer>) -> impl Iterator<Item = (usize, u64)> {
        self.dead[..self.used(region)].iter().enumerate().filter_map(|(cell, &dead)| {
            let word = region.cells.word::<{ cell::WORD }>(cell).load();
            let counts = cell_counts(word) && word != dead;
            counts.then_some((cell, word))
        })
    }

    /// How many cells, from the first, may be in use: beyond them none was ever active. Any value is safe to use as a
    /// bound; and since this number never goes back, no value takes a consumer away that this producer has counted.
    fn used(&self, region: &Region<AsProducer>) -> usize {
        if !seeded(Fault::HintBeforeFence) {
            self.look_for_used(region);
        }
        self.used.get()
    }

    fn look_for_used(&self, region: &Region<AsProducer>) {
        let hint = usize::try_from(region.hints.cells_used().load()).unwrap_or(usize::MAX);
        self.used.set(hint.min(self.dead.len()).max(self.used.get()));
    }

    /// What the last scan found.
    pub(crate) fn found(&self) -> Found {
        self.found
    }

    /// The answer of the last scan again, if the cell that it named hasn't moved, and no fewer messages are to be
    /// written. Reads one cache line.
    #[inline]
    pub(crate) fn still_blocked(&self, region: &Region<AsProducer>, next: Seq, needed: u64) -> Option<Full> {
        let blocked = self.blocked.as_ref()?;
        let cursor = || region.cells.word::<{ cell::CURSOR }>(blocked.cell).load();
        let word = || region.cells.word::<{ cell::WORD }>(blocked.cell).load();
        let same = needed >= blocked.needed
            && blocked.full.lag == next.since(clamp(blocked.cursor, next, region.geometry.slots))
            && (cursor() == blocked.cursor || seeded(Fault::BlockedByWordAlone))
            && (word() == blocked.word || seeded(Fault::BlockedByCursorAlone))
            && !blocked.is_old();
        same.then_some(blocked.full)
    }

    /// Forgets the answer of the last scan: the next call scans.
    pub(crate) fn forget(&mut self) {
        self.blocked = None;
    }

    /// Reads all cells. Head must have been stored as `next` before.
    ///
    /// Returns the first message that may not be written before the next scan, if `needed` messages may be: half a lap
    /// at most.
    pub(crate) fn scan(&mut self, region: &Region<AsProducer>, next: Seq, needed: u64) -> Result<Seq, Full> {
        self.blocked = None;
        let slots = region.geometry.slots;
        debug_assert!(needed <= slots / 2, "no scan finds more room than half a lap");
        // Half a lap at most, so that a joiner that this scan misses is seen before the producer can reach
        // the half lap of history that the joiner was promised.
        let cap = if seeded(Fault::NoCap) { next.plus(slots) } else { next.plus(slots / 2) };
        // One cell more is ignored each time round, unless somebody changes the words of dead cells.
        let mut dead = 0;
        loop {
            let slowest = match self.slowest(region, next) {
                Ok(Some(slowest)) => slowest,
                Ok(None) => {
                    self.found = Found { readers: false, room: slots };
                    return Ok(cap);
                }
                Err(full) => {
                    self.found = Found { readers: true, room: 0 };
                    return Err(full);
                }
            };
            let end = slowest.cursor.plus(slots);
            self.found = Found { readers: true, room: end.since(next) };
            let limit = end.min(cap);
            if limit.since(next) >= needed {
                return Ok(limit);
            }
            if dead < self.dead.len() && self.is_dead(region, slowest) {
                dead += 1;
                continue;
            }
            let full = full(region, next, Some(slowest));
            let Active { cell, word, raw, .. } = slowest;
            self.blocked = Some(Blocked {
                needed,
                cell,
                word,
                cursor: raw,
                full,
                #[cfg(not(loom))]
                since: Instant::now(),
                #[cfg(loom)]
                repeated: core::cell::Cell::default(),
            });
            return Err(full);
        }
    }

    /// The consumer whose cursor is furthest back, if any counts. As if the ring were full if consumers are cloned all
    /// the time: the next call scans again.
    fn slowest(&self, region: &Region<AsProducer>, next: Seq) -> Result<Option<Active>, Full> {
        let clones = || region.hints.clones().load();
        let mut last = None;
        for _ in 0..PASSES {
            let before = clones();
            let slowest = self.pass(region, next);
            #[cfg(loom)]
            let before = if seeded(Fault::ClonesAfterFence) { self.late_clones.get() } else { before };
            if before == clones() || seeded(Fault::ClonesUncompared) {
                return Ok(slowest);
            }
            last = slowest;
        }
        Err(full(region, next, last))
    }

    /// Reads each cell once. What is loaded before it is acquired (G1).
    fn pass(&self, region: &Region<AsProducer>, next: Seq) -> Option<Active> {
        if seeded(Fault::HintBeforeFence) {
            self.look_for_used(region);
        }
        // G1 pairs with J1: either this scan sees a joiner's cell, or the joiner sees this head. It pairs with K1, too:
        // this scan sees the cells of the clones that it has found counted.
        fence(Edge::G1);
        #[cfg(loom)]
        if seeded(Fault::ClonesAfterFence) {
            self.late_clones.set(region.hints.clones().load());
        }
        let slots = region.geometry.slots;
        let slowest = self
            .active(region)
            .map(|(cell, word)| {
                let raw = region.cells.word::<{ cell::CURSOR }>(cell).load();
                (cell, word, raw)
            })
            .min_by_key(|&(_, _, raw)| raw)
            // What is least as it was found is least within the bounds.
            .map(|(cell, word, raw)| Active { cell, word, raw, cursor: clamp(raw, next, slots) });
        // G2 pairs with C1 and L1: what consumers read of slots they released, or left, is done before
        // this producer overwrites them.
        fence(Edge::G2);
        slowest
    }

    /// Whether the kernel says that the cell's consumer is gone. The cell's word was read before: if a new
    /// consumer takes the cell meanwhile, either the lock is held again or the word changes.
    #[cold]
    fn is_dead(&mut self, region: &Region<AsProducer>, active: Active) -> bool {
        if region.keeper.cell_alive(active.cell) {
            return false;
        }
        #[cfg(loom)]
        if seeded(Fault::RetireByStore) {
            let free = active.word & !cell_state::MASK;
            region.cells.word::<{ cell::WORD }>(active.cell).store_by_fault(free);
            return true;
        }
        let late = || region.cells.word::<{ cell::WORD }>(active.cell).load();
        self.dead[active.cell] = if seeded(Fault::WordAfterLock) { late() } else { active.word };
        events::consumer_retired(region, active.cell, active.cursor);
        true
    }
}

/// What a scan that finds no room says.
fn full(region: &Region<AsProducer>, next: Seq, slowest: Option<Active>) -> Full {
    let (cell, cursor) = slowest.map_or((0, next), |slowest| (slowest.cell, slowest.cursor));
    let RoleHint { pid, uid, name } = role_words::of_cell(&region.cells, cell);
    Full { cell, pid, lag: next.since(cursor), uid, name }
}

/// A cursor read from shared memory, brought within what a correct consumer may have: no further back than
/// a lap, no further ahead than head.
fn clamp(cursor: u64, next: Seq, slots: u64) -> Seq {
    Seq::new(cursor).clamp(next.back(slots), next)
}
