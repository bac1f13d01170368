//! The views over loom's atomics, for the models.
//!
//! loom's atomics are handles of its explorer, not bits in memory, so a modelled ring is built anew for each
//! execution, and of just the words that the protocol names. Beside each slot lies a *shadow cell*: the
//! producer holds it mutably while it writes the payload, a consumer holds it while it borrows or copies the
//! payload, an observer never touches it. loom reports any overlap, which checks of values can't see.
//!
//! # Safety
//!
//! The shadow cells hold nothing, so no access through them can be wrong. Threads share them, because finding
//! conflicting accesses is their purpose.

mod header;
mod payload;
mod ring;
mod sections;
mod slots;
mod storage;

pub use header::{HeaderWords, ModelHeader};
pub use payload::{Payload, PayloadMut};
pub use ring::ModelRing;
pub(crate) use sections::{Cells, Hints, OwnCell, ProducerPage};
pub(crate) use slots::{Headed, Parts, Slot, Slots, Walk};
