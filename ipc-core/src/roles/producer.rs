//! The one writer of a ring.

use core::time::Duration;

use crossbeam_utils::CachePadded;

use crate::format::error::{AttachError, PublishError};
use crate::format::geometry::Geometry;
use crate::format::layout::producer_page;
use crate::format::seq::Seq;
use crate::memory::access::AsProducer;
use crate::memory::region::Region;
use crate::memory::scratch::Scratch;
use crate::memory::sized::SizedMessage;
use crate::ordering::edge::Edge;
use crate::ordering::fault::{Fault, seeded};
use crate::protocol::doorbell::{self, WakeMode};
use crate::protocol::producer_page::EpochState;
use crate::protocol::scan::Scanner;
use crate::protocol::stamp;
use crate::protocol::takeover::resume_point;
use crate::protocol::wait::Wait;
use crate::roles::claim::Claim;
use crate::roles::ending::Ending;

/// The producer of a ring: there is one at a time.
///
/// Dropping it without [`close`](Self::close) leaves the ring open: readers see
/// [`ProducerLost`](crate::Outcome::ProducerLost), as after a crash but at once, and a successor may take over.
/// [`close_on_drop`](Self::close_on_drop) has the drop close the ring.
///
/// A call that would overwrite a message that some consumer hasn't released waits, or reports
/// [`Full`](crate::Full). With no consumer attached it never does; observers never hold it back.
#[derive(Debug)]
pub struct Producer {
    pub(crate) region: Region<AsProducer>,
    /// What every publish touches, on cache lines of its own: handles of several threads may lie side by
    /// side.
    pub(crate) position: CachePadded<WritePosition>,
    pub(crate) gate: Scanner,
    pub(crate) requires_readers: bool,
    pub(crate) epoch: u64,
    pub(crate) ending: Ending,
    pub(crate) wait: Wait,
    pub(crate) timeout: Duration,
    pub(crate) staging: Scratch,
}

/// Where the producer writes next.
#[derive(Debug)]
pub(crate) struct WritePosition {
    /// The next message. Never stale: nobody else writes head.
    pub(crate) next: Seq,
    /// The first message that may not be written before the next scan of the consumers' cells. Stale on
    /// the safe side: cursors only move forward, and a joiner's is provided for by the half-lap cap.
    pub(crate) limit: Seq,
}

impl Producer {
    /// Takes the producer's role on a mapped ring.
    ///
    /// If the ring had a producer before, this one goes on after the last message that it published, in an
    /// epoch of its own.
    ///
    /// # Errors
    /// `Damaged` if the producer page and the slots contradict each other; `NoMemory`.
    pub fn enter(region: Region<AsProducer>) -> Result<Self, AttachError> {
        // First: a producer that can't be must not begin an epoch.
        let gate = Scanner::new(region.cells.count())?;
        let resume = region.read(|region| -> Result<Seq, AttachError> { Ok(resume_point(region)?) })?;
        let words = &region.producer_page;
        let epoch = words.own_epoch_state().next_epoch();
        words.first_seq(epoch).store(resume.get());
        words.word::<{ producer_page::PRODUCER_PID }>().store(u64::from(std::process::id()));
        let asymmetric = region.register();
        doorbell::store_mode(&region, if asymmetric { WakeMode::Asymmetric } else { WakeMode::Fenced });
        // E1 pairs with E2: a reader that sees the epoch sees its first sequence.
        words
            .word::<{ producer_page::EPOCH_STATE }>()
            .store_release(EpochState::open(epoch).word(), Edge::E1);
        // Head may lag behind the stamps of a dead producer: it is put right before the first scan.
        if !seeded(Fault::NoHeadAtTakeover) {
            words.word::<{ producer_page::HEAD }>().store_release(resume.get(), Edge::W3);
        }
        // A sleeper relies on what the producer before was about to do.
        if !seeded(Fault::TakeoverWithoutBell) {
            doorbell::ring(&region);
        }
        region.fork.check_after()?;
        Ok(Self {
            region,
            position: CachePadded::new(WritePosition { next: resume, limit: resume }),
            gate,
            requires_readers: false,
            epoch,
            ending: Ending::default(),
            wait: Wait::default(),
            timeout: Duration::MAX,
            staging: Scratch::default(),
        })
    }

    /// Sets how blocking calls wait, and for how long at most. At first: [`Wait::Park`], without end.
    pub fn set_wait(&mut self, wait: Wait, timeout: Duration) {
        self.wait = wait;
        self.timeout = timeout;
    }

    /// Publishes a message with tag 0, waiting for room as [`set_wait`](Self::set_wait) says. Returns its
    /// sequence.
    ///
    /// # Errors
    /// `TooLong`, `TimedOut`, `Deposed`, `Exhausted`, `NoReaders`, `Forked`, `Truncated`; nothing was published then. (The
    /// call before a `Truncated` may have returned `Ok` for a lost message.)
    #[inline]
    pub fn publish(&mut self, message: &[u8]) -> Result<u64, PublishError> {
        self.publish_tagged(message, 0)
    }

    /// Publishes a message with a tag of the caller's, waiting for room as [`set_wait`](Self::set_wait)
    /// says. Returns its sequence.
    ///
    /// # Errors
    /// As for [`publish`](Self::publish).
    #[inline]
    pub fn publish_tagged(&mut self, message: &[u8], tag: u32) -> Result<u64, PublishError> {
        match self.region.slots.fit(message) {
            Some(message) if self.has_room() => Ok(self.write(message, tag)),
            _ => self.publish_slowly(message, tag, Self::wait_for_room),
        }
    }

    /// Publishes a message with tag 0 if there is room now. Returns its sequence.
    ///
    /// # Errors
    /// `Full`, which names the slowest consumer; `TooLong`, `Deposed`, `Exhausted`, `NoReaders`, `Forked`, `Truncated`.
    /// Nothing was published then.
    #[inline]
    pub fn try_publish(&mut self, message: &[u8]) -> Result<u64, PublishError> {
        self.try_publish_tagged(message, 0)
    }

    /// Publishes a message with a tag of the caller's if there is room now. Returns its sequence.
    ///
    /// # Errors
    /// As for [`try_publish`](Self::try_publish).
    #[inline]
    pub fn try_publish_tagged(&mut self, message: &[u8], tag: u32) -> Result<u64, PublishError> {
        match self.region.slots.fit(message) {
            Some(message) if self.has_room() => Ok(self.write(message, tag)),
            _ => self.publish_slowly(message, tag, Self::reserve),
        }
    }

    /// Claims the next slot for a message of `len` bytes, to be written in place, waiting for room as
    /// [`set_wait`](Self::set_wait) says.
    ///
    /// # Errors
    /// As for [`publish`](Self::publish); where messages are written in a buffer first, `NoMemory`.
    #[inline]
    pub fn claim(&mut self, len: usize) -> Result<Claim<'_>, PublishError> {
        let len = self.fit_len(len)?;
        self.wait_for_room()?;
        Claim::new(self, len)
    }

    /// Claims the next slot for a message of `len` bytes if there is room now.
    ///
    /// # Errors
    /// As for [`try_publish`](Self::try_publish); where messages are written in a buffer first, `NoMemory`.
    #[inline]
    pub fn try_claim(&mut self, len: usize) -> Result<Claim<'_>, PublishError> {
        let len = self.fit_len(len)?;
        self.reserve()?;
        Claim::new(self, len)
    }

    /// The sequence of the next message.
    pub fn next_seq(&self) -> u64 {
        self.position.next.get()
    }

    /// The number of this producer's incarnation, from 1.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The ring's shape.
    pub fn geometry(&self) -> &Geometry {
        &self.region.geometry
    }

    /// Number of consumers that hold the producer back: attached, and alive. Asks the kernel about each.
    ///
    /// # Errors
    /// `Forked` in a forked child, `Truncated`.
    pub fn consumers(&self) -> Result<usize, PublishError> {
        self.region.read(|region| {
            Ok(self.gate.active(region).filter(|&(cell, _)| region.keeper.cell_alive(cell)).count())
        })
    }

    pub(crate) fn check_epoch(&self) -> Result<(), PublishError> {
        let found = self.region.producer_page.epoch_state_now().epoch();
        if found == self.epoch {
            return Ok(());
        }
        // Memory that is gone has epoch 0.
        self.region.fork.check_after()?;
        Err(PublishError::Deposed { own: self.epoch, found })
    }

    #[inline(always)]
    pub(crate) fn fit_len(&self, len: usize) -> Result<crate::memory::sized::Len, PublishError> {
        self.region.slots.len(len).ok_or_else(|| too_long(&self.region, len))
    }

    #[inline(always)]
    fn write(&mut self, message: SizedMessage<'_>, tag: u32) -> u64 {
        let seq = self.position.next;
        stamp::write(self.region.slots.at(seq), message, tag);
        self.position.next = seq.next();
        store_head(&self.region, self.position.next);
        seq.get()
    }

    /// The same in every case, out of the way of the one that is to be fast.
    #[cold]
    #[inline(never)]
    fn publish_slowly(
        &mut self,
        message: &[u8],
        tag: u32,
        reserve: fn(&mut Self) -> Result<(), PublishError>,
    ) -> Result<u64, PublishError> {
        let message = fit(&self.region, message)?;
        reserve(self)?;
        Ok(self.write(message, tag))
    }

    /// Whether the next message may be written, as far as is known without looking at the consumers.
    #[inline(always)]
    fn has_room(&self) -> bool {
        let room = self.region.fork.is_valid() && self.position.next < self.position.limit;
        #[cfg(loom)]
        if room {
            self.store_deferred_head();
        }
        room
    }

    /// Makes sure that the next message may be written.
    #[inline(always)]
    pub(crate) fn reserve(&mut self) -> Result<(), PublishError> {
        self.region.fork.check_for::<PublishError>()?;
        let room = if self.position.next < self.position.limit { Ok(()) } else { self.rescan() };
        #[cfg(loom)]
        self.store_deferred_head();
        room
    }

    /// Looks for room: reads the consumers' cursors.
    #[cold]
    #[inline(never)]
    fn rescan(&mut self) -> Result<(), PublishError> {
        // Readers would refuse what came after. No ring gets here by publishing.
        if self.position.next >= Seq::END {
            return Err(PublishError::Exhausted);
        }
        match self.gate.still_blocked(&self.region, self.position.next) {
            Some(full) => Err(full.into()),
            None => self.scan(),
        }
    }

    /// Reads all consumers' cursors.
    pub(crate) fn scan(&mut self) -> Result<(), PublishError> {
        self.scan_for(1)
    }

    /// Reads all consumers' cursors, in want of room for `needed` messages: half a lap at most.
    pub(crate) fn scan_for(&mut self, needed: u64) -> Result<(), PublishError> {
        let next = self.position.next;
        let scanned = self.gate.scan(&self.region, next, needed);
        self.check_epoch()?;
        match scanned {
            Ok(_) if self.requires_readers && !self.gate.found().readers => Err(PublishError::NoReaders),
            Ok(limit) => {
                self.position.limit = limit.min(Seq::END);
                Ok(())
            }
            Err(full) => {
                // Not if there is room, and less than was needed.
                if full.lag >= self.region.geometry.slots {
                    self.count_full();
                }
                Err(full.into())
            }
        }
    }

    /// Stores the head that the fault `HeadAfterRescan` kept back.
    #[cfg(loom)]
    pub fn store_deferred_head(&self) {
        if seeded(Fault::HeadAfterRescan) {
            self.region
                .producer_page
                .word::<{ producer_page::HEAD }>()
                .store_release(self.position.next.get(), Edge::W3);
        }
    }

    fn count_full(&self) {
        let times = self.region.producer_page.word::<{ producer_page::TIMES_FULL }>();
        times.store(times.load_own().wrapping_add(1));
    }

    #[inline(always)]
    pub(crate) fn wait_for_room(&mut self) -> Result<(), PublishError> {
        match self.reserve() {
            Err(PublishError::Full(full)) => self.wait_while_full(full),
            other => other,
        }
    }
}

/// Stores head: `next` messages are published.
#[inline(always)]
pub(crate) fn store_head(region: &Region<AsProducer>, next: Seq) {
    if seeded(Fault::HeadAfterRescan) {
        return;
    }
    // W3 pairs with H1: a load that sees this head sees the stamps below it.
    region.producer_page.word::<{ producer_page::HEAD }>().store_release(next.get(), Edge::W3);
    doorbell::published(region);
}

#[inline(always)]
pub(crate) fn fit<'m>(
    region: &Region<AsProducer>,
    message: &'m [u8],
) -> Result<SizedMessage<'m>, PublishError> {
    region.slots.fit(message).ok_or_else(|| too_long(region, message.len()))
}

#[cold]
pub(crate) fn too_long(region: &Region<AsProducer>, len: usize) -> PublishError {
    PublishError::TooLong { len, capacity: region.slots.capacity() }
}
