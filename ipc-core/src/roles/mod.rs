//! What users hold: the roles on a ring.

pub(crate) mod any_ring;
pub(crate) mod arena;
pub mod at_once;
pub(crate) mod attempt;
pub(crate) mod batch_claim;
pub(crate) mod best_effort;
pub(crate) mod canceller;
pub(crate) mod claim;
pub(crate) mod coalescing;
pub(crate) mod consumer;
pub(crate) mod copier;
pub(crate) mod current;
pub(crate) mod cursor;
pub(crate) mod deferred_wake;
pub(crate) mod ending;
pub(crate) mod fetch_ahead;
pub(crate) mod found;
pub(crate) mod full_wait;
pub(crate) mod guard;
pub(crate) mod message_claim;
pub(crate) mod messages;
pub(crate) mod naming;
pub(crate) mod observer;
mod passed_over;
pub(crate) mod peek;
pub(crate) mod peek_from;
pub(crate) mod peek_over;
pub(crate) mod peek_wait;
pub(crate) mod producer;
pub(crate) mod publish;
pub(crate) mod publish_all;
pub(crate) mod publish_batch;
pub(crate) mod publish_run;
#[cfg(not(loom))]
pub(crate) mod raw;
pub(crate) mod reader_ring;
pub(crate) mod reader_waker;
pub(crate) mod recv_batch;
pub(crate) mod recv_into;
pub(crate) mod ring;
pub(crate) mod room;
pub(crate) mod seek;
pub(crate) mod showing;
pub(crate) mod shown;
pub(crate) mod skip_to;
pub(crate) mod standby;
pub(crate) mod stats;
pub(crate) mod typed;
#[cfg(not(loom))]
pub(crate) mod wait_set;
#[cfg(not(loom))]
pub(crate) mod wait_set_waker;
pub(crate) mod waitable;
pub(crate) mod waiting;
pub(crate) mod wake_mode;
