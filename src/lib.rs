//! Lock-free single-producer/multi-consumer rings in shared memory, between processes on one Linux machine.
//!
//! A ring lies in memory that a process shares with its forked children ([`anon`](mod@anon)), in a file that
//! unrelated processes open ([`file`](mod@file)), or in a memfd that is handed over ([`memfd`](mod@memfd)). Wherever
//! it lies, it is a [`Ring`] on which processes take roles. There is one [`Producer`]. [`Consumer`]s, up to a fixed
//! number, lose nothing and hold the producer back. Any number of [`Observer`]s only read, and are told exactly how
//! many messages they missed.
//!
//! # Examples
//! ```
//! use ringway::{Config, Outcome, Ring, Start, anon};
//! use std::time::Duration;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ring = anon::create(&Config::new().slots(64).payload_capacity(48))?;
//! let mut consumer = ring.consumer(Start::Oldest)?;
//! let mut producer = ring.producer()?;
//!
//! producer.publish(b"hello")?;
//! match consumer.recv_timeout(Duration::from_secs(1))? {
//!     Outcome::Message(message) => assert_eq!(&message[..], b"hello"),
//!     other => panic!("expected a message, got {other:?}"),
//! }
//! producer.close()?;
//! assert!(matches!(consumer.try_recv()?, Outcome::Closed));
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//! None is on unless it is asked for.
//! - `tracing`: events of the crate [`tracing`](https://docs.rs/tracing), with target `ringway`, whenever a role
//!   changes: `attach`, `join`, `leave`, `close` (info; an observer's `attach` is debug), `takeover` and `retire`
//!   (warn). Their field `ring` is the ring's id, as `ringway info` prints it. Publishing and receiving report nothing.
//!   A subscriber must not panic: roles also change while a thread unwinds, and a second panic ends the process.
//! - `async`: the module `aio`, handles whose calls wait in async tasks, on any runtime.
//!
//! # Where to look
//! | for | see |
//! | --- | --- |
//! | a ring's shape | [`Config`], [`Stride`], [`Geometry`] |
//! | the roles that a ring gives | [`Ring`], and its [`typed`](Ring::typed_producer) ones |
//! | publishing | [`Producer`], [`Claim`], [`BatchClaim`] |
//! | reading | [`Consumer`], [`Observer`], [`Start`], [`Outcome`] |
//! | waiting | [`Wait`], [`WakeMode`], [`Canceller`] |
//! | waiting for many rings | [`WaitSet`], [`Waitable`] |
//! | waiting in async tasks | `aio`, with the feature `async` |
//! | how a ring stands | [`Stats`], [`Monitor`] |
//! | errors | [`AttachError`], [`PublishError`], [`RecvError`], [`file::FileError`] |
//!
//! Errors are printed with `{}`: what was found, what was expected and what to do.
//!
//! The package has a guide, in its folder `docs/guide`: short pages with complete programs, and one with each error's
//! message, its causes and what to do.

#[cfg(doctest)]
mod exports;
#[cfg(doctest)]
mod guide;

pub use ringway_core::{
    AnyRing, AttachError, Attached, Batch, BatchClaim, BatchClaimIter, BatchError, BatchIter,
    BestEffortReader, Canceller, Claim, Config, Consumer, Copied, Damaged, Forked, Full, Geometry,
    GeometryError, Guard, Interruption, Iter, MAX_SEQ, Message, MessageClaim, Monitor, Name, NameError,
    Observer, Outcome, OwnedMessage, PassedOver, Patience, Placement, Producer, PublishError, RawClaim,
    RawMessage, ReaderWaker, Readiness, ReadyHandles, Received, RecvError, Resume, Ring, Section, SeekError,
    ShownObserver, SleepTicket, Slept, Standby, Start, State, Stats, Stride, Truncated, TryIter, TypeInfo,
    TypeMismatch, Typed, TypedBatch, TypedBatchClaim, TypedBatchClaimIter, TypedBatchIter,
    TypedBestEffortReader, TypedClaim, TypedConsumer, TypedGuard, TypedMessage, TypedMessageClaim,
    TypedObserver, TypedProducer, TypedReceived, Unusable, Vacancy, Wait, WaitSet, WaitSetError,
    WaitSetWaker, Waitable, WakeMode, advice, check_type, sleep_any,
};

pub mod prelude;

/// Rings in anonymous memory, shared with forked children.
///
/// # Examples
/// A worker process that hands its results to its parent:
/// ```standalone_crate
/// use ringway::anon::{self, fork};
/// use ringway::prelude::*;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ring = anon::create(&Config::new().slots(64).payload_capacity(8))?;
/// let mut consumer = ring.consumer(Start::Oldest)?;
/// // SAFETY: the child uses nothing that was borrowed before the fork.
/// let mut worker = unsafe {
///     fork(|| match ring.producer().map(|mut producer| producer.publish(&42_u64.to_ne_bytes())) {
///         Ok(Ok(_)) => 0,
///         _ => 1,
///     })
/// }?;
/// let Outcome::Message(result) = consumer.recv()? else { panic!("the worker failed") };
/// assert_eq!(*result, 42_u64.to_ne_bytes());
/// # drop(result);
/// assert!(worker.wait()?.success());
/// # Ok(())
/// # }
/// ```
pub mod anon {
    #[doc(inline)]
    pub use ringway_anon::{AnonError, AnonOptions, AnonRing, Child, ForkError, create, fork};
}

/// Handles whose calls wait in async tasks, on any runtime (feature `async`).
///
/// # Examples
/// A task that reads, beside a time-out of its runtime:
/// ```
/// use ringway::aio::AsyncConsumer;
/// use ringway::{Config, Outcome, Ring, Start, anon};
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ring = anon::create(&Config::new())?;
/// let mut consumer = AsyncConsumer::new(ring.consumer(Start::Oldest)?);
/// ring.producer()?.publish(b"hello")?;
///
/// tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
///     tokio::select! {
///         outcome = consumer.recv() => assert!(outcome?.is_message()),
///         () = tokio::time::sleep(Duration::from_secs(60)) => panic!("a message is there"),
///     }
///     Ok(())
/// })
/// # }
/// ```
#[cfg(feature = "async")]
pub mod aio {
    #[doc(inline)]
    pub use ringway_async::{
        AsyncBestEffortReader, AsyncConsumer, AsyncObserver, AsyncProducer, MessageStream, Registration,
    };
}

/// Rings in files, opened by unrelated processes.
///
/// # Examples
/// What two programs do with one path, whichever starts first:
/// ```
/// use ringway::file;
/// use ringway::prelude::*;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir_in("/dev/shm")?;
/// # let path = directory.path().join("quotes");
/// let config = Config::new().slots(1024).payload_capacity(48);
/// let mut consumer = file::open_or_create(&path, &config)?.consumer(Start::Oldest)?;
///
/// let mut producer = file::open_or_create(&path, &config)?.producer()?;
/// producer.publish(b"hello")?;
///
/// let Outcome::Message(message) = consumer.recv()? else { panic!("the producer closed the ring") };
/// assert_eq!(&*message, b"hello");
/// # Ok(())
/// # }
/// ```
pub mod file {
    #[doc(inline)]
    pub use ringway_file::{
        Advice, FileError, FileRing, Filesystem, Flush, OpenOptions, PrivateMapping, Shown, Snapshot, create,
        filesystem, guard_truncation, open, open_or_create, open_read_only, remove, wait_for,
    };
}

#[doc(inline)]
pub use ringway_file::memfd;
