//! Address ranges, and what the kernel is told about them.

mod options;
mod private_map;
mod span;

pub use options::{Advice, MapOptions};
pub(crate) use private_map::PrivateMap;
pub use span::{Span, page_size};
