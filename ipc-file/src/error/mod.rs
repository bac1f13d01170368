//! What goes wrong with files, and how errors show their paths.

mod file_error;
mod shown;

pub use file_error::FileError;
pub use shown::Shown;
