//! The numbers of the interface. They are constants rather than enums: an enum of C may not hold a number that it
//! doesn't name, and later versions name more.

/// An argument can't be: a NULL pointer, a wrong `struct_size`, an unknown flag, a handle that is freed or of another
/// kind, a message that isn't held.
pub const RINGWAY_E_ARGUMENT: i32 = 1;
/// The library has a bug, of which the text says more. The handle can only be freed.
pub const RINGWAY_E_PANIC: i32 = 2;
/// The handle was made before a fork and belongs to the parent process.
pub const RINGWAY_E_FORKED: i32 = 3;
/// The ring's file was cut short under the handle. Only told after `ringway_guard_truncation`; else it is a `SIGBUS`.
pub const RINGWAY_E_TRUNCATED: i32 = 4;
/// Shared memory holds a value that no correct peer writes.
pub const RINGWAY_E_DAMAGED: i32 = 5;
/// There is no memory, or no address space. Nothing was lost.
pub const RINGWAY_E_NO_MEMORY: i32 = 6;
/// `ringway_interrupt` or its like ended the wait.
pub const RINGWAY_E_INTERRUPTED: i32 = 7;
/// Messages are held that must be released first.
pub const RINGWAY_E_HELD: i32 = 8;
/// The ring has no room now: a consumer lags by a whole ring.
pub const RINGWAY_E_FULL: i32 = 9;
/// The ring had no room, or the role wasn't free, or no ring was there, before the time was up.
pub const RINGWAY_E_TIMED_OUT: i32 = 10;
/// This producer has closed the ring.
pub const RINGWAY_E_CLOSED: i32 = 11;
/// Another producer has taken over.
pub const RINGWAY_E_DEPOSED: i32 = 12;
/// No consumer is attached, and the producer requires one.
pub const RINGWAY_E_NO_READERS: i32 = 13;
/// The ring's sequences are used up, which takes damage.
pub const RINGWAY_E_EXHAUSTED: i32 = 14;
/// The message has a length, or a tag, that this ring's messages can't have.
pub const RINGWAY_E_LENGTH: i32 = 15;
/// The caller's buffer is too short. `len` of the event says what is needed. Nothing was lost.
pub const RINGWAY_E_TOO_SMALL: i32 = 16;
/// There is no such file or directory.
pub const RINGWAY_E_NOT_FOUND: i32 = 17;
/// A file of that name exists.
pub const RINGWAY_E_EXISTS: i32 = 18;
/// The system doesn't permit it to this user.
pub const RINGWAY_E_PERMISSION: i32 = 19;
/// There is no space for the ring.
pub const RINGWAY_E_NO_SPACE: i32 = 20;
/// The file holds no ring, or one of another version, or a configuration that no ring can have.
pub const RINGWAY_E_NOT_A_RING: i32 = 21;
/// The ring isn't as asked for: another configuration, type or placement.
pub const RINGWAY_E_MISMATCH: i32 = 22;
/// The ring was made before this machine last started.
pub const RINGWAY_E_OTHER_BOOT: i32 = 23;
/// Another process uses, makes or removes the ring.
pub const RINGWAY_E_IN_USE: i32 = 24;
/// The file was removed or replaced since it was opened.
pub const RINGWAY_E_REPLACED: i32 = 25;
/// No ring can lie there: another kind of file, an unsuitable file system, an owner that isn't trusted.
pub const RINGWAY_E_UNSUITABLE: i32 = 26;
/// The role is taken: there is a producer, or as many consumers as can be.
pub const RINGWAY_E_TAKEN: i32 = 27;
/// The message asked for is no longer kept.
pub const RINGWAY_E_OVERWRITTEN: i32 = 28;
/// The ring was opened for reading, which is enough for an observer only.
pub const RINGWAY_E_READ_ONLY: i32 = 29;
/// The operating system refused.
pub const RINGWAY_E_OS: i32 = 30;

/// Don't wait: look once.
pub const RINGWAY_WAIT_NONE: i32 = 0;
/// Poll without a pause: the shortest latency, at the price of a processor core.
pub const RINGWAY_WAIT_SPIN: i32 = 1;
/// Poll a few times, then let other threads run between polls.
pub const RINGWAY_WAIT_YIELD: i32 = 2;
/// Poll for some microseconds, then sleep until the other side wakes this one.
pub const RINGWAY_WAIT_PARK: i32 = 3;
/// Poll for as long as pays, by what the handle's last waits were like, then sleep.
pub const RINGWAY_WAIT_ADAPTIVE: i32 = 4;

/// A message: `data`, `len`, `tag` and `seq` say which.
pub const RINGWAY_MESSAGE: i32 = 1;
/// Nothing is there now. Only calls that don't wait come to it.
pub const RINGWAY_EMPTY: i32 = 2;
/// Nothing came until the time was up.
pub const RINGWAY_TIMED_OUT: i32 = 3;
/// Exactly `lost` messages don't come: the producer overtook this reader, or skipped them. The next call goes on.
pub const RINGWAY_LAGGED: i32 = 4;
/// Another producer has taken the ring over, or opened it again: number `epoch`, from message `first_seq` on. Reported
/// once, when there is nothing else to read.
pub const RINGWAY_EPOCH_CHANGED: i32 = 5;
/// The producer is gone without closing the ring. A successor may come. Only calls that wait ask for it.
pub const RINGWAY_PRODUCER_LOST: i32 = 6;
/// The producer closed the ring, and everything it published has been read.
pub const RINGWAY_CLOSED: i32 = 7;
/// The ring's file isn't at its path any more: it was removed or replaced. Reported once; the handle goes on. Only calls
/// that wait ask for it.
pub const RINGWAY_ORPHANED: i32 = 8;
/// `ringway_canceller_cancel` ended the wait. Nothing was lost: the next call goes on.
pub const RINGWAY_CANCELLED: i32 = 9;

/// Start at the next message to be published.
pub const RINGWAY_START_LATEST: i32 = 0;
/// Start at the oldest message still kept: for a consumer up to half a lap back, for an observer a whole one.
pub const RINGWAY_START_OLDEST: i32 = 1;
/// Start at the last `at` messages, as far as they are kept.
pub const RINGWAY_START_NEWEST: i32 = 2;
/// Start at message `at`. One that isn't published yet is waited for; one that is gone is an error.
pub const RINGWAY_START_AT: i32 = 3;

/// A reader that was overtaken goes on at the oldest message still kept, to lose as few as possible.
pub const RINGWAY_RESUME_OLDEST_SAFE: i32 = 0;
/// A reader that was overtaken goes on at the next message to be published.
pub const RINGWAY_RESUME_LATEST: i32 = 1;

/// No two slots share a cache line. Messages may have any length up to the capacity, and tags.
pub const RINGWAY_STRIDE_ALIGNED: u32 = 0;
/// Slots lie 8 bytes apart at least: less memory, a slower round trip.
pub const RINGWAY_STRIDE_PACKED: u32 = 1;
/// One cache line a message. All have the payload capacity's length, 56 bytes at most, and no tags.
pub const RINGWAY_STRIDE_LINE: u32 = 2;
/// Payloads apart from their stamps. All have the payload capacity's length, and no tags.
pub const RINGWAY_STRIDE_SPLIT: u32 = 3;

/// Messages are borrowed where they lie, rather than copied.
///
/// It is a promise that no process writes the ring but through Ringway, or cuts its file short. A process that breaks
/// it can change bytes while this one reads them.
pub const RINGWAY_TRUST_PEERS: u32 = 1;
/// Opens the ring for observers only, which the right to read the file is enough for.
pub const RINGWAY_READ_ONLY: u32 = 1 << 1;
/// Brings all pages in whenever a role is taken, so that using the ring faults on none.
pub const RINGWAY_POPULATE: u32 = 1 << 2;
/// Locks each role's mapping in memory, within `RLIMIT_MEMLOCK`.
pub const RINGWAY_LOCK_MEMORY: u32 = 1 << 3;
/// Opens a file of any owner. Otherwise its owner must be this user, or root.
pub const RINGWAY_ANY_OWNER: u32 = 1 << 4;
/// Lets a ring be opened for reading that was made before the machine last started.
pub const RINGWAY_ALLOW_OTHER_BOOT: u32 = 1 << 5;
/// Lets a ring lie in a file system that copies on write.
pub const RINGWAY_ALLOW_COPY_ON_WRITE: u32 = 1 << 6;
/// The roles don't register the process for membarrier: see docs/guide/waiting.md.
pub const RINGWAY_NO_MEMBARRIER: u32 = 1 << 7;
/// The ring starts at `offset` of a file that may hold more.
pub const RINGWAY_AT_OFFSET: u32 = 1 << 8;
/// For debugging: consumers get private copies, even of peers that are trusted, and a release fills the copies with the
/// byte `RINGWAY_POISON_BYTE`. Reading a released message then shows those bytes until the consumer is freed.
pub const RINGWAY_POISON: u32 = 1 << 9;
/// What released copies are filled with after `RINGWAY_POISON`.
pub const RINGWAY_POISON_BYTE: i32 = 0xDB;
