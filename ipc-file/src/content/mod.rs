//! What the bytes of a file are: rings, rings in the making, or nothing.

pub(crate) mod header;
pub(crate) mod space;
pub(crate) mod unfinished;
pub(crate) mod walk;
