//! What a ring is: its layout, its shape, its sequences, and what can be wrong. No atomics.

pub(crate) mod advice;
pub(crate) mod counted;
pub mod error;
#[cfg(not(loom))]
pub mod fields;
pub(crate) mod first_seq;
pub(crate) mod geometry;
pub mod layout;
pub(crate) mod message_type;
pub(crate) mod name;
pub(crate) mod plan;
pub(crate) mod role_hint;
pub(crate) mod seq;
pub(crate) mod shown;
pub(crate) mod stride;
pub(crate) mod type_check;
pub(crate) mod type_info;
