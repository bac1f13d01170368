//! Several messages at once, released by one store of the cursor.
//!
//! # Safety
//! A message is borrowed only where its stamp, or head, says that it is published, and the batch releases its slot
//! after the last borrow.

#![allow(unsafe_code)]

use core::cell::Cell;
use core::time::Duration;
use std::time::Instant;

use crate::format::error::RecvError;
use crate::memory::access::ReadOnly;
use crate::memory::{Parts, Payload, Slot, Walk};
use crate::protocol::message::{Outcome, Received};
use crate::protocol::stamp::{self, Look, SlotHeader};
use crate::protocol::wait::Limit;
use crate::roles::arena::Arena;
use crate::roles::consumer::Consumer;
use crate::roles::cursor::Cursor;

/// So many messages at once make a stream of them. A model's ring is too small for as many.
const STREAM: usize = if cfg!(loom) { 2 } else { 16 };

impl Consumer {
    /// Up to `max` messages that are there now, released together by one store of the cursor. `Empty` if `max` is 0.
    ///
    /// # Errors
    /// As for [`try_recv`](Self::try_recv).
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{Consumer, Outcome, RecvError};
    /// fn bytes_there(consumer: &mut Consumer) -> Result<usize, RecvError> {
    ///     let mut total = 0;
    ///     while let Outcome::Message(batch) = consumer.try_recv_batch(64)? {
    ///         total += batch.iter().map(|message| message.len()).sum::<usize>();
    ///     }
    ///     Ok(total)
    /// }
    /// ```
    pub fn try_recv_batch(&mut self, max: usize) -> Result<Outcome<Batch<'_>>, RecvError> {
        self.recv_batch_within(max, None)
    }

    /// Up to `max` messages, waiting for the first without end; never for the others. If `max` is 0 the outcome is
    /// `Empty`, at once.
    ///
    /// A consumer that reads close behind the producer takes from it the cache lines that it writes, which slows both
    /// down several times. So a call that follows one that got all of 16 messages or more may wait a few microseconds
    /// for two such batches to be there, or for 32 KiB of the ring's slots if they are fewer.
    ///
    /// # Errors
    /// As for [`try_recv`](Self::try_recv).
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{Consumer, Outcome, RecvError};
    /// fn print_some(consumer: &mut Consumer) -> Result<(), RecvError> {
    ///     match consumer.recv_batch(64)? {
    ///         Outcome::Message(batch) => {
    ///             for message in &batch {
    ///                 println!("{}: {:?}", message.seq(), &message[..]);
    ///             }
    ///         }
    ///         event => eprintln!("{event:?}"),
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn recv_batch(&mut self, max: usize) -> Result<Outcome<Batch<'_>>, RecvError> {
        self.recv_batch_within(max, Some(Limit::Never))
    }

    /// Up to `max` messages, waiting for the first until `timeout` has passed: see [`recv_batch`](Self::recv_batch) and
    /// [`recv_timeout`](Self::recv_timeout).
    ///
    /// # Errors
    /// As for [`try_recv`](Self::try_recv).
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{RecvError, Consumer};
    /// # use core::time::Duration;
    /// fn comes(consumer: &mut Consumer) -> Result<bool, RecvError> {
    ///     Ok(consumer.recv_batch_timeout(64, Duration::from_millis(10))?.is_message())
    /// }
    /// ```
    pub fn recv_batch_timeout(
        &mut self,
        max: usize,
        timeout: Duration,
    ) -> Result<Outcome<Batch<'_>>, RecvError> {
        self.recv_batch_within(max, Some(Limit::After(timeout)))
    }

    /// Up to `max` messages, waiting for the first until `deadline`: see [`recv_batch`](Self::recv_batch) and
    /// [`recv_deadline`](Self::recv_deadline).
    ///
    /// # Errors
    /// As for [`try_recv`](Self::try_recv).
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{RecvError, Consumer};
    /// # use core::time::Duration;
    /// # use std::time::Instant;
    /// fn comes(consumer: &mut Consumer) -> Result<bool, RecvError> {
    ///     Ok(consumer.recv_batch_deadline(64, Instant::now() + Duration::from_millis(10))?.is_message())
    /// }
    /// ```
    pub fn recv_batch_deadline(
        &mut self,
        max: usize,
        deadline: Instant,
    ) -> Result<Outcome<Batch<'_>>, RecvError> {
        self.recv_batch_within(max, Some(Limit::At(deadline)))
    }

    fn recv_batch_within(
        &mut self,
        max: usize,
        limit: Option<Limit>,
    ) -> Result<Outcome<Batch<'_>>, RecvError> {
        if max == 0 {
            self.cursor.region.fork.check_for::<RecvError>()?;
            return Ok(Outcome::Empty);
        }
        let waits = || limit.is_some_and(|limit| !limit.is_over());
        let streams = core::mem::take(&mut self.streams) && waits();
        let two = (max as u64).saturating_mul(2);
        let gap = self.cursor.at_most_of_bytes(two);
        // A batch that is known to have another one behind it fetches that one meanwhile.
        let ahead = streams && self.cursor.fall_back(gap) && gap == two;
        let first = match self.next_within(limit)? {
            Outcome::Message(header) => header,
            event => return Ok(event.without_message()),
        };
        let Self { cursor, arena, streams, .. } = self;
        let batch = Batch::collect(cursor, arena, max, first, ahead)?;
        *streams = max >= STREAM && batch.len() as u64 >= gap.min(max as u64);
        Ok(Outcome::Message(batch))
    }
}

/// Messages that a consumer is reading. Dropping the batch releases them all; [`release_first`](Self::release_first)
/// releases some.
///
/// Iterate over a reference: the items borrow the batch, so none can outlive the release.
///
/// ```
/// # use ringway_core::{Batch, Received};
/// fn total(batch: Batch<'_>) -> usize {
///     let kept: Vec<Received<'_>> = batch.into_iter().collect();
///     kept.iter().map(|message| message.len()).sum()
/// }
/// ```
/// ```compile_fail
/// # use ringway_core::{Batch, Received};
/// fn smuggled<'c>(batch: Batch<'c>) -> Vec<Received<'c>> {
///     batch.into_iter().collect() // the slots would be released before the messages are read
/// }
/// ```
#[derive(Debug)]
#[must_use = "dropping a batch releases its messages, read or not"]
pub struct Batch<'c> {
    cursor: &'c Cursor,
    /// How many there are: fewer once iterating has come upon a damaged one, which the next call reports.
    count: Cell<usize>,
    /// Where the messages were copied to; `None` where they are borrowed from their slots.
    arena: Option<&'c Arena>,
    /// Whether as many messages again are there.
    ahead: bool,
}

impl<'c> Batch<'c> {
    /// Takes up to `max` messages that are published now, from `next` on, whose length and tag `first` are.
    /// Stops before one whose length is damaged, or for whose copy there is no memory: the next call reports it.
    ///
    /// The first isn't looked for again: a peer that changed its stamp meanwhile would make the batch empty.
    pub(crate) fn collect(
        cursor: &'c Cursor,
        arena: &'c mut Arena,
        max: usize,
        first: SlotHeader,
        ahead: bool,
    ) -> Result<Self, RecvError> {
        let (region, next) = (&cursor.region, cursor.next());
        arena.messages.clear();
        let max = max.min(usize::try_from(region.geometry.slots).unwrap_or(usize::MAX));
        let mut count = 0;
        if region.in_place {
            // Messages are published in order: where a later one is there, so are these, if none was skipped. Each is
            // looked at when it is its turn.
            let count = if ahead && !region.geometry.can_skip() { max } else { cursor.there(max) };
            region.fork.check_after()?;
            return Ok(Self { cursor, count: Cell::new(count), arena: None, ahead });
        }
        let max = if cursor.goes_by_head() { cursor.there(max) } else { max };
        while count < max {
            let slot = region.slots.at(next.plus(count as u64));
            let found = match count {
                0 => Some(first),
                _ if cursor.goes_by_head() => cursor.counted(slot),
                _ => published(slot),
            };
            let Some(SlotHeader { len, tag }) = found else { break };
            #[cfg(loom)]
            cursor.release_by_fault(count as u64 + 1);
            match arena.add(slot, len, tag) {
                Ok(()) => match cursor.check_copied(slot) {
                    Ok(()) => count += 1,
                    Err(error) if count == 0 => return Err(error),
                    Err(_) => {
                        arena.messages.pop();
                        break;
                    }
                },
                Err(no_memory) if count == 0 => return Err(no_memory.into()),
                // What was copied is delivered.
                Err(_) => break,
            }
        }
        region.fork.check_after()?;
        Ok(Self { cursor, count: Cell::new(count), arena: Some(&*arena), ahead: false })
    }

    /// Number of messages: at least one, unless iterating has come upon damage in the first.
    pub fn len(&self) -> usize {
        self.count.get()
    }

    /// Whether there are no messages.
    pub fn is_empty(&self) -> bool {
        self.count.get() == 0
    }

    /// The message at `index`, from 0; `None` past the last one, or if its slot is damaged: the next call says so.
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::Batch;
    /// fn newest_tag(batch: &Batch<'_>) -> Option<u32> {
    ///     Some(batch.get(batch.len().checked_sub(1)?)?.tag())
    /// }
    /// ```
    pub fn get(&self, index: usize) -> Option<Received<'_>> {
        if index >= self.count.get() {
            return None;
        }
        let seq = self.cursor.next().plus(index as u64);
        let (payload, tag) = match self.arena {
            Some(arena) => arena.get(index)?,
            None => {
                // SAFETY: the messages are borrowed where they lie, and released when the batch is dropped.
                unsafe { borrowed_from(self.cursor, self.cursor.region.slots.at(seq)) }?
            }
        };
        Some(Received { seq: seq.get(), tag, payload })
    }

    /// Releases the first `n` messages, and no others: those come again.
    ///
    /// # Examples
    /// Messages that don't fit any more are left for later:
    /// ```
    /// # use ringway_core::Batch;
    /// fn fill(batch: Batch<'_>, buffer: &mut Vec<u8>, room: usize) {
    ///     let mut taken = 0;
    ///     for message in &batch {
    ///         if buffer.len() + message.len() > room {
    ///             break;
    ///         }
    ///         buffer.extend_from_slice(&message);
    ///         taken += 1;
    ///     }
    ///     batch.release_first(taken);
    /// }
    /// ```
    pub fn release_first(self, n: usize) {
        self.count.set(n.min(self.count.get()));
    }

    /// The messages, in order.
    pub fn iter(&self) -> BatchIter<'_> {
        BatchIter { batch: self, at: 0, walk: self.cursor.walk() }
    }
}

/// Length and tag of the message in its slot, if it is there and its length is one.
#[inline(always)]
fn published<P: Parts>(slot: Slot<'_, ReadOnly, P>) -> Option<SlotHeader> {
    if stamp::look(slot) == Look::Published { stamp::header(slot).ok() } else { None }
}

/// The message in its slot, where it lies, and its tag, if it is there and its length is one.
///
/// # Safety
/// The region is `in_place`, and no cursor of this process's passes the message while the result lives.
#[inline(always)]
unsafe fn borrowed<'s, P: Parts>(slot: Slot<'s, ReadOnly, P>) -> Option<(Payload<'s>, u32)> {
    let SlotHeader { len, tag } = published(slot)?;
    // SAFETY: the stamp says that the message is published, and the producer overwrites the slot only once the cursor
    // has passed it. That every process keeps to the protocol is what made the region `in_place`.
    Some((unsafe { slot.borrow(len) }, tag))
}

/// The same of a slot of any kind.
///
/// # Safety
/// As for [`borrowed`].
unsafe fn borrowed_from<'s>(cursor: &Cursor, slot: Slot<'s, ReadOnly>) -> Option<(Payload<'s>, u32)> {
    if !cursor.goes_by_head() {
        // SAFETY: the caller's.
        return unsafe { borrowed(slot) };
    }
    let SlotHeader { len, tag } = cursor.counted(slot)?;
    // SAFETY: head counts the message; the rest as in `borrowed`.
    Some((unsafe { slot.borrow(len) }, tag))
}

impl<'b> IntoIterator for &'b Batch<'_> {
    type Item = Received<'b>;
    type IntoIter = BatchIter<'b>;

    fn into_iter(self) -> BatchIter<'b> {
        self.iter()
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        // In a forked child the cell is the parent's.
        if self.cursor.region.fork.is_valid() {
            self.cursor.release_many(self.count.get() as u64);
        }
    }
}

/// Iterator over a [`Batch`].
#[must_use = "an iterator does nothing until it is asked for messages"]
pub struct BatchIter<'b> {
    batch: &'b Batch<'b>,
    at: usize,
    /// At message `at`.
    walk: Walk<'b, ReadOnly>,
}

impl core::fmt::Debug for BatchIter<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("BatchIter").field("batch", &self.batch).field("at", &self.at).finish_non_exhaustive()
    }
}

impl<'b> Iterator for BatchIter<'b> {
    type Item = Received<'b>;

    #[inline]
    fn next(&mut self) -> Option<Received<'b>> {
        let Batch { count, arena, .. } = self.batch;
        if self.at >= count.get() {
            return None;
        }
        let (payload, tag) = match arena {
            Some(arena) => arena.get(self.at)?,
            None => {
                if self.batch.ahead {
                    self.walk.prefetch(count.get());
                }
                let cursor = self.batch.cursor;
                let found = if cursor.region.slots.are_headed() {
                    // SAFETY: the messages are borrowed where they lie, and released when the batch is dropped.
                    unsafe { borrowed(self.walk.headed()) }
                } else {
                    // SAFETY: as above.
                    unsafe { borrowed_from(cursor, self.walk.slot()) }
                };
                let Some(found) = found else {
                    count.set(self.at);
                    return None;
                };
                found
            }
        };
        let seq = self.walk.seq().get();
        self.at += 1;
        self.walk.step();
        Some(Received { seq, tag, payload })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // Another iterator may have come upon damage before this one's place.
        let left = self.batch.count.get().saturating_sub(self.at);
        (0, Some(left))
    }
}
