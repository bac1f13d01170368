//! The space bells: how the producer of a full ring sleeps, and how consumers wake it.
//!
//! The producer says in `blocked_on` which consumer it waits for, and in `wake_at` how far that one's cursor has
//! to come, scans once more, and sleeps on that cell's bell. A consumer stores its cursor, and then looks
//! whether the producer waits for it. Again each writes one thing and reads the other; the fences are those of the
//! doorbell, with the sides changed.
//!
//! # Orderings
//! `P1`/`G1` of [`crate::ordering::edge`]. The scan executes `G1` in either mode.

use crate::format::layout::{blocked_on, cell, producer_page};
use crate::format::seq::Seq;
use crate::memory::access::AsConsumer;
use crate::memory::fences::light_fence;
use crate::memory::region::Region;
use crate::ordering::edge::{Edge, fence};
use crate::ordering::fault::{Fault, seeded};

/// Tells the producer whether it can rely on this cell's consumer to wake it without a fence of its own.
pub(crate) fn introduce(region: &Region<AsConsumer>, cell: usize) {
    region.cells.word::<{ cell::REGISTERED }>(cell).store(u64::from(region.register()));
}

/// Wakes the producer if it waits for this consumer's cursor to come as far as `next`, which was stored. Left out
/// like [`published`](crate::protocol::doorbell::published).
#[inline(always)]
pub(crate) fn released(region: &Region<AsConsumer>, cell: usize, next: Seq) {
    if is_awaited(region) {
        wake_if_blocked(region, cell, Some(next));
    }
}

/// Whether [`wake_if_blocked`] is due, once the cursor is stored.
#[inline(always)]
pub(crate) fn is_awaited(region: &Region<AsConsumer>) -> bool {
    if cfg!(ringway_spin_only) {
        return false;
    }
    // P1 pairs with G1.
    light_fence(Edge::P1, region);
    region.producer_page.word::<{ producer_page::BLOCKED_ON }>().load() != 0
}

/// Wakes the producer if it waits for this consumer, which has freed its cell.
pub(crate) fn left(region: &Region<AsConsumer>, cell: usize) {
    if seeded(Fault::LeaveWithoutBell) {
        return;
    }
    light_fence(Edge::P1, region);
    wake_if_blocked(region, cell, None);
}

/// The producer waits for somebody, or it takes a fence to know.
#[cold]
#[inline(never)]
pub(crate) fn wake_if_blocked(region: &Region<AsConsumer>, cell: usize, next: Option<Seq>) {
    let word = region.producer_page.word::<{ producer_page::BLOCKED_ON }>();
    let mut blocked = word.load();
    if blocked & blocked_on::LOOK != 0 {
        // P1 pairs with G1.
        fence(Edge::P1);
        blocked = word.load();
    }
    if blocked & !blocked_on::LOOK != cell as u64 + 1 {
        return;
    }
    if let Some(next) = next {
        // Written before `blocked_on`, whose newest value the fences have shown if the producer's scan missed
        // the cursor; else it doesn't sleep.
        let wake_at = region.producer_page.word::<{ producer_page::WAKE_AT }>().load();
        if seeded(Fault::RungTooEarly) && next.get() < wake_at {
            region.rung.set(wake_at);
        }
        if seeded(Fault::RingAtExactly) && next.get() != wake_at {
            return;
        }
        // Until it runs, the producer says that it waits: once is enough. It won't wait for this again, since
        // this cursor never goes back.
        if next.get() < wake_at || region.rung.get() == wake_at {
            return;
        }
        if seeded(Fault::RingOnce) && region.rung.get() != 0 {
            return;
        }
        region.rung.set(wake_at);
    }
    let bell = region.cells.space_bell(cell);
    bell.store(bell.load_own().wrapping_add(1));
    bell.wake();
}
