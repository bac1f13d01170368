//! Several claimed slots: written in place, then published together by `commit`, or not at all.
//!
//! In place, the slots are marked as being written when they are claimed. Elsewhere that is left to `commit`. Either way
//! `commit` stores the even stamps last, one right after the other in order, and then head, once.
//!
//! # Safety
//! A payload is written in place only in a slot that was reserved and whose stamp is odd, which the producer alone may
//! write. Each message has a slot of its own, since no batch is longer than half the ring.

#![allow(unsafe_code)]

use core::ops::{Deref, DerefMut, Range};
use core::time::Duration;
use std::time::Instant;

use crate::format::error::PublishError;
use crate::format::seq::Seq;
use crate::memory::PayloadMut;
use crate::memory::access::AsProducer;
use crate::memory::region::Region;
use crate::memory::scratch::NoMemory;
use crate::memory::sized::Len;
use crate::ordering::fault::{Fault, seeded};
use crate::protocol::stamp;
use crate::protocol::wait::Limit;
use crate::roles::producer::{Producer, WritePosition, store_head};

/// The alignment of staged messages: that of payloads in an aligned slot.
const ALIGN: usize = 16;

/// What a claimed message is to be published with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Note {
    len: Len,
    tag: u32,
}

impl Producer {
    /// Claims the next `count` slots for messages of `len` bytes each, to be written in place and published together.
    /// Waits without end until there is room for all of them.
    ///
    /// # Errors
    /// `TooLong`; `BatchTooLong` if `count` is more than half the slots, which are never known to be free at once;
    /// `NoMemory`, `Deposed`, `Exhausted`, `NoReaders`, `Closed`, `Forked`, `Truncated`.
    ///
    /// # Examples
    /// See [`BatchClaim`].
    pub fn claim_batch(&mut self, count: usize, len: usize) -> Result<BatchClaim<'_>, PublishError> {
        self.claim_batch_limited(count, len, Some(Limit::Never))
    }

    /// Claims the next `count` slots, waiting for `timeout` at most until there is room for all of them.
    ///
    /// # Errors
    /// As for [`claim_batch`](Self::claim_batch), and `TimedOut`, which names the slowest consumer.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Config, PublishError, Ring, Start};
    /// # use std::time::Duration;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = ringway::anon::create(&Config::new().slots(4))?;
    /// let consumer = ring.consumer(Start::Oldest)?;
    /// let mut producer = ring.producer()?;
    /// producer.publish_batch(&["a", "b", "c"])?;
    /// let refused = producer.claim_batch_timeout(2, 8, Duration::from_millis(1));
    /// assert!(matches!(refused, Err(PublishError::TimedOut(_))));
    /// # Ok(())
    /// # }
    /// ```
    pub fn claim_batch_timeout(
        &mut self,
        count: usize,
        len: usize,
        timeout: Duration,
    ) -> Result<BatchClaim<'_>, PublishError> {
        self.claim_batch_limited(count, len, Some(Limit::After(timeout)))
    }

    /// Claims the next `count` slots, waiting until `deadline` until there is room for all of them.
    ///
    /// # Errors
    /// As for [`claim_batch_timeout`](Self::claim_batch_timeout).
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Config, Ring};
    /// # use std::time::{Duration, Instant};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ring = ringway::anon::create(&Config::new())?;
    /// # let mut producer = ring.producer()?;
    /// let deadline = Instant::now() + Duration::from_millis(10);
    /// assert_eq!(producer.claim_batch_deadline(2, 8, deadline)?.commit()?, 0..2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn claim_batch_deadline(
        &mut self,
        count: usize,
        len: usize,
        deadline: Instant,
    ) -> Result<BatchClaim<'_>, PublishError> {
        self.claim_batch_limited(count, len, Some(Limit::At(deadline)))
    }

    /// Claims the next `count` slots if there is room for all of them now.
    ///
    /// # Errors
    /// As for [`claim_batch`](Self::claim_batch), and `Full`, which names the slowest consumer.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Config, Ring};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ring = ringway::anon::create(&Config::new())?;
    /// # let mut producer = ring.producer()?;
    /// producer.try_claim_batch(2, 8)?.abort();
    /// assert_eq!(producer.next_seq(), 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_claim_batch(&mut self, count: usize, len: usize) -> Result<BatchClaim<'_>, PublishError> {
        self.claim_batch_limited(count, len, None)
    }

    fn claim_batch_limited(
        &mut self,
        count: usize,
        len: usize,
        limit: Option<Limit>,
    ) -> Result<BatchClaim<'_>, PublishError> {
        let len = self.fit_len(len)?;
        self.reserve_all(count, limit)?;
        BatchClaim::new(self, count, len)
    }
}

/// The next messages, claimed and not yet published.
///
/// [`message`](Self::message) and [`iter_mut`](Self::iter_mut) give each message's bytes: the slot itself where the ring's
/// peers are trusted, else a buffer that [`commit`](Self::commit) copies. They hold whatever was there before, so write
/// them all, or shorten the message.
///
/// No reader sees any of them before the commit, which publishes all of them and stores head once. A reader may see the
/// first an instant before the last. A producer that dies in that instant leaves the first ones, without a gap.
///
/// Dropped without a commit, also by unwinding, it publishes nothing, and the sequences go to the next messages. The
/// messages that were in the slots a lap ago are gone all the same.
///
/// # Examples
/// ```
/// use ringway::{Config, Outcome, Ring, Start};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ring = ringway::anon::create(&Config::new())?;
/// let mut consumer = ring.consumer(Start::Oldest)?;
/// let mut producer = ring.producer()?;
/// let mut batch = producer.claim_batch(3, 8)?;
/// for mut message in batch.iter_mut() {
///     let seq = message.seq();
///     message.copy_from_slice(&seq.to_ne_bytes());
/// }
/// let mut last = batch.message(2);
/// last[..4].copy_from_slice(b"last");
/// last.set_len(4)?;
/// last.set_tag(7);
/// assert_eq!(batch.commit()?, 0..3);
///
/// let Outcome::Message(read) = consumer.try_recv_batch(3)? else { panic!("three are there") };
/// let last = read.iter().last().expect("the third");
/// assert_eq!((&last[..], last.tag()), (&b"last"[..], 7));
/// # Ok(())
/// # }
/// ```
///
/// Of a batch that is dropped at once the compiler warns:
/// ```compile_fail
/// #![deny(unused_must_use)]
/// # use ringway::{Config, Ring};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let ring = ringway::anon::create(&Config::new())?;
/// # let mut producer = ring.producer()?;
/// producer.claim_batch(2, 8)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a batch that is dropped publishes nothing and destroys messages a lap old: `commit` it, or `abort` it"]
pub struct BatchClaim<'p> {
    region: &'p Region<AsProducer>,
    position: &'p mut WritePosition,
    notes: &'p mut [Note],
    /// Where the messages are written that aren't written in place: one each `stride` bytes.
    staging: Option<&'p mut [u8]>,
    /// The claimed length of each.
    len: Len,
}

impl<'p> BatchClaim<'p> {
    /// The slots from `position.next` on must have been reserved.
    fn new(producer: &'p mut Producer, count: usize, len: Len) -> Result<Self, PublishError> {
        let Producer { region, position, staging, notes, .. } = producer;
        let region: &'p Region<AsProducer> = region;
        // Before a slot is marked: for want of memory no message is lost.
        notes.clear();
        notes.try_reserve(count).map_err(|_| NoMemory(count.saturating_mul(size_of::<Note>())))?;
        notes.resize(count, Note { len, tag: 0 });
        let staging = if region.in_place {
            None
        } else {
            let needed = stride(len).checked_mul(count).ok_or(NoMemory(usize::MAX))?;
            Some(staging.bytes(needed)?)
        };
        let claim = Self { region, position, notes, staging, len };
        if claim.staging.is_none() {
            claim.seqs().for_each(|seq| stamp::begin(claim.region.slots.at(Seq::new(seq))));
        }
        if seeded(Fault::StampBeforeCommit) {
            claim.seqs().for_each(|seq| stamp::publish(claim.region.slots.at(Seq::new(seq)), len, 0));
        }
        Ok(claim)
    }

    /// How many messages were claimed.
    pub fn len(&self) -> usize {
        self.notes.len()
    }

    /// Whether no message was claimed.
    pub fn is_empty(&self) -> bool {
        self.notes.is_empty()
    }

    /// The sequences that the messages get when they are committed.
    pub fn seqs(&self) -> Range<u64> {
        let first = self.position.next;
        first.get()..first.plus(self.notes.len() as u64).get()
    }

    /// The message at `index`, to be written.
    ///
    /// # Panics
    /// If fewer were claimed.
    pub fn message(&mut self, index: usize) -> MessageClaim<'_> {
        let note = &mut self.notes[index];
        let stride = stride(self.len);
        let staged = self.staging.as_deref_mut().map(|all| &mut all[index * stride..][..stride]);
        let seq = self.position.next.plus(index as u64);
        MessageClaim::new(self.region, seq, staged, note, self.len)
    }

    /// Each of the messages in order, to be written.
    pub fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = MessageClaim<'_>> {
        let (region, len, first, stride) = (self.region, self.len, self.position.next, stride(self.len));
        let mut rest = self.staging.as_deref_mut();
        self.notes.iter_mut().enumerate().map(move |(index, note)| {
            let staged = rest.take().map(|all| {
                let (one, others) = all.split_at_mut(stride);
                rest = Some(others);
                one
            });
            MessageClaim::new(region, first.plus(index as u64), staged, note, len)
        })
    }

    /// Keeps the first `count` messages, and gives the others up.
    pub fn truncate(&mut self, count: usize) {
        let notes = core::mem::take(&mut self.notes);
        let count = count.min(notes.len());
        self.notes = &mut notes[..count];
    }

    /// Publishes all of the messages. Returns their sequences.
    ///
    /// # Errors
    /// `Forked` in a forked child, `Truncated`; nothing was published then.
    pub fn commit(self) -> Result<Range<u64>, PublishError> {
        self.region.fork.check_for::<PublishError>()?;
        let seqs = self.seqs();
        let Self { region, position, notes, staging, len } = self;
        let slots = || seqs.clone().map(|seq| region.slots.at(Seq::new(seq))).zip(notes.iter());
        if let Some(staging) = staging {
            let mut rest: &[u8] = staging;
            for (slot, note) in slots() {
                let (one, others) = rest.split_at(stride(len));
                rest = others;
                stamp::begin(slot);
                stamp::copy_in(slot, note.len.prefix_of(one));
            }
        }
        slots().for_each(|(slot, note)| stamp::publish(slot, note.len, note.tag));
        if !seqs.is_empty() {
            position.next = Seq::new(seqs.end);
            store_head(region, position.next);
        }
        Ok(seqs)
    }

    /// Publishes nothing, as dropping the batch does: the sequences go to the next messages.
    pub fn abort(self) {}
}

/// Bytes from one staged message to the next.
fn stride(len: Len) -> usize {
    len.get().next_multiple_of(ALIGN)
}

/// One message of a [`BatchClaim`]: it dereferences to the bytes that were claimed for it.
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
    fn new(
        region: &'b Region<AsProducer>,
        seq: Seq,
        staged: Option<&'b mut [u8]>,
        note: &'b mut Note,
        len: Len,
    ) -> Self {
        let bytes = match staged {
            Some(staged) => PayloadMut::from(&mut staged[..len.get()]),
            // SAFETY: the stamp has been odd since the slot was claimed, so no reader accepts the slot until the batch
            // is committed. The note, which the batch lends once at a time, is this message's alone, and so is the slot.
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
    /// `BeyondClaim` if fewer were claimed; the length is what it was then.
    pub fn set_len(&mut self, len: usize) -> Result<(), PublishError> {
        let claimed = self.bytes.len();
        match self.region.slots.len(len) {
            Some(fits) if len <= claimed => self.note.len = fits,
            _ => return Err(PublishError::BeyondClaim { len, claimed }),
        }
        Ok(())
    }

    /// Gives the message a tag; at first it is 0.
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
