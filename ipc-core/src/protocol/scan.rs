//! What holds the producer back: the cursors of consumers, and of best-effort readers for as long as its patience lasts.
//!
//! # Orderings
//! `G1`/`J1` and `G2`/`C1`, `L1` of [`crate::ordering::edge`].

use core::cell::Cell;

use crate::format::error::{AttachError, Full};
use crate::format::layout::{cell, cell_counts, cell_state};
use crate::format::role_hint::RoleHint;
use crate::format::seq::Seq;
use crate::memory::access::AsProducer;
use crate::memory::region::Region;
use crate::ordering::edge::{Edge, fence};
use crate::ordering::fault::{Fault, seeded};
use crate::protocol::blocked::Blocked;
use crate::protocol::events;
use crate::protocol::passing_over::PassedOver;
use crate::protocol::patience::Clock;
use crate::protocol::role_words;

/// How often a scan begins anew because a consumer was cloned meanwhile, or a reader that it passes over moves on. A clone
/// takes many times as long as a scan.
pub(super) const PASSES: u32 = if cfg!(loom) { 3 } else { 64 };

/// The producer's private notes on its readers.
#[derive(Debug)]
pub(crate) struct Scanner {
    /// For each cell, the word it had when its reader was found dead, or was passed over: ignored while it is the same.
    /// 0 if none was, which says of no cell that it counts.
    pub(super) ignored: Vec<Cell<u64>>,
    /// The best-effort readers that were passed over, one for each cell at most.
    pub(super) passed_over: Vec<PassedOver>,
    /// The producer's epoch: a page of another one is a successor's.
    pub(crate) epoch: u64,
    /// How many questions to the kernel are left to this scan, and how many times it may pass readers over.
    pub(super) asks: usize,
    /// Whether the last pass found a best-effort reader that counts.
    pub(super) gates_best_effort: bool,
    pub(super) passes: u32,
    pub(crate) clock: Clock,
    /// Whether the last scan that only waited found no room, and that one that writes would pass over the readers that
    /// leave none.
    pub(super) is_out_of_patience: bool,
    /// How many cells were in use at most, as last read. Stale for `count` alone: each scan reads it anew.
    used: Cell<usize>,
    pub(super) blocked: Option<Blocked>,
    /// What the last scan found.
    found: Found,
    /// What the fault `ClonesAfterFence` compares.
    #[cfg(loom)]
    late_clones: Cell<u64>,
}

/// What a scan is made for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Purpose {
    /// To tell how much room there is. Nothing of the patience is used up.
    Asks,
    /// To wait for room, in which no message is written yet: nobody is passed over.
    Waits,
    /// To write messages: best-effort readers that have used up the patience, and leave no room, are passed over.
    Writes,
}

/// What a scan finds besides the limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    /// Whether some reader counts.
    pub(crate) readers: bool,
    /// How many messages may be written until the ring is full.
    pub(crate) room: u64,
}

/// A reader that counts, as read in one scan.
#[derive(Clone, Copy)]
pub(crate) struct Active {
    pub(super) cell: usize,
    pub(super) word: u64,
    /// As found in shared memory.
    pub(super) raw: u64,
    /// The same, within the bounds that a correct reader keeps.
    pub(super) cursor: Seq,
}

impl Active {
    /// The reader of a cell whose word was read.
    pub(super) fn of(region: &Region<AsProducer>, next: Seq, cell: usize, word: u64) -> Self {
        let raw = region.cells.word::<{ cell::CURSOR }>(cell).load();
        Self { cell, word, raw, cursor: clamp(raw, next, region.geometry.slots) }
    }

    /// How many messages may be written before this reader is overtaken.
    pub(super) fn room(&self, region: &Region<AsProducer>, next: Seq) -> u64 {
        self.cursor.plus(region.geometry.slots).since(next)
    }
}

impl Scanner {
    /// Notes on so many cells: their number comes from the ring's file.
    pub(crate) fn new(cells: usize) -> Result<Self, AttachError> {
        let (mut ignored, mut passed_over) = (Vec::new(), Vec::new());
        let needed = cells.saturating_mul(size_of::<Cell<u64>>() + size_of::<PassedOver>());
        let no_memory = |_| AttachError::NoMemory { needed };
        ignored.try_reserve_exact(cells).map_err(no_memory)?;
        passed_over.try_reserve_exact(cells).map_err(no_memory)?;
        ignored.resize(cells, Cell::new(0));
        let found = Found { readers: false, room: 0 };
        Ok(Self {
            ignored,
            passed_over,
            epoch: 0,
            asks: 0,
            gates_best_effort: false,
            passes: 0,
            clock: Clock::default(),
            is_out_of_patience: false,
            used: Cell::new(0),
            blocked: None,
            found,
            #[cfg(loom)]
            late_clones: Cell::new(0),
        })
    }

    /// The readers that count.
    pub(crate) fn active<'a>(&'a self, region: &'a Region<AsProducer>) -> impl Iterator<Item = (usize, u64)> {
        self.ignored[..self.used(region)].iter().enumerate().filter_map(|(cell, ignored)| {
            let word = region.cells.word::<{ cell::WORD }>(cell).load();
            let counts = cell_counts(word) && word != ignored.get();
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

    /// The same, as last read.
    pub(super) fn used_before(&self) -> usize {
        self.used.get()
    }

    fn look_for_used(&self, region: &Region<AsProducer>) {
        let hint = usize::try_from(region.hints.cells_used().load()).unwrap_or(usize::MAX);
        self.used.set(hint.min(self.ignored.len()).max(self.used.get()));
    }

    /// Whether a call that writes would go on, though the scan just made, which only waited, found no room.
    pub(crate) fn take_out_of_patience(&mut self) -> bool {
        core::mem::take(&mut self.is_out_of_patience)
    }

    /// What the last scan found.
    pub(crate) fn found(&self) -> Found {
        self.found
    }

    /// Reads all cells. Head must have been stored as `next` before.
    ///
    /// Returns the first message that may not be written before the next scan, if `needed` messages may be: half a lap
    /// at most.
    pub(crate) fn scan(
        &mut self,
        region: &Region<AsProducer>,
        next: Seq,
        needed: u64,
        purpose: Purpose,
    ) -> Result<Seq, Full> {
        self.blocked = None;
        debug_assert!(needed <= region.geometry.slots / 2, "no scan finds more room than half a lap");
        let (limit, first) = self.read_all(region, next)?;
        match first {
            Some(first) if limit.since(next) < needed || self.clock.runs() => {
                self.make_room(region, next, needed, purpose, (limit, first))
            }
            _ => Ok(limit),
        }
    }

    /// Reads each cell, and notes what was found: the limit, and the reader whose cursor is furthest back, if any counts.
    #[inline(always)]
    fn read_all(&mut self, region: &Region<AsProducer>, next: Seq) -> Result<(Seq, Option<Active>), Full> {
        let slots = region.geometry.slots;
        // Half a lap at most, so that a joiner that this scan misses is seen before the producer can reach
        // the half lap of history that the joiner was promised.
        let cap = if seeded(Fault::NoCap) { next.plus(slots) } else { next.plus(slots / 2) };
        match self.slowest(region, next) {
            Ok(Some(first)) => {
                let end = first.cursor.plus(slots);
                self.found = Found { readers: true, room: end.since(next) };
                Ok((end.min(cap), Some(first)))
            }
            Ok(None) => {
                self.found = Found { readers: false, room: slots };
                if self.clock.runs() {
                    self.clock.stop();
                }
                Ok((cap, None))
            }
            Err(full) => {
                self.found = Found { readers: true, room: 0 };
                Err(full)
            }
        }
    }

    /// The same, in a function of its own: what every scan executes is laid out in its caller.
    #[cold]
    #[inline(never)]
    pub(super) fn read_again(
        &mut self,
        region: &Region<AsProducer>,
        next: Seq,
    ) -> Result<(Seq, Option<Active>), Full> {
        self.read_all(region, next)
    }

    /// The reader whose cursor is furthest back, if any counts. As if the ring were full if consumers are cloned all the
    /// time: the next call scans again.
    #[inline(always)]
    fn slowest(&mut self, region: &Region<AsProducer>, next: Seq) -> Result<Option<Active>, Full> {
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
    #[inline(always)]
    fn pass(&mut self, region: &Region<AsProducer>, next: Seq) -> Option<Active> {
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
        let (mut slowest, mut states) = (None, 0);
        for (cell, ignored) in self.ignored[..self.used(region)].iter().enumerate() {
            let word = region.cells.word::<{ cell::WORD }>(cell).load();
            if !cell_counts(word) {
                continue;
            }
            let raw = region.cells.word::<{ cell::CURSOR }>(cell).load();
            if word == ignored.get() && !self.readmits(region, next, cell, raw) {
                continue;
            }
            states |= word;
            if slowest.is_none_or(|(_, _, other)| raw < other) {
                slowest = Some((cell, word, raw));
            }
        }
        self.gates_best_effort = states & cell_state::BEST_EFFORT != 0;
        // G2 pairs with C1 and L1: what consumers read of slots they released, or left, is done before
        // this producer overwrites them.
        fence(Edge::G2);
        // What is least as it was found is least within the bounds.
        slowest.map(|(cell, word, raw)| Active {
            cell,
            word,
            raw,
            cursor: clamp(raw, next, region.geometry.slots),
        })
    }

    /// Whether the kernel says that the cell's reader is gone. The cell's word was read before: if a new
    /// reader takes the cell meanwhile, either the lock is held again or the word changes.
    #[cold]
    pub(super) fn is_dead(&mut self, region: &Region<AsProducer>, active: Active) -> bool {
        if self.asks == 0 {
            return false;
        }
        self.asks -= 1;
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
        let word = if seeded(Fault::WordAfterLock) { late() } else { active.word };
        self.ignored[active.cell].set(word);
        events::reader_retired(region, active.cell, active.cursor);
        true
    }
}

/// What a scan that finds no room says.
pub(super) fn full(region: &Region<AsProducer>, next: Seq, slowest: Option<Active>) -> Full {
    let (cell, cursor) = slowest.map_or((0, next), |slowest| (slowest.cell, slowest.cursor));
    let RoleHint { pid, uid, name } = role_words::of_cell(&region.cells, cell);
    Full { cell, pid, lag: next.since(cursor), uid, name }
}

/// A cursor read from shared memory, brought within what a correct consumer may have: no further back than
/// a lap, no further ahead than head.
pub(super) fn clamp(cursor: u64, next: Seq, slots: u64) -> Seq {
    Seq::new(cursor).clamp(next.back(slots), next)
}
