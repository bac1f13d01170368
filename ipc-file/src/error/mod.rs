//! What goes wrong with files.

mod file_error;

pub use file_error::FileError;
