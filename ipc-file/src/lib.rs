//! Ringway rings in files: created, opened, locked, mapped and flushed.
//!
//! A ring in a file is found by its path, and outlives the processes that use it. A process that may read
//! the file can observe; one that may write it can take a role:
//!
//! ```
//! use ringway_core::{Config, Ring, Start};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("quotes");
//! let ring = ringway_file::create(&path, &Config::new().slots(1024).payload_capacity(48))?;
//! let mut consumer = ring.consumer(Start::Oldest)?;
//! let mut producer = ring.producer()?;
//!
//! producer.publish(b"hello")?;
//! assert_eq!(&*consumer.try_recv()?.into_message().unwrap(), b"hello");
//! # Ok(())
//! # }
//! ```
//!
//! # Folders
//! What holds, and where. A folder imports only from those below it in this list, and no file of one is in a
//! circle of imports:
//!
//! | folder | what it holds to |
//! | --- | --- |
//! | [`memfd`](mod@memfd) | A ring can do without a path. |
//! | `ring` | Creating never replaces anything, and a name that is visible is a complete ring. |
//! | `path` | Nothing is opened that wasn't checked: kind, owner, links, file system. What the dead left is cleared. |
//! | `role` | Each role has locks and a mapping of its own, writable where the role writes and nowhere else. |
//! | `content` | Nothing is mapped before its header was read and found to be a ring's. |
//! | `map` | A range of addresses belongs to one handle, and to no forked child. |
//! | `truncation` | A file cut short is an error, on request, not the end of the process. |
//! | `locks` | The kernel's locks alone say which roles are alive. |
//! | `error` | Each error says what was found, what was expected and what to do. |
//! | `system` | A handle made before a `fork` does nothing in the child. Else only questions to the kernel. |
//!
//! [`placement`] gives what other placements build on; it is for `ringway-anon`, not for programs.
//!
//! A process that may write the file can also cut it short, and Linux ends a process that touches what is cut off
//! (SIGBUS). Call [`guard_truncation`] first to be told instead.
//!
//! A ring can do without a path, too, in a file that is memory alone and is handed over as a descriptor: see
//! [`memfd`](mod@memfd).

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

mod content;
mod error;
mod locks;
mod map;
pub mod memfd;
mod path;
pub mod placement;
mod ring;
mod role;
mod system;
mod truncation;

pub use error::FileError;
pub use map::Advice;
pub use ring::{
    FileRing, Filesystem, Flush, OpenOptions, PrivateMapping, Snapshot, create, filesystem, open,
    open_or_create, open_read_only, remove, wait_for,
};
pub use ringway_core::Shown;
pub use truncation::guard_truncation;
