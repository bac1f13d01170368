//! For crates that place rings elsewhere than in files, as `ringway-anon` does: what this crate builds its own of.
//!
//! | item | what it is |
//! | --- | --- |
//! | [`boot_id`], [`ring_id`], [`page_size`] | what a [`Geometry`](ringway_core::Geometry) takes besides a configuration |
//! | [`Span`], [`MapOptions`], [`Advice`] | addresses, reserved and mapped |
//! | [`LockTable`], [`Lock`], [`LockFile`] | the bytes of a file whose locks say which roles are taken |
//! | [`Closings`] | the news that a handle of a file was closed, for a standby |
//! | [`RoleLocks`], [`RoleMap`] | what one role lives on: its locks, and its mapping |
//! | [`Origin`] | the way back from a role to its ring |
//! | [`handle_status`] | tells a handle whether it was made before a fork |
//! | [`remove_if`] | removes a ring, after a last look at its file |
//!
//! A program needs none of it. It changes with the crates that use it, in any version.

pub use crate::locks::{Closings, Lock, LockFile, LockTable};
pub use crate::map::{Advice, MapOptions, Span, page_size};
pub use crate::ring::remove_if;
pub use crate::role::{Origin, RoleLocks, RoleMap};
pub use crate::system::boot::{BOOT_ID, boot_id};
pub use crate::system::handle_status::current as handle_status;
pub use crate::system::random::{RANDOM, ring_id};
