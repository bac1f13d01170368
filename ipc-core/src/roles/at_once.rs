//! What bindings to other languages try first: the short ways of the calls that pass messages.
//!
//! Each does what the call of its name does where that is simplest, and otherwise nothing: then the binding makes the
//! call. They are inlined, call nothing, and don't panic. So a binding's function needs no stack frame for them, and
//! nothing unwinds through it. To wake the other side is a call. So a binding is told when that is due, and makes it.
//!
//! # Safety
//! As `peek` says: the copy in the consumer is written only while nothing is held.
#![allow(unsafe_code)]

use crate::format::seq::Seq;
use crate::memory::access::{ReadOnly, ReadWrite};
use crate::memory::short::ShortLen;
#[cfg(not(loom))]
use crate::memory::short_copy;
use crate::memory::sized::SizedMessage;
use crate::memory::{Headed, Payload, Slot};
use crate::ordering::fault::{Fault, seeded};
use crate::protocol::doorbell;
use crate::protocol::message::Received;
use crate::protocol::stamp::{self, SlotHeader};
use crate::protocol::wait::{self, Limit};
use crate::roles::consumer::Consumer;
use crate::roles::cursor::Shown;
#[cfg(not(loom))]
use crate::roles::producer::aside;
use crate::roles::producer::{Producer, store_head_silently};

/// A message that was published.
#[derive(Clone, Copy, Debug)]
#[must_use = "a reader that sleeps may have to be woken"]
pub struct Published {
    /// Its sequence.
    pub seq: u64,
    /// Whether [`wake_readers`] is due.
    pub is_awaited: bool,
}

/// Whether messages of so many bytes are published at once, as far as their length matters: no memory has more bytes.
#[inline(always)]
pub fn fits(producer: &Producer, len: usize) -> bool {
    producer.region.slots.len(len).is_some()
}

/// The same, of messages of 8 to 64 bytes, which [`publish_short`] publishes.
#[cfg(not(loom))]
#[inline(always)]
pub fn fits_short(producer: &Producer, len: usize) -> bool {
    if !short_copy::is_short(len) {
        aside();
        return false;
    }
    fits(producer, len)
}

/// The same as [`publish`] in less code, if the message [is short](fits_short).
#[cfg(not(loom))]
#[inline(always)]
pub fn publish_short(producer: &mut Producer, message: &[u8], tag: u32) -> Option<Published> {
    publish_by(producer, message, tag, stamp::write_short)
}

/// [`Producer::try_publish_tagged`], if the message [fits](fits) and there is room as far as is known.
#[inline(always)]
pub fn publish(producer: &mut Producer, message: &[u8], tag: u32) -> Option<Published> {
    publish_by(producer, message, tag, stamp::write)
}

#[inline(always)]
fn publish_by(
    producer: &mut Producer,
    message: &[u8],
    tag: u32,
    write: impl FnOnce(Slot<'_, ReadWrite, Headed>, SizedMessage<'_>, u32),
) -> Option<Published> {
    let message = producer.region.slots.fit(message)?;
    if !producer.has_room() {
        return None;
    }
    let seq = producer.position.next;
    write(producer.region.slots.headed(seq), message, tag);
    producer.position.next = seq.next();
    store_head_silently(&producer.region, seq.next());
    Some(Published { seq: seq.get(), is_awaited: doorbell::is_awaited(&producer.region) })
}

/// Wakes readers that sleep, once a message was published.
pub fn wake_readers(producer: &Producer) {
    doorbell::ring_if_asleep(&producer.region);
}

/// [`Consumer::peek`], if nothing is held, and the next message is there. A copy is made only of a short one.
#[inline(always)]
pub fn peek(consumer: &Consumer) -> Option<Received<'_>> {
    consumer.peek_at_once()
}

/// The same, which looks again for about a microsecond, while the ring is just empty.
#[inline(always)]
pub fn peek_briefly(consumer: &Consumer) -> Option<Received<'_>> {
    consumer.peek_briefly()
}

/// The first message that wasn't peeked at, which is the next that [`Consumer::peek`] shows.
#[inline]
pub fn next_to_peek(consumer: &Consumer) -> u64 {
    consumer.next_to_peek().get()
}

/// [`Consumer::release_through`], if `seq` is the oldest message that is held. Whether [`wake_producer`] is due.
#[inline(always)]
#[must_use = "a producer that waits for room may have to be woken"]
pub fn release(consumer: &mut Consumer, seq: u64) -> Option<bool> {
    consumer.release_at_once(seq)
}

/// Wakes the producer if it waits for room, once a message was released.
pub fn wake_producer(consumer: &Consumer) {
    consumer.cursor.wake_producer();
}

impl Consumer {
    /// The next message, if nothing is held and one look tells: the look of a call that receives. It calls nothing.
    #[inline(always)]
    pub(crate) fn peek_at_once(&self) -> Option<Received<'_>> {
        self.peek_by(|| self.cursor.look())
    }

    /// The same, which looks again for a moment. It calls nothing, either.
    #[inline(always)]
    pub(crate) fn peek_briefly(&self) -> Option<Received<'_>> {
        let waits = |shown: &Shown| {
            matches!(shown, Shown::NotYet) && self.why_empty.is_open(&self.cursor.region.producer_page)
        };
        self.peek_by(|| wait::look_briefly(Limit::Never, || self.cursor.look(), waits))
    }

    /// The next message, if nothing is held, as a look shows it.
    #[inline(always)]
    fn peek_by(&self, look: impl FnOnce() -> Shown) -> Option<Received<'_>> {
        // Found ahead of the look, whose fence would have them read again.
        let (seq, slot) = (self.cursor.next(), self.cursor.headed());
        if self.peeked.next.get() > seq {
            return None;
        }
        let (payload, tag) = match look() {
            Shown::Borrowable(SlotHeader { len, tag }) => {
                self.peeked.next.set(seq.next());
                // SAFETY: the message is published, and the region is `in_place`. The cursor doesn't pass it while the
                // result lives: see the module.
                (unsafe { slot.borrow(len) }, tag)
            }
            Shown::Short(len, tag) => (self.copy_first(slot, len, tag)?, tag),
            _ => return None,
        };
        Some(Received { seq: seq.get(), tag, payload })
    }

    /// Copies a short message, while nothing is held. `None` if the handle has lost its memory.
    #[inline(always)]
    fn copy_first(&self, slot: Slot<'_, ReadOnly, Headed>, len: ShortLen, tag: u32) -> Option<Payload<'_>> {
        // SAFETY: nothing is held, so no borrow of an earlier copy lives: see the module.
        let first = unsafe { &mut *self.peeked.first.get() };
        // First what takes no place in a register then.
        (first.seq, first.len, first.tag) = (slot.seq(), len.get(), tag);
        self.peeked.next.set(slot.seq().next());
        slot.copy_out_short(len, &mut first.bytes);
        if !self.cursor.region.fork.is_valid_after() {
            self.peeked.next.set(slot.seq());
            return None;
        }
        // SAFETY: it is written once more only when this message is released, after the last borrow of `self`.
        let bytes: &[u8] = unsafe { &*core::ptr::from_ref(first.bytes.first(len)) };
        Some(Payload::from(bytes))
    }

    /// Releases `seq`, if that is the oldest message, no copy has a buffer to be given up, and nothing that was skipped
    /// can lie behind it. Whether it is due to wake the producer. It calls nothing.
    #[inline(always)]
    pub(crate) fn release_at_once(&mut self, seq: u64) -> Option<bool> {
        // By the stamp, which is at hand: a number that is too large to have one wasn't peeked at, either.
        let releases = Seq::new(seq).published() == self.cursor.published()
            && Seq::new(seq) < self.peeked.next.get()
            && (self.cursor.region.gapless || Seq::new(seq).next() == self.peeked.next.get())
            && self.peeked.has_no_copies()
            && self.cursor.region.fork.is_valid()
            && !seeded(Fault::ReleaseOneTooMany);
        if releases { Some(self.cursor.release_silently(Seq::new(seq))) } else { None }
    }
}
