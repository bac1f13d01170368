//! A best-effort reader's attempt at the next message, and how it joins anew once it is lapped.

use crate::format::error::RecvError;
use crate::format::layout::cell;
use crate::format::seq::Seq;
use crate::memory::access::AsConsumer;
use crate::memory::cancel_word::Cancelling;
use crate::memory::region::Region;
use crate::memory::scratch::Scratch;
use crate::memory::sleep_ticket::SleepTicket;
#[cfg(loom)]
use crate::ordering::fault::{Fault, seeded};
use crate::protocol::doorbell::{self, Prepared};
use crate::protocol::join;
use crate::protocol::message::{Copied, Outcome};
use crate::protocol::stamp;
#[cfg(loom)]
use crate::protocol::stamp::Look;
use crate::protocol::wait::WaitPolicy;
use crate::protocol::why_empty::WhyEmpty;
use crate::roles::best_effort::BestEffortReader;
use crate::roles::copier::{self, Attempt, Copier};
use crate::roles::waitable::{Phases, Readiness};

impl Copier for BestEffortReader {
    type As = AsConsumer;

    #[inline(always)]
    fn region(&self) -> &Region<AsConsumer> {
        &self.cursor.region
    }

    #[inline(always)]
    fn next(&self) -> Seq {
        self.cursor.next()
    }

    #[inline(always)]
    fn notes(&self) -> &WhyEmpty {
        &self.why_empty
    }

    #[inline(always)]
    fn scratch(&mut self) -> &mut Scratch {
        &mut self.scratch
    }

    fn policy(&mut self) -> &mut WaitPolicy {
        &mut self.wait
    }

    fn mend(&self) {
        self.cursor.mend();
    }

    #[inline]
    fn attempt(&mut self, buffer: &mut [u8]) -> Result<Outcome<Copied>, RecvError> {
        let Self { cursor, why_empty, .. } = self;
        cursor.region.fork.check_for::<RecvError>()?;
        #[cfg(loom)]
        if seeded(Fault::ReleaseBeforeCopy) && stamp::look(cursor.slot()) == Look::Published {
            cursor.release_by_fault(1);
        }
        match copier::attempt(&cursor.region, cursor.slot(), why_empty, buffer)? {
            Attempt::Message(copied) => {
                // The copy is whole, and this reader's own.
                cursor.release();
                Ok(Outcome::Message(copied))
            }
            Attempt::Empty => Ok(Outcome::Empty),
            Attempt::NotThere => self.event(),
            Attempt::Gone(stamp) => self.lapped(stamp),
            Attempt::Void(void) => self.void(void),
        }
    }
}

impl BestEffortReader {
    /// The next message's slot has the void stamp of `void`: the message is void, too, or isn't there yet.
    #[cold]
    #[inline(never)]
    fn void(&mut self, void: Seq) -> Result<Outcome<Copied>, RecvError> {
        let skipped = self.end_of_void(void)?.since(self.cursor.next());
        if skipped == 0 {
            return self.event();
        }
        self.note_lost(skipped);
        self.cursor.release_many(skipped);
        Ok(Outcome::Lagged(skipped))
    }

    /// The producer has passed this reader over, and taken the next message's slot for a later one, whose stamp was read:
    /// the reader joins anew in its own cell.
    #[cold]
    #[inline(never)]
    fn lapped<M>(&mut self, stamp: u64) -> Result<Outcome<M>, RecvError> {
        let (next, own) = (self.cursor.next(), self.cursor.cell);
        let (resume, damage) = self.cursor.region.read(|region| -> Result<_, RecvError> {
            let head = region.producer_page.head()?;
            stamp::overtaker(next, stamp, head, &region.geometry)?;
            Ok(join::rejoin(region, own, next, self.resume)?)
        })?;
        self.cursor.go_to(resume);
        let lost = resume.since(next);
        self.note_lost(lost);
        self.times_lagged = self.times_lagged.wrapping_add(1);
        self.cursor.region.cells.word::<{ cell::TIMES_LAGGED }>(own).store(self.times_lagged);
        match damage {
            None => Ok(Outcome::Lagged(lost)),
            // What was lost is in the account.
            Some(damage) => Err(damage.into()),
        }
    }

    /// Counts what was lost, in the cell too.
    fn note_lost(&mut self, lost: u64) {
        // It wraps only where a peer moves head to and fro.
        self.lost = self.lost.wrapping_add(lost);
        self.cursor.region.cells.word::<{ cell::LOST }>(self.cursor.cell).store(self.lost);
    }
}

impl Phases for BestEffortReader {
    fn is_ready(&mut self) -> bool {
        self.has_something()
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
        self.look_last(prepared, sure, asks)
    }

    fn ask_kernel(&mut self) -> bool {
        self.ask_for_later()
    }

    fn end_sleep(&mut self, ticket: &SleepTicket, timed_out: bool) {
        doorbell::slept(&self.cursor.region, ticket, timed_out);
    }

    fn cancelling(&self) -> &Cancelling {
        &self.cancelling
    }
}
