//! The reader that is reliable while it keeps up: its cursor holds the producer back until the producer's patience ends.
//!
//! # Safety
//! One function is unsafe to call: its caller has the lock of the cell. Nothing is borrowed from a slot.

#![allow(unsafe_code)]

mod lapped;
mod messages;
mod receive;
mod told;

use crate::format::error::AttachError;
use crate::format::seq::Seq;
use crate::memory::access::AsConsumer;
use crate::memory::cancel_word::Cancelling;
use crate::memory::region::Region;
use crate::memory::scratch::Scratch;
use crate::protocol::join::{self, Kind};
use crate::protocol::message::{Resume, Start};
use crate::protocol::space_bell;
use crate::protocol::wait::{Wait, WaitPolicy};
use crate::protocol::why_empty::WhyEmpty;
use crate::roles::cursor::Cursor;

/// A best-effort reader of a ring: it gets every message as long as it keeps up, and never stops the producer for long.
///
/// Like a consumer it takes a cell, and holds the producer back while the ring is full. Once such readers alone have kept
/// the ring full for longer than the producer's [patience](crate::Patience), which all of them use up together, the
/// producer passes them over, and goes on. A reader that was passed over and falls a lap behind is told exactly how many
/// messages it lost, and is waited for again from there on. One that catches up before that loses nothing.
///
/// It copies each message out, and accepts it only if the producer hadn't begun to overwrite it meanwhile. So it takes no
/// promise about its peers, and lends nothing in place. At any quiet point `received() + lost() == next_seq() - start()`,
/// and once it has read all, `next_seq()` is head. Dropping the handle leaves the ring.
///
/// # Examples
/// ```
/// use ringway::{Config, Outcome, Ring, Start};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let ring = ringway::anon::create(&Config::new())?;
/// let mut display = ring.best_effort_reader(Start::Oldest)?;
/// let mut producer = ring.producer()?;
/// producer.publish(b"hello")?;
/// producer.close()?;
/// loop {
///     match display.recv()? {
///         Outcome::Message(message) => println!("{}: {:?}", message.seq(), &message[..]),
///         Outcome::Lagged(lost) => eprintln!("{lost} messages were lost"),
///         Outcome::Closed => break,
///         event => eprintln!("{event:?}"),
///     }
/// }
/// assert_eq!((display.received(), display.lost()), (1, 0));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a best-effort reader that isn't read loses messages, and dropping it leaves the ring"]
pub struct BestEffortReader {
    pub(crate) cursor: Cursor,
    start: Seq,
    lost: u64,
    times_lagged: u64,
    wait: WaitPolicy,
    resume: Resume,
    why_empty: WhyEmpty,
    scratch: Scratch,
    pub(crate) cancelling: Cancelling,
}

impl BestEffortReader {
    /// Takes a best-effort reader's role on a mapped ring, in `cell`.
    ///
    /// # Errors
    /// `Overwritten` if `start` names a message more than half a lap behind head; `Damaged` if head is no
    /// sequence. The cell is free again then.
    ///
    /// # Panics
    /// If the ring has no such cell.
    ///
    /// # Safety
    /// The region's `keeper` holds the lock of `cell`: a consumer in the same cell would release slots that this reader
    /// reads, or it those that the consumer borrows.
    pub unsafe fn join(region: Region<AsConsumer>, cell: usize, start: Start) -> Result<Self, AttachError> {
        #[cfg(loom)]
        let region = region.may_be_overwritten();
        let why_empty = WhyEmpty::new(&region.producer_page, start);
        space_bell::introduce(&region, cell);
        let joined = join::join(&region, cell, Kind::BestEffort, start);
        match region.fork.check_after().map_err(AttachError::from).and(joined) {
            // Nothing is allocated: no allocation fails once the cell is active.
            Ok(next) => Ok(Self {
                cursor: Cursor::new(region, cell, next),
                start: next,
                lost: 0,
                times_lagged: 0,
                wait: WaitPolicy::default(),
                resume: Resume::default(),
                why_empty,
                scratch: Scratch::default(),
                cancelling: Cancelling::default(),
            }),
            Err(error) => {
                join::leave(&region, cell);
                Err(error)
            }
        }
    }

    /// Sets how calls wait that find nothing. At first: [`Wait::Park`].
    pub fn set_wait(&mut self, wait: Wait) {
        self.wait.set(wait);
    }

    /// How calls wait that find nothing.
    pub fn wait(&self) -> Wait {
        self.wait.wait()
    }

    /// Sets where this reader goes on after it was lapped. At first: [`Resume::OldestSafe`], half a lap behind head.
    ///
    /// # Examples
    /// ```
    /// use ringway::{Config, Resume, Ring, Start};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ring = ringway::anon::create(&Config::new())?;
    /// let mut display = ring.best_effort_reader(Start::Latest)?;
    /// display.set_resume(Resume::Latest); // what is new rather than what was kept
    /// assert_eq!(display.resume(), Resume::Latest);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_resume(&mut self, resume: Resume) {
        self.resume = resume;
    }

    /// Where this reader goes on after it was lapped.
    pub fn resume(&self) -> Resume {
        self.resume
    }
}

impl Drop for BestEffortReader {
    fn drop(&mut self) {
        // In a forked child the cell is the parent's.
        if self.cursor.region.fork.check().is_ok() {
            join::leave(&self.cursor.region, self.cursor.cell);
        }
    }
}
