//! How a consumer waits for its next message: what it looks at, what it asks, and how it sleeps.

use core::time::Duration;

use crate::format::error::RecvError;
use crate::format::layout::sleepers;
use crate::format::seq::Seq;
use crate::memory::cancel_word::Cancelling;
use crate::memory::region::Region;
use crate::memory::sleep_ticket::SleepTicket;
use crate::ordering::fault::{Fault, seeded};
use crate::protocol::doorbell::{self, Prepared};
use crate::protocol::message::Outcome;
use crate::protocol::stamp::SlotHeader;
use crate::protocol::wait::{self, WaitPolicy};
use crate::roles::consumer::Consumer;
use crate::roles::found::Found;
use crate::roles::waitable::{Phases, Readiness, Waitable};

impl Consumer {
    /// Why message `seq` isn't there: `None` if the ring is just empty.
    #[cold]
    #[inline(never)]
    pub(crate) fn event(&self, seq: Seq) -> Result<Option<Outcome<()>>, RecvError> {
        let Region { producer_page, slots, fork, .. } = &self.cursor.region;
        let event = self.why_empty.event(producer_page, slots, seq);
        fork.check_after()?;
        Ok(event?)
    }

    /// Whether the producer lives: asks the kernel.
    #[cold]
    #[inline(never)]
    pub(crate) fn ask(&self) -> Result<Option<Outcome<()>>, RecvError> {
        let region = &self.cursor.region;
        region.fork.check()?;
        self.cursor.mend();
        let event = self.why_empty.ask_kernel(
            &region.producer_page,
            &region.slots,
            self.next_to_peek(),
            &*region.keeper,
        );
        region.fork.check_after()?;
        Ok(event?)
    }

    /// Whether it holds all slots of the ring: with messages, and with what was skipped after one.
    pub(crate) fn holds_all(&self) -> bool {
        self.release_told();
        self.next_to_peek().since(self.cursor.next()) >= self.cursor.region.geometry.slots
    }
}

impl Phases for Consumer {
    fn is_ready(&mut self) -> bool {
        let region = &self.cursor.region;
        if self.holds_all() {
            return region.fork.check().is_err();
        }
        let seq = self.next_to_peek();
        // A message that comes between the two looks of an event is found by a second one.
        for _ in 0..2 {
            if self.cursor.tells_of(region.slots.at(seq)) {
                return true;
            }
            if self.why_empty.is_open(&region.producer_page) {
                return false;
            }
            if self.why_empty.has_kept() || self.why_empty.keep(self.event(seq)) {
                return true;
            }
        }
        false
    }

    fn prepare(&mut self) -> Option<Prepared> {
        self.cursor.region.fork.check().ok()?;
        self.cursor.mend();
        Some(doorbell::prepare_sleep(&self.cursor.region))
    }

    fn barrier(&self) -> bool {
        doorbell::barrier()
    }

    fn last_look(&mut self, prepared: &Prepared, sure: bool, asks: bool) -> Readiness {
        if !seeded(Fault::SleepWithoutLook) && self.is_ready() {
            if seeded(Fault::FlagResetByWaiter) {
                self.cursor.region.hints.sleepers().store(sleepers::NONE);
            }
            return Readiness::Ready;
        }
        let asks = self.why_empty.must_ask(prepared.value) || asks;
        if asks && self.ask_kernel() {
            return Readiness::Ready;
        }
        Readiness::Sleep(doorbell::ticket(&self.cursor.region, prepared, sure))
    }

    fn ask_kernel(&mut self) -> bool {
        !self.holds_all() && !self.why_empty.has_kept() && self.why_empty.keep(self.ask())
    }

    fn end_sleep(&mut self, ticket: &SleepTicket, timed_out: bool) {
        doorbell::slept(&self.cursor.region, ticket, timed_out);
    }

    fn cancelling(&self) -> &Cancelling {
        &self.cancelling
    }
}

impl wait::Reader for Consumer {
    type Got = SlotHeader;

    #[inline]
    fn poll(&mut self) -> Result<Outcome<SlotHeader>, RecvError> {
        match self.cursor.next_header()? {
            Found::Message(header) => return Ok(Outcome::Message(header)),
            Found::NotYet => {}
            Found::Void(void) => {
                if let Some(told) = self.receive_over(void)? {
                    return Ok(told);
                }
            }
        }
        if self.why_empty.is_open(&self.cursor.region.producer_page) {
            return Ok(Outcome::Empty);
        }
        Ok(self.event(self.cursor.next())?.map_or(Outcome::Empty, Outcome::without_message))
    }

    fn ask(&mut self) -> Result<Option<Outcome<()>>, RecvError> {
        Consumer::ask(self)
    }

    fn policy(&mut self) -> &mut WaitPolicy {
        &mut self.wait
    }

    #[cold]
    #[inline(never)]
    fn sleep(&mut self, time: Duration) -> Result<Outcome<SlotHeader>, RecvError> {
        match self.prepare_sleep(false) {
            Readiness::Ready => self.poll(),
            Readiness::Sleep(ticket) => {
                let timed_out = doorbell::sleep(&self.cursor.region, &ticket, time, &self.cancelling);
                self.slept(&ticket, timed_out);
                Ok(Outcome::Empty)
            }
        }
    }

    fn cancelling(&self) -> &Cancelling {
        &self.cancelling
    }
}
