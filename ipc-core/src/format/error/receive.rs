//! Why nothing could be received.

use super::{Forked, Truncated};
use crate::format::counted::Counted;

/// Shared memory holds a value that no correct peer writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "the ring is damaged: {what} of message {seq} is {found}, expected {expected}: some process wrote over it; make the ring anew"
)]
#[non_exhaustive]
pub struct Damaged {
    /// What was read.
    pub what: &'static str,
    /// The sequence at which it was found.
    pub seq: u64,
    /// The value found.
    pub found: u64,
    /// The value, or the bound, expected.
    pub expected: u64,
}

impl Damaged {
    /// As a handle makes it, for tests of what programs do with it.
    pub const fn new(what: &'static str, seq: u64, found: u64, expected: u64) -> Self {
        Self { what, seq, found, expected }
    }
}

/// Why nothing could be received.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecvError {
    /// The caller's buffer is shorter than the message; nothing is lost.
    #[error(
        "the message has {}, the buffer {found}: call again with a larger one, nothing was lost",
        Counted(*needed, "byte")
    )]
    TooSmall {
        /// Length of the message, bytes.
        needed: usize,
        /// Length of the buffer, bytes.
        found: usize,
    },
    /// There is no memory for a private copy of the message, which can be read again.
    #[error(
        "no memory for {}, into which the message was to be copied: free some and call again, nothing was lost",
        Counted(*needed, "byte")
    )]
    NoMemory {
        /// Bytes asked of the allocator.
        needed: usize,
    },
    /// A message of a typed ring has another length than its type. A call that receives passes it over. One that was
    /// peeked at, or is in a batch, is held until it is released. The next call goes on after it.
    #[error(
        "message {seq} has {}, the ring's type {expected}: some producer wrote it as plain bytes; call again for the next (a receive has passed this one over; one that was peeked at, or is in a batch, is held until it is released)",
        Counted(*found, "byte")
    )]
    WrongLength {
        /// The message's sequence.
        seq: u64,
        /// Its length, bytes.
        found: usize,
        /// The length of the ring's type, bytes.
        expected: usize,
    },
    /// The message wasn't peeked at, it is released already, or it was skipped. Nothing was released.
    #[error(
        "message {asked} isn't held: expected one that was peeked at and isn't released, from {oldest} to before {next}; peek at it first"
    )]
    NotPeeked {
        /// The sequence asked for.
        asked: u64,
        /// The oldest message that isn't released.
        oldest: u64,
        /// The first message that wasn't peeked at.
        next: u64,
    },
    /// What lies in shared memory contradicts itself.
    #[error(transparent)]
    Damaged(#[from] Damaged),
    /// The handle was made before a fork.
    #[error(transparent)]
    Forked(#[from] Forked),
    /// The ring's file was cut short under the handle.
    #[error(transparent)]
    Truncated(#[from] Truncated),
}

/// What a loop over messages is told instead of a message. The next call goes on, unless `Failed` says otherwise.
///
/// # Examples
/// ```
/// use ringway::{Config, Interruption, Resume, Ring, Start};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ring = ringway::anon::create(&Config::new().slots(2))?;
/// let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe)?;
/// ring.producer()?.publish_batch(&["one", "two", "three"])?; // the ring keeps two
/// match observer.next_message() {
///     Err(Interruption::Lagged(lost)) => assert_eq!(lost, 1), // the next call goes on
///     other => panic!("{other:?}"),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Interruption {
    /// Exactly this many messages don't come: the producer overtook this observer, or skipped them.
    #[error(
        "the producer overtook this observer, or skipped sequences: {} lost; go on with the next call",
        Counted(*.0, "message")
    )]
    Lagged(u64),
    /// Another producer has taken the ring over, or opened it again.
    #[error(
        "producer {epoch} has taken the ring over, from message {first_seq} on: go on with the next call"
    )]
    EpochChanged {
        /// Number of the new producer's incarnation.
        epoch: u64,
        /// First sequence that it published, or will.
        first_seq: u64,
    },
    /// The producer is gone without closing the ring. A successor may come.
    #[error(
        "the producer is gone without closing the ring: go on with the next call to wait for a successor"
    )]
    ProducerLost,
    /// The call was [cancelled](crate::Canceller) before anything came.
    #[error("the call was cancelled before a message came: none is lost; go on with the next call")]
    Cancelled,
    /// The ring's file isn't at its path any more. The handle goes on.
    #[error(
        "the ring was removed or replaced under its path: go on with the next call to read what is still published, or open the path again"
    )]
    Orphaned,
    /// The message couldn't be received.
    #[error(transparent)]
    Failed(#[from] RecvError),
}
