//! Rings in files: made, opened, flushed and removed.

mod create;
mod embed;
mod file_ring;
mod flush;
mod holes;
mod open;
mod options;
mod or_create;
mod plan;
mod private_mapping;
mod remove;
mod role_words;
mod snapshot;
mod suitability;
mod wait_for;

pub use file_ring::FileRing;
pub(crate) use file_ring::Located;
pub use flush::Flush;
pub use options::{OpenOptions, create, open, open_or_create, open_read_only, wait_for};
pub use private_mapping::PrivateMapping;
pub use remove::{remove, remove_if};
pub use snapshot::Snapshot;
pub use suitability::{Filesystem, filesystem};
