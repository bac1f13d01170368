//! Which roles are alive: locks on bytes of a ring's file, and the descriptors that hold them.

mod closings;
pub(crate) mod descriptors;
mod held;
mod lock_file;
mod table;

pub use closings::Closings;
pub(crate) use held::Held;
pub use lock_file::LockFile;
pub(crate) use table::PATIENCE;
pub use table::{Lock, LockTable};
