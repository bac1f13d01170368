//! Void messages: sequences that the producer has skipped, and that hold no message.
//!
//! A skip stores a void stamp in the slot of each message that it leaves out, as far as that is a lap, and head as for
//! messages. Of more than a lap, the rest takes no more than a store of head: every slot has a void stamp then. So a
//! message is void if its slot has its own void stamp, or if head counts it while its slot has that of an earlier one.
//!
//! A void stamp is larger than any other. So it sends each reader out of the short ways, also where it is an earlier
//! message's, and the reader's own isn't there yet.
//!
//! # Orderings
//! A void stamp needs none: it lends nothing. A scan's fence (`G1`) lies between a store of head and the stamps of the next
//! half lap, void or not. So a reader of the stamp (`R1`) sees that head, also where all messages before were skipped.
//! `W1` and `W3`, each with `H1` of [`crate::ordering::edge`], order a message's stamp before the head that counts it: an
//! earlier message's void stamp below head means that no message came after it.

use crate::format::error::Damaged;
use crate::format::geometry::Geometry;
use crate::format::seq::Seq;
use crate::memory::access::{Access, ReadWrite};
use crate::memory::{Parts, ProducerPage, Slot, Slots};
use crate::ordering::fault::{Fault, seeded};
use crate::protocol::stamp::{self, Look};

/// What a producer has skipped last: each sequence from the first of them to before `end`.
#[derive(Debug)]
pub(crate) struct Skipped {
    pub(crate) first: Seq,
    pub(crate) end: Seq,
}

impl Skipped {
    /// Nothing, of a producer that begins at `next`.
    pub(crate) const fn before(next: Seq) -> Self {
        Self { first: next, end: next }
    }
}

/// Says that the slot's message is skipped.
pub(crate) fn mark<P: Parts>(slot: Slot<'_, ReadWrite, P>) {
    let seq = slot.seq();
    let stamp = if seeded(Fault::VoidAsPublished) { seq.published() } else { seq.void() };
    slot.stamp().store(stamp);
}

/// Messages from the first on whose slot was found with a void stamp, and head as it was loaded then.
pub(crate) struct Voids<'r, S: Access> {
    geometry: &'r Geometry,
    slots: &'r Slots<S>,
    from: Seq,
    /// Loaded before the slots: what it counts is there, or void.
    head: Seq,
}

impl<'r, S: Access> Voids<'r, S> {
    /// Those from `from` on, whose slot has the void stamp of `void`.
    ///
    /// # Errors
    /// `Damaged` if the ring has no void messages, or if a producer can't have come so far.
    #[cold]
    #[inline(never)]
    pub(crate) fn after<P: Access>(
        geometry: &'r Geometry,
        page: &ProducerPage<P>,
        slots: &'r Slots<S>,
        from: Seq,
        void: Seq,
    ) -> Result<Self, Damaged> {
        let head = page.head()?;
        let bound = head.plus(slots.count());
        if !geometry.can_skip() || void > bound {
            return Err(stamp::bad_stamp(from, void.void(), bound));
        }
        Ok(Self { geometry, slots, from, head })
    }

    fn is_void(&self, seq: Seq) -> bool {
        match stamp::look(self.slots.at(seq)) {
            Look::Void(void) => void == seq || seq < self.head || seeded(Fault::VoidByStampAlone),
            _ => false,
        }
    }

    /// Whether there is any: the first of them is void, and not still to come.
    pub(crate) fn are_some(&self) -> bool {
        (seeded(Fault::VoidWithoutRecheck) && self.from < self.head) || self.is_void(self.from)
    }

    /// Where they end: at the first of them itself if that is still to come. A lap of slots is looked at, at most.
    pub(crate) fn end(&self) -> Seq {
        let Self { geometry, slots, from, head } = *self;
        if !self.are_some() {
            return from;
        }
        // Head is more than a lap further only if all that lies between was skipped, or is lost to this reader.
        let mut end = from.next().max(geometry.edge(head));
        let last = end.plus(slots.count()).min(head.plus(slots.count()));
        while end < last && self.is_void(end) {
            end = end.next();
        }
        end
    }

    /// The same for a consumer, whose cursor holds the first of them. If head is more than a lap further, the ring has been
    /// full since the skip that led there, and every slot is void.
    ///
    /// # Errors
    /// `Damaged` if head is as far, and some slot isn't void: something else has written head.
    pub(crate) fn end_held(&self) -> Result<Seq, Damaged> {
        let (end, most) = (self.end(), self.from.plus(self.slots.count()));
        if self.head > most && end < self.head {
            let (seq, found, expected) = (self.from.get(), self.head.get(), most.get());
            return Err(Damaged { what: "head", seq, found, expected });
        }
        Ok(end)
    }
}
