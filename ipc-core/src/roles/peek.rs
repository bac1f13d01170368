//! Several messages held at once, and released in their order.
//!
//! # Safety
//! What is peeked at is borrowed from `&Consumer`, and no call that takes `&Consumer` moves the cursor. The cursor
//! moves in calls that take `&mut Consumer`, and where a guard or a batch is dropped, which borrow the consumer
//! mutably. So the producer can't overwrite a slot while a borrow of it lives. There is one exception: peeking moves the
//! cursor past messages that were skipped, while nothing is held. Their slots are never borrowed.
//!
//! Where messages are copied, the first copy lies in the consumer itself, if it is short. It is written only while
//! nothing is held, so no borrow of it lives. Each other copy lies in a heap buffer of its own. Peeking adds owners of
//! buffers through `&Consumer`. That may move the owners, but never the bytes. It takes away only copies of messages that
//! the cursor has passed, which no borrow outlives, as said.
#![allow(unsafe_code)]

use core::cell::{Cell, RefCell, UnsafeCell};
use std::collections::VecDeque;

use crate::format::error::{Damaged, RecvError};
use crate::format::seq::Seq;
use crate::memory::Payload;
use crate::memory::scratch::{NoMemory, Scratch};
use crate::memory::short::Short;
use crate::memory::sized::Len;
use crate::ordering::fault::{Fault, seeded};
use crate::protocol::message::{Outcome, Received};
use crate::protocol::stamp;
use crate::protocol::stamp::SlotHeader;
use crate::roles::consumer::Consumer;
use crate::roles::found::Found;

/// What a consumer has peeked at.
pub(crate) struct Peeked {
    /// The message after the last that was peeked at. Behind the cursor if that has moved past it since.
    pub(super) next: Cell<Seq>,
    /// Messages before this one may be held unread.
    pub(super) unread: Seq,
    /// Copies of messages, in order, without those that were skipped; those that the cursor has passed come first.
    copies: UnsafeCell<VecDeque<Copied>>,
    /// The buffers of copies that are released, for the next ones. A caller that holds an address for too long, as one
    /// in another language may, finds another message there, and no memory that is gone.
    spare: RefCell<Vec<Scratch>>,
    /// The copy of a short message that was peeked at while nothing was held.
    pub(super) first: UnsafeCell<First>,
}

/// A private copy of one short message.
pub(super) struct First {
    pub(super) seq: Seq,
    pub(super) tag: u32,
    pub(super) len: usize,
    pub(super) bytes: Short,
}

/// A private copy of one message.
struct Copied {
    seq: Seq,
    tag: u32,
    len: usize,
    bytes: Scratch,
}

impl core::fmt::Debug for Peeked {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Peeked").field("next", &self.next).finish_non_exhaustive()
    }
}

impl Peeked {
    /// Nothing, of a consumer that starts at `next`.
    pub(crate) fn new(next: Seq) -> Self {
        // A message that no ring has.
        let first = First { seq: Seq::new(u64::MAX), tag: 0, len: 0, bytes: Short::default() };
        let (copies, spare) = (UnsafeCell::default(), RefCell::default());
        Self { next: Cell::new(next), unread: next, copies, spare, first: UnsafeCell::new(first) }
    }

    /// Keeps the copy of the next message in a buffer of its own.
    ///
    /// # Safety
    /// No borrow of a message before `oldest` lives.
    unsafe fn keep(&self, oldest: Seq, copied: Copied) -> Result<(), NoMemory> {
        // SAFETY: only this function and `forget`, which has `&mut self`, change the queue, and `copy` keeps no borrow of
        // it: what it returns borrows the buffers.
        let copies = unsafe { &mut *self.copies.get() };
        retire(copies, oldest, &mut self.spare.borrow_mut());
        copies.try_reserve(1).map_err(|_| NoMemory((copies.len() + 1) * size_of::<Copied>()))?;
        copies.push_back(copied);
        Ok(())
    }

    /// The copy of message `seq`, if there is one.
    fn copy(&self, seq: Seq) -> Option<Received<'_>> {
        // SAFETY: nothing writes it while a message is held, or during this call.
        let first = unsafe { &*self.first.get() };
        if seq == first.seq {
            let payload = Payload::from(first.bytes.as_bytes().get(..first.len)?);
            return Some(Received { seq: seq.get(), tag: first.tag, payload });
        }
        // SAFETY: nothing changes the queue during this call.
        let copies = unsafe { &*self.copies.get() };
        let index = copies.binary_search_by_key(&seq, |copied| copied.seq).ok()?;
        let Copied { tag, len, bytes, .. } = copies.get(index)?;
        // SAFETY: the buffer stays where it is, and is freed only once the cursor has passed its message, after the
        // last borrow of `self`.
        let bytes: &[u8] = unsafe { &*core::ptr::from_ref(&bytes.as_bytes()[..*len]) };
        Some(Received { seq: seq.get(), tag: *tag, payload: Payload::from(bytes) })
    }

    /// The first message from `seq` on, and before the one to be peeked at next, that was copied.
    pub(super) fn next_copy(&self, seq: Seq) -> Option<Seq> {
        // SAFETY: nothing writes it during this call.
        let first = unsafe { &*self.first.get() }.seq;
        if (seq..self.next.get()).contains(&first) {
            return Some(first);
        }
        // SAFETY: nothing changes the queue during this call.
        let copies = unsafe { &*self.copies.get() };
        copies.get(copies.partition_point(|copied| copied.seq < seq)).map(|copied| copied.seq)
    }

    /// Whether no copy has a buffer of its own.
    #[inline(always)]
    pub(super) fn has_no_copies(&mut self) -> bool {
        self.copies.get_mut().is_empty()
    }

    /// Gives up the copies of the first messages, up to and without `end`.
    fn forget(&mut self, end: Seq) {
        retire(self.copies.get_mut(), end, self.spare.get_mut());
    }

    /// A buffer for a message of so many bytes. It has a power of two of them, so that messages which grow and grow leave
    /// few buffers behind that are too short.
    fn buffer(&self, len: usize) -> Result<Scratch, NoMemory> {
        let mut spare = self.spare.borrow_mut();
        if let Some(at) = spare.iter().rposition(|buffer| buffer.as_bytes().len() >= len) {
            return Ok(spare.swap_remove(at));
        }
        let mut buffer = Scratch::default();
        buffer.grow(len.checked_next_power_of_two().unwrap_or(len)).or_else(|_| buffer.grow(len))?;
        Ok(buffer)
    }
}

/// Moves the buffers of the first copies, up to and without `end`, to the spare ones. One for which there is no room is
/// freed.
fn retire(copies: &mut VecDeque<Copied>, end: Seq, spare: &mut Vec<Scratch>) {
    while copies.front().is_some_and(|copied| copied.seq < end) {
        let Some(Copied { bytes, .. }) = copies.pop_front() else { return };
        if spare.try_reserve(1).is_ok() {
            spare.push(bytes);
        }
    }
}

impl Consumer {
    /// Looks at the next message that wasn't peeked at yet, if it is there, and releases nothing. Each call goes one
    /// further, so several messages can be held at once.
    ///
    /// [`release_through`](Self::release_through) releases what was peeked at. What isn't released stays held, and
    /// [`peeked`](Self::peeked) shows it again. Calls that receive begin at the oldest message that isn't released. A
    /// ring has room for as many messages as it has slots: a consumer that holds them all stops the producer, and finds
    /// `Empty`, also where the ring is closed. Events are told as by [`try_recv`](Self::try_recv), once. Sequences that the
    /// producer has skipped are passed over, and told as `Lagged`; they are released with the message before them. Until
    /// then they take room as that does.
    ///
    /// It doesn't wait. The calls that wait begin at the oldest message that isn't released, so they return at once while
    /// messages are held. To wait for one more meanwhile, peek again with pauses between, and ask
    /// [`producer_alive`](Self::producer_alive) now and then; or sleep as [`Waitable`](crate::Waitable) has it. Peeking
    /// doesn't ask the kernel, and reports `ProducerLost` only where that has asked.
    ///
    /// The message is borrowed where it lies if the ring's peers are trusted. Else it is a private copy, made when it is
    /// first peeked at, which stays as it is until it is released. The consumer keeps the copies' buffers for the next ones.
    ///
    /// # Errors
    /// As for [`try_recv`](Self::try_recv).
    ///
    /// # Examples
    /// Two messages beside each other, the first of which is released:
    /// ```
    /// # use ringway_core::{Consumer, Outcome, RecvError};
    /// fn pass_repetition(consumer: &mut Consumer) -> Result<bool, RecvError> {
    ///     let (Outcome::Message(first), Outcome::Message(second)) = (consumer.peek()?, consumer.peek()?) else {
    ///         return Ok(false);
    ///     };
    ///     let (same, seq) = (first[..] == second[..], first.seq());
    ///     if same {
    ///         consumer.release_through(seq)?; // the second comes again
    ///     }
    ///     Ok(same)
    /// }
    /// ```
    /// One more message, waited for while others are held:
    /// ```
    /// # use core::time::Duration;
    /// # use ringway_core::{Consumer, Outcome, Received, RecvError};
    /// fn one_more(consumer: &Consumer) -> Result<Outcome<Received<'_>>, RecvError> {
    ///     let mut pause = Duration::from_micros(1);
    ///     loop {
    ///         match consumer.peek()? {
    ///             Outcome::Empty if consumer.producer_alive()? => std::thread::sleep(pause),
    ///             other => return Ok(other),
    ///         }
    ///         pause = (pause * 2).min(Duration::from_millis(1));
    ///     }
    /// }
    /// ```
    /// A message that is released can't be read any more:
    /// ```compile_fail
    /// # use ringway_core::{Consumer, Outcome, RecvError};
    /// fn too_late(consumer: &mut Consumer) -> Result<usize, RecvError> {
    ///     let Outcome::Message(message) = consumer.peek()? else { return Ok(0) };
    ///     consumer.release_through(message.seq())?;
    ///     Ok(message.len()) // the producer may be writing over it
    /// }
    /// ```
    /// Before it is released, it can:
    /// ```
    /// # use ringway_core::{Consumer, Outcome, RecvError};
    /// fn in_time(consumer: &mut Consumer) -> Result<usize, RecvError> {
    ///     let Outcome::Message(message) = consumer.peek()? else { return Ok(0) };
    ///     let (seq, len) = (message.seq(), message.len());
    ///     consumer.release_through(seq)?;
    ///     Ok(len)
    /// }
    /// ```
    #[inline]
    pub fn peek(&self) -> Result<Outcome<Received<'_>>, RecvError> {
        match self.peek_at_once() {
            Some(message) => Ok(Outcome::Message(message)),
            None => self.peek_further(),
        }
    }

    /// Peeks in every case, out of the way of the one that is to be fast.
    #[inline(never)]
    fn peek_further(&self) -> Result<Outcome<Received<'_>>, RecvError> {
        let (cursor, region, oldest) = (&self.cursor, &self.cursor.region, self.cursor.next());
        let seq = self.next_to_peek();
        if seq.since(oldest) >= region.geometry.slots && self.holds_all() {
            region.fork.check_for::<RecvError>()?;
            return Ok(Outcome::Empty);
        }
        let slot = region.slots.at(seq);
        let SlotHeader { len, tag } = match cursor.header_in(slot)? {
            Found::Message(header) => header,
            Found::NotYet => return self.why_not(seq),
            Found::Void(void) => return self.pass_void(seq, void),
        };
        if region.in_place {
            self.peeked.next.set(seq.next());
            return Ok(Outcome::Message(self.borrowed(seq, len, tag)));
        }
        let mut bytes = self.peeked.buffer(len.get())?;
        slot.copy_out(len, bytes.bytes(len.get())?);
        cursor.check_copied(slot)?;
        // SAFETY: the cursor has passed the messages before `oldest`: see the module.
        unsafe { self.peeked.keep(oldest, Copied { seq, tag, len: len.get(), bytes })? };
        self.peeked.next.set(seq.next());
        Ok(self.peeked.copy(seq).map_or(Outcome::Empty, Outcome::Message))
    }

    /// A message that was peeked at and isn't released.
    ///
    /// # Errors
    /// `NotPeeked` if it is none of those; `Damaged`, `Forked`, `Truncated`.
    ///
    /// # Examples
    /// The second of two messages, once the first is released:
    /// ```
    /// # use ringway_core::{Consumer, Outcome, RecvError};
    /// fn second(consumer: &mut Consumer) -> Result<Option<usize>, RecvError> {
    ///     let (Outcome::Message(first), Outcome::Message(second)) = (consumer.peek()?, consumer.peek()?) else {
    ///         return Ok(None);
    ///     };
    ///     let (first, second) = (first.seq(), second.seq());
    ///     consumer.release_through(first)?;
    ///     Ok(Some(consumer.peeked(second)?.len()))
    /// }
    /// ```
    pub fn peeked(&self, seq: u64) -> Result<Received<'_>, RecvError> {
        let region = &self.cursor.region;
        region.fork.check_for::<RecvError>()?;
        let seq = self.check_peeked(seq)?;
        if !region.in_place {
            return self.peeked.copy(seq).ok_or_else(|| self.not_peeked(seq.get()));
        }
        let slot = region.slots.at(seq);
        match self.cursor.header_in(slot)? {
            Found::Message(SlotHeader { len, tag }) => Ok(self.borrowed(seq, len, tag)),
            // It was skipped.
            Found::Void(_) => Err(self.not_peeked(seq.get())),
            // It was there, and nobody but this consumer lets the producer write over it.
            Found::NotYet => Err(unpublished(seq, stamp::stamp(slot)).into()),
        }
    }

    /// Releases the messages up to and including `seq`, which was peeked at: the producer may overwrite them. Those after
    /// it stay held.
    ///
    /// # Errors
    /// `NotPeeked` if `seq` wasn't peeked at, or is released already; `Forked`, `Truncated`. Nothing is released then.
    ///
    /// # Examples
    /// A recorder, which releases what has reached its file:
    /// ```
    /// # use ringway_core::{Consumer, Outcome};
    /// # use std::io::Write;
    /// fn record(consumer: &mut Consumer, file: &mut std::fs::File) -> Result<(), Box<dyn std::error::Error>> {
    ///     let mut last = None;
    ///     while let Outcome::Message(message) = consumer.peek()? {
    ///         file.write_all(&message)?;
    ///         last = Some(message.seq());
    ///     }
    ///     file.sync_data()?;
    ///     if let Some(seq) = last {
    ///         consumer.release_through(seq)?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    #[inline]
    pub fn release_through(&mut self, seq: u64) -> Result<(), RecvError> {
        match self.release_at_once(seq) {
            Some(false) => Ok(()),
            Some(true) => {
                self.cursor.wake_producer();
                Ok(())
            }
            None => self.release_more(seq),
        }
    }

    /// Releases in every case.
    #[inline(never)]
    fn release_more(&mut self, seq: u64) -> Result<(), RecvError> {
        self.cursor.region.fork.check_for::<RecvError>()?;
        let end = self.check_peeked(seq)?.next();
        let end = if seeded(Fault::ReleaseOneTooMany) { end.next() } else { end };
        let end = self.void_after(end);
        self.peeked.forget(end);
        self.cursor.release_many(end.since(self.cursor.next()));
        Ok(())
    }

    /// The first message that wasn't peeked at.
    pub(crate) fn next_to_peek(&self) -> Seq {
        self.peeked.next.get().max(self.cursor.next())
    }

    /// `seq`, if it was peeked at and isn't released.
    fn check_peeked(&self, seq: u64) -> Result<Seq, RecvError> {
        if (self.cursor.next().get()..self.next_to_peek().get()).contains(&seq) {
            return Ok(Seq::new(seq));
        }
        Err(self.not_peeked(seq))
    }

    #[cold]
    fn not_peeked(&self, asked: u64) -> RecvError {
        RecvError::NotPeeked { asked, oldest: self.cursor.next().get(), next: self.next_to_peek().get() }
    }

    /// Message `seq`, which is published, where it lies.
    #[inline(always)]
    fn borrowed(&self, seq: Seq, len: Len, tag: u32) -> Received<'_> {
        // SAFETY: the message is published, and the region is `in_place`. The cursor doesn't pass it while the result
        // lives: see the module.
        let payload = unsafe { self.cursor.region.slots.at(seq).borrow(len) };
        Received { seq: seq.get(), tag, payload }
    }

    /// Why message `seq` isn't there.
    #[cold]
    pub(super) fn why_not(&self, seq: Seq) -> Result<Outcome<Received<'_>>, RecvError> {
        self.release_told();
        let region = &self.cursor.region;
        if self.why_empty.is_open(&region.producer_page) {
            return Ok(Outcome::Empty);
        }
        let event = self.why_empty.event(&region.producer_page, &region.slots, seq);
        region.fork.check_after()?;
        Ok(event?.map_or(Outcome::Empty, Outcome::without_message))
    }
}

#[cold]
fn unpublished(seq: Seq, found: u64) -> Damaged {
    Damaged { what: "stamp", seq: seq.get(), found, expected: seq.published() }
}
