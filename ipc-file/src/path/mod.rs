//! Names in directories: how a file gets one, and loses it, and how a path that leads nowhere yet is waited for.

pub(crate) mod checks;
pub(crate) mod draft;
pub(crate) mod place;
mod route;
pub(crate) mod temporary;
pub(crate) mod watch;
