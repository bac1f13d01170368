//! One small error type per operation; each message says what was found, what was expected, what to do.
//!
//! A message tells its cause, too, so no error gives that out again as its `source`: a chain would tell it twice.
//! The field `error` holds the cause.

mod geometry;
mod receive;
mod seek;
mod type_mismatch;
mod unusable;
mod wait_set;

use std::path::PathBuf;

use crate::format::counted::Counted;
use crate::format::name::Name;
use crate::format::role_hint::RoleHint;
use crate::format::shown::Shown;
pub use geometry::GeometryError;
pub use receive::{Damaged, Interruption, RecvError};
pub use seek::SeekError;
pub use type_mismatch::TypeMismatch;
pub use unusable::{Forked, Truncated, Unusable};
pub use wait_set::WaitSetError;

/// Why a role couldn't be taken on a ring.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AttachError {
    /// Another handle is the producer.
    #[error(
        "the ring already has a producer ({}, as it wrote itself): there is one at a time; end it or wait for it to end",
        RoleHint { pid: *pid, uid: *uid, name: *name }
    )]
    ProducerTaken {
        /// What the producer wrote as its PID: for display, it may be of another namespace.
        pid: u64,
        /// What it wrote as its effective user, if it did: for display.
        uid: Option<u32>,
        /// The name that it gave itself, if it did: for display.
        name: Option<Name>,
    },
    /// Every consumer cell is held.
    #[error(
        "{} held: end a consumer, read as an observer, or make the ring with a larger max_consumers{}",
        match max { 1 => "the only consumer cell is".into(), max => format!("all {max} consumer cells are") },
        match observers {
            0 => String::new(),
            n => format!("; in {n} of them an observer shows itself, and needn't"),
        }
    )]
    NoFreeCell {
        /// Number of cells.
        max: u64,
        /// In how many of them an observer shows itself: for display.
        observers: u64,
    },
    /// Every cell in which an observer may show itself is held.
    #[error(
        "no cell is free for this observer to show itself in: of the {} of the ring, observers may use the upper {shown}; read on without, or make the ring with a larger max_consumers",
        Counted(*max, "cell")
    )]
    NoCellToShow {
        /// Number of cells.
        max: u64,
        /// Number of those in which observers may show themselves: the upper half.
        shown: u64,
    },
    /// Somebody holds a read lock where roles take write locks.
    #[error(
        "lock byte {byte} is held by a read lock, which no role of a ring takes: some other program locks this file; `lslocks` names it"
    )]
    LockHeldByReader {
        /// The byte, counted from the ring's start.
        byte: u64,
    },
    /// The message asked for is gone.
    #[error("message {asked} is no longer kept for a new reader: the oldest it can start at is {oldest}")]
    Overwritten {
        /// The sequence asked for.
        asked: u64,
        /// The oldest sequence that can be asked for now.
        oldest: u64,
    },
    /// A start past every sequence that a ring can have.
    #[error("message {asked} can't be started at: sequences go up to {max}; check the number", max = crate::format::seq::MAX_SEQ)]
    StartTooLarge {
        /// The sequence asked for.
        asked: u64,
    },
    /// The ring was opened for reading only.
    #[error(
        "the ring was opened read-only, which is enough for an observer: open it for writing to be a {role}"
    )]
    ReadOnly {
        /// The role asked for.
        role: &'static str,
    },
    /// The ring was made in another boot of this machine.
    #[error(
        "the ring was made before this machine last started: its contents may be incomplete; make it anew (an observer can still read what is there if the ring is opened with `allow_other_boot`)"
    )]
    OtherBoot,
    /// The ring carries another type.
    #[error(transparent)]
    Type(#[from] TypeMismatch),
    /// What lies in shared memory contradicts itself.
    #[error(transparent)]
    Damaged(#[from] Damaged),
    /// There is no memory for a list of the ring's consumers: the one that a producer keeps, or that of
    /// [`Stats`](crate::Stats). No role was taken.
    #[error("no memory for {}, to list the ring's consumers: free some and try again", Counted(*needed, "byte"))]
    NoMemory {
        /// Bytes asked of the allocator.
        needed: usize,
    },
    /// The process's address space has no room for the ring. No role was taken.
    #[error(
        "no room for the {} of the ring in this process's address space ({error}): raise its limit (`ulimit -v`), or make the ring with fewer or smaller slots",
        Counted(*needed, "byte")
    )]
    NoAddressSpace {
        /// Bytes that the ring takes.
        needed: u64,
        /// What the system said.
        error: std::io::Error,
    },
    /// The ring's header is no longer what it was when the ring was opened.
    #[error("the ring's header changed since it was opened: {0}")]
    Geometry(GeometryError),
    /// The file is no longer the one that was opened.
    #[error("{path} is no longer the file that was opened (it was removed or replaced): open it again", path = Shown(path))]
    Replaced {
        /// The path, as given.
        path: PathBuf,
    },
    /// The handle leads to no ring.
    #[error(
        "this handle was made of a mapping, and leads back to no ring: take roles where the ring was mapped"
    )]
    Detached,
    /// `/proc` isn't there.
    #[error("{path} can't be used ({error}): Ringway opens its descriptors anew through /proc; mount it", path = Shown(path))]
    ProcUnavailable {
        /// The path tried.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// This user may not open the ring's file, as each role does anew.
    #[error(
        "opening the ring's file anew, as each role does, isn't permitted to uid {uid} ({error}): take roles before changing user, or give that user the right (owner and mode of the file)"
    )]
    NotPermitted {
        /// The effective uid of this process.
        uid: u32,
        /// What the system said.
        error: std::io::Error,
    },
    /// The handle was made before a fork.
    #[error(transparent)]
    Forked(#[from] Forked),
    /// The ring's file was cut short under the handle.
    #[error(transparent)]
    Truncated(#[from] Truncated),
    /// The operating system refused.
    #[error("{action} failed: {error}{advice}", advice = crate::format::advice::advice(error))]
    Os {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        error: std::io::Error,
    },
}

impl From<GeometryError> for AttachError {
    fn from(error: GeometryError) -> Self {
        AttachError::Geometry(error)
    }
}

/// There is no room for what was to be published: a consumer lags too far, or a best-effort reader for which the
/// producer's [patience](crate::Patience) isn't over. Where both do, the consumer is named.
///
/// For one message, and for a call that may publish a part of its messages, that is by a whole ring. For a call that
/// publishes all of its messages or none, or claims several slots, it may be less: by 3 messages on a ring of 4 slots,
/// if the call has 2.
///
/// There is one exception: a scan that is disturbed 64 times ends as if the ring were full. That takes another process
/// that writes the word `clones` all the time, which otherwise is written once for each consumer that is cloned.
/// All fields are then those of the reader that was the slowest at the last look. If there is none,
/// `cell` and `lag` are 0, and name a reader that may not exist. The next call scans again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "the ring has too little room: reader {cell} ({}) is {} behind; wait for it, end it, or make the ring larger",
    RoleHint { pid: *pid, uid: *uid, name: *name },
    Counted(*lag, "message")
)]
#[non_exhaustive]
pub struct Full {
    /// Cell of the slowest reader that leaves no room.
    pub cell: usize,
    /// What that reader wrote as its PID: for display, it may be of another namespace.
    pub pid: u64,
    /// How many messages it has still to read, those that don't fit not counted.
    pub lag: u64,
    /// What that reader wrote as its effective user, if it did: for display.
    pub uid: Option<u32>,
    /// The name that it gave itself, if it did: for display.
    pub name: Option<Name>,
}

impl Full {
    /// As a producer makes it, for tests of what programs do with it.
    pub const fn new(cell: usize, pid: u64, lag: u64) -> Self {
        Self { cell, pid, lag, uid: None, name: None }
    }

    /// The same of a reader that said of which user it is, and how it is called.
    #[must_use]
    pub const fn said_by(self, uid: Option<u32>, name: Option<Name>) -> Self {
        Self { uid, name, ..self }
    }
}

/// Why a message wasn't published. The caller still has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// Longer than the slots.
    #[error(
        "message of {}: this ring's slots hold {capacity}; split it, or make the ring with a larger payload capacity",
        Counted(*len, "byte")
    )]
    TooLong {
        /// Length of the message, bytes.
        len: usize,
        /// Payload capacity, bytes.
        capacity: usize,
    },
    /// Another length than that of all messages of the ring.
    #[error(
        "message of {}: each message of this ring has exactly {expected}; pad or split it, or make the ring with another stride",
        Counted(*len, "byte")
    )]
    FixedLength {
        /// Length of the message, bytes.
        len: usize,
        /// Length of each message, bytes.
        expected: usize,
    },
    /// A tag on a ring whose messages have none.
    #[error(
        "tag {tag:#x}: messages of this ring have no tags, since all have one length; publish without a tag, or make the ring with another stride"
    )]
    NoTags {
        /// The tag.
        tag: u32,
    },
    /// More than was claimed.
    #[error(
        "commit of {} to a claim of {claimed}: nothing was published; commit at most as many, or claim more",
        Counted(*len, "byte")
    )]
    BeyondClaim {
        /// Length to be committed, bytes.
        len: usize,
        /// Length of the claim, bytes.
        claimed: usize,
    },
    /// More messages than can be published all or none.
    #[error(
        "batch of {}: an all-or-none batch may have {max} at most, half the ring's slots; split it, or make the ring with more slots",
        Counted(*count, "message")
    )]
    BatchTooLong {
        /// Number of messages.
        count: usize,
        /// Most messages that can be published all or none.
        max: usize,
    },
    /// There is no memory to write the message in before it is copied to its slot.
    #[error("no memory for {}, in which the message was to be written: free some and call again", Counted(*needed, "byte"))]
    NoMemory {
        /// Bytes asked of the allocator.
        needed: usize,
    },
    /// The ring's sequences are used up, which takes damage to head.
    #[error(
        "the ring has published message {last}, the last that there can be: some process wrote over its head; make the ring anew",
        last = crate::format::seq::MAX_SEQ - 1
    )]
    Exhausted,
    /// A skip on a ring whose messages follow one another.
    #[error(
        "sequences of this ring can't be skipped: publish each, or make the ring with a first sequence (`Config::first_seq`)"
    )]
    NoSkips,
    /// A skip to a sequence that is behind.
    #[error(
        "skip to message {asked}: the next is {next} already, and sequences only go up; check the number"
    )]
    SkipBack {
        /// The sequence asked for.
        asked: u64,
        /// The next message's.
        next: u64,
    },
    /// No room now.
    #[error(transparent)]
    Full(#[from] Full),
    /// No room before the time was up.
    #[error("the time was up: {0}")]
    TimedOut(Full),
    /// The call was [cancelled](crate::Canceller) before there was room.
    #[error(
        "the call was cancelled while the ring was full: nothing more was published; call again to go on"
    )]
    Cancelled,
    /// This handle has closed the ring.
    #[error("this producer has closed the ring: take the role anew, which opens the ring in a new epoch")]
    Closed,
    /// No consumer is attached, and the producer was told to require one.
    #[error(
        "no consumer is attached, and this producer requires one (`require_readers`): wait for a consumer to join, or don't require any"
    )]
    NoReaders,
    /// Another producer has taken over.
    #[error(
        "this producer was deposed: it wrote epoch {own}, the ring is in epoch {found}; take the role anew"
    )]
    Deposed {
        /// Epoch of this handle.
        own: u64,
        /// Epoch found in the ring.
        found: u64,
    },
    /// The handle was made before a fork.
    #[error(transparent)]
    Forked(#[from] Forked),
    /// The ring's file was cut short under the handle.
    #[error(transparent)]
    Truncated(#[from] Truncated),
}

/// Why part of a batch wasn't published.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("after {} of the batch: {error}", Counted(*published, "message"))]
#[non_exhaustive]
pub struct BatchError {
    /// How many messages of the batch were published: the first so many.
    pub published: usize,
    /// Why the next one wasn't.
    pub error: PublishError,
}

impl BatchError {
    /// As a producer makes it, for tests of what programs do with it.
    pub const fn new(published: usize, error: PublishError) -> Self {
        Self { published, error }
    }
}

#[cfg(test)]
mod tests {
    use super::{AttachError, BatchError, Full, GeometryError, PublishError, RecvError};

    #[test]
    fn errors_speak_of_one_thing_in_the_singular() {
        let full = Full::new(0, 7, 1);
        let texts = [
            GeometryError::TooShort { found: 1, expected: 384 }.to_string(),
            GeometryError::Slots { found: 1 }.to_string(),
            GeometryError::SectionAlign { found: 1, page_size: 4096 }.to_string(),
            GeometryError::Overflow { slots: 2, payload_capacity: 1, section_align: 1 << 62 }.to_string(),
            AttachError::NoFreeCell { max: 1, observers: 0 }.to_string(),
            full.to_string(),
            PublishError::TooLong { len: 1, capacity: 0 }.to_string(),
            BatchError { published: 1, error: PublishError::Full(full) }.to_string(),
            RecvError::TooSmall { needed: 1, found: 0 }.to_string(),
        ];
        for text in texts {
            let plural = text.split(' ').zip(text.split(' ').skip(1));
            let wrong =
                plural.filter(|(n, thing)| *n == "1" && thing.trim_end_matches([':', ',']).ends_with('s'));
            assert_eq!(wrong.count(), 0, "{text}");
        }
        assert!(Full { lag: 2, ..full }.to_string().contains("2 messages behind"));
        assert!(
            AttachError::NoFreeCell { max: 2, observers: 0 }
                .to_string()
                .starts_with("all 2 consumer cells are held")
        );
    }
}
