//! What a reader that finds no message makes of the ring's state: closed, taken over, orphaned, or just empty.
//!
//! # Orderings
//! `X1`, `E1`/`E2` and `W3`/`H1` of [`crate::ordering::edge`].

use core::cell::Cell;
use core::time::Duration;
use std::time::Instant;

use crate::format::error::{Damaged, RecvError};
use crate::format::seq::Seq;
use crate::memory::access::Access;
use crate::memory::liveness::Liveness;
use crate::memory::{ProducerPage, Slots};
use crate::ordering::fault::{Fault, seeded};
use crate::protocol::message::{Outcome, Start};
use crate::protocol::producer_page::{EpochState, State};
use crate::protocol::stamp::{self, Look};

/// Least time between two questions whether the ring is still found by its path.
const BETWEEN_LOOKS_AT_PATH: Duration = Duration::from_millis(10);

/// A reader's notes on the ring's producers.
#[derive(Clone, Debug)]
pub(crate) struct WhyEmpty {
    /// The last epoch seen, as it is while the ring is open; epoch 0 is that before the first producer.
    open: Cell<EpochState>,
    /// Whether the reader goes by head, and not by stamps.
    by_head: bool,
    /// The epoch whose producer was reported lost.
    lost: Cell<Option<u64>>,
    /// Whether it was reported that the ring isn't at its path any more.
    orphaned: Cell<bool>,
    /// When the reader last asked for that.
    looked_at_path: Cell<Option<Instant>>,
    /// Where the reader asked to start, be it far ahead of head; 0 if it left that to the ring.
    asked: Seq,
    /// The doorbell's value at which the reader last asked the kernel, before it slept, whether the producer lives.
    asked_at: Cell<Option<u32>>,
    /// An event that was found before a sleep, for the next call that finds no message; and what `open` was.
    kept: Cell<Option<Kept>>,
}

/// An event that is still to be told.
#[derive(Clone, Copy, Debug)]
struct Kept {
    event: Result<Outcome<()>, Damaged>,
    open: EpochState,
}

impl WhyEmpty {
    /// A reader that attaches in the current epoch.
    pub(crate) fn new<A: Access>(page: &ProducerPage<A>, start: Start) -> Self {
        let asked = if let Start::At(asked) = start { asked } else { 0 };
        Self {
            open: Cell::new(EpochState::open(page.epoch_state_now().epoch())),
            by_head: false,
            lost: Cell::new(None),
            orphaned: Cell::new(false),
            looked_at_path: Cell::new(None),
            asked: Seq::new(asked),
            asked_at: Cell::new(None),
            kept: Cell::new(None),
        }
    }

    /// Keeps what was found for the next call that finds no message. That call pays nothing for it on its way: to it
    /// the ring isn't open in the epoch last seen, and it asks why. Whether something was found.
    pub(crate) fn keep(&self, found: Result<Option<Outcome<()>>, RecvError>) -> bool {
        let event = match found {
            Ok(None) => return false,
            Ok(Some(event)) => Ok(event),
            Err(RecvError::Damaged(damaged)) => Err(damaged),
            // The next call finds it by itself.
            Err(_) => return true,
        };
        let _ = self.take_kept();
        self.kept.set(Some(Kept { event, open: self.open.replace(EpochState::NONE) }));
        true
    }

    /// Whether an event is kept.
    pub(crate) fn has_kept(&self) -> bool {
        self.kept.get().is_some()
    }

    /// The event that was kept, if there is one.
    fn take_kept(&self) -> Option<Result<Outcome<()>, Damaged>> {
        let Kept { event, open } = self.kept.take()?;
        self.open.set(open);
        Some(event)
    }

    /// The same of a reader that goes by head, if `by_head`.
    pub(crate) fn by_head(self, by_head: bool) -> Self {
        Self { by_head, ..self }
    }

    /// Whether message `next` has come meanwhile, or was skipped.
    pub(crate) fn has_come<P: Access, S: Access>(
        &self,
        page: &ProducerPage<P>,
        slots: &Slots<S>,
        next: Seq,
    ) -> Result<bool, Damaged> {
        if self.by_head {
            return Ok(next < page.counted()?);
        }
        match stamp::look(slots.at(next)) {
            Look::NotYet => Ok(false),
            // An earlier message of the slot was skipped: this one, too, if head counts it.
            Look::Void(void) if void < next => Ok(next < page.head()?),
            _ => Ok(true),
        }
    }

    /// Whether the ring is just empty: open, in the epoch last seen.
    #[inline(always)]
    pub(crate) fn is_open<A: Access>(&self, page: &ProducerPage<A>) -> bool {
        page.epoch_state_now() == self.open.get()
    }

    /// Message `next` isn't in its slot yet: why not? `None` if the ring is just empty.
    #[cold]
    pub(crate) fn event<P: Access, S: Access>(
        &self,
        page: &ProducerPage<P>,
        slots: &Slots<S>,
        next: Seq,
    ) -> Result<Option<Outcome<()>>, Damaged> {
        if let Some(event) = self.take_kept() {
            // A successor may have come since. Then its epoch is the news. Relaxed: a successor that isn't seen yet is
            // the next event.
            let ended = matches!(event, Ok(Outcome::Closed | Outcome::ProducerLost));
            if !ended || page.epoch_state_now().epoch() == self.open.get().epoch() {
                return event.map(Some);
            }
        }
        let state = page.epoch_state();
        let epoch = state.epoch();
        if epoch != self.open.get().epoch() {
            let first_seq = page.first_seq(epoch).load();
            // The epoch was read after the slot: the old one's last messages may have come between the two,
            // and are to be read before the new one is told of.
            if !seeded(Fault::EpochWithoutRecheck) && self.has_come(page, slots, next)? {
                return Ok(None);
            }
            let before = self.open.replace(EpochState::open(epoch)).epoch();
            // The first producer of a ring is no change to a reader that was there before it.
            if (before, epoch) != (0, 1) {
                return Ok(Some(Outcome::EpochChanged { epoch, first_seq }));
            }
        }
        if state.state()? != State::Closed {
            return Ok(None);
        }
        // The state was read after the slot: the last message may have come between the two.
        if seeded(Fault::ClosedWithoutRecheck) || !self.has_come(page, slots, next)? {
            self.check_start(page, slots, next)?;
            return Ok(Some(Outcome::Closed));
        }
        Ok(None)
    }

    /// The reader is about to sleep while the doorbell is `value`: whether it must ask the kernel first. A producer
    /// that is dropped changes the doorbell after its lock has fallen free.
    pub(crate) fn must_ask(&self, value: u32) -> bool {
        !seeded(Fault::SleepWithoutAsk) && self.asked_at.replace(Some(value)) != Some(value)
    }

    /// The reader has waited a while: is there still a producer, and is the ring still where it was opened? `None` if
    /// both is so, or if the next message came meanwhile.
    #[cold]
    pub(crate) fn ask_kernel<P: Access, S: Access>(
        &self,
        page: &ProducerPage<P>,
        slots: &Slots<S>,
        next: Seq,
        liveness: &dyn Liveness,
    ) -> Result<Option<Outcome<()>>, Damaged> {
        self.check_start(page, slots, next)?;
        let (state, epoch) = (page.epoch_state(), self.open.get().epoch());
        let lost = state.state()? == State::Open
            && self.lost.get() != Some(epoch)
            && state.epoch() == epoch
            && !liveness.producer_alive();
        if !lost {
            return Ok(self.has_left_its_path(liveness).then_some(Outcome::Orphaned));
        }
        if seeded(Fault::LostWithoutRecheck) {
            self.lost.set(Some(epoch));
            return Ok(Some(Outcome::ProducerLost));
        }
        // What the producer did last came before its lock fell free, but perhaps after the reads above.
        if let Some(outcome) = self.event(page, slots, next)? {
            return Ok(Some(outcome));
        }
        if self.has_come(page, slots, next)? {
            return Ok(None);
        }
        self.lost.set(Some(epoch));
        Ok(Some(Outcome::ProducerLost))
    }

    /// Whether the ring isn't at its path any more, which is told once. A reader that sleeps often doesn't look each time.
    fn has_left_its_path(&self, liveness: &dyn Liveness) -> bool {
        let now = Instant::now();
        let soon = |at: Instant| now.duration_since(at) < BETWEEN_LOOKS_AT_PATH;
        if self.orphaned.get() || self.looked_at_path.get().is_some_and(soon) {
            return false;
        }
        self.looked_at_path.set(Some(now));
        self.orphaned.set(!liveness.is_current());
        self.orphaned.get()
    }

    /// Message `next` isn't in its slot: nothing would come of waiting for it if head counts it, or if it is
    /// further ahead than any reader gets by itself.
    fn check_start<P: Access, S: Access>(
        &self,
        page: &ProducerPage<P>,
        slots: &Slots<S>,
        next: Seq,
    ) -> Result<(), Damaged> {
        // Head before the slot: a load that sees a head sees the stamps below it (W3, H1).
        let head = page.head()?;
        if next < head && self.by_head {
            return Ok(());
        }
        if next < head {
            let (slot, expected) = (slots.at(next), next.published());
            let found = stamp::stamp(slot);
            if found != expected && stamp::miss(next, found) == Look::NotYet {
                return Err(Damaged { what: "stamp", seq: next.get(), found, expected });
            }
        } else if next > self.asked && next.since(head) > slots.count() {
            let expected = next.back(slots.count()).get();
            return Err(Damaged { what: "head", seq: next.get(), found: head.get(), expected });
        }
        Ok(())
    }
}
