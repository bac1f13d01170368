//! The guard against a file that is cut short while it is mapped.

mod guard;
mod table;

pub(crate) use guard::guard;
pub use guard::guard_truncation;
pub(crate) use table::Guarded;
