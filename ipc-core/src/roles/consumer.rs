//! The reliable reader: its cursor holds the producer back, and it loses nothing.
//!
//! # Safety
//! Only a message that a look has shown published is borrowed.
#![allow(unsafe_code)]

use core::time::Duration;
use std::time::Instant;

use crate::format::error::{AttachError, RecvError};
use crate::format::geometry::Geometry;
use crate::memory::Payload;
use crate::memory::access::AsConsumer;
use crate::memory::cancel_word::Cancelling;
use crate::memory::region::Region;
use crate::memory::scratch::Scratch;
use crate::memory::short::{Short, ShortLen};
use crate::memory::sized::Len;
use crate::protocol::join::{self, Kind};
use crate::protocol::message::{Outcome, Start};
use crate::protocol::space_bell;
use crate::protocol::stamp::SlotHeader;
use crate::protocol::wait::{self, Limit, Wait, WaitPolicy};
use crate::protocol::why_empty::WhyEmpty;
use crate::roles::arena::Arena;
use crate::roles::coalescing::Coalescing;
use crate::roles::cursor::{Cursor, Shown};
use crate::roles::found::Found;
use crate::roles::guard::Guard;
use crate::roles::peek::Peeked;

/// A consumer of a ring: it gets every message from where it started.
///
/// The producer can't overwrite what this handle hasn't released, so it may borrow messages where they lie. A consumer
/// that stops reading stops the producer once the ring is full. Dropping the handle leaves the ring.
///
/// # Examples
/// ```
/// use ringway::{Config, Outcome, Ring, Start};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let ring = ringway::anon::create(&Config::new())?;
/// let mut consumer = ring.consumer(Start::Oldest)?;
/// let mut producer = ring.producer()?;
/// producer.publish(b"hello")?;
/// producer.close()?;
/// while let Outcome::Message(message) = consumer.recv()? {
///     println!("{}: {:?}", message.seq(), &message[..]);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a consumer that isn't read stops the producer, and dropping it leaves the ring"]
pub struct Consumer {
    pub(crate) cursor: Cursor,
    pub(crate) wait: WaitPolicy,
    /// Whether the last batch was all that was asked for, and long enough for a stream.
    pub(crate) streams: bool,
    pub(crate) coalescing: Coalescing,
    pub(crate) why_empty: WhyEmpty,
    /// The message in hand, where it was copied: a short one.
    short: Short,
    /// A longer one.
    scratch: Scratch,
    pub(crate) arena: Arena,
    pub(crate) peeked: Peeked,
    pub(crate) cancelling: Cancelling,
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
        let why_empty = WhyEmpty::new(&region.producer_page, start);
        let why_empty = why_empty.by_head(region.geometry.is_read_by_head());
        space_bell::introduce(&region, cell);
        let joined = join::join(&region, cell, Kind::Consumer, start);
        match region.fork.check_after().map_err(AttachError::from).and(joined) {
            Ok(next) => Ok(Self::at(Cursor::new(region, cell, next), WaitPolicy::default(), why_empty)),
            Err(error) => {
                join::leave(&region, cell);
                Err(error)
            }
        }
    }

    /// Sets how calls wait that find nothing. At first: [`Wait::Park`].
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{Consumer, Wait};
    /// fn hurry(consumer: &mut Consumer) {
    ///     consumer.set_wait(Wait::Spin); // the shortest latency, at the price of a processor core
    ///     assert_eq!(consumer.wait(), Wait::Spin);
    /// }
    /// ```
    pub fn set_wait(&mut self, wait: Wait) {
        self.wait.set(wait);
    }

    /// How calls wait that find nothing.
    pub fn wait(&self) -> Wait {
        self.wait.wait()
    }

    /// A consumer whose cell is active.
    pub(crate) fn at(cursor: Cursor, wait: WaitPolicy, why_empty: WhyEmpty) -> Self {
        // Empty: no allocation fails once the cell is active.
        let (short, scratch, arena) = (Short::default(), Scratch::default(), Arena::default());
        let peeked = Peeked::new(cursor.next());
        let (coalescing, cancelling) = (Coalescing::default(), Cancelling::default());
        Self {
            cursor,
            wait,
            streams: false,
            coalescing,
            why_empty,
            short,
            scratch,
            arena,
            peeked,
            cancelling,
        }
    }

    /// The next message, if it is there.
    ///
    /// The guard borrows the message where it lies if the ring's peers are trusted, else a private copy of
    /// it. Dropping the guard releases the slot; forgetting it means that the message comes again.
    ///
    /// It looks at the message's slot alone (or at head, if the stride is `Split`) and never asks the kernel. So it
    /// never reports `ProducerLost`, and where another process wrote over the ring it may say `Empty` for ever. Calls
    /// that wait find out: a loop that polls calls [`recv_timeout`](Self::recv_timeout) with a short time-out now and
    /// then.
    ///
    /// # Errors
    /// `Damaged`, `Forked`, `Truncated`; where messages are copied, `NoMemory`: the message can be read again.
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{Consumer, Outcome, RecvError};
    /// fn drain(consumer: &mut Consumer) -> Result<usize, RecvError> {
    ///     let mut bytes = 0;
    ///     while let Outcome::Message(message) = consumer.try_recv()? {
    ///         bytes += message.len();
    ///     }
    ///     Ok(bytes)
    /// }
    /// ```
    #[inline(always)]
    pub fn try_recv(&mut self) -> Result<Outcome<Guard<'_>>, RecvError> {
        match self.cursor.look() {
            Shown::NotYet if self.why_empty.is_open(&self.cursor.region.producer_page) => Ok(Outcome::Empty),
            shown => self.take(shown, None),
        }
    }

    /// The next message, waiting for it without end: until it comes, the ring is closed, or the producer is lost.
    ///
    /// # Errors
    /// As for [`try_recv`](Self::try_recv).
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{Consumer, Outcome, RecvError};
    /// fn print_all(consumer: &mut Consumer) -> Result<(), RecvError> {
    ///     loop {
    ///         match consumer.recv()? {
    ///             Outcome::Message(message) => println!("{}: {:?}", message.seq(), &message[..]),
    ///             Outcome::Closed => return Ok(()),
    ///             event => eprintln!("{event:?}"),
    ///         }
    ///     }
    /// }
    /// ```
    #[inline(always)]
    pub fn recv(&mut self) -> Result<Outcome<Guard<'_>>, RecvError> {
        self.recv_within(Limit::Never)
    }

    /// The next message, waiting for it until `timeout` has passed ([`Duration::MAX`]: without end): then
    /// [`TimedOut`](Outcome::TimedOut).
    ///
    /// # Errors
    /// As for [`try_recv`](Self::try_recv).
    ///
    /// # Examples
    /// ```
    /// # use core::time::Duration;
    /// # use ringway_core::{Consumer, Outcome, RecvError};
    /// fn is_quiet(consumer: &mut Consumer) -> Result<bool, RecvError> {
    ///     Ok(consumer.recv_timeout(Duration::from_secs(1))?.is_timed_out())
    /// }
    /// ```
    #[inline(always)]
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<Outcome<Guard<'_>>, RecvError> {
        self.recv_within(Limit::After(timeout))
    }

    /// The next message, waiting for it until `deadline`: then [`TimedOut`](Outcome::TimedOut). One in the past looks
    /// once, as a time-out of zero does: neither asks the kernel whether the producer lives.
    ///
    /// # Errors
    /// As for [`try_recv`](Self::try_recv).
    ///
    /// # Examples
    /// ```
    /// # use core::time::Duration;
    /// # use ringway_core::{Consumer, Outcome, RecvError};
    /// # use std::time::Instant;
    /// fn messages_of_a_second(consumer: &mut Consumer) -> Result<usize, RecvError> {
    ///     let (mut count, end) = (0, Instant::now() + Duration::from_secs(1));
    ///     while let Outcome::Message(_) = consumer.recv_deadline(end)? {
    ///         count += 1;
    ///     }
    ///     Ok(count)
    /// }
    /// ```
    #[inline(always)]
    pub fn recv_deadline(&mut self, deadline: Instant) -> Result<Outcome<Guard<'_>>, RecvError> {
        self.recv_within(Limit::At(deadline))
    }

    #[inline(always)]
    fn recv_within(&mut self, limit: Limit) -> Result<Outcome<Guard<'_>>, RecvError> {
        if self.cursor.published() >= self.coalescing.from {
            self.coalesce(limit);
        }
        let shown = wait::look_briefly(
            limit,
            || self.cursor.look(),
            |shown| {
                matches!(shown, Shown::NotYet) && self.why_empty.is_open(&self.cursor.region.producer_page)
            },
        );
        self.take(shown, Some(limit))
    }

    /// The message that a look has shown, or whatever finding it takes.
    #[inline(always)]
    fn take(&mut self, shown: Shown, limit: Option<Limit>) -> Result<Outcome<Guard<'_>>, RecvError> {
        let (payload, tag) = match shown {
            // SAFETY: the message is there, and may be borrowed. The guard keeps the cursor from passing it.
            Shown::Borrowable(SlotHeader { len, tag }) => (unsafe { self.cursor.headed().borrow(len) }, tag),
            Shown::Short(len, tag) if self.copy_short(len) => (Payload::from(self.short.first(len)), tag),
            _ => match self.find_fixed(limit) {
                // SAFETY: as above.
                Some(len) => (unsafe { self.cursor.slot().borrow(len) }, 0),
                None => match self.find(limit)? {
                    Outcome::Message(header) => (self.payload(header.len), header.tag),
                    event => return Ok(event.without_message()),
                },
            },
        };
        Ok(Outcome::Message(Guard::new(&self.cursor, payload, tag)))
    }

    /// The length of the next message, where all have one length and are borrowed, if it comes within a moment.
    #[inline(always)]
    fn find_fixed(&self, limit: Option<Limit>) -> Option<Len> {
        let region = &self.cursor.region;
        if region.slots.are_headed() || !region.in_place { None } else { self.look_for_fixed(limit) }
    }

    #[inline(never)]
    fn look_for_fixed(&self, limit: Option<Limit>) -> Option<Len> {
        let look = || self.cursor.look_fixed();
        let waits = |found: &Option<Len>| {
            found.is_none() && self.why_empty.is_open(&self.cursor.region.producer_page)
        };
        limit.map_or_else(look, |limit| wait::look_briefly(limit, look, waits))
    }

    /// Copies a short message, once. Whether the handle still had its memory then.
    #[inline(always)]
    fn copy_short(&mut self, len: ShortLen) -> bool {
        #[cfg(loom)]
        self.cursor.release_by_fault(1);
        self.cursor.headed().copy_out_short(len, &mut self.short);
        self.cursor.region.fork.is_valid_after()
    }

    /// Finds the next message in every case, out of the way of the fast one, and copies it unless it may be borrowed.
    #[inline(never)]
    fn find(&mut self, limit: Option<Limit>) -> Result<Outcome<SlotHeader>, RecvError> {
        let header = match self.next_within(limit)? {
            Outcome::Message(header) => header,
            event => return Ok(event.without_message()),
        };
        if !self.cursor.region.in_place {
            #[cfg(loom)]
            self.cursor.release_by_fault(1);
            let Some(buffer) = self.scratch.all().get_mut(..header.len.get()) else {
                return self.copy_larger(header);
            };
            self.cursor.slot().copy_out(header.len, buffer);
            self.cursor.check_copied(self.cursor.slot())?;
        }
        Ok(Outcome::Message(header))
    }

    /// Copies a message that is longer than those before, out of the way of the others.
    #[cold]
    #[inline(never)]
    fn copy_larger(&mut self, header: SlotHeader) -> Result<Outcome<SlotHeader>, RecvError> {
        self.cursor.slot().copy_out(header.len, self.scratch.bytes(header.len.get())?);
        self.cursor.check_copied(self.cursor.slot())?;
        Ok(Outcome::Message(header))
    }

    /// The next message's header, waiting for it as `limit` says.
    #[cold]
    #[inline(never)]
    fn wait_for(&mut self, limit: Option<Limit>) -> Result<Outcome<SlotHeader>, RecvError> {
        wait::block(self, limit)
    }

    /// As [`wait_for`](Self::wait_for), with a look first: the message is there, most often.
    pub(crate) fn next_within(&mut self, limit: Option<Limit>) -> Result<Outcome<SlotHeader>, RecvError> {
        match self.cursor.next_header()? {
            Found::Message(header) => Ok(Outcome::Message(header)),
            Found::NotYet | Found::Void(_) => self.wait_for(limit),
        }
    }

    /// The message that was just found: its copy, or its bytes where they lie.
    #[inline(always)]
    fn payload(&self, len: Len) -> Payload<'_> {
        if !self.cursor.region.in_place {
            return Payload::from(&self.scratch.as_bytes()[..len.get()]);
        }
        // SAFETY: the message is there, and the region is `in_place`: every process keeps to the protocol, and so the
        // producer overwrites the slot only once the cursor has passed it. The guard keeps it from that.
        unsafe { self.cursor.slot().borrow(len) }
    }

    /// The sequence of the next message to read.
    pub fn next_seq(&self) -> u64 {
        self.cursor.next().get()
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
}

impl Drop for Consumer {
    fn drop(&mut self) {
        // In a forked child the cell is the parent's.
        if self.cursor.region.fork.check().is_ok() {
            join::leave(&self.cursor.region, self.cursor.cell);
        }
    }
}
