//! The messages of a batch that is claimed: each written in place or in its part of a buffer, one after another.
//!
//! # Safety
//! A payload is written in place only in a slot that was reserved and whose stamp is odd, which the producer alone may
//! write. Each message has a slot of its own, since no batch is longer than half the ring.

#![allow(unsafe_code)]

use core::ops::{Deref, DerefMut};
use core::slice;

use crate::format::error::PublishError;
use crate::format::seq::Seq;
use crate::memory::PayloadMut;
use crate::memory::access::AsProducer;
use crate::memory::region::Region;
use crate::memory::sized::Len;
use crate::roles::producer::fit_len;

/// The alignment of staged messages: that of payloads in an aligned slot.
const ALIGN: usize = 16;

/// What a claimed message is to be published with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Note {
    pub(super) len: Len,
    pub(super) tag: u32,
}

/// Bytes from one staged message to the next.
pub(super) fn stride(len: Len) -> usize {
    len.get().next_multiple_of(ALIGN)
}

/// One message of a [`BatchClaim`](crate::BatchClaim): it dereferences to the bytes that were claimed for it.
///
/// # Examples
/// ```
/// use ringway::{Config, Ring};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let ring = ringway::anon::create(&Config::new())?;
/// # let mut producer = ring.producer()?;
/// let mut batch = producer.claim_batch(2, 8)?;
/// for mut message in batch.iter_mut() {
///     let seq = message.seq();
///     message.copy_from_slice(&seq.to_ne_bytes());
/// }
/// assert_eq!(batch.commit()?, 0..2);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a claimed message holds an old message's bytes until it is written"]
pub struct MessageClaim<'b> {
    bytes: PayloadMut<'b>,
    note: &'b mut Note,
    seq: Seq,
    region: &'b Region<AsProducer>,
}

impl<'b> MessageClaim<'b> {
    /// The message `seq` of a batch, whose slot is marked unless it is staged. The caller borrows the batch, and has no
    /// other claim of this message.
    pub(super) fn new(
        region: &'b Region<AsProducer>,
        seq: Seq,
        staged: Option<&'b mut [u8]>,
        note: &'b mut Note,
        len: Len,
    ) -> Self {
        let bytes = match staged {
            Some(staged) => PayloadMut::from(&mut staged[..len.get()]),
            // SAFETY: the stamp has been odd since the slot was claimed, so no reader accepts the slot until the batch
            // is committed. The note, which the batch lends once at a time, is this message's
            // alone, and so is the slot.
            None => unsafe { region.slots.at(seq).borrow_mut(len) },
        };
        Self { bytes, note, seq, region }
    }

    /// The sequence that the message gets when the batch is committed.
    pub fn seq(&self) -> u64 {
        self.seq.get()
    }

    /// Has the first `len` bytes published instead of all of them.
    ///
    /// # Errors
    /// `BeyondClaim` if fewer were claimed; `FixedLength` of another length than that of all of the ring's messages, if
    /// they have one. The length is what it was then.
    pub fn set_len(&mut self, len: usize) -> Result<(), PublishError> {
        let claimed = self.bytes.len();
        if len > claimed {
            return Err(PublishError::BeyondClaim { len, claimed });
        }
        self.note.len = fit_len(self.region, len)?;
        Ok(())
    }

    /// Gives the message a tag; at first it is 0. Where all messages have one length, the commit refuses any other.
    pub fn set_tag(&mut self, tag: u32) {
        self.note.tag = tag;
    }
}

impl Deref for MessageClaim<'_> {
    type Target = [u8];

    #[inline(always)]
    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl DerefMut for MessageClaim<'_> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

/// Iterator over the messages of a [`BatchClaim`](crate::BatchClaim), to be written.
#[derive(Debug)]
#[must_use = "an iterator does nothing until it is asked for messages"]
pub struct BatchClaimIter<'b> {
    region: &'b Region<AsProducer>,
    /// The first message of those left.
    next: Seq,
    notes: slice::IterMut<'b, Note>,
    /// Where those left are written that aren't written in place.
    staging: Option<&'b mut [u8]>,
    len: Len,
}

impl<'b> BatchClaimIter<'b> {
    /// The messages from `first` on, one for each note.
    pub(super) fn new(
        region: &'b Region<AsProducer>,
        first: Seq,
        notes: &'b mut [Note],
        staging: Option<&'b mut [u8]>,
        len: Len,
    ) -> Self {
        Self { region, next: first, notes: notes.iter_mut(), staging, len }
    }
}

impl<'b> Iterator for BatchClaimIter<'b> {
    type Item = MessageClaim<'b>;

    fn next(&mut self) -> Option<MessageClaim<'b>> {
        let note = self.notes.next()?;
        let staged = self.staging.take().map(|all| {
            let (one, others) = all.split_at_mut(stride(self.len));
            self.staging = Some(others);
            one
        });
        let seq = self.next;
        self.next = seq.next();
        Some(MessageClaim::new(self.region, seq, staged, note, self.len))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.notes.size_hint()
    }
}

impl ExactSizeIterator for BatchClaimIter<'_> {}
