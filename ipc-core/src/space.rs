//! The space bells: how the producer of a full ring sleeps, and how consumers wake it.
//!
//! The producer says in `blocked_on` which consumer it waits for, and in `wake_at` how far that one's cursor has
//! to come, scans once more, and sleeps on that cell's bell. A consumer stores its cursor, and then looks
//! whether the producer waits for it. Again each writes one thing and reads the other; the fences are those of the
//! doorbell, with the sides changed.
//!
//! # Orderings
//! `P1`/`G1` of [`crate::edge`]. The scan executes `G1` in either mode.

use core::time::Duration;

use crate::edge::{Edge, fence, light_fence};
use crate::error::{Full, PublishError};
use crate::fault::{Fault, seeded};
use crate::layout::{blocked_on, cell, page};
use crate::membarrier;
use crate::producer::Producer;
use crate::region::{AsConsumer, Region};
use crate::seq::Seq;
use crate::slice;
use crate::wait::{Pause, Waiter};

/// The longest that the producer sleeps before it asks whether the consumer that it waits for lives.
const SLICE: Duration = Duration::from_millis(10);
/// Who has released so large a part of the ring wakes the producer: each sleep costs both sides more than some
/// messages do.
const PART: u64 = 4;

impl Producer {
    /// Waits for room, as `wait` and `timeout` say.
    #[cold]
    pub(crate) fn wait_while_full(&mut self, mut full: Full) -> Result<(), PublishError> {
        let mut waiter = Waiter::new(self.wait, self.timeout);
        loop {
            match waiter.pause() {
                // The gate asks for the consumer's life in its own time.
                Pause::Again | Pause::CheckLiveness => {}
                Pause::Sleep(time) => {
                    let slept = self.sleep(&full, time)?;
                    // A modelled sleeper makes no further step.
                    if cfg!(loom) && slept {
                        return Err(PublishError::TimedOut(full));
                    }
                }
                Pause::TimedOut => return Err(PublishError::TimedOut(full)),
            }
            match self.reserve() {
                Err(PublishError::Full(still)) => full = still,
                other => return other,
            }
        }
    }

    /// Sleeps until the consumer that fills the ring has released a part of it or leaves, or `time` has passed,
    /// or something else happens. Whether it has slept: not if there is room now, or somebody else fills the ring.
    #[cold]
    fn sleep(&mut self, full: &Full, time: Duration) -> Result<bool, PublishError> {
        // The ring may still be known to be full by a scan from before a successor came, whose page this is then.
        self.check_epoch()?;
        let next = self.pen.next;
        let slots = self.region.geometry.slots;
        let value = self.region.cells.space(full.cell).load();
        let words = &self.region.page;
        words.word::<{ page::WAKE_AT }>().store(next.back(slots).plus((slots / PART).max(1)).get());
        words.word::<{ page::BLOCKED_ON }>().store(words.blocked_on_nobody() | (full.cell as u64 + 1));
        let mut slice = SLICE;
        if words.own_is_asymmetric() {
            let registered = self.region.cells.word::<{ cell::REGISTERED }>(full.cell).load() == 1;
            // Nothing comes of interrupting the others if that consumer isn't among them.
            if !(registered && membarrier::barrier()) {
                slice = slice::SHORT;
            }
        }
        let still = if seeded(Fault::SleepWithoutScan) { Some(full.cell) } else { self.fills()? };
        let sleeps = still == Some(full.cell);
        if sleeps {
            let bell = self.region.cells.space(full.cell);
            let value = if seeded(Fault::SpaceAfterScan) { bell.load() } else { value };
            self.region.slices.sleep(&bell, value, time, slice);
            // A modelled sleeper makes no further step.
            if cfg!(loom) {
                return Ok(true);
            }
        }
        // A producer that was deposed in its sleep leaves its successor's page alone.
        self.check_epoch()?;
        let words = &self.region.page;
        words.word::<{ page::BLOCKED_ON }>().store(words.blocked_on_nobody());
        Ok(sleeps)
    }

    /// The cell that fills the ring, by a new scan; `None` if there is room, or nobody left to publish to: the next
    /// scan says which.
    fn fills(&mut self) -> Result<Option<usize>, PublishError> {
        match self.scan() {
            Ok(()) | Err(PublishError::NoReaders) => Ok(None),
            Err(PublishError::Full(full)) => Ok(Some(full.cell)),
            Err(error) => Err(error),
        }
    }
}

/// Tells the producer whether it can rely on this cell's consumer to wake it without a fence of its own.
pub(crate) fn introduce(region: &Region<AsConsumer>, cell: usize) {
    region.cells.word::<{ cell::REGISTERED }>(cell).store(u64::from(region.register()));
}

/// Wakes the producer if it waits for this consumer's cursor to come as far as `next`, which was stored. Left out
/// like [`published`](crate::bell::published).
#[inline(always)]
pub(crate) fn released(region: &Region<AsConsumer>, cell: usize, next: Seq) {
    if cfg!(ringway_spin_only) {
        return;
    }
    // P1 pairs with G1.
    light_fence(Edge::P1, region);
    if region.page.word::<{ page::BLOCKED_ON }>().load() != 0 {
        look_again(region, cell, Some(next));
    }
}

/// Wakes the producer if it waits for this consumer, whose word says free.
pub(crate) fn left(region: &Region<AsConsumer>, cell: usize) {
    if seeded(Fault::LeaveWithoutBell) {
        return;
    }
    light_fence(Edge::P1, region);
    look_again(region, cell, None);
}

/// The producer waits for somebody, or it takes a fence to know.
#[cold]
#[inline(never)]
fn look_again(region: &Region<AsConsumer>, cell: usize, next: Option<Seq>) {
    let word = region.page.word::<{ page::BLOCKED_ON }>();
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
        let wake_at = region.page.word::<{ page::WAKE_AT }>().load();
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
    let bell = region.cells.space(cell);
    bell.store(bell.load_own().wrapping_add(1));
    bell.wake();
}
