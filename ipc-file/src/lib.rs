//! Ringway rings in files: created, opened, locked, mapped and flushed.
//!
//! A ring in a file is found by its path, and outlives the processes that use it. Whoever may read the file
//! can observe; whoever may write it can take a role:
//!
//! ```
//! use ipc_core::{Config, Ring, Start};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("quotes");
//! let ring = ipc_file::create(&path, &Config::new().slots(1024).payload_capacity(48))?;
//! let mut consumer = ring.consumer(Start::Oldest)?;
//! let mut producer = ring.producer()?;
//!
//! producer.publish(b"hello")?;
//! assert_eq!(&*consumer.try_recv()?.message().unwrap(), b"hello");
//! # Ok(())
//! # }
//! ```
//!
//! What holds, and the module that holds it:
//! - A name that is visible is a complete ring; creating never replaces anything. (`create`, `embed`)
//! - What a dead creator or remover left is in nobody's way, and the next one clears it. (`unfinished`,
//!   `temporary`)
//! - Nothing is mapped that wasn't checked first: kind, owner, links, file system, header, length, boot. (`open`)
//! - The kernel's locks alone say who is alive. ([`locks`])
//! - Each role has a mapping of its own, writable where the role writes and nowhere else. ([`map`])
//! - A handle made before a `fork` does nothing in the child. ([`handle_status`])
//!
//! Whoever may write the file can also cut it short, and Linux ends a process that touches what is cut off
//! (SIGBUS). Call [`guard_truncation`] first to be told instead.
//!
//! A ring can do without a path, too, in a file that is memory alone and is handed over as a descriptor: see
//! [`memfd`](mod@memfd).

mod content;
mod error;
pub mod locks;
pub mod map;
pub mod memfd;
mod path;
mod ring;
mod role;
mod system;
mod truncation;

pub use error::{FileError, Shown};
pub use map::Advice;
pub use ring::{FileRing, Flush, OpenOptions, create, open, open_or_create, open_read_only, remove};
pub use system::{boot, handle_status};
pub use truncation::guard_truncation;
