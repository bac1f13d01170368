//! What a scan does that finds too little room: it goes on without readers that are dead, or have used up the patience.
//!
//! A second look at the cells says of which kind the readers are that leave no room. It orders nothing. The limit up to
//! which messages may be written is always that of a whole pass, after every reader that is to be ignored was noted.

use crate::format::error::Full;
use crate::format::layout::cell_state;
use crate::format::seq::Seq;
use crate::memory::access::AsProducer;
use crate::memory::region::Region;
use crate::ordering::fault::{Fault, seeded};
use crate::protocol::doorbell;
use crate::protocol::scan::{Active, PASSES, Purpose, Scanner, full};

/// A reader that leaves too little room.
#[derive(Clone, Copy)]
enum Filler {
    Consumer(Active),
    /// Consumers leave enough.
    BestEffort(Active),
}

impl Scanner {
    /// Goes on without readers that are dead, or have used up the patience, until `needed` messages may be written.
    #[cold]
    #[inline(never)]
    pub(super) fn make_room(
        &mut self,
        region: &Region<AsProducer>,
        next: Seq,
        needed: u64,
        purpose: Purpose,
        found: (Seq, Active),
    ) -> Result<Seq, Full> {
        let (mut limit, mut first) = found;
        // One cell more is ignored each time round, unless its reader moves on, or other processes write the cells.
        (self.asks, self.passes) = (self.ignored.len(), PASSES);
        loop {
            if limit.since(next) >= needed {
                self.clock.stop();
                return Ok(limit);
            }
            match self.filler(region, next, needed, first) {
                Some(filler) => self.go_on_without(region, next, needed, purpose, filler)?,
                // Readers have moved on between the two looks. Another pass says which ones leave no room now, if any.
                None if self.passes > 0 => self.passes -= 1,
                None => return Err(full(region, next, Some(first))),
            }
            match self.read_again(region, next)? {
                (again, Some(slowest)) => (limit, first) = (again, slowest),
                (limit, None) => return Ok(limit),
            }
        }
    }

    /// The reader that is waited for, if any still leaves too little room: the slowest consumer, or, if consumers leave
    /// enough, the slowest best-effort reader. The last pass found `first` to be the slowest of all.
    fn filler(&self, region: &Region<AsProducer>, next: Seq, needed: u64, first: Active) -> Option<Filler> {
        if !self.gates_best_effort {
            return Some(Filler::Consumer(first));
        }
        let (mut consumer, mut best_effort) = (None::<Active>, None::<Active>);
        for (cell, word) in self.active(region) {
            let reader = Active::of(region, next, cell, word);
            let may_be_passed_over =
                word & cell_state::MASK == cell_state::BEST_EFFORT || seeded(Fault::ConsumerPassedOver);
            let slowest = if may_be_passed_over { &mut best_effort } else { &mut consumer };
            let leaves_too_little = reader.room(region, next) < needed;
            if leaves_too_little && slowest.is_none_or(|other| reader.cursor < other.cursor) {
                *slowest = Some(reader);
            }
        }
        // While a consumer leaves no room, passing over other readers brings none.
        consumer.map(Filler::Consumer).or(best_effort.map(Filler::BestEffort))
    }

    /// Ignores a dead reader, or the best-effort readers that leave too little room if the patience says so. `Full` if
    /// they are to be waited for.
    fn go_on_without(
        &mut self,
        region: &Region<AsProducer>,
        next: Seq,
        needed: u64,
        purpose: Purpose,
        filler: Filler,
    ) -> Result<(), Full> {
        let (Filler::Consumer(awaited) | Filler::BestEffort(awaited)) = filler;
        let is_consumer = matches!(filler, Filler::Consumer(_));
        if is_consumer {
            self.clock.pause();
        }
        if self.is_dead(region, awaited) {
            return Ok(());
        }
        let is_over = !is_consumer && self.uses_up(region, next, purpose);
        if is_over && purpose == Purpose::Writes && self.passes > 0 {
            self.pass_over(region, next, needed, awaited.cell);
            return Ok(());
        }
        let full = full(region, next, Some(awaited));
        // The next call scans if the patience may be over then.
        if is_consumer || (purpose != Purpose::Asks && !is_over) {
            self.blocked = Some(self.blocked_by(awaited, needed, full));
        }
        self.is_out_of_patience = is_over && purpose == Purpose::Waits;
        Err(full)
    }

    /// Best-effort readers alone leave too little room. Whether the patience is over.
    fn uses_up(&mut self, region: &Region<AsProducer>, next: Seq, purpose: Purpose) -> bool {
        if purpose == Purpose::Asks {
            return false;
        }
        // A reader that sleeps because its wake-up was deferred can't use the time that it is given.
        if purpose == Purpose::Writes && !self.clock.runs_at(next) {
            doorbell::wake_before_waiting(region);
        }
        self.clock.run(next)
    }
}
