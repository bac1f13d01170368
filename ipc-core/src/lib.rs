//! Protocol and layout of Ringway's rings in shared memory: a lock-free single producer, many readers.
//!
//! This crate knows no file, no mapping and no process: it gets a mapped ring as a
//! [`Region`](region::Region), asks who is alive through [`Liveness`], and otherwise asks the system for nothing
//! but the time, its own process's number, to let others run, to sleep and to wake (futex, membarrier). Use it through
//! `ringway`, or through `ipc-anon` and `ipc-file`, which make and map rings.
//!
//! The same code runs over real memory and, under `cfg(loom)`, over loom's model of it: see [`edge`] for every
//! ordering and the model that needs it.

#[cfg(not(target_pointer_width = "64"))]
compile_error!(
    "Ringway's rings are made of lock-free 64-bit words and may exceed 4 GiB: a 64-bit target is needed"
);
#[cfg(not(target_os = "linux"))]
compile_error!("Ringway relies on what Linux mappings and locks do");

mod advice;
mod batch;
mod bell;
mod claim;
mod consumer;
#[cfg(not(loom))]
pub mod copy;
mod counted;
mod cursor;
#[cfg(loom)]
pub mod death;
pub mod edge;
mod end;
pub mod error;
#[cfg(loom)]
pub mod fault;
#[cfg(not(loom))]
mod fault;
#[cfg(not(loom))]
mod futex;
mod gate;
mod geometry;
mod guard;
mod header;
mod join;
pub mod layout;
mod liveness;
mod membarrier;
mod message;
mod observer;
mod page;
mod producer;
pub mod region;
mod resume;
mod ring;
mod room;
mod run;
mod scratch;
mod seq;
mod slice;
mod slot;
mod space;
mod sync;
mod type_info;
mod typed;
mod wait;
mod watch;

pub use advice::advice;
pub use batch::{Batch, BatchIter};
pub use bell::WakeMode;
pub use claim::Claim;
pub use consumer::Consumer;
pub use error::{
    AttachError, BatchError, Damaged, Forked, Full, GeometryError, PublishError, RecvError, Truncated,
    TypeMismatch, Unusable,
};
pub use geometry::{Config, Geometry, Placement, Section, Stride};
pub use guard::Guard;
pub use header::{Header, format, snapshot};
pub use liveness::{ForkWord, Liveness};
pub use membarrier::register;
pub use message::{Copied, Outcome, Received, Start};
pub use observer::{Attached, Observer, Resume};
pub use page::State;
pub use producer::Producer;
pub use ring::Ring;
pub use seq::MAX_SEQ;
pub use type_info::{TypeInfo, check_type};
pub use typed::{
    Message, Typed, TypedClaim, TypedConsumer, TypedGuard, TypedObserver, TypedProducer, TypedReceived,
};
pub use wait::Wait;

/// A role belongs to the thread that holds its handle, which may hand the handle on but not share it; what borrows
/// from a handle stays with it.
#[cfg(not(loom))]
const _: () = {
    use static_assertions::{assert_impl_all, assert_not_impl_any};
    assert_impl_all!(Producer: Send);
    assert_impl_all!(Consumer: Send);
    assert_impl_all!(Observer: Send);
    assert_not_impl_any!(Producer: Sync);
    assert_not_impl_any!(Consumer: Sync);
    assert_not_impl_any!(Observer: Sync);
    assert_not_impl_any!(Claim<'static>: Send, Sync);
    assert_not_impl_any!(Guard<'static>: Send, Sync);
    assert_not_impl_any!(Batch<'static>: Send, Sync);
    assert_not_impl_any!(BatchIter<'static>: Send, Sync);
};
