//! What the system gives: atomics, locks, sleeps and threads; and a model's mistakes.

pub(crate) mod fault;
pub(crate) mod kernel;
#[cfg(not(loom))]
pub(crate) mod linux;
pub(crate) mod sync;
