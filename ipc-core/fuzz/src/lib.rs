//! What the fuzz targets do with an input: one function for each target, which panics if a promise is broken.
//!
//! `tests/fuzz_corpus.rs` of `ipc-core` includes these modules, too, and runs the same functions over the
//! committed corpus, without a fuzzer.

pub mod attach;
pub mod checks;
pub mod heap;
pub mod input;
pub mod messages;
pub mod reader;
pub mod scribble;
pub mod skips;
pub mod strides;
