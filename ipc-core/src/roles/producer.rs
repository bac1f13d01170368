//! The one writer of a ring.

use crossbeam_utils::CachePadded;

use crate::format::error::{AttachError, PublishError};
use crate::format::geometry::Geometry;
use crate::format::layout::producer_page;
use crate::format::seq::Seq;
use crate::memory::access::AsProducer;
use crate::memory::cancel_word::Cancelling;
use crate::memory::region::Region;
use crate::memory::scratch::Scratch;
use crate::memory::sized::Len;
use crate::memory::source::Vacancy;
use crate::ordering::edge::Edge;
use crate::ordering::fault::{Fault, seeded};
use crate::protocol::doorbell::{self, WakeMode};
use crate::protocol::events;
use crate::protocol::producer_page::EpochState;
use crate::protocol::role_words;
use crate::protocol::scan::{Purpose, Scanner};
use crate::protocol::takeover::resume_point;
use crate::protocol::void::Skipped;
use crate::protocol::wait::{Wait, WaitPolicy};
use crate::roles::ending::Ending;
use crate::roles::message_claim::Note;

/// The producer of a ring: there is one at a time.
///
/// Dropping it without [`close`](Self::close) leaves the ring open: readers see
/// [`ProducerLost`](crate::Outcome::ProducerLost), as after a crash but at once, and a successor may take over.
/// [`close_on_drop`](Self::close_on_drop) has the drop close the ring.
///
/// A call that would overwrite a message that some consumer hasn't released waits, or reports
/// [`Full`](crate::Full). With no consumer attached it never does, unless another process writes the word `clones` all
/// the time (see [`Full`](crate::Full)). Best-effort readers hold it back as long as its
/// [patience](Self::set_patience) lasts. Observers never hold it back.
///
/// # Examples
/// ```
/// use ringway::{Config, Ring};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let ring = ringway::anon::create(&Config::new())?;
/// let mut producer = ring.producer()?;
/// assert_eq!(producer.publish(b"first")?, 0);
/// assert_eq!(producer.next_seq(), 1);
/// producer.close()?; // readers see `Closed` once they have read everything
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a producer that is dropped ends its role, and readers see `ProducerLost`"]
pub struct Producer {
    pub(crate) region: Region<AsProducer>,
    /// What every publish touches, on cache lines of its own: handles of several threads may lie side by
    /// side.
    pub(crate) position: CachePadded<WritePosition>,
    pub(crate) scanner: Scanner,
    pub(crate) requires_readers: bool,
    pub(crate) epoch: u64,
    pub(crate) ending: Ending,
    pub(crate) wait: WaitPolicy,
    pub(crate) staging: Scratch,
    /// Of the messages of a batch that is claimed; kept for the next one.
    pub(crate) notes: Vec<Note>,
    pub(crate) skipped: Skipped,
    pub(crate) cancelling: Cancelling,
    /// What the standby had that it was: ended with the role, since that takes the system a while.
    pub(crate) aside: Option<Box<dyn Vacancy>>,
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
        let mut scanner = Scanner::new(region.cells.count())?;
        let resume = region.read(|region| -> Result<Seq, AttachError> { Ok(resume_point(region)?) })?;
        let words = &region.producer_page;
        let before = words.own_epoch_state();
        let epoch = before.next_epoch();
        scanner.epoch = epoch;
        words.first_seq(epoch).store(resume.get());
        role_words::sign_page(words, region.name);
        let asymmetric = region.register();
        #[cfg(not(loom))]
        doorbell::store_wake_every(&region, core::time::Duration::ZERO);
        doorbell::store_mode(&region, if asymmetric { WakeMode::Asymmetric } else { WakeMode::Fenced });
        // Head may lag behind the stamps of a dead producer: it is put right before the first scan, and before the
        // epoch. A consumer that goes by head has the old epoch's last messages by it, before it is told of the new
        // one.
        let store_head = || {
            if !seeded(Fault::NoHeadAtTakeover) {
                words.word::<{ producer_page::HEAD }>().store_release(resume.get(), Edge::W3);
            }
        };
        if !seeded(Fault::HeadAfterEpoch) {
            store_head();
        }
        // E1 pairs with E2: a reader that sees the epoch sees its first sequence, and head.
        words
            .word::<{ producer_page::EPOCH_STATE }>()
            .store_release(EpochState::open(epoch).word(), Edge::E1);
        if seeded(Fault::HeadAfterEpoch) {
            store_head();
        }
        // A sleeper relies on what the producer before was about to do.
        if !seeded(Fault::TakeoverWithoutBell) {
            doorbell::ring(&region);
        }
        region.fork.check_after()?;
        events::producer_entered(&region.geometry, before, epoch, resume);
        Ok(Self {
            region,
            position: CachePadded::new(WritePosition { next: resume, limit: resume }),
            scanner,
            requires_readers: false,
            epoch,
            ending: Ending::default(),
            wait: WaitPolicy::default(),
            staging: Scratch::default(),
            notes: Vec::new(),
            skipped: Skipped::before(resume),
            cancelling: Cancelling::default(),
            aside: None,
        })
    }

    /// Sets how calls that wait for room pass the time. At first: [`Wait::Park`].
    ///
    /// How long they wait is said call by call: without end, for a time ([`publish_timeout`](Self::publish_timeout)) or
    /// until an instant ([`publish_deadline`](Self::publish_deadline)).
    pub fn set_wait(&mut self, wait: Wait) {
        self.wait.set(wait);
    }

    /// How calls that wait for room pass the time.
    pub fn wait(&self) -> Wait {
        self.wait.wait()
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

    /// Number of consumers and best-effort readers that hold the producer back: attached, alive, and not passed over.
    /// Asks the kernel about each. A reader's count, such as
    /// [`Consumer::consumer_count`](crate::Consumer::consumer_count), has those that were passed over, too: only this
    /// producer knows which they are.
    ///
    /// # Errors
    /// `Forked` in a forked child, `Truncated`.
    pub fn consumer_count(&self) -> Result<usize, PublishError> {
        self.region.read(|region| {
            Ok(self.scanner.active(region).filter(|&(cell, _)| region.keeper.cell_alive(cell)).count())
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
    pub(crate) fn fit_len(&self, len: usize) -> Result<Len, PublishError> {
        fit_len(&self.region, len)
    }

    /// Whether the next message may be written, as far as is known without looking at the consumers.
    #[inline(always)]
    pub(crate) fn has_room(&self) -> bool {
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
        let room = if self.position.next < self.position.limit { Ok(()) } else { self.rescan(1) };
        #[cfg(loom)]
        self.store_deferred_head();
        room
    }

    /// Makes sure that the next `needed` messages may be written: half a lap at most.
    pub(crate) fn reserve_many(&mut self, needed: u64) -> Result<(), PublishError> {
        self.region.fork.check_for::<PublishError>()?;
        let room = if self.room() >= needed { Ok(()) } else { self.rescan(needed) };
        #[cfg(loom)]
        self.store_deferred_head();
        room
    }

    /// Looks for room: reads the consumers' cursors.
    #[cold]
    #[inline(never)]
    fn rescan(&mut self, needed: u64) -> Result<(), PublishError> {
        self.look_for_room(needed, Purpose::Writes)
    }

    /// The same, in the caller's function.
    #[inline(always)]
    pub(crate) fn look_for_room(&mut self, needed: u64, purpose: Purpose) -> Result<(), PublishError> {
        self.check_open()?;
        // Readers would refuse what came after. No ring gets here by publishing.
        if Seq::END.since(self.position.next) < needed {
            return Err(PublishError::Exhausted);
        }
        match self.scanner.still_blocked(&self.region, self.position.next, needed) {
            Some(full) => Err(full.into()),
            None => self.scan_for(needed, purpose),
        }
    }

    /// Reads all consumers' cursors, in want of room for `needed` messages: half a lap at most.
    #[inline(always)]
    pub(crate) fn scan_for(&mut self, needed: u64, purpose: Purpose) -> Result<(), PublishError> {
        let next = self.position.next;
        let scanned = self.scanner.scan(&self.region, next, needed, purpose);
        self.check_epoch()?;
        match scanned {
            Ok(_) if self.requires_readers && !self.scanner.found().readers => Err(PublishError::NoReaders),
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
}

/// Stores head: `next` messages are published.
#[inline(always)]
pub(crate) fn store_head(region: &Region<AsProducer>, next: Seq) {
    if seeded(Fault::HeadAfterRescan) {
        return;
    }
    store_head_silently(region, next);
    doorbell::published(region);
}

/// The same, and wakes nobody.
#[inline(always)]
pub(crate) fn store_head_silently(region: &Region<AsProducer>, next: Seq) {
    // W3 pairs with H1: a load that sees this head sees the stamps below it.
    region.producer_page.word::<{ producer_page::HEAD }>().store_release(next.get(), Edge::W3);
}

/// `len` as the length of a message, whatever the stride.
#[inline(always)]
pub(crate) fn fit_len(region: &Region<AsProducer>, len: usize) -> Result<Len, PublishError> {
    let slots = &region.slots;
    slots.len(len).or_else(|| slots.fixed_len(len)).ok_or_else(|| misfit(region, len, 0))
}

/// Marks a branch as one to be laid out of the way of the others.
#[cold]
#[inline(always)]
pub(crate) fn aside() {}

/// Fails if messages have no tags, and this is one.
pub(crate) fn check_tag(region: &Region<AsProducer>, len: Len, tag: u32) -> Result<(), PublishError> {
    if tag == 0 || region.slots.are_headed() { Ok(()) } else { Err(misfit(region, len.get(), tag)) }
}

/// Why there can be no message of this length and tag.
#[cold]
pub(crate) fn misfit(region: &Region<AsProducer>, len: usize, tag: u32) -> PublishError {
    let capacity = region.slots.capacity();
    if region.slots.are_headed() {
        PublishError::TooLong { len, capacity }
    } else if len != capacity {
        PublishError::FixedLength { len, expected: capacity }
    } else {
        PublishError::NoTags { tag }
    }
}
