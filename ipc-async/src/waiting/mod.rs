//! How a handle is waited for: its registration with the threads of this process.

mod process;
pub(crate) mod registration;
pub(crate) mod workers;
