//! Passing over best-effort readers that have used up the producer's patience.
//!
//! The producer notes the words of their cells, privately, as it notes those of dead consumers, and no longer goes by
//! their cursors. It writes nothing into their cells: such a store would race with a reader's own. A reader that is
//! lapped finds it out by its second look, and joins again in its cell, with another word. One that was slow, and comes
//! within half a lap of head before it is lapped, counts again, too.

use crate::format::layout::{cell, cell_counts, cell_state, producer_page};
use crate::format::name::Name;
use crate::format::role_hint::RoleHint;
use crate::format::seq::Seq;
use crate::memory::access::AsProducer;
use crate::memory::region::Region;
use crate::ordering::fault::{Fault, seeded};
use crate::protocol::events;
use crate::protocol::role_words;
use crate::protocol::scan::{Active, Scanner};

/// A best-effort reader that a producer has passed over, as [`Producer::passed_over`](crate::Producer::passed_over)
/// tells it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct PassedOver {
    /// The reader's cell.
    pub cell: usize,
    /// What the reader wrote as its PID: for display, it may be of another namespace.
    pub pid: u64,
    /// What it wrote as its effective user, if it did: for display.
    pub uid: Option<u32>,
    /// The name that it gave itself, if it did: for display.
    pub name: Option<Name>,
    /// How often this producer has passed it over.
    pub times: u64,
    /// How many messages the reader has lost since it joined, by its own word: a hint, which may be wrong, and doesn't
    /// count what the reader hasn't noticed yet. As last said, once the cell has no such reader any more.
    pub lost: u64,
    /// Whether the producer still goes on without it. It doesn't once the reader has joined again, or caught up.
    pub is_ignored: bool,
    /// The cell's word at the last time.
    word: u64,
}

impl PassedOver {
    /// What the reader said of itself.
    fn hint(&self) -> RoleHint {
        RoleHint { pid: self.pid, uid: self.uid, name: self.name }
    }
}

impl Scanner {
    /// Ignores every best-effort reader that leaves no room for `needed` messages. The one in cell `asked` is known to
    /// live; of each other one the kernel is asked.
    #[cold]
    pub(super) fn pass_over(&mut self, region: &Region<AsProducer>, next: Seq, needed: u64, asked: usize) {
        self.passes -= 1;
        let mut passings = 0;
        for cell in 0..self.used_before() {
            let word = region.cells.word::<{ cell::WORD }>(cell).load();
            let gates = word & cell_state::MASK == cell_state::BEST_EFFORT
                || (seeded(Fault::ConsumerPassedOver) && cell_counts(word));
            if !gates || word == self.ignored[cell].get() {
                continue;
            }
            // In this order. A reader that joins again meanwhile is judged by its place before, and ignored by its word
            // before.
            let reader = Active::of(region, next, cell, word);
            if reader.room(region, next) < needed && (cell == asked || !self.is_dead(region, reader)) {
                self.ignore(region, reader);
                passings += 1;
            }
        }
        self.count_passings(region, passings);
    }

    /// Goes by the reader's cursor no longer, as long as its cell has the same word.
    fn ignore(&mut self, region: &Region<AsProducer>, reader: Active) {
        let Active { cell, word, cursor, .. } = reader;
        #[cfg(loom)]
        if seeded(Fault::PassedOverByStore) {
            region.cells.word::<{ cell::WORD }>(cell).store_by_fault(word & !cell_state::MASK);
        }
        self.ignored[cell].set(word);
        let hint = role_words::of_cell(&region.cells, cell);
        let known = self.passed_over.iter_mut().find(|reader| reader.cell == cell);
        let before = known.as_ref().filter(|reader| reader.hint() == hint);
        let (times, lost) = before.map_or((1, 0), |reader| (reader.times + 1, reader.lost));
        let RoleHint { pid, uid, name } = hint;
        let note = PassedOver { cell, pid, uid, name, times, lost, is_ignored: true, word };
        match known {
            Some(known) => *known = note,
            // There is room for a note on each cell.
            None => self.passed_over.push(note),
        }
        events::reader_passed_over(region, cell, cursor, times);
    }

    /// Whether an ignored cell counts again: a reader that was passed over is within half a lap of head. It has lost
    /// nothing, or joins again at this moment.
    #[cold]
    pub(super) fn readmits(&self, region: &Region<AsProducer>, next: Seq, cell: usize, raw: u64) -> bool {
        let near = next.back(region.geometry.slots / 2).get()..=next.get();
        if !near.contains(&raw) && !seeded(Fault::ReadmittedFromAfar) || seeded(Fault::NeverReadmitted) {
            return false;
        }
        let word = self.ignored[cell].get();
        let counts = self.passed_over.iter().any(|reader| reader.cell == cell && reader.word == word);
        if counts {
            self.ignored[cell].set(0);
        }
        counts
    }

    /// Adds the readers that were just passed over to the count in the producer page. A deposed producer's page is its
    /// successor's.
    fn count_passings(&self, region: &Region<AsProducer>, passings: u64) {
        if passings == 0 || region.producer_page.epoch_state_now().epoch() != self.epoch {
            return;
        }
        let times = region.producer_page.word::<{ producer_page::TIMES_PASSED_OVER }>();
        times.store(times.load_own().wrapping_add(passings));
    }

    /// How often producers of the ring have passed over a reader, as they have counted.
    pub(crate) fn times_passed_over(&self, region: &Region<AsProducer>) -> u64 {
        region.producer_page.word::<{ producer_page::TIMES_PASSED_OVER }>().load()
    }

    /// Looks what the cells of the readers that were passed over say now.
    pub(crate) fn look_at_passed_over(&mut self, region: &Region<AsProducer>) {
        for reader in &mut self.passed_over {
            let word = region.cells.word::<{ cell::WORD }>(reader.cell).load();
            let is_best_effort = word & cell_state::MASK == cell_state::BEST_EFFORT;
            if is_best_effort && role_words::of_cell(&region.cells, reader.cell) == reader.hint() {
                reader.lost = region.cells.word::<{ cell::LOST }>(reader.cell).load();
            }
            reader.is_ignored = word == reader.word && self.ignored[reader.cell].get() == word;
        }
    }

    /// The readers that were passed over, as their cells said at the last look.
    pub(crate) fn passed_over(&self) -> &[PassedOver] {
        &self.passed_over
    }
}
