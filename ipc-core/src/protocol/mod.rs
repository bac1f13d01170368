//! The protocol: a file for each of its rules.

pub(crate) mod blocked;
pub(crate) mod doorbell;
pub(crate) mod events;
pub mod freeze;
pub(crate) mod join;
pub(crate) mod make_room;
pub(crate) mod message;
pub(crate) mod passing_over;
pub(crate) mod patience;
pub(crate) mod poll_budget;
pub(crate) mod producer_page;
pub(crate) mod role_words;
pub(crate) mod scan;
pub(crate) mod shown;
pub(crate) mod space_bell;
pub(crate) mod stamp;
pub(crate) mod takeover;
pub(crate) mod void;
pub(crate) mod wait;
pub(crate) mod wait_policy;
pub(crate) mod why_empty;
