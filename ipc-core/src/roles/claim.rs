//! A claimed slot: written in place, then published by `commit`.
//!
//! # Safety
//! A payload is written in place only in a slot that was reserved and whose stamp is odd, which the producer alone may
//! write.

#![allow(unsafe_code)]

use core::ops::{Deref, DerefMut};
use core::time::Duration;
use std::io;
use std::time::Instant;

use crate::format::error::PublishError;
use crate::format::seq::Seq;
use crate::memory::PayloadMut;
use crate::memory::access::AsProducer;
use crate::memory::region::Region;
use crate::memory::scratch::Scratch;
use crate::memory::sized::Len;
use crate::protocol::stamp;
use crate::protocol::wait::Limit;
use crate::roles::producer::{Producer, WritePosition, aside, check_tag, fit_len, store_head};

/// The next message, claimed and not yet published.
///
/// It dereferences to the message's bytes: the slot itself where the ring's peers are trusted, else a buffer
/// that [`commit`](Self::commit) copies. They hold whatever was there before, so write them all. It is also an
/// [`io::Write`].
///
/// Dropped without a commit it publishes nothing, and the sequence goes to the next message. The message that
/// was in the slot a lap ago is gone all the same.
///
/// # Examples
/// ```
/// use ringway::{Config, Outcome, Ring, Start};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ring = ringway::anon::create(&Config::new())?;
/// let mut consumer = ring.consumer(Start::Oldest)?;
/// let mut producer = ring.producer()?;
/// let mut claim = producer.claim(4)?;
/// claim.copy_from_slice(b"some");
/// claim.commit()?;
/// // Nobody ever sees what isn't committed.
/// producer.claim(4)?.abort();
/// let Outcome::Message(message) = consumer.try_recv()? else { panic!("a message is there") };
/// assert_eq!(&message[..], b"some");
/// # Ok(())
/// # }
/// ```
///
/// A claim that is dropped at once is a mistake, of which the compiler warns:
/// ```
/// #![deny(unused_must_use)]
/// # use ringway::{Config, Ring};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let ring = ringway::anon::create(&Config::new())?;
/// # let mut producer = ring.producer()?;
/// producer.claim(8)?.commit()?;
/// # Ok(())
/// # }
/// ```
/// ```compile_fail
/// #![deny(unused_must_use)]
/// # use ringway::{Config, Ring};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let ring = ringway::anon::create(&Config::new())?;
/// # let mut producer = ring.producer()?;
/// producer.claim(8)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a claim that is dropped publishes nothing and destroys the message a lap old: `commit` it, or `abort` it"]
pub struct Claim<'p> {
    region: &'p Region<AsProducer>,
    position: &'p mut WritePosition,
    bytes: PayloadMut<'p>,
    len: Len,
    written: usize,
    /// Whether it is written in place, in a slot with a header.
    plain: bool,
}

impl Producer {
    /// Claims the next slot for a message of `len` bytes, to be written in place. Waits for room without end.
    ///
    /// # Errors
    /// As for [`publish`](Self::publish); where messages are written in a buffer first, `NoMemory`.
    ///
    /// # Examples
    /// See [`Claim`].
    #[inline]
    pub fn claim(&mut self, len: usize) -> Result<Claim<'_>, PublishError> {
        self.claim_limited(len, Some(Limit::Never))
    }

    /// Claims the next slot for a message of `len` bytes, waiting for room for `timeout` at most.
    ///
    /// # Errors
    /// As for [`publish_timeout`](Self::publish_timeout); where messages are written in a buffer first, `NoMemory`.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Config, PublishError, Ring, Start};
    /// # use std::time::Duration;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = ringway::anon::create(&Config::new().slots(2))?;
    /// let consumer = ring.consumer(Start::Oldest)?;
    /// let mut producer = ring.producer()?;
    /// let timeout = Duration::from_millis(1);
    /// producer.claim_timeout(1, timeout)?.commit()?;
    /// producer.claim_timeout(1, timeout)?.commit()?;
    /// assert!(matches!(producer.claim_timeout(1, timeout), Err(PublishError::TimedOut(_))));
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn claim_timeout(&mut self, len: usize, timeout: Duration) -> Result<Claim<'_>, PublishError> {
        self.claim_limited(len, Some(Limit::After(timeout)))
    }

    /// Claims the next slot for a message of `len` bytes, waiting for room until `deadline`.
    ///
    /// # Errors
    /// As for [`claim_timeout`](Self::claim_timeout).
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Config, Ring};
    /// # use std::time::{Duration, Instant};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ring = ringway::anon::create(&Config::new())?;
    /// # let mut producer = ring.producer()?;
    /// let deadline = Instant::now() + Duration::from_millis(10);
    /// assert_eq!(producer.claim_deadline(1, deadline)?.commit()?, 0);
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn claim_deadline(&mut self, len: usize, deadline: Instant) -> Result<Claim<'_>, PublishError> {
        self.claim_limited(len, Some(Limit::At(deadline)))
    }

    /// Claims the next slot for a message of `len` bytes if there is room now.
    ///
    /// # Errors
    /// As for [`try_publish`](Self::try_publish); where messages are written in a buffer first, `NoMemory`.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Config, Ring};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ring = ringway::anon::create(&Config::new())?;
    /// # let mut producer = ring.producer()?;
    /// let mut claim = producer.try_claim(2)?;
    /// claim.copy_from_slice(b"ok");
    /// assert_eq!(claim.commit_tagged(7)?, 0);
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn try_claim(&mut self, len: usize) -> Result<Claim<'_>, PublishError> {
        self.claim_limited(len, None)
    }

    #[inline(always)]
    fn claim_limited(&mut self, len: usize, limit: Option<Limit>) -> Result<Claim<'_>, PublishError> {
        let len = self.fit_len(len)?;
        self.reserve_within(limit)?;
        Claim::new(self, len)
    }
}

impl<'p> Claim<'p> {
    /// The slot of `position.next` must have been reserved.
    #[inline]
    fn new(producer: &'p mut Producer, len: Len) -> Result<Self, PublishError> {
        let Producer { region, position, staging, .. } = producer;
        let region: &'p Region<AsProducer> = region;
        let plain = region.plain;
        let bytes = if plain {
            let slot = region.slots.headed(position.next);
            stamp::begin(slot);
            // SAFETY: the stamp just stored is odd, so no reader accepts the slot until it is published;
            // the claim borrows the producer, so there is no other claim or publish meanwhile.
            unsafe { slot.borrow_mut(len) }
        } else {
            aside();
            Self::begin(region, position.next, staging, len)?
        };
        Ok(Self { region, position, bytes, len, written: 0, plain })
    }

    /// Marks the slot of `seq`, of any kind. Where the message is to be written.
    #[inline(never)]
    fn begin(
        region: &'p Region<AsProducer>,
        seq: Seq,
        staging: &'p mut Scratch,
        len: Len,
    ) -> Result<PayloadMut<'p>, PublishError> {
        let slot = region.slots.at(seq);
        if region.in_place {
            stamp::begin(slot);
            // SAFETY: as above.
            return Ok(unsafe { slot.borrow_mut(len) });
        }
        // Before the slot is marked: for want of memory no message is lost.
        let bytes = staging.bytes(len.get())?;
        stamp::begin(slot);
        Ok(PayloadMut::from(bytes))
    }

    /// The sequence that the message gets when it is committed.
    pub fn seq(&self) -> u64 {
        self.position.next.get()
    }

    /// Bytes written so far through [`io::Write`].
    pub fn written(&self) -> usize {
        self.written
    }

    /// Publishes the message, all of it, with tag 0. Returns its sequence.
    ///
    /// # Errors
    /// `Forked` in a forked child, `Truncated`; nothing was published then.
    #[inline]
    pub fn commit(self) -> Result<u64, PublishError> {
        self.commit_tagged(0)
    }

    /// Publishes the message, all of it, with a tag of the caller's. Returns its sequence.
    ///
    /// # Errors
    /// As for [`commit`](Self::commit); and `NoTags` if the tag isn't 0, and all messages of the ring have one length.
    #[inline]
    pub fn commit_tagged(self, tag: u32) -> Result<u64, PublishError> {
        let len = self.len;
        self.finish(len, tag)
    }

    /// Publishes the first `len` bytes of what was claimed, with tag 0. Returns the message's sequence.
    ///
    /// # Errors
    /// `BeyondClaim` if fewer were claimed; `FixedLength` if all messages of the ring have another length; `Forked` in
    /// a forked child, `Truncated`. Nothing was published then.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Config, Ring};
    /// use std::io::Write;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ring = ringway::anon::create(&Config::new())?;
    /// # let mut producer = ring.producer()?;
    /// let mut claim = producer.claim(48)?;
    /// write!(claim, "as long as it gets: {}", 42)?;
    /// let written = claim.written();
    /// claim.commit_len(written)?;
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn commit_len(self, len: usize) -> Result<u64, PublishError> {
        self.commit_len_tagged(len, 0)
    }

    /// Publishes the first `len` bytes of what was claimed, with a tag of the caller's. Returns the message's sequence.
    ///
    /// # Errors
    /// As for [`commit_len`](Self::commit_len).
    #[inline]
    pub fn commit_len_tagged(self, len: usize, tag: u32) -> Result<u64, PublishError> {
        let claimed = self.len.get();
        if len > claimed {
            return Err(PublishError::BeyondClaim { len, claimed });
        }
        let len = fit_len(self.region, len)?;
        self.finish(len, tag)
    }

    /// Publishes nothing, as dropping the claim does: the sequence goes to the next message.
    #[inline]
    pub fn abort(self) {}

    #[inline(always)]
    fn finish(self, len: Len, tag: u32) -> Result<u64, PublishError> {
        self.region.fork.check_for::<PublishError>()?;
        let Self { region, position, bytes, plain, .. } = self;
        let seq = position.next;
        if plain {
            // Ends the borrow of the slot before readers may look at it.
            bytes.end();
            stamp::publish(region.slots.headed(seq), len, tag);
        } else {
            aside();
            Self::publish(region, seq, bytes, len, tag)?;
        }
        position.next = seq.next();
        store_head(region, position.next);
        Ok(seq.get())
    }

    /// Publishes what was written, in a slot of any kind.
    #[inline(never)]
    fn publish(
        region: &'p Region<AsProducer>,
        seq: Seq,
        bytes: PayloadMut<'p>,
        len: Len,
        tag: u32,
    ) -> Result<(), PublishError> {
        check_tag(region, len, tag)?;
        let slot = region.slots.at(seq);
        if !region.in_place {
            stamp::copy_in(slot, len.prefix_of(&bytes));
        }
        bytes.end();
        stamp::publish(slot, len, tag);
        Ok(())
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
