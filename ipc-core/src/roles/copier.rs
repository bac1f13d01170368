//! What observers and best-effort readers share: a message is copied out, and accepted only if it is whole.

use core::time::Duration;

use crate::format::error::RecvError;
use crate::format::seq::Seq;
use crate::memory::access::Role;
use crate::memory::cancel_word::Cancelling;
use crate::memory::region::Region;
use crate::memory::scratch::Scratch;
use crate::memory::{Payload, Slot};
use crate::protocol::doorbell::{self, Prepared};
use crate::protocol::message::{Copied, Outcome, Received};
use crate::protocol::stamp::{self, Look, SlotHeader};
use crate::protocol::void::Voids;
use crate::protocol::wait::{self, Limit, WaitPolicy};
use crate::protocol::why_empty::WhyEmpty;
use crate::roles::waitable::{Readiness, Waitable};

/// What an attempt at the next message comes to.
pub(super) enum Attempt {
    /// The message, whole.
    Message(Copied),
    /// It isn't there, and there is nothing else to tell.
    Empty,
    /// It isn't there.
    NotThere,
    /// A later message has its slot, whose stamp is this.
    Gone(u64),
    /// Its slot has the void stamp of this message: itself, or an earlier one.
    Void(Seq),
}

/// A reader whose messages may be overwritten while it copies them.
pub(super) trait Copier: Waitable {
    /// What it is on its ring.
    type As: Role;

    fn region(&self) -> &Region<Self::As>;

    /// The next message to read.
    fn next(&self) -> Seq;

    fn notes(&self) -> &WhyEmpty;

    fn scratch(&mut self) -> &mut Scratch;

    /// How its calls wait.
    fn policy(&mut self) -> &mut WaitPolicy;

    /// Copies the next message into `buffer`, or tells why not.
    fn attempt(&mut self, buffer: &mut [u8]) -> Result<Outcome<Copied>, RecvError>;

    /// What it puts right before it asks the kernel.
    fn mend(&self) {}

    /// Why the next message isn't there.
    #[cold]
    #[inline(never)]
    fn event(&self) -> Result<Outcome<Copied>, RecvError> {
        Ok(self.why_empty()?.map_or(Outcome::Empty, Outcome::without_message))
    }

    /// The same: `None` if the ring is just empty.
    fn why_empty(&self) -> Result<Option<Outcome<()>>, RecvError> {
        let Region { producer_page, slots, fork, .. } = self.region();
        let event = self.notes().event(producer_page, slots, self.next());
        fork.check_after()?;
        Ok(event?)
    }

    /// Whether the producer lives: asks the kernel.
    #[cold]
    #[inline(never)]
    fn ask(&self) -> Result<Option<Outcome<()>>, RecvError> {
        let Region { producer_page, slots, fork, keeper, .. } = self.region();
        fork.check()?;
        self.mend();
        let event = self.notes().ask_kernel(producer_page, slots, self.next(), &**keeper);
        fork.check_after()?;
        Ok(event?)
    }

    /// The same for the next call, which is to tell. Whether there is something to tell.
    fn ask_for_later(&self) -> bool {
        !self.notes().has_kept() && self.notes().keep(self.ask())
    }

    /// Whether the next attempt has something to tell.
    fn has_something(&self) -> bool {
        let Region { producer_page, slots, fork, .. } = self.region();
        if fork.check().is_err() {
            return true;
        }
        let notes = self.notes();
        // A message that comes between the two looks of an event is found by a second one.
        for _ in 0..2 {
            if !matches!(notes.has_come(producer_page, slots, self.next()), Ok(false)) {
                return true;
            }
            if notes.is_open(producer_page) {
                return false;
            }
            if notes.has_kept() || notes.keep(self.why_empty()) {
                return true;
            }
        }
        false
    }

    /// The last look before a sleep.
    fn look_last(&self, prepared: &Prepared, sure: bool, asks: bool) -> Readiness {
        if self.has_something() {
            return Readiness::Ready;
        }
        if (self.notes().must_ask(prepared.value) || asks) && self.ask_for_later() {
            return Readiness::Ready;
        }
        Readiness::Sleep(doorbell::ticket(self.region(), prepared, sure))
    }

    /// Where the void messages end that begin with the next one, whose slot has the void stamp of `void`: at the next
    /// one itself if that is still to come.
    fn end_of_void(&self, void: Seq) -> Result<Seq, RecvError> {
        let next = self.next();
        self.region().read(|Region { geometry, producer_page, slots, .. }| {
            Ok(Voids::after(geometry, producer_page, slots, next, void)?.end())
        })
    }
}

/// Looks for the message of `slot`, copies it into `buffer`, and looks again.
#[inline(always)]
pub(super) fn attempt<R: Role>(
    region: &Region<R>,
    slot: Slot<'_, R::Slots>,
    notes: &WhyEmpty,
    buffer: &mut [u8],
) -> Result<Attempt, RecvError> {
    match stamp::look(slot) {
        Look::Published => {}
        Look::NotYet if notes.is_open(&region.producer_page) => return Ok(Attempt::Empty),
        Look::NotYet => return Ok(Attempt::NotThere),
        Look::Gone(stamp) => return Ok(Attempt::Gone(stamp)),
        Look::Void(void) => return Ok(Attempt::Void(void)),
    }
    // Until the second look at the stamp nothing read here means anything, the length included: it only
    // bounds the copy.
    let header = stamp::header(slot);
    let fits = match &header {
        Ok(SlotHeader { len, .. }) if len.get() <= buffer.len() => {
            slot.copy_out(*len, buffer);
            true
        }
        _ => false,
    };
    if !stamp::unchanged(slot) {
        // Memory that is gone has no stamps either, so a copy that missed it doesn't get past here.
        region.fork.check_after()?;
        // Looked at once more, since what follows needs a head that is no older than the stamp (`R1`).
        return match stamp::look(slot) {
            Look::Gone(stamp) => Ok(Attempt::Gone(stamp)),
            // A stamp never goes back, nor stays as it was a moment ago.
            _ => Err(stamp::bad_stamp(slot.seq(), slot.stamp().load(), slot.seq().next()).into()),
        };
    }
    let SlotHeader { len, tag } = header?;
    if !fits {
        return Err(RecvError::TooSmall { needed: len.get(), found: buffer.len() });
    }
    Ok(Attempt::Message(Copied { seq: slot.seq().get(), tag, len: len.get() }))
}

/// Receives the next message, copied into the handle's own buffer.
pub(super) fn receive<C: Copier>(
    copier: &mut C,
    limit: Option<Limit>,
) -> Result<Outcome<Received<'_>>, RecvError> {
    let mut scratch = core::mem::take(copier.scratch());
    let mut received = receive_into(copier, scratch.all(), limit);
    // Each time round the buffer is longer, and no message is longer than the slots.
    while let Err(RecvError::TooSmall { needed, .. }) = received {
        // The message was there, and needn't be waited for.
        received = match scratch.grow(needed) {
            Ok(()) => copier.attempt(scratch.all()),
            Err(no_memory) => Err(no_memory.into()),
        };
    }
    *copier.scratch() = scratch;
    let outcome = received?;
    let bytes = copier.scratch().as_bytes();
    Ok(outcome.map(|Copied { seq, tag, len }| Received { seq, tag, payload: Payload::from(&bytes[..len]) }))
}

/// Receives the next message into `buffer`.
pub(super) fn receive_into<C: Copier>(
    copier: &mut C,
    buffer: &mut [u8],
    limit: Option<Limit>,
) -> Result<Outcome<Copied>, RecvError> {
    wait::block(&mut Copying { copier, buffer }, limit)
}

/// A reader, and where it copies to.
struct Copying<'o, 'b, C> {
    copier: &'o mut C,
    buffer: &'b mut [u8],
}

impl<C: Copier> wait::Reader for Copying<'_, '_, C> {
    type Got = Copied;

    #[inline]
    fn poll(&mut self) -> Result<Outcome<Copied>, RecvError> {
        self.copier.attempt(self.buffer)
    }

    fn ask(&mut self) -> Result<Option<Outcome<()>>, RecvError> {
        self.copier.ask()
    }

    fn policy(&mut self) -> &mut WaitPolicy {
        self.copier.policy()
    }

    fn cancelling(&self) -> &Cancelling {
        self.copier.cancelling()
    }

    #[cold]
    #[inline(never)]
    fn sleep(&mut self, time: Duration) -> Result<Outcome<Copied>, RecvError> {
        match self.copier.prepare_sleep(false) {
            Readiness::Ready => self.poll(),
            Readiness::Sleep(ticket) => {
                let timed_out =
                    doorbell::sleep(self.copier.region(), &ticket, time, self.copier.cancelling());
                self.copier.slept(&ticket, timed_out);
                Ok(Outcome::Empty)
            }
        }
    }
}
