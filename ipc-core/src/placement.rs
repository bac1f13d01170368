//! For crates that place rings, as `ringway-file` and `ringway-anon` do: in a file, in inherited memory, or elsewhere.
//!
//! A placement finds or makes memory, and offers a [`Ring`](crate::Ring) on it:
//! 1. A new ring has a [`Geometry`](crate::Geometry) of its own ([`Config::geometry`](crate::Config::geometry)),
//!    which [`format()`] writes into zeroed memory. One that is there already is read by [`Header::from_bytes`] or
//!    [`snapshot`], and checked by [`Header::decode`].
//! 2. To give a role, the placement takes the role's lock, maps the ring's [`sections`] with the rights of that
//!    [`Role`], and makes a [`Region`] of the mapping. The region owns a [`Liveness`], which keeps the mapping and
//!    the lock, and says which other roles are alive.
//! 3. It offers these regions as a [`RingSource`], an unsafe trait: the placement answers for the locks. Each type with
//!    that trait is a [`Ring`](crate::Ring), and implements nothing more for it. The handles are made of the regions by
//!    [`Producer::enter`](crate::Producer::enter), [`Consumer::join`](crate::Consumer::join) and
//!    [`Observer::attach`](crate::Observer::attach). A role leads back to its ring by [`Liveness::ring`].
//!
//! A program needs none of it. It changes with the crates that use it, in any version.

#[cfg(not(loom))]
pub use crate::format::fields::{CellFields, HintsFields, ProducerFields, SlotOffsets, skipped_by};
pub use crate::format::layout;
pub use crate::format::role_hint::RoleHint;
pub use crate::memory::access::{
    Access, AsConsumer, AsCopy, AsObserver, AsProducer, AsShown, AsWaker, ReadOnly, ReadWrite, Role,
};
pub use crate::memory::header::{Header, format, snapshot};
pub use crate::memory::liveness::{HandleStatus, Liveness};
pub use crate::memory::region::{Region, sections};
pub use crate::memory::source::{RingSource, Vacancy};
pub use crate::memory::{HeaderWords, Payload, PayloadMut};
#[cfg(loom)]
pub use crate::memory::{ModelHeader, ModelRing};
pub use crate::ordering::membarrier::register;
pub use crate::protocol::freeze::Freeze;
