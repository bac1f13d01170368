//! A claimed slot: written in place, then published by `commit`.
//!
//! # Safety
//! A payload is written in place only in a slot that was reserved and whose stamp is odd, which the producer alone may
//! write.

#![allow(unsafe_code)]

use core::ops::{Deref, DerefMut};
use std::io;

use crate::format::error::PublishError;
use crate::memory::PayloadMut;
use crate::memory::access::AsProducer;
use crate::memory::region::Region;
use crate::memory::sized::Len;
use crate::protocol::stamp;
use crate::roles::producer::{Producer, WritePosition, store_head};

/// The next message, claimed and not yet published.
///
/// It dereferences to the message's bytes: the slot itself where the ring's peers are trusted, else a buffer
/// that [`commit`](Self::commit) copies. They hold whatever was there before, so write them all. It is also an
/// [`io::Write`].
///
/// Dropped without a commit it publishes nothing, and the sequence goes to the next message. The message that
/// was in the slot a lap ago is gone all the same.
#[derive(Debug)]
pub struct Claim<'p> {
    region: &'p Region<AsProducer>,
    position: &'p mut WritePosition,
    bytes: PayloadMut<'p>,
    len: Len,
    written: usize,
    staged: bool,
}

impl<'p> Claim<'p> {
    /// The slot of `position.next` must have been reserved.
    #[inline]
    pub(crate) fn new(producer: &'p mut Producer, len: Len) -> Result<Self, PublishError> {
        let Producer { region, position, staging, .. } = producer;
        let region: &'p Region<AsProducer> = region;
        let slot = region.slots.at(position.next);
        let staged = !region.in_place;
        let bytes = if staged {
            // Before the slot is marked: for want of memory no message is lost.
            let bytes = staging.bytes(len.get())?;
            stamp::begin(slot);
            PayloadMut::from(bytes)
        } else {
            stamp::begin(slot);
            // SAFETY: the stamp just stored is odd, so no reader accepts the slot until it is published;
            // the claim borrows the producer, so there is no other claim or publish meanwhile.
            unsafe { slot.borrow_mut(len) }
        };
        Ok(Self { region, position, bytes, len, written: 0, staged })
    }

    /// The sequence that the message gets when it is committed.
    pub fn seq(&self) -> u64 {
        self.position.next.get()
    }

    /// Bytes written so far through [`io::Write`].
    pub fn written(&self) -> usize {
        self.written
    }

    /// Publishes the message, all of it. Returns its sequence.
    ///
    /// # Errors
    /// `Forked` in a forked child, `Truncated`; nothing was published then.
    #[inline]
    pub fn commit(self, tag: u32) -> Result<u64, PublishError> {
        let len = self.len;
        self.finish(len, tag)
    }

    /// Publishes the first `len` bytes of what was claimed. Returns the message's sequence.
    ///
    /// # Errors
    /// `BeyondClaim` if fewer were claimed; `Forked` in a forked child, `Truncated`. Nothing was published then.
    #[inline]
    pub fn commit_len(self, len: usize, tag: u32) -> Result<u64, PublishError> {
        let claimed = self.len.get();
        match self.region.slots.len(len) {
            Some(fits) if len <= claimed => self.finish(fits, tag),
            _ => Err(PublishError::BeyondClaim { len, claimed }),
        }
    }

    #[inline(always)]
    fn finish(self, len: Len, tag: u32) -> Result<u64, PublishError> {
        self.region.fork.check_for::<PublishError>()?;
        let Self { region, position, bytes, staged, .. } = self;
        let slot = region.slots.at(position.next);
        if staged {
            stamp::copy_in(slot, len.prefix_of(&bytes));
        }
        // Ends the borrow of the slot before readers may look at it.
        bytes.end();
        stamp::publish(slot, len, tag);
        position.next = slot.seq().next();
        store_head(region, position.next);
        Ok(slot.seq().get())
    }
}

impl Deref for Claim<'_> {
    type Target = [u8];

    #[inline(always)]
    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl DerefMut for Claim<'_> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

/// Writes from the first byte on, as far as was claimed.
impl io::Write for Claim<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let rest = &mut self.bytes[self.written..];
        let n = rest.len().min(data.len());
        rest[..n].copy_from_slice(&data[..n]);
        self.written += n;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
