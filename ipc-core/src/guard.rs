//! One message in a consumer's hands: borrowed where it lies, or copied, and released when it is dropped.

#![allow(unsafe_code)]

use core::fmt;
use core::ops::Deref;

use crate::consumer::release;
use crate::error::RecvError;
use crate::message::Scratch;
use crate::region::{AsConsumer, Len, Payload, ReadOnly, Region, Slot};
use crate::seq::Seq;

/// A message that a consumer is reading. Dropping it releases the slot to the producer.
pub struct Guard<'c> {
    region: &'c Region<AsConsumer>,
    cell: usize,
    next: &'c mut Seq,
    tag: u32,
    payload: Payload<'c>,
}

impl fmt::Debug for Guard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { next, tag, payload, .. } = self;
        f.debug_struct("Guard").field("seq", &next.get()).field("tag", tag).field("payload", payload).finish()
    }
}

impl Guard<'_> {
    /// Number of the message, from 0 for the ring's first.
    pub fn seq(&self) -> u64 {
        self.next.get()
    }

    /// The tag that the producer gave it.
    pub fn tag(&self) -> u32 {
        self.tag
    }
}

impl Deref for Guard<'_> {
    type Target = [u8];

    #[inline(always)]
    fn deref(&self) -> &[u8] {
        &self.payload
    }
}

impl Drop for Guard<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        // In a forked child the cell is the parent's.
        if self.region.fork.check().is_ok() {
            self.payload.end();
            release(self.region, self.cell, self.next, 1);
        }
    }
}

/// The message that lies in its slot, borrowed there or copied.
#[inline(always)]
pub(crate) fn guard<'c>(
    region: &'c Region<AsConsumer>,
    slot: Slot<'c, ReadOnly>,
    (len, tag): (Len, u32),
    cell: usize,
    next: &'c mut Seq,
    scratch: &'c mut Scratch,
) -> Result<Guard<'c>, RecvError> {
    let payload = if region.in_place {
        // SAFETY: the stamp says that the message is published, and the producer overwrites the slot only
        // once this cell's cursor has passed it, which happens when the guard is dropped. That the
        // producer, and every other process, keeps to the protocol is what made the region `in_place`.
        unsafe { slot.borrow(len) }
    } else {
        let payload = copied(region, *next, len, scratch);
        region.fork.check_after_for::<RecvError>()?;
        payload
    };
    Ok(Guard { region, cell, next, tag, payload })
}

/// A private copy of a payload. Out of line, and finding the slot anew, to keep the borrowing path short.
#[inline(never)]
fn copied<'s>(region: &Region<AsConsumer>, next: Seq, len: Len, scratch: &'s mut Scratch) -> Payload<'s> {
    let bytes = scratch.bytes(len.get());
    region.slots.at(next).copy_out(len, bytes);
    Payload::from(&*bytes)
}
