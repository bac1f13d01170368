//! The reliable reader: it gates the producer through its cursor, and loses nothing.

#![allow(unsafe_code)]

use core::time::Duration;

use crate::batch::{Arena, Batch};
use crate::bell;
use crate::edge::Edge;
use crate::error::{AttachError, Damaged, Forked, RecvError};
use crate::fault::{Fault, seeded};
use crate::geometry::Geometry;
use crate::guard::{Guard, guard};
use crate::join;
use crate::layout::{cell, sleepers};
use crate::message::{Copied, Outcome, Scratch, Start};
use crate::page::State;
use crate::region::{AsConsumer, Len, ReadOnly, Region, Slot};
use crate::seq::Seq;
use crate::slot::{self, Look};
use crate::space;
use crate::wait::{self, Wait};
use crate::watch::Watch;

/// A consumer of a ring: it gets every message from where it started.
///
/// The producer can't overwrite what this handle hasn't released, so it may borrow messages where they lie,
/// and a consumer that stops reading stops the producer once the ring is full. Dropping the handle leaves
/// the ring.
#[derive(Debug)]
pub struct Consumer {
    region: Region<AsConsumer>,
    cell: usize,
    /// The next message to read. Never stale: nobody else writes this cell's cursor.
    next: Seq,
    watch: Watch,
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
        let watch = Watch::new(&region.page, start);
        space::introduce(&region, cell);
        let joined = join::join(&region, cell, start);
        match region.fork.check_after().map_err(AttachError::from).and(joined) {
            Ok(next) => {
                Ok(Self { region, cell, next, watch, scratch: Scratch::default(), arena: Arena::default() })
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
    /// It never asks the kernel, so it never reports `ProducerLost`: see there.
    ///
    /// # Errors
    /// `Damaged`, `Forked`, `Truncated`.
    #[inline(always)]
    pub fn try_recv(&mut self) -> Result<Outcome<Guard<'_>>, RecvError> {
        let Self { region, cell, next, watch, scratch, .. } = self;
        let region = &*region;
        region.fork.check_for::<RecvError>()?;
        let slot = region.slots.at(*next);
        match ready(region, slot)? {
            Some(header) => Ok(Outcome::Message(guard(region, slot, header, *cell, next, scratch)?)),
            None => Ok(idle(region, *next, watch)?.map_or(Outcome::Empty, Outcome::without_message)),
        }
    }

    /// The next message, waiting for it until `timeout` has passed ([`Duration::MAX`]: without end).
    ///
    /// # Errors
    /// As for [`try_recv`](Self::try_recv).
    #[inline(always)]
    pub fn recv(&mut self, wait: Wait, timeout: Duration) -> Result<Outcome<Guard<'_>>, RecvError> {
        match self.ready_within(wait, timeout)? {
            Outcome::Message(header) => {
                let Self { region, cell, next, scratch, .. } = self;
                let slot = region.slots.at(*next);
                Ok(Outcome::Message(guard(region, slot, header, *cell, next, scratch)?))
            }
            event => Ok(event.without_message()),
        }
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
        let seq = self.next;
        self.region.slots.at(seq).copy_out(len, buffer);
        self.region.fork.check_after_for::<RecvError>()?;
        release(&self.region, self.cell, &mut self.next, 1);
        Ok(Outcome::Message(Copied { seq: seq.get(), tag, len: len.get() }))
    }

    /// Up to `max` messages that are there now, to be released together: one store of the cursor.
    ///
    /// # Errors
    /// As for [`try_recv`](Self::try_recv).
    pub fn try_recv_batch(&mut self, max: usize) -> Result<Outcome<Batch<'_>>, RecvError> {
        self.recv_batch(max, Wait::Spin, Duration::ZERO)
    }

    /// Up to `max` messages, waiting for the first until `timeout` has passed; never for the others.
    ///
    /// # Errors
    /// As for [`try_recv`](Self::try_recv).
    pub fn recv_batch(
        &mut self,
        max: usize,
        wait: Wait,
        timeout: Duration,
    ) -> Result<Outcome<Batch<'_>>, RecvError> {
        let first = match self.ready_within(wait, timeout)? {
            Outcome::Message(header) => header,
            event => return Ok(event.without_message()),
        };
        let Self { region, cell, next, arena, .. } = self;
        Ok(Outcome::Message(Batch::collect(region, *cell, next, arena, max, first)?))
    }

    /// Number of published messages that this consumer hasn't released. Head may be newer by the time
    /// the caller looks, and within a batch of the producer's it lags behind what can be read.
    ///
    /// # Errors
    /// `Damaged`, `Forked`, `Truncated`.
    pub fn lag(&self) -> Result<u64, RecvError> {
        self.region.read(|region| Ok(region.page.head()?.since(self.next)))
    }

    /// The sequence of the next message to read.
    pub fn next_seq(&self) -> u64 {
        self.next.get()
    }

    /// The ring's state, as the producer page has it now.
    ///
    /// # Errors
    /// `Damaged`, `Forked`, `Truncated`.
    pub fn state(&self) -> Result<State, RecvError> {
        self.region.read(|region| Ok(region.page.state()?))
    }

    /// The producer's incarnation, as the producer page has it now; 0 before the first.
    ///
    /// # Errors
    /// `Forked` in a forked child, `Truncated`.
    pub fn epoch(&self) -> Result<u64, RecvError> {
        self.region.read(|region| Ok(region.page.epoch()))
    }

    /// Whether some process holds the ring's producer lock now: asks the kernel.
    ///
    /// # Errors
    /// `Forked` in a forked child.
    pub fn producer_alive(&self) -> Result<bool, Forked> {
        // The locks aren't in the ring's memory.
        self.region.fork.check_fork()?;
        Ok(self.region.keeper.producer_alive())
    }

    /// The number of this consumer's cell.
    pub fn cell(&self) -> usize {
        self.cell
    }

    /// Whether messages are borrowed where they lie, rather than copied out.
    pub fn in_place(&self) -> bool {
        self.region.in_place
    }

    /// The ring's shape.
    pub fn geometry(&self) -> &Geometry {
        &self.region.geometry
    }

    /// Length and tag of the next message, if it is there.
    #[inline(always)]
    fn ready(&self) -> Result<Option<(Len, u32)>, RecvError> {
        self.region.fork.check_for::<RecvError>()?;
        ready(&self.region, self.region.slots.at(self.next))
    }

    /// The next message's length and tag, waiting for it until `timeout` has passed.
    #[inline(always)]
    fn ready_within(&mut self, wait: Wait, timeout: Duration) -> Result<Outcome<(Len, u32)>, RecvError> {
        match self.ready()? {
            Some(header) => Ok(Outcome::Message(header)),
            None => self.wait(wait, timeout),
        }
    }

    /// The same, when it wasn't there a moment ago.
    fn wait(&mut self, wait: Wait, timeout: Duration) -> Result<Outcome<(Len, u32)>, RecvError> {
        wait::block(self, wait, timeout)
    }
}

/// Length and tag of the message in its slot, if it is there.
#[inline(always)]
fn ready(region: &Region<AsConsumer>, slot: Slot<'_, ReadOnly>) -> Result<Option<(Len, u32)>, RecvError> {
    let (stamp, seq) = (slot::stamp(slot), slot.seq());
    if stamp == seq.published() {
        let (len, tag) = slot::header(slot)?;
        if len.get() == 0 {
            // So look the zeros in the place of a file that was cut short.
            region.fork.check_after_for::<RecvError>()?;
        }
        return Ok(Some((len, tag)));
    }
    match slot::miss(seq, stamp) {
        // This consumer's cursor gates the slot: nothing but damage gets past it.
        Look::Gone(found) => Err(overrun(seq, found).into()),
        _ => Ok(None),
    }
}

/// Why the next message isn't there: `None` if the ring is just empty.
#[inline(always)]
fn idle(region: &Region<AsConsumer>, next: Seq, watch: &mut Watch) -> Result<Option<Outcome<()>>, RecvError> {
    if watch.is_open(&region.page) { Ok(None) } else { event(region, next, watch) }
}

#[cold]
#[inline(never)]
fn event(
    region: &Region<AsConsumer>,
    next: Seq,
    watch: &mut Watch,
) -> Result<Option<Outcome<()>>, RecvError> {
    let event = watch.idle(&region.page, &region.slots, next);
    region.fork.check_after()?;
    Ok(event?)
}

impl wait::Reader for Consumer {
    /// The next message's length and tag.
    type Got = (Len, u32);

    #[inline]
    fn poll(&mut self) -> Result<Outcome<(Len, u32)>, RecvError> {
        if let Some(header) = self.ready()? {
            return Ok(Outcome::Message(header));
        }
        let Self { region, next, watch, .. } = self;
        Ok(idle(region, *next, watch)?.map_or(Outcome::Empty, Outcome::without_message))
    }

    #[cold]
    #[inline(never)]
    fn ask(&mut self) -> Result<Option<Outcome<()>>, RecvError> {
        let Self { region, next, watch, .. } = self;
        region.fork.check()?;
        let event = watch.ask(&region.page, &region.slots, *next, &*region.keeper);
        region.fork.check_after()?;
        Ok(event?)
    }

    #[cold]
    #[inline(never)]
    fn sleep(&mut self, time: Duration) -> Result<Outcome<(Len, u32)>, RecvError> {
        let bed = bell::lie_down(&self.region);
        let found = if seeded(Fault::SleepWithoutLook) { Outcome::Empty } else { self.poll()? };
        if matches!(found, Outcome::Empty) {
            bed.sleep(&self.region, time);
        } else if seeded(Fault::FlagResetByWaiter) {
            self.region.hints.sleepers().store(sleepers::NONE);
        }
        Ok(found)
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        // In a forked child the cell is the parent's.
        if self.region.fork.check().is_ok() {
            join::leave(&self.region, self.cell);
        }
    }
}

/// Releases `n` messages: the producer may overwrite them.
#[inline(always)]
pub(crate) fn release(region: &Region<AsConsumer>, cell: usize, next: &mut Seq, n: u64) {
    *next = next.plus(n);
    // C1 pairs with G2: what was read of the slots is done.
    region.cells.word::<{ cell::CURSOR }>(cell).store_release(next.get(), Edge::C1);
    space::released(region, cell, *next);
}

#[cold]
fn overrun(next: Seq, found: u64) -> Damaged {
    Damaged { what: "stamp", seq: next.get(), found, expected: next.published() }
}
