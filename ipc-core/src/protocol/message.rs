//! What reading a ring yields.

use core::ops::Deref;

use crate::memory::Payload;

/// Where a reader starts.
///
/// # Examples
/// ```
/// use ringway::{Config, Ring, Start};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let ring = ringway::anon::create(&Config::new())?;
/// ring.producer()?.publish_batch(&["one", "two", "three"])?;
/// for (start, seq) in [(Start::Latest, 3), (Start::Oldest, 0), (Start::Newest(1), 2), (Start::At(1), 1)] {
///     assert_eq!(ring.consumer(start)?.next_seq(), seq);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Start {
    /// The next message to be published.
    #[default]
    Latest,
    /// The oldest message still kept: for a consumer up to half a lap back, for an observer a whole one.
    Oldest,
    /// The last so many messages, as far as they are kept: the same as `Oldest` for a number too large, and as `Latest`
    /// for 0. Fewer if fewer were published.
    Newest(u64),
    /// This sequence. One that isn't published yet is waited for; one that is gone is an error.
    At(u64),
}

/// Where an observer, or a best-effort reader, goes on after it was overtaken.
///
/// # Examples
/// ```
/// use ringway::{Config, Resume, Ring, Start};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let ring = ringway::anon::create(&Config::new())?;
/// // A recorder loses as little as possible, a display shows what is new.
/// let recorder = ring.observer(Start::Oldest, Resume::OldestSafe)?;
/// let display = ring.observer(Start::Latest, Resume::Latest)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Resume {
    /// At the oldest message that is safe, to lose as few as possible. For an observer that is the oldest one still kept;
    /// if it is overtaken again before it has read one, it keeps a growing distance from that edge, up to half a lap. For
    /// a best-effort reader it is half a lap behind head, as for one that joins.
    #[default]
    OldestSafe,
    /// At the next message to be published, to be as current as possible. Head says which it is; to an observer also the
    /// stamp that shows the overtaking, if that is newer. A claimed batch counts as published once it is committed.
    Latest,
}

/// What one attempt to read came to. None of these is a failure.
///
/// # Examples
/// ```
/// use ringway_core::{Guard, Outcome};
///
/// fn describe(outcome: Outcome<Guard<'_>>) -> String {
///     match outcome {
///         Outcome::Message(message) => format!("message {}: {} bytes", message.seq(), message.len()),
///         Outcome::Empty | Outcome::TimedOut => "nothing yet".into(),
///         Outcome::Lagged(lost) => format!("{lost} messages were lost"),
///         Outcome::EpochChanged { epoch, .. } => format!("producer {epoch} has taken over"),
///         Outcome::ProducerLost => "the producer is gone; a successor may come".into(),
///         Outcome::Orphaned => "the ring was removed or replaced".into(),
///         Outcome::Closed => "there is nothing more to come".into(),
///         _ => "something new".into(),
///     }
/// }
/// assert_eq!(describe(Outcome::Lagged(3)), "3 messages were lost");
/// ```
///
/// A message that nobody looks at is released all the same. So an outcome that isn't used is a mistake:
/// ```
/// # #![deny(unused_must_use)]
/// # use ringway_core::{Consumer, RecvError};
/// fn skip_one(consumer: &mut Consumer) -> Result<(), RecvError> {
///     drop(consumer.recv()?);
///     Ok(())
/// }
/// ```
/// ```compile_fail
/// # #![deny(unused_must_use)]
/// # use ringway_core::{Consumer, RecvError};
/// fn skip_one(consumer: &mut Consumer) -> Result<(), RecvError> {
///     consumer.recv()?; // an event may be lost here, and a message unread
///     Ok(())
/// }
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "it may be a message, or an event, which is told once"]
#[non_exhaustive]
pub enum Outcome<M> {
    /// A message.
    Message(M),
    /// Nothing is there now. Only calls that don't wait, and those for at most 0 messages, come to it.
    Empty,
    /// Nothing came until the time was up.
    TimedOut,
    /// The call was [cancelled](crate::Canceller) before anything came. No message is lost: the next call goes on.
    /// Only calls that wait come to it, of a handle that was asked for its canceller.
    Cancelled,
    /// Exactly this many messages don't come: the producer overtook this observer, or skipped them. After the one, the next
    /// attempt goes on where the resume policy says; after the other, at the first that wasn't skipped. A consumer is told
    /// of skipped messages alone, which only a ring can have that was made with
    /// [`Config::first_seq`](crate::Config::first_seq).
    Lagged(u64),
    /// Another producer has taken the ring over, or opened it again. Reported once, when the reader has
    /// nothing else to read; what was published before and after is delivered all the same. So it may come after
    /// messages of the new epoch, or never to a reader that always has one: where that matters, compare
    /// sequences with `first_seq`, or ask `epoch()`.
    EpochChanged {
        /// Number of the new producer's incarnation.
        epoch: u64,
        /// First sequence that it published, or will. Larger than that only if two more producers have taken
        /// over since, of which the next event tells.
        first_seq: u64,
    },
    /// The producer is gone without closing the ring. Reported once; a successor may come.
    ///
    /// Only calls that wait ask the kernel for it: a loop that polls asks `producer_alive()` now and then, or
    /// waits for a moment. A standby that takes over at once comes first: then `EpochChanged` is what is seen.
    ProducerLost,
    /// The ring's file isn't at its path any more: it was removed, renamed or replaced, and processes that come find
    /// another ring, or none. Reported once; the handle goes on, and the next call waits on.
    ///
    /// Only calls that wait ask for it, and each hundredth of a second at most. A loop that polls asks `is_current()` now
    /// and then. The path is the one that this process sees: see [`Ring::is_current`](crate::Ring::is_current) for a
    /// process that has changed its root directory.
    Orphaned,
    /// The producer closed the ring, and everything it published has been read.
    Closed,
}

impl<M> Outcome<M> {
    /// The message, if there is one.
    #[must_use = "dropping a message releases it unread"]
    pub fn into_message(self) -> Option<M> {
        match self {
            Outcome::Message(message) => Some(message),
            _ => None,
        }
    }

    /// Whether this is a message.
    pub fn is_message(&self) -> bool {
        matches!(self, Outcome::Message(_))
    }

    /// Whether nothing was there.
    pub fn is_empty(&self) -> bool {
        matches!(self, Outcome::Empty)
    }

    /// Whether the time was up before anything came.
    pub fn is_timed_out(&self) -> bool {
        matches!(self, Outcome::TimedOut)
    }

    /// Whether the call was cancelled before anything came.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Outcome::Cancelled)
    }

    /// Whether messages were lost.
    pub fn is_lagged(&self) -> bool {
        matches!(self, Outcome::Lagged(_))
    }

    /// Whether another producer has taken the ring over, or opened it again.
    pub fn is_epoch_changed(&self) -> bool {
        matches!(self, Outcome::EpochChanged { .. })
    }

    /// Whether the producer is gone.
    pub fn is_producer_lost(&self) -> bool {
        matches!(self, Outcome::ProducerLost)
    }

    /// Whether the ring's file isn't at its path any more.
    pub fn is_orphaned(&self) -> bool {
        matches!(self, Outcome::Orphaned)
    }

    /// Whether the ring is closed, and everything has been read.
    pub fn is_closed(&self) -> bool {
        matches!(self, Outcome::Closed)
    }

    /// The same outcome with the message changed.
    #[inline(always)]
    pub fn map<N>(self, f: impl FnOnce(M) -> N) -> Outcome<N> {
        match self {
            Outcome::Message(message) => Outcome::Message(f(message)),
            event => event.without_message(),
        }
    }

    /// The same outcome of another type; `Empty` for a message, which is dropped.
    pub(crate) fn without_message<N>(self) -> Outcome<N> {
        match self {
            Outcome::Message(_) | Outcome::Empty => Outcome::Empty,
            Outcome::TimedOut => Outcome::TimedOut,
            Outcome::Cancelled => Outcome::Cancelled,
            Outcome::Lagged(n) => Outcome::Lagged(n),
            Outcome::EpochChanged { epoch, first_seq } => Outcome::EpochChanged { epoch, first_seq },
            Outcome::ProducerLost => Outcome::ProducerLost,
            Outcome::Orphaned => Outcome::Orphaned,
            Outcome::Closed => Outcome::Closed,
        }
    }
}

/// A message read from a ring: its bytes, sequence and tag.
///
/// # Examples
/// ```
/// use ringway::{Config, Outcome, Resume, Ring, Start};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let ring = ringway::anon::create(&Config::new())?;
/// # let mut observer = ring.observer(Start::Oldest, Resume::Latest)?;
/// # ring.producer()?.publish(b"hello")?;
/// // A copy: the producer may overwrite the message meanwhile.
/// let Outcome::Message(message) = observer.try_recv()? else { panic!("one is there") };
/// assert_eq!((message.seq(), message.tag(), &message[..]), (0, 0, &b"hello"[..]));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "the message has been received, and doesn't come again by itself"]
pub struct Received<'a> {
    pub(crate) seq: u64,
    pub(crate) tag: u32,
    pub(crate) payload: Payload<'a>,
}

impl<'a> Received<'a> {
    /// Sequence of the message: its number, counted up from the ring's first.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The tag that the producer gave it.
    pub fn tag(&self) -> u32 {
        self.tag
    }

    /// Its bytes.
    pub fn payload(&self) -> &Payload<'a> {
        &self.payload
    }
}

impl Deref for Received<'_> {
    type Target = [u8];

    #[inline(always)]
    fn deref(&self) -> &[u8] {
        &self.payload
    }
}

/// A message as a value: what iterators over plain bytes yield.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
#[must_use = "the message has been received, and doesn't come again by itself"]
pub struct OwnedMessage {
    /// Sequence of the message: its number, counted up from the ring's first.
    pub seq: u64,
    /// The tag that the producer gave it.
    pub tag: u32,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl OwnedMessage {
    /// A message as a reader makes it, for crates that read in other ways, and for tests of what programs do with it.
    pub const fn new(seq: u64, tag: u32, bytes: Vec<u8>) -> Self {
        Self { seq, tag, bytes }
    }
}

impl Deref for OwnedMessage {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// A message copied into the caller's buffer.
#[must_use = "it says how much of the buffer is the message"]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Copied {
    /// Sequence of the message: its number, counted up from the ring's first.
    pub seq: u64,
    /// The tag that the producer gave it.
    pub tag: u32,
    /// Its length in bytes: that many of the buffer's first bytes.
    pub len: usize,
}
