//! Real gateway processes over real Zenoh, on loopback, while the link fails, processes die and other peers lie.
//!
//! The tests take turns, since each of them has four processes or more. `RINGWAY_LINK_FULL` scales them: see [`scale`].

mod applications;
mod flood;
mod gateway;
mod hostile;
mod hosts;
mod ledger;
mod message;
mod overrun;
mod port;
mod proxy;
mod reader;
mod reliable;
mod roles;
mod scale;
mod slow;
mod source;
mod two_sinks;
mod walk;
