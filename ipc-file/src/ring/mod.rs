//! Rings in files: made, opened, flushed and removed.

mod create;
mod embed;
mod file_ring;
mod flush;
mod open;
mod options;
mod or_create;
mod plan;
mod remove;

pub use file_ring::FileRing;
pub(crate) use file_ring::Located;
pub use flush::Flush;
pub use options::{OpenOptions, create, open, open_or_create, open_read_only};
pub use remove::remove;
