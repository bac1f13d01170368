//! What users hold: handles whose calls wait in tasks.

pub(crate) mod best_effort;
mod borrowing;
pub(crate) mod consumer;
pub(crate) mod observer;
pub(crate) mod producer;
pub(crate) mod stream;
mod turns;
