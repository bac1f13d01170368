//! What the kernel is asked for, one question a file. Nothing here knows a ring.

pub mod boot;
pub(crate) mod copy_on_write;
pub(crate) mod filesystem;
pub mod handle_status;
pub(crate) mod identity;
pub(crate) mod memfd;
pub(crate) mod page_size;
pub mod random;
pub(crate) mod rename;
pub(crate) mod retry;
