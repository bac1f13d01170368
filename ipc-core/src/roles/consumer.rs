//! The reliable reader: it gates the producer through its cursor, and loses nothing.
//!
//! # Safety
//! Only a message that a look has shown published is borrowed.
#![allow(unsafe_code)]

use core::time::Duration;

use crate::format::error::{AttachError, Forked, RecvError};
use crate::format::geometry::Geometry;
use crate::format::layout::sleepers;
use crate::memory::Payload;
use crate::memory::access::AsConsumer;
use crate::memory::region::Region;
use crate::memory::scratch::Scratch;
use crate::memory::sized::Len;
use crate::ordering::fault::{Fault, seeded};
use crate::protocol::doorbell;
use crate::protocol::join;
use crate::protocol::message::{Copied, Outcome, Start};
use crate::protocol::producer_page::State;
use crate::protocol::space_bell;
use crate::protocol::wait::{self, Limit, Wait};
use crate::protocol::why_empty::WhyEmpty;
use crate::roles::cursor::{Cursor, Glance};
use crate::roles::guard::Guard;
use crate::roles::recv_batch::{Arena, Batch};

/// How often a blocking call looks before it goes about waiting: about a microsecond and a half. A model looks once.
const LOOKS: u32 = if cfg!(loom) { 0 } else { 32 };
/// So many messages at once make a stream of them. A model's ring is too small for as many.
const STREAM: usize = if cfg!(loom) { 2 } else { 16 };

/// The next message, which is there.
#[derive(Clone, Copy)]
struct Found {
    len: Len,
    tag: u32,
    /// Whether it has been copied.
    copied: bool,
}

/// A consumer of a ring: it gets every message from where it started.
///
/// The producer can't overwrite what this handle hasn't released, so it may borrow messages where they lie. A consumer
/// that stops reading stops the producer once the ring is full. Dropping the handle leaves the ring.
#[derive(Debug)]
pub struct Consumer {
    cursor: Cursor,
    /// Whether the last batch was all that was asked for, and long enough for a stream.
    streams: bool,
    watch: WhyEmpty,
    scratch: Scratch,
    arena: Arena,
}

impl Consumer {
    /// Takes a consumer's role on a mapped ring, in `cell`.
    ///
    /// # Errors
    /// `Overwritten` if `start` names a message more than half a lap behind head; `Damaged` if head is no
    /// sequence. The cell is free again then.
    ///
    /// # Panics
    /// If the ring has no such cell.
    ///
    /// # Safety
    /// The region's `keeper` holds the lock of `cell`: two consumers in one cell would release each other's
    /// slots.
    pub unsafe fn join(region: Region<AsConsumer>, cell: usize, start: Start) -> Result<Self, AttachError> {
        let watch = WhyEmpty::new(&region.producer_page, start);
        space_bell::introduce(&region, cell);
        let joined = join::join(&region, cell, start);
        match region.fork.check_after().map_err(AttachError::from).and(joined) {
            Ok(next) => {
                let cursor = Cursor::new(region, cell, next);
                // Empty: no allocation fails once the cell is active.
                let (scratch, arena) = (Scratch::default(), Arena::default());
                Ok(Self { cursor, streams: false, watch, scratch, arena })
            }
            Err(error) => {
                join::leave(&region, cell);
                Err(error)
            }
        }
    }

    /// The next message, if it is there.
    ///
    /// The guard borrows the message where it lies if the ring's peers are trusted, else a private copy of
    /// it. Dropping the guard releases the slot; forgetting it means that the message comes again.
    ///
    /// It looks at the message's slot alone and never asks the kernel. So it never reports `ProducerLost`, and where
    /// another process wrote over the ring it may say `Empty` for ever. Calls that wait find out: a loop that polls
    /// calls [`recv`](Self::recv) with a short time-out now and then.
    ///
    /// # Errors
    /// `Damaged`, `Forked`, `Truncated`; where messages are copied, `NoMemory`: the message can be read again.
    #[inline(always)]
    pub fn try_recv(&mut self) -> Result<Outcome<Guard<'_>>, RecvError> {
        match self.cursor.look() {
            Glance::NotYet if self.watch.is_open(&self.cursor.region.producer_page) => Ok(Outcome::Empty),
            glance => self.take(glance, Wait::Spin, Duration::ZERO),
        }
    }

    /// The next message, waiting for it until `timeout` has passed ([`Duration::MAX`]: without end).
    ///
    /// # Errors
    /// As for [`try_recv`](Self::try_recv).
    #[inline(always)]
    pub fn recv(&mut self, wait: Wait, timeout: Duration) -> Result<Outcome<Guard<'_>>, RecvError> {
        let mut glance = self.cursor.look();
        let mut looks = if timeout.is_zero() { 0 } else { LOOKS };
        // Who waits for an answer gets it here, without a way back through whatever else there is to waiting.
        while looks > 0
            && matches!(glance, Glance::NotYet)
            && self.watch.is_open(&self.cursor.region.producer_page)
        {
            looks -= 1;
            core::hint::spin_loop();
            glance = self.cursor.look();
        }
        self.take(glance, wait, timeout)
    }

    /// The message that a look has shown, or whatever finding it takes.
    #[inline(always)]
    fn take(
        &mut self,
        glance: Glance,
        wait: Wait,
        timeout: Duration,
    ) -> Result<Outcome<Guard<'_>>, RecvError> {
        let (payload, tag) = match glance {
            // SAFETY: the message is there, and may be borrowed.
            Glance::Here(len, tag) => (unsafe { self.cursor.borrow(len) }, tag),
            _ => match self.find(wait, timeout)? {
                Outcome::Message(found) => (self.payload(found), found.tag),
                event => return Ok(event.without_message()),
            },
        };
        Ok(Outcome::Message(Guard::new(&self.cursor, payload, tag)))
    }

    /// Finds the next message in every case, out of the way of the one that is to be fast. Whoever copies comes here
    /// for each message.
    #[inline(never)]
    fn find(&mut self, wait: Wait, timeout: Duration) -> Result<Outcome<Found>, RecvError> {
        let copied = !self.cursor.region.in_place;
        let glance = if copied { self.cursor.look_to_copy() } else { Glance::Unclear };
        let (len, tag) = match glance {
            Glance::Here(len, tag) => (len, tag),
            _ => match self.wait(wait, timeout)? {
                Outcome::Message(header) => header,
                event => return Ok(event.without_message()),
            },
        };
        if copied {
            #[cfg(loom)]
            self.cursor.release_by_fault(1);
            let Some(buffer) = self.scratch.all().get_mut(..len.get()) else {
                return self.copy_larger(len, tag);
            };
            self.cursor.slot().copy_out(len, buffer);
            self.cursor.region.fork.check_after_for::<RecvError>()?;
        }
        Ok(Outcome::Message(Found { len, tag, copied }))
    }

    /// Copies a message that is longer than those before, out of the way of the others.
    #[cold]
    #[inline(never)]
    fn copy_larger(&mut self, len: Len, tag: u32) -> Result<Outcome<Found>, RecvError> {
        self.cursor.slot().copy_out(len, self.scratch.bytes(len.get())?);
        self.cursor.region.fork.check_after_for::<RecvError>()?;
        Ok(Outcome::Message(Found { len, tag, copied: true }))
    }

    #[cold]
    #[inline(never)]
    fn wait(&mut self, wait: Wait, timeout: Duration) -> Result<Outcome<(Len, u32)>, RecvError> {
        wait::block(self, wait, Limit::After(timeout))
    }

    /// The message that was just found.
    #[inline(always)]
    fn payload(&self, found: Found) -> Payload<'_> {
        if found.copied {
            return Payload::from(&self.scratch.as_bytes()[..found.len.get()]);
        }
        // SAFETY: the message is there, and the region is `in_place`.
        unsafe { self.cursor.borrow(found.len) }
    }

    /// Copies the next message into `buffer` and releases its slot, if it is there.
    ///
    /// # Errors
    /// `TooSmall` if the buffer is shorter than the message, which can then be read again; `Damaged`,
    /// `Forked`, `Truncated`.
    pub fn try_recv_into(&mut self, buffer: &mut [u8]) -> Result<Outcome<Copied>, RecvError> {
        self.recv_into(buffer, Wait::Spin, Duration::ZERO)
    }

    /// Copies the next message into `buffer` and releases its slot, waiting for it until `timeout` has passed.
    ///
    /// # Errors
    /// As for [`try_recv_into`](Self::try_recv_into).
    pub fn recv_into(
        &mut self,
        buffer: &mut [u8],
        wait: Wait,
        timeout: Duration,
    ) -> Result<Outcome<Copied>, RecvError> {
        let (len, tag) = match self.ready_within(wait, timeout)? {
            Outcome::Message(header) => header,
            event => return Ok(event.without_message()),
        };
        if len.get() > buffer.len() {
            return Err(RecvError::TooSmall { needed: len.get(), found: buffer.len() });
        }
        let seq = self.cursor.next();
        #[cfg(loom)]
        self.cursor.release_by_fault(1);
        self.cursor.slot().copy_out(len, buffer);
        self.cursor.region.fork.check_after_for::<RecvError>()?;
        self.cursor.release();
        Ok(Outcome::Message(Copied { seq: seq.get(), tag, len: len.get() }))
    }

    /// Up to `max` messages that are there now, to be released together: one store of the cursor. `Empty` if `max` is 0.
    ///
    /// # Errors
    /// As for [`try_recv`](Self::try_recv).
    pub fn try_recv_batch(&mut self, max: usize) -> Result<Outcome<Batch<'_>>, RecvError> {
        self.recv_batch(max, Wait::Spin, Duration::ZERO)
    }

    /// Up to `max` messages, waiting for the first until `timeout` has passed; never for the others. If `max` is 0 the
    /// outcome is `Empty`, at once.
    ///
    /// Whoever reads close behind the producer takes from it the cache lines that it writes, which slows both down
    /// several times. So a call that follows one that got all of 16 messages or more may wait a few microseconds for
    /// two such batches to be there.
    ///
    /// # Errors
    /// As for [`try_recv`](Self::try_recv).
    pub fn recv_batch(
        &mut self,
        max: usize,
        wait: Wait,
        timeout: Duration,
    ) -> Result<Outcome<Batch<'_>>, RecvError> {
        if max == 0 {
            self.cursor.region.fork.check_for::<RecvError>()?;
            return Ok(Outcome::Empty);
        }
        let streams = core::mem::take(&mut self.streams) && !timeout.is_zero();
        // Who knows that the batch after this one is there, too, fetches it meanwhile.
        let ahead = streams && self.cursor.fall_back((max as u64).saturating_mul(2));
        let first = match self.ready_within(wait, timeout)? {
            Outcome::Message(header) => header,
            event => return Ok(event.without_message()),
        };
        let Self { cursor, arena, streams, .. } = self;
        let batch = Batch::collect(cursor, arena, max, first, ahead)?;
        *streams = max >= STREAM && batch.len() == max;
        Ok(Outcome::Message(batch))
    }

    /// Number of published messages that this consumer hasn't released. Head may be newer by the time
    /// the caller looks, and within a batch of the producer's it lags behind what can be read.
    ///
    /// # Errors
    /// `Damaged`, `Forked`, `Truncated`.
    pub fn lag(&self) -> Result<u64, RecvError> {
        self.cursor.region.read(|region| Ok(region.producer_page.head()?.since(self.cursor.next())))
    }

    /// The sequence of the next message to read.
    pub fn next_seq(&self) -> u64 {
        self.cursor.next().get()
    }

    /// The ring's state, as the producer page has it now.
    ///
    /// # Errors
    /// `Damaged`, `Forked`, `Truncated`.
    pub fn state(&self) -> Result<State, RecvError> {
        self.cursor.region.read(|region| Ok(region.producer_page.epoch_state().state()?))
    }

    /// The producer's incarnation, as the producer page has it now; 0 before the first.
    ///
    /// # Errors
    /// `Forked` in a forked child, `Truncated`.
    pub fn epoch(&self) -> Result<u64, RecvError> {
        self.cursor.region.read(|region| Ok(region.producer_page.epoch_state_now().epoch()))
    }

    /// Whether some process holds the ring's producer lock now: asks the kernel.
    ///
    /// # Errors
    /// `Forked` in a forked child.
    pub fn producer_alive(&self) -> Result<bool, Forked> {
        // The locks aren't in the ring's memory.
        self.cursor.region.fork.check_fork()?;
        Ok(self.cursor.region.keeper.producer_alive())
    }

    /// The number of this consumer's cell.
    pub fn cell(&self) -> usize {
        self.cursor.cell
    }

    /// Whether messages are borrowed where they lie, rather than copied out.
    pub fn in_place(&self) -> bool {
        self.cursor.region.in_place
    }

    /// The ring's shape.
    pub fn geometry(&self) -> &Geometry {
        &self.cursor.region.geometry
    }

    /// The next message's length and tag, waiting for it until `timeout` has passed.
    fn ready_within(&mut self, wait: Wait, timeout: Duration) -> Result<Outcome<(Len, u32)>, RecvError> {
        match self.cursor.ready()? {
            Some(header) => Ok(Outcome::Message(header)),
            None => self.wait(wait, timeout),
        }
    }

    /// Why the next message isn't there: `None` if the ring is just empty.
    #[cold]
    #[inline(never)]
    fn event(&mut self) -> Result<Option<Outcome<()>>, RecvError> {
        let Self { cursor, watch, .. } = self;
        let event = watch.idle(&cursor.region.producer_page, &cursor.region.slots, cursor.next());
        cursor.region.fork.check_after()?;
        Ok(event?)
    }
}

impl wait::Reader for Consumer {
    /// The next message's length and tag.
    type Got = (Len, u32);

    #[inline]
    fn poll(&mut self) -> Result<Outcome<(Len, u32)>, RecvError> {
        if let Some(header) = self.cursor.ready()? {
            return Ok(Outcome::Message(header));
        }
        if self.watch.is_open(&self.cursor.region.producer_page) {
            return Ok(Outcome::Empty);
        }
        Ok(self.event()?.map_or(Outcome::Empty, Outcome::without_message))
    }

    #[cold]
    #[inline(never)]
    fn ask(&mut self) -> Result<Option<Outcome<()>>, RecvError> {
        let Self { cursor, watch, .. } = self;
        let region = &cursor.region;
        region.fork.check()?;
        cursor.mend();
        let event = watch.ask(&region.producer_page, &region.slots, cursor.next(), &*region.keeper);
        region.fork.check_after()?;
        Ok(event?)
    }

    #[cold]
    #[inline(never)]
    fn sleep(&mut self, time: Duration) -> Result<Outcome<(Len, u32)>, RecvError> {
        self.cursor.mend();
        let ticket = doorbell::prepare_sleep(&self.cursor.region);
        let found = if seeded(Fault::SleepWithoutLook) { Outcome::Empty } else { self.poll()? };
        if matches!(found, Outcome::Empty) {
            if self.watch.is_news(ticket.value())
                && let Some(event) = self.ask()?
            {
                return Ok(event.without_message());
            }
            ticket.sleep(&self.cursor.region, time);
        } else if seeded(Fault::FlagResetByWaiter) {
            self.cursor.region.hints.sleepers().store(sleepers::NONE);
        }
        Ok(found)
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        // In a forked child the cell is the parent's.
        if self.cursor.region.fork.check().is_ok() {
            join::leave(&self.cursor.region, self.cursor.cell);
        }
    }
}
