//! What one role lives on: its locks, and its mapping of the ring.

mod locks;
mod map;

pub use locks::RoleLocks;
pub(crate) use map::reserve;
pub use map::{Origin, RoleMap};
