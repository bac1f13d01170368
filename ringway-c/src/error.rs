//! What a call fails with: a code of the interface, and a text that says what was found, what was expected and what to
//! do.

use ringway::file::FileError;
use ringway::{AttachError, BatchError, GeometryError, PublishError, RecvError, SeekError};

use crate::codes::*;

/// Why a call failed.
#[derive(Debug)]
pub(crate) struct Failure(Box<(i32, String)>);

impl Failure {
    #[cold]
    pub(crate) fn new(code: i32, text: impl ToString) -> Self {
        Self(Box::new((code, text.to_string())))
    }

    pub(crate) fn take_apart(self) -> (i32, String) {
        *self.0
    }
}

/// What only a program in C can do wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Misuse {
    /// A pointer that leads nowhere.
    #[error("{what} is NULL, or not aligned: expected the address of one; pass it")]
    Null { what: &'static str },
    /// The first word of what a pointer leads to is none of a handle.
    #[error(
        "the pointer leads to no {kind}: it is freed, or a handle of another kind, or of no kind; pass what made it gave, once, until it is freed"
    )]
    NoHandle { kind: &'static str },
    /// The handle is in a call.
    #[error(
        "this {kind} is in another call, of another thread or of the code that a signal has interrupted: use it from one thread at a time, and from no signal handler but by ringway_{kind}_interrupt"
    )]
    Busy { kind: &'static str },
    /// A call panicked before.
    #[error("a call on this {kind} failed by a bug of the library before: free it, and take a new one")]
    Broken { kind: &'static str },
    /// The library has a bug.
    #[error("the library has a bug ({text}): free the handle, if it was one, and report it")]
    Panic { text: String },
    /// A structure that is too short, or too long to be true.
    #[error(
        "struct_size of {what} is {found}, expected {least} to {most}: set it to sizeof of the structure before the call"
    )]
    StructSize { what: &'static str, found: u64, least: u64, most: u64 },
    /// A structure of a later version.
    #[error(
        "{what} has {found} bytes, and byte {at} isn't zero: this version of the library knows {known}; leave what is newer zero, or update the library"
    )]
    Newer { what: &'static str, found: u64, at: usize, known: usize },
    /// A number that is none of the constants.
    #[error("{what} can't be {found}: expected one of the constants {expected}; take one of them")]
    Constant { what: &'static str, found: i64, expected: &'static str },
    /// Bits that no flag has.
    #[error("flags are {found:#x}, of which {unknown:#x} mean nothing here: {advice}")]
    Flags { found: u32, unknown: u32, advice: &'static str },
    /// A text that isn't one.
    #[error("{what} isn't UTF-8: expected a type's name; correct it")]
    NotText { what: &'static str },
    /// Memory at NULL.
    #[error("{what} is NULL, but {len} bytes are said to be there: pass their address, or the length 0")]
    NoBytes { what: &'static str, len: usize },
    /// More bytes than an address space has.
    #[error(
        "{what} is said to have {len} bytes, more than memory can have: pass the real length (a negative number becomes a huge one)"
    )]
    TooManyBytes { what: &'static str, len: usize },
    /// A batch for which there is no memory.
    #[error("a batch of {count} messages finds no memory: check their number, and publish fewer at once")]
    NoMemory { count: usize },
    /// Room for nothing.
    #[error("max is 0: expected room for one event at least; make the array larger")]
    NoRoom,
    /// Messages are held by what is to be freed.
    #[error(
        "this consumer holds messages {first} to {last}: release them with ringway_consumer_release({last}), then free it"
    )]
    Held { first: u64, last: u64 },
    /// All slots are held: with messages, and with what was skipped after one.
    #[error(
        "this consumer holds all {slots} slots of the ring, so no other message can come: release some, then receive"
    )]
    HoldsAll { slots: u64 },
    /// The wait was ended.
    #[error(
        "the wait was interrupted by a call of ringway_interrupt or its like: nothing was lost; call again to go on"
    )]
    Interrupted,
    /// A slot is claimed.
    #[error(
        "a slot is claimed: commit it with ringway_commit, or give it up with ringway_abandon, then call again"
    )]
    Claimed,
    /// No slot is claimed.
    #[error("no slot is claimed: call ringway_claim first, and commit once")]
    NotClaimed,
    /// A message of another length than the type that the producer was made for.
    #[error("message of {found} bytes: each message of the ring's type has {expected}; pass as many")]
    TypeLength { found: usize, expected: usize },
    /// The ring carries another type.
    #[error("the ring carries {found}, and the call names {expected}: name what the ring was made with")]
    OtherType { found: String, expected: String },
    /// A number that is no descriptor's.
    #[error("descriptor {fd} can't be duplicated ({error}): pass one that is open")]
    Descriptor { fd: i32, error: std::io::Error },
    /// There is no descriptor to be had.
    #[error("no eventfd can be made ({error}): close descriptors, or raise their limit (`ulimit -n`)")]
    NoEventFd { error: std::io::Error },
    /// The ring is in no memfd.
    #[error("this ring lies in a file, not in a memfd: open the file by its path in the other process")]
    NoMemfd,
}

impl From<Misuse> for Failure {
    #[cold]
    fn from(misuse: Misuse) -> Self {
        let code = match misuse {
            Misuse::Panic { .. } | Misuse::Broken { .. } => RINGWAY_E_PANIC,
            Misuse::Held { .. } | Misuse::HoldsAll { .. } => RINGWAY_E_HELD,
            Misuse::Interrupted => RINGWAY_E_INTERRUPTED,
            Misuse::NoMemory { .. } => RINGWAY_E_NO_MEMORY,
            Misuse::TypeLength { .. } => RINGWAY_E_LENGTH,
            Misuse::OtherType { .. } => RINGWAY_E_MISMATCH,
            Misuse::Descriptor { .. } | Misuse::NoEventFd { .. } => RINGWAY_E_OS,
            _ => RINGWAY_E_ARGUMENT,
        };
        Failure::new(code, misuse)
    }
}

/// An error of the library becomes a failure with the code that this says.
macro_rules! code_of {
    ($error:ident, $value:ident => $code:expr) => {
        impl From<$error> for Failure {
            #[cold]
            fn from($value: $error) -> Self {
                let code = $code;
                Failure::new(code, $value)
            }
        }
    };
}

code_of!(RecvError, error => match error {
    RecvError::TooSmall { .. } => RINGWAY_E_TOO_SMALL,
    RecvError::NoMemory { .. } => RINGWAY_E_NO_MEMORY,
    RecvError::WrongLength { .. } => RINGWAY_E_LENGTH,
    RecvError::NotPeeked { .. } => RINGWAY_E_ARGUMENT,
    RecvError::Damaged(_) => RINGWAY_E_DAMAGED,
    RecvError::Forked(_) => RINGWAY_E_FORKED,
    RecvError::Truncated(_) => RINGWAY_E_TRUNCATED,
    _ => RINGWAY_E_OS,
});
code_of!(PublishError, error => publish_code(&error));
code_of!(BatchError, error => publish_code(&error.error));
code_of!(SeekError, error => match error {
    SeekError::Overwritten { .. } => RINGWAY_E_OVERWRITTEN,
    SeekError::Unpublished { .. } | SeekError::Backward { .. } => RINGWAY_E_ARGUMENT,
    SeekError::Damaged(_) => RINGWAY_E_DAMAGED,
    SeekError::Forked(_) => RINGWAY_E_FORKED,
    SeekError::Truncated(_) => RINGWAY_E_TRUNCATED,
    _ => RINGWAY_E_OS,
});
code_of!(AttachError, error => match &error {
    AttachError::ProducerTaken { .. } | AttachError::NoFreeCell { .. } | AttachError::LockHeldByReader { .. } => {
        RINGWAY_E_TAKEN
    }
    AttachError::Overwritten { .. } => RINGWAY_E_OVERWRITTEN,
    AttachError::StartTooLarge { .. } => RINGWAY_E_ARGUMENT,
    AttachError::ReadOnly { .. } => RINGWAY_E_READ_ONLY,
    AttachError::OtherBoot => RINGWAY_E_OTHER_BOOT,
    AttachError::Type(_) => RINGWAY_E_MISMATCH,
    AttachError::Damaged(_) | AttachError::Geometry(_) => RINGWAY_E_DAMAGED,
    AttachError::NoMemory { .. } | AttachError::NoAddressSpace { .. } => RINGWAY_E_NO_MEMORY,
    AttachError::Replaced { .. } => RINGWAY_E_REPLACED,
    AttachError::NotPermitted { .. } => RINGWAY_E_PERMISSION,
    AttachError::Forked(_) => RINGWAY_E_FORKED,
    AttachError::Truncated(_) => RINGWAY_E_TRUNCATED,
    _ => RINGWAY_E_OS,
});
code_of!(FileError, error => match &error {
    FileError::NotFound { .. } | FileError::NoDirectory { .. } => RINGWAY_E_NOT_FOUND,
    FileError::NoFileName { .. } | FileError::UnalignedOffset { .. } => RINGWAY_E_ARGUMENT,
    FileError::AlreadyExists { .. } | FileError::NotEmpty { .. } | FileError::Overlap { .. } => RINGWAY_E_EXISTS,
    FileError::PermissionDenied { .. } | FileError::ReadOnlyFilesystem { .. } => RINGWAY_E_PERMISSION,
    FileError::NoSpace { .. } | FileError::FileSizeLimit { .. } => RINGWAY_E_NO_SPACE,
    FileError::Geometry { error, .. } => geometry_code(error),
    FileError::ConfigMismatch { .. } | FileError::WrongPlacement { .. } => RINGWAY_E_MISMATCH,
    FileError::OtherBoot { .. } => RINGWAY_E_OTHER_BOOT,
    FileError::InUse { .. } | FileError::BeingCreated { .. } | FileError::BeingRemoved { .. } => RINGWAY_E_IN_USE,
    FileError::Replaced { .. } => RINGWAY_E_REPLACED,
    FileError::TimedOut { .. } => RINGWAY_E_TIMED_OUT,
    FileError::Directory { .. }
    | FileError::Symlink { .. }
    | FileError::NotRegular { .. }
    | FileError::UnsupportedFilesystem { .. }
    | FileError::CopyOnWrite { .. }
    | FileError::Owner { .. }
    | FileError::Links { .. }
    | FileError::NotMemfd { .. }
    | FileError::Unsealed { .. } => RINGWAY_E_UNSUITABLE,
    _ => RINGWAY_E_OS,
});

fn publish_code(error: &PublishError) -> i32 {
    match error {
        PublishError::TooLong { .. }
        | PublishError::FixedLength { .. }
        | PublishError::NoTags { .. }
        | PublishError::BeyondClaim { .. }
        | PublishError::BatchTooLong { .. } => RINGWAY_E_LENGTH,
        PublishError::NoMemory { .. } => RINGWAY_E_NO_MEMORY,
        PublishError::Exhausted => RINGWAY_E_EXHAUSTED,
        PublishError::Full(_) => RINGWAY_E_FULL,
        PublishError::TimedOut(_) => RINGWAY_E_TIMED_OUT,
        PublishError::Cancelled => RINGWAY_E_INTERRUPTED,
        PublishError::Closed => RINGWAY_E_CLOSED,
        PublishError::NoReaders => RINGWAY_E_NO_READERS,
        PublishError::Deposed { .. } => RINGWAY_E_DEPOSED,
        PublishError::NoSkips => RINGWAY_E_MISMATCH,
        PublishError::SkipBack { .. } => RINGWAY_E_ARGUMENT,
        PublishError::Forked(_) => RINGWAY_E_FORKED,
        PublishError::Truncated(_) => RINGWAY_E_TRUNCATED,
        _ => RINGWAY_E_OS,
    }
}

/// A configuration that can't be is the caller's mistake; a header that can't be is the file's.
fn geometry_code(error: &GeometryError) -> i32 {
    match error {
        GeometryError::Slots { .. }
        | GeometryError::PayloadCapacity { .. }
        | GeometryError::LineCapacity { .. }
        | GeometryError::MaxConsumers { .. }
        | GeometryError::SectionAlign { .. }
        | GeometryError::Overflow { .. }
        | GeometryError::TypeName { .. }
        | GeometryError::TypeFit { .. } => RINGWAY_E_ARGUMENT,
        _ => RINGWAY_E_NOT_A_RING,
    }
}
