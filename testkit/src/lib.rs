//! What the tests of Ringway's crates write again and again.
//!
//! This crate isn't published. The published crates name it as a dev-dependency by its path alone, which
//! `cargo package` leaves out. Integration tests use it; unit tests can't, since they would see a second
//! copy of their own crate.
//!
//! | module | what it gives |
//! |---|---|
//! | [`harness`] | test programs without test threads, each test in a child of its own |
//! | [`child`] | forked children, and one-byte messages over pipes |
//! | [`suite`] | tests that run on each placement, and roles for other processes |
//! | [`placement`] | a ring on each placement |
//! | [`peer`] | other processes that play a role, and the pipes to them |
//! | [`roles`], [`sleepers`] | roles that more than one test uses |
//! | [`payload`] | messages whose every byte follows from their sequence |
//! | [`files`] | rings in files of the test's own, and their directories |
//! | [`header`] | words of a ring that a test forges |
//! | [`cores`], [`status`] | the cores that a process runs on, and figures that the kernel keeps of it |
//! | [`tracing`] | children whose system calls a test sees, ends or fails |
//! | [`mounts`], [`image`], [`users`], [`denial`] | what the system offers a process, or refuses it |

pub mod child;
pub mod cores;
pub mod denial;
pub mod files;
pub mod harness;
pub mod header;
pub mod image;
pub mod mounts;
pub mod payload;
pub mod peer;
pub mod placement;
pub mod roles;
pub mod sleepers;
pub mod status;
pub mod suite;
pub mod tracing;
pub mod users;

use std::time::Duration;

pub use peer::{Peer, Post};
pub use placement::{Kind, TestRing};

/// Bounds every wait, so that what hangs fails. Nothing else depends on it.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What a producer says of a full ring whose slowest consumer is of process `pid`, in `cell`, and of this user.
pub fn full(cell: usize, pid: u64, lag: u64) -> ringway::Full {
    ringway::Full::new(cell, pid, lag).said_by(Some(nix::unistd::geteuid().as_raw()), None)
}
