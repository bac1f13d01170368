//! Address ranges, and what the kernel is told about them.

mod options;
mod span;

pub use options::{Advice, MapOptions};
pub use span::{Span, page_size};
