//! A ring's memory as typed views: what each role may read and write, and nothing else.
//!
//! Unsafe code is here alone, and in the few role files that borrow messages where they lie.

pub(crate) mod access;
pub(crate) mod cancel_word;
#[cfg(not(loom))]
pub mod copy;
pub(crate) mod deferral;
pub(crate) mod fences;
#[cfg(not(loom))]
pub(crate) mod futex;
#[cfg(not(loom))]
pub(crate) mod futex_waitv;
pub(crate) mod futex_word;
pub(crate) mod header;
pub(crate) mod liveness;
#[cfg(not(loom))]
pub(crate) mod mapped;
#[cfg(not(loom))]
pub(crate) mod mapping;
#[cfg(loom)]
pub(crate) mod model;
#[cfg(not(loom))]
pub(crate) mod parts;
#[cfg(not(loom))]
pub(crate) mod payload;
pub(crate) mod region;
pub(crate) mod scratch;
pub(crate) mod short;
#[cfg(not(loom))]
pub(crate) mod short_copy;
pub(crate) mod sized;
pub(crate) mod sleep_slices;
pub(crate) mod sleep_ticket;
#[cfg(not(loom))]
pub(crate) mod slots;
pub(crate) mod source;
pub(crate) mod thread_time;
#[cfg(not(loom))]
pub(crate) mod user;
pub(crate) mod word;

#[cfg(not(loom))]
pub use mapped::HeaderWords;
#[cfg(not(loom))]
pub(crate) use mapped::{Cells, Hints, OwnCell, ProducerPage};
#[cfg(loom)]
pub(crate) use model::{Cells, Headed, Hints, OwnCell, Parts, ProducerPage, Slot, Slots, Walk};
#[cfg(loom)]
pub use model::{HeaderWords, ModelHeader, ModelRing, Payload, PayloadMut};
#[cfg(not(loom))]
pub(crate) use parts::{Headed, Parts};
#[cfg(not(loom))]
pub use payload::{Payload, PayloadMut};
#[cfg(not(loom))]
pub(crate) use slots::{Slot, Slots, Walk};
