//! Rings in memfds: memory that no path leads to, handed over as a descriptor.
//!
//! A memfd is a file of memory alone. A process makes a ring in one and hands its descriptor to others, over a
//! Unix socket or to programs that it starts. When the last of them has closed it, it is gone: nothing is left
//! to remove. It is sealed: nobody, its maker included, can make it shorter or longer, so it can't be cut short
//! under its users, as a file can (see [`guard_truncation`](crate::guard_truncation)).
//!
//! # Examples
//! Over a socket; the other end is usually another process:
//! ```
//! use std::os::unix::net::UnixStream;
//!
//! use ringway_core::{Config, Ring, Start};
//! use ringway_file::memfd::{self, MemfdRing};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (here, there) = UnixStream::pair()?;
//! let ring = memfd::create(&Config::new().slots(64).payload_capacity(48))?;
//! ring.send(&here)?;
//!
//! let received = memfd::receive(&there)?;
//! let mut consumer = received.consumer(Start::Oldest)?;
//! ring.producer()?.publish(b"hello")?;
//! assert_eq!(&*consumer.try_recv()?.into_message().unwrap(), b"hello");
//! # Ok(())
//! # }
//! ```
//! To a program that is started, as its standard input. There, `memfd::open` takes
//! `std::io::stdin().as_fd().try_clone_to_owned()?`:
//! ```no_run
//! use std::os::fd::AsFd;
//! use std::process::{Command, Stdio};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let ring = ringway_file::memfd::create(&ringway_core::Config::new())?;
//! let descriptor = ring.as_fd().try_clone_to_owned()?;
//! let child = Command::new("reader").stdin(Stdio::from(descriptor)).spawn()?;
//! # Ok(())
//! # }
//! ```
//!
//! Taking a role opens the descriptor anew through `/proc/self/fd`. So the memfd's owner and mode count as any
//! file's do: at its first mode, 0600, it is for processes of one user. Another
//! user can observe a ring that is given the mode 0644 and handed over [read-only](MemfdRing::send_read_only).

mod descriptor;
mod memfd_ring;
mod options;
mod passing;

pub use memfd_ring::MemfdRing;
pub use options::{MemfdOptions, create, open, receive};
