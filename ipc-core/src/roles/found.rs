//! What a consumer finds where it looks for a message: the message, none yet, or that it was skipped.

use crate::format::error::{Damaged, RecvError};
use crate::format::seq::Seq;
use crate::memory::Slot;
use crate::memory::access::ReadOnly;
use crate::memory::region::Region;
use crate::ordering::fault::{Fault, seeded};
use crate::protocol::stamp::{self, Look, SlotHeader};
use crate::protocol::void::Voids;
use crate::roles::cursor::Cursor;

/// What is found where a message is looked for.
pub(crate) enum Found {
    /// The message.
    Message(SlotHeader),
    /// It isn't published yet.
    NotYet,
    /// The slot has this message's void stamp, that of the one looked for or of an earlier one.
    Void(Seq),
}

impl Cursor {
    /// The next message's header, or whatever is found, in every case.
    pub(crate) fn next_header(&self) -> Result<Found, RecvError> {
        self.header_in(self.slot())
    }

    /// The header of a message from the next one on, in its slot, or whatever is found there.
    #[inline(always)]
    pub(crate) fn header_in(&self, slot: Slot<'_, ReadOnly>) -> Result<Found, RecvError> {
        self.region.fork.check_for::<RecvError>()?;
        if self.stamps_are_apart() {
            return self.header_apart(slot);
        }
        self.header_by_stamp(slot)
    }

    #[inline(always)]
    fn header_by_stamp(&self, slot: Slot<'_, ReadOnly>) -> Result<Found, RecvError> {
        match stamp::look(slot) {
            Look::Published => {
                let header = stamp::header(slot)?;
                if header.len.get() == 0 {
                    // So look the zeros in the place of a file that was cut short.
                    self.region.fork.check_after_for::<RecvError>()?;
                }
                Ok(Found::Message(header))
            }
            Look::NotYet => Ok(Found::NotYet),
            Look::Void(void) => Ok(Found::Void(void)),
            // This consumer's cursor keeps the slot from being overwritten: nothing but damage gets past it.
            Look::Gone(found) => Err(overrun(slot.seq(), found).into()),
        }
    }

    fn header_apart(&self, slot: Slot<'_, ReadOnly>) -> Result<Found, RecvError> {
        let found =
            if self.goes_by_head() { self.header_by_head(slot)? } else { self.header_by_stamp(slot)? };
        if let Found::Message(_) = found {
            // Head and stamps are in other pages. So zeros in the place of a file that was cut short would look like a
            // message.
            slot.touch();
            self.region.fork.check_after_for::<RecvError>()?;
        }
        Ok(found)
    }

    fn header_by_head(&self, slot: Slot<'_, ReadOnly>) -> Result<Found, RecvError> {
        if slot.seq() >= self.head.get() {
            self.read_head()?;
        }
        Ok(self.counted(slot).map_or(Found::NotYet, Found::Message))
    }

    /// Whether head counts the message, as last read, and consumers go by that.
    #[inline(always)]
    pub(super) fn is_counted(&self, slot: Slot<'_, ReadOnly>) -> bool {
        slot.seq() < self.head.get()
    }

    /// Whether there is anything to tell of a message from the next one on: that it is there or void, or an error.
    pub(crate) fn tells_of(&self, slot: Slot<'_, ReadOnly>) -> bool {
        match self.header_in(slot) {
            Ok(Found::NotYet) => false,
            Ok(Found::Void(void)) => self.voids(slot.seq(), void).map_or(true, |voids| voids.are_some()),
            Ok(Found::Message(_)) | Err(_) => true,
        }
    }

    /// The void messages from `from` on, whose slot has the void stamp of `void`.
    fn voids(&self, from: Seq, void: Seq) -> Result<Voids<'_, ReadOnly>, Damaged> {
        let Region { geometry, producer_page, slots, .. } = &self.region;
        Voids::after(geometry, producer_page, slots, from, void)
    }

    /// Where they end: see [`Voids::end_held`].
    pub(crate) fn end_of_void(&self, from: Seq, void: Seq) -> Result<Seq, RecvError> {
        let end = self.voids(from, void).and_then(|voids| voids.end_held());
        self.region.fork.check_after_for::<RecvError>()?;
        Ok(end?)
    }

    /// Releases the next message, whose slot has the void stamp of `void`, and those after it that are void, too.
    /// Returns how many: none if the next one is still to come.
    #[cold]
    pub(crate) fn pass_void(&self, void: Seq) -> Result<u64, RecvError> {
        let skipped = self.end_of_void(self.next(), void)?.since(self.next());
        if skipped > 0 && !seeded(Fault::VoidHeld) {
            self.release_many(skipped);
        }
        Ok(skipped)
    }

    /// The header of a message that head counts, as last read.
    pub(crate) fn counted(&self, slot: Slot<'_, ReadOnly>) -> Option<SlotHeader> {
        if self.is_counted(slot) { stamp::header(slot).ok() } else { None }
    }

    /// Makes sure that what was copied out of the slot is the message that it was thought to be. A consumer that goes by
    /// stamps knows that before it copies; one that goes by head has it from this look that the producer, misled by a
    /// stray cursor, hasn't gone past it.
    #[inline(always)]
    pub(crate) fn check_copied(&self, slot: Slot<'_, ReadOnly>) -> Result<(), RecvError> {
        self.region.fork.check_after_for::<RecvError>()?;
        if !self.goes_by_head() || stamp::unchanged(slot) { Ok(()) } else { Err(self.overwritten(slot)) }
    }

    #[cold]
    fn overwritten(&self, slot: Slot<'_, ReadOnly>) -> RecvError {
        let found = stamp::stamp(slot);
        match self.region.fork.check_after_for::<RecvError>() {
            Ok(()) => overrun(slot.seq(), found).into(),
            Err(error) => error,
        }
    }

    /// Reads head. It never goes back, and this consumer's cursor holds it within a lap.
    pub(super) fn read_head(&self) -> Result<(), RecvError> {
        let head = self.region.producer_page.counted();
        // So look the zeros in the place of a file that was cut short.
        self.region.fork.check_after_for::<RecvError>()?;
        let (head, least) = (head?, self.head.get());
        let most = self.next().plus(self.region.geometry.slots);
        if head < least || head > most {
            let expected = if head < least { least } else { most };
            let (seq, found, expected) = (self.next().get(), head.get(), expected.get());
            return Err(Damaged { what: "head", seq, found, expected }.into());
        }
        self.head.set(head);
        Ok(())
    }

    /// Whether message `seq` is there, as far as one more look tells.
    pub(super) fn is_there(&self, slot: Slot<'_, ReadOnly>) -> bool {
        if self.goes_by_head() {
            return self.read_head().is_ok() && slot.seq() < self.head.get();
        }
        stamp::look(slot) == Look::Published
    }
}

#[cold]
fn overrun(next: Seq, found: u64) -> Damaged {
    Damaged { what: "stamp", seq: next.get(), found, expected: next.published() }
}
