//! The stamp protocol: how one message gets into a slot and out of it again.
//!
//! A slot's stamp is odd while its message is being written, and even once it is published. It names the message
//! either way. So the slot alone tells a reader whether message `n` is there, not there yet, or gone.
//!
//! # Orderings
//! `W1`/`R2`, `W2`/`R1` and `G1`/`R1` of [`crate::ordering::edge`].

use crate::format::error::Damaged;
use crate::format::geometry::Geometry;
use crate::format::seq::Seq;
use crate::memory::access::{Access, ReadWrite};
use crate::memory::sized::{Len, SizedMessage};
use crate::memory::{Parts, Slot};
use crate::ordering::edge::{Edge, fence};
use crate::ordering::fault::{Fault, seeded};

/// What a slot's stamp says of one message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Look {
    /// It is published, and what the slot holds may be read.
    Published,
    /// It isn't published yet.
    NotYet,
    /// A later message has this stamp: the one asked for is gone.
    Gone(u64),
    /// The producer has skipped the message that is named: the one asked for, or an earlier one of the slot. Then head
    /// tells whether the one asked for was skipped, too: see [`crate::protocol::void`].
    Void(Seq),
}

/// A published message's length and tag.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SlotHeader {
    pub(crate) len: Len,
    pub(crate) tag: u32,
}

/// Marks the slot as being written. What is stored next can't be seen before the mark.
#[inline(always)]
pub(crate) fn begin<P: Parts>(slot: Slot<'_, ReadWrite, P>) {
    if seeded(Fault::OddStampByReleaseStore) {
        slot.stamp().store_release(slot.seq().writing(), Edge::W2);
        return;
    }
    slot.stamp().store(slot.seq().writing());
    // W1 pairs with R2: a reader that sees any of the payload stored below also sees this stamp.
    fence(Edge::W1);
}

/// Writes the whole message: header, payload, stamp.
#[inline(always)]
pub(crate) fn write<P: Parts>(slot: Slot<'_, ReadWrite, P>, message: SizedMessage<'_>, tag: u32) {
    begin(slot);
    copy_in(slot, message);
    publish(slot, message.len(), tag);
}

/// Copies the message into its slot, which is marked as being written.
#[inline(always)]
pub(crate) fn copy_in<P: Parts>(slot: Slot<'_, ReadWrite, P>, message: SizedMessage<'_>) {
    if seeded(Fault::StampBeforePayload) {
        slot.stamp().store_release(slot.seq().published(), Edge::W2);
    }
    slot.copy_in(message);
}

/// The same in less code, if the message is short.
#[cfg(not(loom))]
#[inline(always)]
pub(crate) fn write_short<P: Parts>(slot: Slot<'_, ReadWrite, P>, message: SizedMessage<'_>, tag: u32) {
    begin(slot);
    // First what then needn't be kept in a register.
    write_header(slot, message.len(), tag);
    slot.copy_in_short(message);
    finish(slot);
}

/// Publishes the payload that lies in the slot. Where messages have one length, it is that, and there is no tag.
#[inline(always)]
pub(crate) fn publish<P: Parts>(slot: Slot<'_, ReadWrite, P>, len: Len, tag: u32) {
    write_header(slot, len, tag);
    finish(slot);
}

#[inline(always)]
fn write_header<P: Parts>(slot: Slot<'_, ReadWrite, P>, len: Len, tag: u32) {
    if let Some(word) = slot.len_and_tag() {
        word.store(len.get() as u64 | u64::from(tag) << 32);
    } else {
        debug_assert!(tag == 0 && len.get() == slot.capacity(), "no word holds another length, or a tag");
    }
}

/// Publishes what lies in the slot.
#[inline(always)]
fn finish<P: Parts>(slot: Slot<'_, ReadWrite, P>) {
    // W2 pairs with R1: a reader that sees this stamp sees the payload.
    slot.stamp().store_release(slot.seq().published(), Edge::W2);
}

/// The slot's stamp, ordered before whatever is read next.
#[inline(always)]
pub(crate) fn stamp<A: Access, P: Parts>(slot: Slot<'_, A, P>) -> u64 {
    let stamp = slot.stamp().load();
    // R1 pairs with W2 for a published message; for a later one with W1 of those before it, or with G1 where those were
    // skipped. Its stamp then guarantees a head that is at most a lap behind it.
    fence(Edge::R1);
    stamp
}

/// What a stamp says of message `seq` that isn't the one of its being published.
#[inline(always)]
pub(crate) fn miss(seq: Seq, stamp: u64) -> Look {
    if stamp < seq.published() { Look::NotYet } else { beyond(seq, stamp) }
}

/// The same of a stamp that is larger.
#[cold]
fn beyond(seq: Seq, stamp: u64) -> Look {
    match Seq::of_void(stamp) {
        Some(void) if void <= seq => Look::Void(void),
        _ => Look::Gone(stamp),
    }
}

/// What a stamp says of message `seq`.
#[inline(always)]
pub(crate) fn verdict(seq: Seq, stamp: u64) -> Look {
    if stamp == seq.published() { Look::Published } else { miss(seq, stamp) }
}

/// Looks for the message in its slot.
#[inline(always)]
pub(crate) fn look<A: Access, P: Parts>(slot: Slot<'_, A, P>) -> Look {
    verdict(slot.seq(), stamp(slot))
}

/// Whether the slot still holds the message: asked after copying it out.
#[inline(always)]
pub(crate) fn unchanged<A: Access, P: Parts>(slot: Slot<'_, A, P>) -> bool {
    if seeded(Fault::NoRecheck) {
        return true;
    }
    #[cfg(loom)]
    if seeded(Fault::RecheckByAcquireLoad) {
        return slot.stamp().load_acquire() == slot.seq().published();
    }
    // R2 pairs with W1: if any of what was copied is newer, the stamp below is newer too.
    fence(Edge::R2);
    slot.stamp().load() == slot.seq().published()
}

/// Length and tag of the message in the slot, read once, and not checked. Nothing is read if messages have one length.
#[inline(always)]
pub(crate) fn len_and_tag<A: Access, P: Parts>(slot: Slot<'_, A, P>) -> (u64, u32) {
    let Some(word) = slot.len_and_tag() else { return (slot.capacity() as u64, 0) };
    let word = word.load();
    (word & u64::from(u32::MAX), (word >> 32) as u32)
}

/// Length and tag of the message in the slot, read once and checked.
#[inline(always)]
pub(crate) fn header<A: Access, P: Parts>(slot: Slot<'_, A, P>) -> Result<SlotHeader, Damaged> {
    let (len, tag) = len_and_tag(slot);
    match slot.len(len) {
        Some(len) => Ok(SlotHeader { len, tag }),
        None => Err(bad_len(slot.seq(), len, slot.capacity())),
    }
}

#[cold]
fn bad_len(seq: Seq, found: u64, capacity: usize) -> Damaged {
    Damaged { what: "length", seq: seq.get(), found, expected: capacity as u64 }
}

/// The later message that took the slot of `seq`, if `stamp` can be one: of the same slot, and no more than
/// a lap ahead of head, which a batch of the producer may be.
pub(crate) fn overtaker(seq: Seq, stamp: u64, head: Seq, geometry: &Geometry) -> Result<Seq, Damaged> {
    let slots = geometry.slots;
    let bound = head.plus(slots);
    match Seq::of_stamp(stamp) {
        Some(later)
            if later > seq
                && later <= bound
                && (later.get() ^ seq.get()) & (slots - 1) == 0
                && (geometry.can_skip() || Seq::of_void(stamp).is_none()) =>
        {
            Ok(later)
        }
        _ => Err(bad_stamp(seq, stamp, bound)),
    }
}

#[cold]
pub(crate) fn bad_stamp(seq: Seq, found: u64, bound: Seq) -> Damaged {
    Damaged { what: "stamp", seq: seq.get(), found, expected: bound.published() }
}
