//! The protocol between two gateways of Ringway: what they send, and what each side does with it.
//!
//! Nothing here knows a network, a ring or a clock: bytes come in, and decisions about sequences come out. So all of it is
//! tested, and fuzzed, without any of them.
//!
//! | module | what it is |
//! | --- | --- |
//! | [`policy`] | delivery policies, with what each guarantees |
//! | [`frame`], [`ack`] | what travels, encoded and checked |
//! | [`pace`] | what a source may send and release |
//! | [`sink`], [`apply`] | what a sink accepts, and how it gets into the mirror |

pub mod ack;
pub mod apply;
pub mod frame;
pub mod pace;
pub mod policy;
pub mod sink;
