//! The stamp protocol: how one message gets into a slot and out of it again.
//!
//! A slot's stamp is odd while its message is being written and even once it is published, and names the
//! message either way, so a reader needs nothing but the slot itself to know whether message `n` is there,
//! not there yet, or gone.
//!
//! # Orderings
//! `W1`/`R2` and `W2`/`R1` of [`crate::edge`].

use crate::edge::{Edge, fence};
use crate::error::Damaged;
use crate::fault::{Fault, seeded};
use crate::region::{Access, Fitting, Len, ReadWrite, Slots};
use crate::seq::Seq;

/// What a slot's stamp says of one message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Look {
    /// It is published, and what the slot holds may be read.
    Published,
    /// It isn't published yet.
    NotYet,
    /// A later message has this stamp: the one asked for is gone.
    Gone(u64),
}

/// Marks the slot of `seq` as being written. What is stored next can't be seen before the mark.
#[inline(always)]
pub(crate) fn begin(slots: &Slots<ReadWrite>, seq: Seq) {
    if seeded(Fault::OddStampByReleaseStore) {
        slots.stamp(seq).store_release(seq.writing(), Edge::W2);
        return;
    }
    slots.stamp(seq).store(seq.writing());
    // W1 pairs with R2: a reader that sees any of the payload stored below also sees this stamp.
    fence(Edge::W1);
}

/// Writes the whole message: header, payload, stamp.
#[inline(always)]
pub(crate) fn write(slots: &Slots<ReadWrite>, seq: Seq, message: Fitting<'_>, tag: u32) {
    begin(slots, seq);
    if seeded(Fault::StampBeforePayload) {
        slots.stamp(seq).store_release(seq.published(), Edge::W2);
    }
    slots.copy_in(seq, message);
    publish(slots, seq, message.len(), tag);
}

/// Publishes the payload that lies in the slot of `seq`.
#[inline(always)]
pub(crate) fn publish(slots: &Slots<ReadWrite>, seq: Seq, len: Len, tag: u32) {
    slots.len_and_tag(seq).store(len.get() as u64 | u64::from(tag) << 32);
    // W2 pairs with R1: who sees this stamp sees the payload.
    slots.stamp(seq).store_release(seq.published(), Edge::W2);
}

/// Looks for message `seq` in its slot.
#[inline(always)]
pub(crate) fn look<A: Access>(slots: &Slots<A>, seq: Seq) -> Look {
    let stamp = slots.stamp(seq).load();
    // R1 pairs with W2 for a published message; with W1 for a later one, whose stamp then guarantees
    // a head that is at most a lap behind it.
    fence(Edge::R1);
    if stamp == seq.published() {
        Look::Published
    } else if stamp < seq.published() {
        Look::NotYet
    } else {
        Look::Gone(stamp)
    }
}

/// Whether the slot still holds message `seq`: asked after copying it out.
#[inline(always)]
pub(crate) fn unchanged<A: Access>(slots: &Slots<A>, seq: Seq) -> bool {
    if seeded(Fault::NoRecheck) {
        return true;
    }
    #[cfg(loom)]
    if seeded(Fault::RecheckByAcquireLoad) {
        return slots.stamp(seq).load_acquire() == seq.published();
    }
    // R2 pairs with W1: if any of what was copied is newer, the stamp below is newer too.
    fence(Edge::R2);
    slots.stamp(seq).load() == seq.published()
}

/// Length and tag of the message in the slot of `seq`, read once and checked.
#[inline(always)]
pub(crate) fn header<A: Access>(slots: &Slots<A>, seq: Seq) -> Result<(Len, u32), Damaged> {
    let word = slots.len_and_tag(seq).load();
    let len = word & u64::from(u32::MAX);
    match slots.len(len) {
        Some(len) => Ok((len, (word >> 32) as u32)),
        None => Err(bad_len(seq, len, slots.capacity())),
    }
}

#[cold]
fn bad_len(seq: Seq, found: u64, capacity: usize) -> Damaged {
    Damaged { what: "length", seq: seq.get(), found, expected: capacity as u64 }
}

/// The later message that took the slot of `seq`, if `stamp` can be one: of the same slot, and no more than
/// a lap ahead of head, which a batch of the producer may be.
pub(crate) fn overtaker(seq: Seq, stamp: u64, head: Seq, slots: u64) -> Result<Seq, Damaged> {
    let bound = head.plus(slots);
    match Seq::of_stamp(stamp) {
        Some(later) if later > seq && later <= bound && (later.get() ^ seq.get()) & (slots - 1) == 0 => {
            Ok(later)
        }
        _ => Err(bad_stamp(seq, stamp, bound)),
    }
}

#[cold]
pub(crate) fn bad_stamp(seq: Seq, found: u64, bound: Seq) -> Damaged {
    Damaged { what: "stamp", seq: seq.get(), found, expected: bound.published() }
}
