//! The threads that sleep for tasks, and what tasks leave them.

#[cfg(all(test, loom))]
mod model;
pub(crate) mod queue;
pub(crate) mod thread;
#[cfg(not(loom))]
pub(crate) mod worker;
