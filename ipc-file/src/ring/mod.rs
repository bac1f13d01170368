//! Rings in files: made, opened, flushed and removed.

pub(crate) mod create;
mod embed;
pub(crate) mod file_ring;
mod flush;
pub(crate) mod open;
mod options;
mod remove;

pub use file_ring::FileRing;
pub use flush::Flush;
pub use options::{OpenOptions, create, open, open_or_create, open_read_only};
pub use remove::remove;
