//! Stepping through an operation, killing it, and verifying what is left.

mod case;
mod crew;
mod fence;
mod message;
mod operation;
mod reader;
mod scene;
mod shared;
mod survivors;
mod table;
mod trace;
mod tracee;

pub use table::main;
