//! What a reader that finds no message makes of the ring's state: closed, taken over, orphaned, or just empty.
//!
//! # Orderings
//! `X1`, `E1`/`E2` and `W3`/`H1` of [`crate::edge`].

use crate::error::Damaged;
use crate::fault::{Fault, seeded};
use crate::liveness::Liveness;
use crate::message::{Outcome, Start};
use crate::page::{Reign, State};
use crate::region::{Access, Page, Slots};
use crate::seq::Seq;
use crate::slot::{self, Look};

/// A reader's notes on the ring's producers.
#[derive(Debug)]
pub(crate) struct Watch {
    /// The last epoch seen, as it is while the ring is open; epoch 0 is that before the first producer.
    open: Reign,
    /// The epoch whose producer was reported lost.
    lost: Option<u64>,
    /// Where the reader asked to start, be it far ahead of head; 0 if it left that to the ring.
    asked: Seq,
    /// The doorbell's value at which the reader last asked the kernel, before it slept, whether the producer lives.
    heard: Option<u32>,
}

impl Watch {
    /// A reader that attaches in the current epoch.
    pub(crate) fn new<A: Access>(page: &Page<A>, start: Start) -> Self {
        let asked = if let Start::At(asked) = start { asked } else { 0 };
        Self { open: Reign::open(page.reign_now().epoch()), lost: None, asked: Seq::new(asked), heard: None }
    }

    /// Whether the ring is just empty: open, in the epoch last seen.
    #[inline(always)]
    pub(crate) fn is_open<A: Access>(&self, page: &Page<A>) -> bool {
        page.reign_now() == self.open
    }

    /// Message `next` isn't in its slot yet: why not? `None` if the ring is just empty.
    #[cold]
    pub(crate) fn idle<P: Access, S: Access>(
        &mut self,
        page: &Page<P>,
        slots: &Slots<S>,
        next: Seq,
    ) -> Result<Option<Outcome<()>>, Damaged> {
        let reign = page.reign();
        let epoch = reign.epoch();
        if epoch != self.open.epoch() {
            let first_seq = page.first_seq(epoch).load();
            // The epoch was read after the slot: the old one's last messages may have come between the two,
            // and are to be read before the new one is told of.
            if !seeded(Fault::EpochWithoutRecheck) && slot::look(slots.at(next)) != Look::NotYet {
                return Ok(None);
            }
            let before = core::mem::replace(&mut self.open, Reign::open(epoch)).epoch();
            // The first producer of a ring is no change to a reader that was there before it.
            if (before, epoch) != (0, 1) {
                return Ok(Some(Outcome::EpochChanged { epoch, first_seq }));
            }
        }
        if reign.state()? != State::Closed {
            return Ok(None);
        }
        // The state was read after the slot: the last message may have come between the two.
        if seeded(Fault::ClosedWithoutRecheck) || slot::look(slots.at(next)) == Look::NotYet {
            self.check_place(page, slots, next)?;
            return Ok(Some(Outcome::Closed));
        }
        Ok(None)
    }

    /// The reader is about to sleep while the doorbell is `value`: whether it must ask the kernel first. A producer that
    /// is dropped changes the doorbell after its lock has fallen free.
    pub(crate) fn is_news(&mut self, value: u32) -> bool {
        !seeded(Fault::SleepWithoutAsk) && self.heard.replace(value) != Some(value)
    }

    /// The reader has waited a while: is there still a producer? `None` if there is, or if the next message
    /// came meanwhile.
    #[cold]
    pub(crate) fn ask<P: Access, S: Access>(
        &mut self,
        page: &Page<P>,
        slots: &Slots<S>,
        next: Seq,
        liveness: &dyn Liveness,
    ) -> Result<Option<Outcome<()>>, Damaged> {
        self.check_place(page, slots, next)?;
        let (reign, epoch) = (page.reign(), self.open.epoch());
        let orphaned = reign.state()? == State::Open
            && self.lost != Some(epoch)
            && reign.epoch() == epoch
            && !liveness.producer_alive();
        if !orphaned {
            return Ok(None);
        }
        if seeded(Fault::LostWithoutRecheck) {
            self.lost = Some(epoch);
            return Ok(Some(Outcome::ProducerLost));
        }
        // What the producer did last came before its lock fell free, but perhaps after the reads above.
        if let Some(outcome) = self.idle(page, slots, next)? {
            return Ok(Some(outcome));
        }
        if slot::look(slots.at(next)) != Look::NotYet {
            return Ok(None);
        }
        self.lost = Some(epoch);
        Ok(Some(Outcome::ProducerLost))
    }

    /// Message `next` isn't in its slot: nothing would come of waiting for it if head counts it, or if it is
    /// further ahead than any reader gets by itself.
    fn check_place<P: Access, S: Access>(
        &self,
        page: &Page<P>,
        slots: &Slots<S>,
        next: Seq,
    ) -> Result<(), Damaged> {
        // Head before the slot: who sees a head sees the stamps below it (W3, H1).
        let head = page.head()?;
        if next < head {
            let (slot, expected) = (slots.at(next), next.published());
            let found = slot::stamp(slot);
            if found != expected && slot::miss(next, found) == Look::NotYet {
                return Err(Damaged { what: "stamp", seq: next.get(), found, expected });
            }
        } else if next > self.asked && next.since(head) > slots.count() {
            let expected = next.back(slots.count()).get();
            return Err(Damaged { what: "head", seq: next.get(), found: head.get(), expected });
        }
        Ok(())
    }
}
