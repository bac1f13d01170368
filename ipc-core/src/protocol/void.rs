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
//! A void stamp needs none: it lends nothing. The scan (`G1`) that precedes it follows a store of head, so a reader of the
//! stamp (`R1`) sees a head that is at most half a lap behind it. `W3`/`H1` of [`crate::ordering::edge`] order the stamps
//! before the head that counts them: an earlier message's stamp below head means that no message came after it.

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

/// Where the void messages end that begin at `from`, whose slot has the void stamp of `void`: `from` itself if it is
/// still to come. A lap of slots is looked at, at most.
///
/// # Errors
/// `Damaged` if the ring has no void messages, or if a producer can't have come so far.
#[cold]
#[inline(never)]
pub(crate) fn end<P: Access, S: Access>(
    geometry: &Geometry,
    page: &ProducerPage<P>,
    slots: &Slots<S>,
    from: Seq,
    void: Seq,
) -> Result<Seq, Damaged> {
    // Before the slots: what this head counts is there, or void.
    let head = page.head()?;
    let bound = head.plus(slots.count());
    if !geometry.can_skip() || void > bound {
        return Err(stamp::bad_stamp(from, void.void(), bound));
    }
    let is_void = |seq: Seq| match stamp::look(slots.at(seq)) {
        Look::Void(void) => void == seq || seq < head || seeded(Fault::VoidByStampAlone),
        _ => false,
    };
    let as_seen = seeded(Fault::VoidWithoutRecheck) && from < head;
    if !as_seen && !is_void(from) {
        return Ok(from);
    }
    // Head is more than a lap further only if all that lies between was skipped, or is lost to this reader.
    let mut end = from.next().max(geometry.edge(head));
    let last = end.plus(slots.count()).min(bound);
    while end < last && is_void(end) {
        end = end.next();
    }
    Ok(end)
}
