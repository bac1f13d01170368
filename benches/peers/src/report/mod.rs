//! What was measured, for people and for programs.

pub mod json;
pub mod plots;
pub mod stats;
pub mod table;
pub mod targets;
