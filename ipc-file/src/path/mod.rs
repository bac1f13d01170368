//! Names in directories: how a file gets one, and loses it.

pub(crate) mod checks;
pub(crate) mod draft;
pub(crate) mod place;
pub(crate) mod temporary;
