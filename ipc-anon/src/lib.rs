//! Ringway rings in anonymous shared memory, which forked children inherit.
//!
//! A ring made before a fork is the same ring in parent and child; no file, no name, nothing to remove:
//!
//! ```
//! use std::time::Duration;
//!
//! use ringway_anon::fork;
//! use ringway_core::{Config, Outcome, Ring, Start, Wait};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ring = ringway_anon::create(&Config::new().slots(64).payload_capacity(48))?;
//! let mut consumer = ring.consumer(Start::Oldest)?;
//! consumer.set_wait(Wait::Yield); // as for a child that answers soon
//!
//! # // A test harness has threads: the example forks where it can.
//! // SAFETY: the child uses no guard, claim or batch borrowed before the fork.
//! # #[allow(unsafe_code)]
//! let child = unsafe {
//!     fork(|| {
//!         let mut producer = ring.producer().expect("the child takes the role");
//!         producer.publish(b"from the child").expect("the ring has room");
//!         0
//!     })
//! };
//! # let Ok(mut child) = child else { return Ok(()) };
//! let Outcome::Message(message) = consumer.recv_timeout(Duration::from_secs(5))? else { panic!() };
//! assert_eq!(&*message, b"from the child");
//! assert!(child.wait()?.success());
//! # Ok(())
//! # }
//! ```
//!
//! A handle belongs to the process that made it: one that a child inherits says `Forked`, and the child takes
//! roles of its own. [`fork`] is a `fork(2)` that runs a function in the child and lets nothing else of the
//! program run there.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

mod child;
mod error;
mod fork;
mod ring;

pub use child::Child;
pub use error::{AnonError, ForkError};
pub use fork::fork;
pub use ring::{AnonOptions, AnonRing, create};
