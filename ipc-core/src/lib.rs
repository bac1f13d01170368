//! Protocol and layout of Ringway's rings in shared memory: a lock-free single producer, many readers.
//!
//! Programs use `ringway`, which re-exports what is here and makes rings:
//!
//! ```
//! use ringway_core::{Config, Outcome, Resume, Ring, Start};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ring = ringway::anon::create(&Config::new().slots(64).payload_capacity(48))?;
//! let mut consumer = ring.consumer(Start::Oldest)?; // loses nothing
//! let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe)?; // holds nothing back
//! let mut producer = ring.producer()?;
//!
//! producer.publish(b"hello")?;
//! producer.close()?;
//! assert_eq!(&*consumer.recv()?.into_message().unwrap(), b"hello");
//! assert_eq!(&*observer.recv()?.into_message().unwrap(), b"hello");
//! assert!(matches!(consumer.recv()?, Outcome::Closed));
//! # Ok(())
//! # }
//! ```
//!
//! # Rings in other memory
//! This crate knows no file, no mapping and no process. It gets a mapped ring as a [`Region`](placement::Region), and
//! asks through [`Liveness`](placement::Liveness) which roles are alive. Of the system it needs only the time, its
//! process and user numbers, yielding, sleeping and waking (futex, membarrier). `ringway-anon` and `ringway-file` make and map
//! rings; [`placement`] is for crates that do the same elsewhere.
//!
//! # Checked
//! The same code runs over real memory and, under `cfg(loom)`, over loom's model of it: see [`edge`] for every
//! ordering and the model that needs it.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

#[cfg(not(target_pointer_width = "64"))]
compile_error!(
    "Ringway's rings are made of lock-free 64-bit words and may exceed 4 GiB: a 64-bit target is needed"
);
#[cfg(not(target_os = "linux"))]
compile_error!("Ringway relies on what Linux mappings and locks do");

mod format;
mod memory;
mod ordering;
pub mod placement;
mod protocol;
mod roles;

pub use format::advice::advice;
pub use format::error::{
    AttachError, BatchError, Damaged, Forked, Full, GeometryError, Interruption, PublishError, RecvError,
    SeekError, Truncated, TypeMismatch, Unusable, WaitSetError,
};
pub use format::geometry::{Config, Geometry, Placement, Section};
pub use format::message_type::Message;
pub use format::name::{Name, NameError};
pub use format::seq::MAX_SEQ;
pub use format::shown::Shown;
pub use format::stride::Stride;
pub use format::type_check::check_type;
pub use format::type_info::TypeInfo;
#[cfg(not(loom))]
pub use memory::copy;
#[cfg(not(loom))]
pub use memory::futex_waitv::{Slept, sleep_any};
pub use memory::sleep_ticket::SleepTicket;
pub use memory::source::Vacancy;
#[cfg(loom)]
pub use ordering::death;
pub use ordering::edge;
#[cfg(loom)]
pub use ordering::fault;
pub use protocol::doorbell::WakeMode;
pub use protocol::message::{Copied, Outcome, OwnedMessage, Received, Resume, Start};
pub use protocol::passing_over::PassedOver;
pub use protocol::patience::Patience;
pub use protocol::producer_page::State;
pub use protocol::wait::Wait;
pub use roles::any_ring::AnyRing;
pub use roles::at_once;
pub use roles::batch_claim::BatchClaim;
pub use roles::best_effort::BestEffortReader;
pub use roles::canceller::Canceller;
pub use roles::claim::Claim;
pub use roles::consumer::Consumer;
pub use roles::guard::Guard;
pub use roles::message_claim::{BatchClaimIter, MessageClaim};
pub use roles::messages::{Iter, TryIter};
pub use roles::observer::Observer;
pub use roles::producer::Producer;
#[cfg(not(loom))]
pub use roles::raw::{RawClaim, RawMessage};
pub use roles::reader_waker::ReaderWaker;
pub use roles::recv_batch::{Batch, BatchIter};
pub use roles::ring::Ring;
pub use roles::shown::ShownObserver;
pub use roles::standby::Standby;
pub use roles::stats::{Attached, Monitor, Stats};
pub use roles::typed::{
    Typed, TypedBatch, TypedBatchClaim, TypedBatchClaimIter, TypedBatchIter, TypedBestEffortReader,
    TypedClaim, TypedConsumer, TypedGuard, TypedMessage, TypedMessageClaim, TypedObserver, TypedProducer,
    TypedReceived,
};
#[cfg(not(loom))]
pub use roles::wait_set::{ReadyHandles, WaitSet};
#[cfg(not(loom))]
pub use roles::wait_set_waker::WaitSetWaker;
pub use roles::waitable::{Readiness, Waitable};

/// A role belongs to the thread that holds its handle, which may hand the handle on but not share it; what borrows
/// from a handle stays with it.
#[cfg(not(loom))]
const _: () = {
    use static_assertions::{assert_impl_all, assert_not_impl_any};
    assert_impl_all!(Producer: Send);
    assert_impl_all!(Consumer: Send);
    assert_impl_all!(Observer: Send);
    assert_impl_all!(BestEffortReader: Send);
    assert_impl_all!(AnyRing: Send, Sync);
    assert_impl_all!(ReaderWaker: Send, Sync, Clone);
    assert_impl_all!(Canceller: Send, Sync);
    assert_impl_all!(SleepTicket: Send, Sync);
    assert_impl_all!(WaitSet: Send);
    assert_impl_all!(WaitSetWaker: Send, Sync);
    assert_impl_all!(Monitor: Send, Sync);
    assert_not_impl_any!(Producer: Sync);
    assert_not_impl_any!(Consumer: Sync);
    assert_not_impl_any!(Observer: Sync);
    assert_not_impl_any!(BestEffortReader: Sync);
    assert_not_impl_any!(Claim<'static>: Send, Sync);
    assert_not_impl_any!(BatchClaim<'static>: Send, Sync);
    assert_not_impl_any!(MessageClaim<'static>: Send, Sync);
    assert_not_impl_any!(Guard<'static>: Send, Sync);
    assert_not_impl_any!(RawMessage<'static>: Send, Sync);
    assert_not_impl_any!(RawClaim<'static>: Send, Sync);
    assert_not_impl_any!(Batch<'static>: Send, Sync);
    assert_not_impl_any!(BatchIter<'static>: Send, Sync);
};
