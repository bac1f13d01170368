//! What users hold: handles whose calls wait in tasks.

mod borrowing;
pub(crate) mod consumer;
pub(crate) mod observer;
pub(crate) mod producer;
pub(crate) mod stream;
mod turns;
