//! How a consumer waits for its next message: what it looks at, what it asks, and how it sleeps.

use core::time::Duration;

use crate::format::error::RecvError;
use crate::format::layout::sleepers;
use crate::ordering::fault::{Fault, seeded};
use crate::protocol::doorbell;
use crate::protocol::message::Outcome;
use crate::protocol::stamp::SlotHeader;
use crate::protocol::wait;
use crate::roles::consumer::Consumer;

impl Consumer {
    /// Why the next message isn't there: `None` if the ring is just empty.
    #[cold]
    #[inline(never)]
    fn event(&mut self) -> Result<Option<Outcome<()>>, RecvError> {
        let Self { cursor, why_empty, .. } = self;
        let event = why_empty.event(&cursor.region.producer_page, &cursor.region.slots, cursor.next());
        cursor.region.fork.check_after()?;
        Ok(event?)
    }
}

impl wait::Reader for Consumer {
    type Got = SlotHeader;

    #[inline]
    fn poll(&mut self) -> Result<Outcome<SlotHeader>, RecvError> {
        if let Some(header) = self.cursor.next_header()? {
            return Ok(Outcome::Message(header));
        }
        if self.why_empty.is_open(&self.cursor.region.producer_page) {
            return Ok(Outcome::Empty);
        }
        Ok(self.event()?.map_or(Outcome::Empty, Outcome::without_message))
    }

    #[cold]
    #[inline(never)]
    fn ask(&mut self) -> Result<Option<Outcome<()>>, RecvError> {
        let Self { cursor, why_empty, .. } = self;
        let region = &cursor.region;
        region.fork.check()?;
        cursor.mend();
        let event =
            why_empty.ask_kernel(&region.producer_page, &region.slots, cursor.next(), &*region.keeper);
        region.fork.check_after()?;
        Ok(event?)
    }

    #[cold]
    #[inline(never)]
    fn sleep(&mut self, time: Duration) -> Result<Outcome<SlotHeader>, RecvError> {
        self.cursor.mend();
        let ticket = doorbell::prepare_sleep(&self.cursor.region);
        let found = if seeded(Fault::SleepWithoutLook) { Outcome::Empty } else { self.poll()? };
        if matches!(found, Outcome::Empty) {
            if self.why_empty.must_ask(ticket.value())
                && let Some(event) = self.ask()?
            {
                return Ok(event.without_message());
            }
            ticket.sleep(&self.cursor.region, time);
        } else if seeded(Fault::FlagResetByWaiter) {
            self.cursor.region.hints.sleepers().store(sleepers::NONE);
        }
        Ok(found)
    }
}
