//! The orderings by name, and the one place that names an atomic library.

#[cfg(loom)]
pub mod death;
pub mod edge;
pub mod fault;
pub(crate) mod membarrier;
pub(crate) mod sync;
