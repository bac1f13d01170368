//! Several claimed slots: written in place, then published together by `commit`, or not at all.
//!
//! In place, the slots are marked as being written when they are claimed. Elsewhere that is left to `commit`. Either
//! way `commit` stores the even stamps last, one right after the other in order, and then head, once.

use core::ops::Range;
use core::time::Duration;
use std::time::Instant;

use crate::format::error::PublishError;
use crate::format::seq::Seq;
use crate::memory::access::AsProducer;
use crate::memory::region::Region;
use crate::memory::scratch::NoMemory;
use crate::memory::sized::Len;
use crate::ordering::fault::{Fault, seeded};
use crate::protocol::stamp;
use crate::protocol::wait::Limit;
use crate::roles::message_claim::{BatchClaimIter, MessageClaim, Note, stride};
use crate::roles::producer::{Producer, WritePosition, check_tag, store_head};

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
/// [`message`](Self::message) and [`iter_mut`](Self::iter_mut) give each message's bytes: the slot itself where the
/// ring's peers are trusted, else a buffer that [`commit`](Self::commit) copies. They hold whatever was there before,
/// so write them all, or shorten the message.
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
/// for mut message in &mut batch {
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
    pub fn iter_mut(&mut self) -> BatchClaimIter<'_> {
        let Self { region, position, notes, staging, len } = self;
        BatchClaimIter::new(region, position.next, notes, staging.as_deref_mut(), *len)
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
    /// `NoTags` if a message has a tag, and all messages of the ring have one length; `Forked` in a forked child,
    /// `Truncated`. Nothing was published then.
    pub fn commit(self) -> Result<Range<u64>, PublishError> {
        self.region.fork.check_for::<PublishError>()?;
        let seqs = self.seqs();
        let Self { region, position, notes, staging, len } = self;
        notes.iter().try_for_each(|note| check_tag(region, note.len, note.tag))?;
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

impl<'b> IntoIterator for &'b mut BatchClaim<'_> {
    type Item = MessageClaim<'b>;
    type IntoIter = BatchClaimIter<'b>;

    fn into_iter(self) -> BatchClaimIter<'b> {
        self.iter_mut()
    }
}
