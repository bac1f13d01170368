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
//! | [`policy`], [`names`] | delivery policies with their guarantees; keys of Zenoh | nothing |
//! | [`frame`], [`ack`], [`meta`] | what travels, encoded and checked | bytes |
//! | [`pace`], [`sink`], [`apply`] | what a source may send and release; what a sink accepts | sequences |
//! | [`source`], [`mirror`], [`gate`] | a ring being read, a ring being written | Ringway |
//! | [`session`], [`packet`], [`inbox`], [`acker`], [`export`], [`import`] | the threads of an export and of an import | Ringway and Zenoh |
//! | [`config`], [`host`], [`keeper`], [`status`], [`metrics`] | a process with many of them, and its parent | all |
//!
//! Everything that decides about sequences is below the line of Zenoh, and is tested there without it
//! (`simulation`, a test module).

pub mod ack;
pub mod acker;
pub mod apply;
pub mod config;
pub mod export;
pub mod frame;
pub mod gate;
pub mod host;
pub mod import;
pub mod inbox;
pub mod keeper;
pub mod meta;
pub mod metrics;
pub mod mirror;
pub mod names;
pub mod pace;
pub mod packet;
pub mod policy;
pub mod session;
pub mod sink;
pub mod source;
pub mod status;

#[cfg(test)]
mod simulation;
