//! Mirrors rings of Ringway between machines, over Zenoh.
//!
//! A **source** (`export`) reads a ring and sends what is published; a **sink** (`import`) publishes it into a **mirror**,
//! a ring of the same geometry, under the same sequences. What is lost on the way is skipped in the mirror, so that its
//! readers are told exactly how many messages they miss.
//!
//! The modules, from the bottom:
//!
//! | module | what it is | knows |
//! | --- | --- | --- |
//! | `ringway-gateway-protocol` | [`policy`], [`frame`], [`ack`], [`pace`], [`sink`], [`apply`] | sequences |
//! | [`names`], [`meta`] | keys of Zenoh, descriptions of rings | bytes |
//! | [`files`], [`origin`], [`log`], [`stop`] | files beside rings, what is said, the end of a process | the system |
//! | [`source`], [`mirror`], [`claim`], [`gate`], [`kept`] | a ring being read, written, held and waited for | Ringway |
//! | [`session`], [`forget`], [`packet`], [`inbox`], [`arrivals`], [`acker`], [`export`], [`import`] | the threads of an export and of an import | Ringway and Zenoh |
//! | [`config`], [`host`], [`keeper`], [`status`], [`metrics`] | a process with many of them, and its parent | all |
//!
//! Everything that decides about sequences is tested without a network
//! (`simulation`, a test module).

pub mod acker;
pub mod arrivals;
pub mod claim;
pub mod config;
pub mod export;
pub mod files;
pub mod forget;
pub mod gate;
pub mod host;
pub mod import;
pub mod inbox;
pub mod keeper;
pub mod kept;
pub mod log;
pub mod meta;
pub mod metrics;
pub mod mirror;
pub mod names;
pub mod origin;
pub mod packet;
pub mod session;
pub mod source;
pub mod status;
pub mod stop;

pub use ringway_gateway_protocol::{ack, apply, frame, pace, policy, sink};

#[cfg(test)]
mod simulation;
