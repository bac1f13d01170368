//! Sinks that are forgotten on request.

use std::sync::atomic::Ordering;
use std::time::Instant;

use zenoh::Wait;
use zenoh::query::Query;

use super::shared::Shared;
use super::waiting::lock;
use crate::forget;
use crate::names::last_part;
use crate::pace::Forgotten;

impl Shared {
    /// Whether a question names a sink to forget.
    pub(super) fn is_to_forget(&self, query: &Query) -> bool {
        query.key_expr().as_str().starts_with(&self.name.forget(""))
    }

    /// Forgets the sink that a question names, unless it is heard. The thread that sends says so, and records it.
    pub(super) fn forget(&self, query: &Query) {
        let key = query.key_expr().clone();
        let sink = last_part(key.as_str());
        let forgotten = lock(&self.held).forget(sink, Instant::now());
        if forgotten == Forgotten::Done {
            self.asked_to_beat.store(true, Ordering::Relaxed);
            self.acked.notify_all();
        }
        let _ = query.reply(&key, forget::word(forgotten)).wait();
    }
}
