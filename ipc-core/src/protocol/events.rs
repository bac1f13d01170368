//! What the feature `tracing` reports: one event for each change of a role. Nothing that a message passes through calls
//! these functions, and without the feature they are empty.
//!
//! Each event comes after its change, on the thread that made it, also while that thread unwinds. Its target is
//! `ringway`; its field `ring` is the ring's id, in the hexadecimal digits that `ringway info` prints.

use crate::format::geometry::Geometry;
use crate::format::seq::Seq;
use crate::memory::access::AsProducer;
use crate::memory::region::Region;
use crate::protocol::producer_page::{EpochState, State};

/// Reports one event, with the ring's id ahead of the fields given.
macro_rules! report {
    ($level:ident, $geometry:expr, $message:literal, $($field:ident = $value:expr),*) => {{
        #[cfg(feature = "tracing")]
        tracing::event!(
            target: "ringway", tracing::Level::$level, ring = %RingId($geometry), $($field = $value,)* $message
        );
        #[cfg(not(feature = "tracing"))]
        let _ = ($geometry, $message, $($value),*);
    }};
}

#[cfg(feature = "tracing")]
struct RingId<'a>(&'a Geometry);

#[cfg(feature = "tracing")]
impl std::fmt::Display for RingId<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.ring_id().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A producer has entered its epoch, after the one that left `before`.
#[cold]
pub(crate) fn producer_entered(geometry: &Geometry, before: EpochState, epoch: u64, next: Seq) {
    if before.state() == Ok(State::Open) {
        report!(
            WARN,
            geometry,
            "takeover: the producer before ended without closing the ring",
            epoch = epoch,
            next_seq = next.get()
        );
    } else {
        report!(INFO, geometry, "attach: the producer has entered", epoch = epoch, next_seq = next.get());
    }
}

/// The producer has closed the ring.
#[cold]
pub(crate) fn closed(geometry: &Geometry, epoch: u64, head: Seq) {
    report!(INFO, geometry, "close: the producer has closed the ring", epoch = epoch, head = head.get());
}

/// The producer has ended its role, and the ring is open to a successor.
#[cold]
pub(crate) fn left_open(geometry: &Geometry, epoch: u64, head: Seq) {
    report!(INFO, geometry, "leave: the producer has left the ring open", epoch = epoch, head = head.get());
}

/// A consumer has joined in `cell`.
#[cold]
pub(crate) fn consumer_joined(geometry: &Geometry, cell: usize, next: Seq) {
    report!(INFO, geometry, "join: a consumer has joined", cell = cell, next_seq = next.get());
}

/// A best-effort reader has joined in `cell`.
#[cold]
pub(crate) fn best_effort_joined(geometry: &Geometry, cell: usize, next: Seq) {
    report!(INFO, geometry, "join: a best-effort reader has joined", cell = cell, next_seq = next.get());
}

/// The best-effort reader of `cell` was lapped, and has joined anew.
#[cold]
pub(crate) fn best_effort_rejoined(geometry: &Geometry, cell: usize, lost: u64) {
    report!(
        INFO,
        geometry,
        "join: a best-effort reader that was lapped has joined anew",
        cell = cell,
        lost = lost
    );
}

/// A consumer has left its cell.
#[cold]
pub(crate) fn consumer_left(geometry: &Geometry, cell: usize) {
    report!(INFO, geometry, "leave: a consumer has left", cell = cell);
}

/// The producer has found a reader dead, which it ignores from now on.
#[cold]
pub(crate) fn reader_retired(region: &Region<AsProducer>, cell: usize, cursor: Seq) {
    report!(
        WARN,
        &region.geometry,
        "retire: a reader died; it holds the producer back no longer",
        cell = cell,
        cursor = cursor.get()
    );
}

/// The producer has passed over a best-effort reader, for the `times`th time.
#[cold]
pub(crate) fn reader_passed_over(region: &Region<AsProducer>, cell: usize, cursor: Seq, times: u64) {
    report!(
        WARN,
        &region.geometry,
        "pass over: a best-effort reader left no room for too long; the producer goes on without it",
        cell = cell,
        cursor = cursor.get(),
        times = times
    );
}

/// An observer has attached.
#[cold]
pub(crate) fn observer_attached(geometry: &Geometry, next: Seq) {
    report!(DEBUG, geometry, "attach: an observer has attached", next_seq = next.get());
}
