//! What the machine can do without any ring: the floors that figures are compared with.

pub mod bulk;
pub mod futex;
pub mod head_only;
pub mod lines;
pub mod memcpy;
