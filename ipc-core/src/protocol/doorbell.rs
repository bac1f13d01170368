//! The doorbell: how readers sleep, and how the producer wakes them.
//!
//! A consumer notes in `sleepers` that a reader sleeps, looks once more, and sleeps on the doorbell. The producer
//! stores head, and then looks whether a reader sleeps. Each writes one thing and reads the other, so between the two
//! steps there is a full fence on either side. The producer's costs nothing where the sleeper can have the kernel
//! execute it (`WakeMode::Asymmetric`). Nothing here affects what is delivered, only when.
//!
//! The flag is cleared *before* the bell is rung. Then a sleeper that has read the new value raises the flag
//! after it was cleared, and one that has read the old value doesn't sleep on it. A consumer never clears the
//! flag: it can't know whether another one relies on it. The price: a consumer that dies
//! asleep costs one wake that no thread hears.
//!
//! # Orderings
//! `S1`/`S2` and `B1`/`B2` of [`crate::ordering::edge`].

use core::time::Duration;

use crate::format::layout::{producer_page, sleepers, wake_mode};
use crate::memory::access::{AsConsumer, AsObserver, AsProducer, ReadWrite, Role};
use crate::memory::cancel_word::Cancelling;
use crate::memory::fences::{heavy_fence, light_fence};
use crate::memory::region::Region;
use crate::memory::sleep_slices;
use crate::memory::sleep_ticket::SleepTicket;
use crate::memory::{Hints, ProducerPage};
use crate::ordering::edge::{Edge, fence};
use crate::ordering::fault::{Fault, seeded};
use crate::ordering::membarrier;

/// The longest sleep without asking whether the peer lives.
const SLICE: Duration = Duration::from_millis(100);

/// How the two sides of a ring make sure that neither sleeps through what the other does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum WakeMode {
    /// Each publish, and each release of a message, executes a fence.
    Fenced,
    /// Publishing and releasing cost no fence. A thread that goes to sleep has the kernel interrupt all running threads
    /// of the processes that take part (`membarrier`), whichever ring they are on, and whatever its mode.
    Asymmetric,
}

impl WakeMode {
    const fn code(self) -> u64 {
        match self {
            WakeMode::Fenced => wake_mode::FENCED,
            WakeMode::Asymmetric => wake_mode::ASYMMETRIC,
        }
    }
}

/// Stores how sleepers are to be woken from now on. The bell must be rung before the next message is published:
/// a sleeper that goes by the mode before has the doorbell's value before.
pub(crate) fn store_mode(region: &Region<AsProducer>, mode: WakeMode) {
    let words = &region.producer_page;
    let was_asymmetric = words.own_is_asymmetric();
    words.word::<{ producer_page::WAKE_MODE }>().store(mode.code());
    words.word::<{ producer_page::BLOCKED_ON }>().store(words.blocked_on_nobody());
    if was_asymmetric && mode == WakeMode::Fenced {
        // A consumer that releases by the mode before, without a fence, executes its P1 here at the latest: each
        // later scan sees its cursor, or it sees that it must look again. Where the kernel denies the barrier, the
        // producer finds the room at the end of its slice.
        membarrier::barrier();
    }
}

/// Tells the readers within what time publishing wakes once: see [`Slices`](crate::memory::sleep_slices::Slices). No
/// time passes in a model.
#[cfg(not(loom))]
pub(crate) fn store_wake_every(region: &Region<AsProducer>, every: Duration) {
    let nanoseconds = u64::try_from(every.as_nanos()).unwrap_or(u64::MAX);
    region.producer_page.word::<{ producer_page::WAKE_EVERY }>().store(nanoseconds);
}

/// The same, as a reader finds it: any number.
fn wake_every<R: Role>(region: &Region<R>) -> Duration {
    #[cfg(loom)]
    let nanoseconds = {
        let _ = region;
        0
    };
    #[cfg(not(loom))]
    let nanoseconds = region.producer_page.word::<{ producer_page::WAKE_EVERY }>().load();
    Duration::from_nanos(nanoseconds)
}

/// Wakes the sleepers, if there are any. Head has been stored.
///
/// `--cfg ringway_spin_only` leaves it out, for the benchmark that tells what the readiness to wake costs:
/// readers of such a producer oversleep.
#[inline(always)]
pub(crate) fn published(region: &Region<AsProducer>) {
    if is_awaited(region) {
        ring_if_asleep(region);
    }
}

/// Whether [`ring_if_asleep`] is due, once head is stored.
#[inline(always)]
pub(crate) fn is_awaited(region: &Region<AsProducer>) -> bool {
    if cfg!(ringway_spin_only) {
        return false;
    }
    // S1 pairs with S2.
    light_fence(Edge::S1, region);
    region.hints.sleepers().load() != sleepers::NONE
}

/// A reader sleeps, or it takes a fence to know. A producer that [defers](crate::Producer::set_deferred_wake) its
/// wake-ups leaves it asleep: the flag stays up, for the wake-up that follows.
#[cold]
#[inline(never)]
pub(crate) fn ring_if_asleep(region: &Region<AsProducer>) {
    if !region.deferral.is_deferred() && is_asleep(region) && !region.deferral.is_early() {
        ring(region);
    }
}

/// Whether a reader sleeps, once [`is_awaited`] has said that this is to be looked at.
fn is_asleep(region: &Region<AsProducer>) -> bool {
    if region.producer_page.own_is_asymmetric() {
        return true;
    }
    // S1 pairs with S2.
    fence(Edge::S1);
    region.hints.sleepers().load() == sleepers::SOME
}

/// Wakes the sleepers, if there are any, though this producer defers its wake-ups. Whether any was woken. Readers that
/// sleep after this look find, by their last one, what was published before it (S1, S2).
pub(crate) fn wake(region: &Region<AsProducer>) -> bool {
    if !is_awaited(region) || !is_asleep(region) {
        return false;
    }
    region.deferral.note_ring();
    ring(region)
}

/// The same before this producer waits for its readers: they don't wait for it. Publishing has woken those of a
/// producer that defers nothing.
pub(crate) fn wake_before_waiting(region: &Region<AsProducer>) {
    if region.deferral.is_on() && !seeded(Fault::FullWithoutWake) {
        wake(region);
    }
}

/// Wakes all readers once this producer's lock is free: they ask the kernel. The page may be a successor's by now,
/// so nothing is stored but the next value of the bell.
pub(crate) fn announce(region: &Region<AsProducer>) {
    let bell = region.producer_page.doorbell();
    // B1 pairs with B2: a reader that has this value finds the lock free.
    bell.add_one(Edge::B1);
    bell.wake();
}

/// Wakes all readers, whether or not any is known to sleep. Whether any did.
#[cold]
#[inline(never)]
pub(crate) fn ring(region: &Region<AsProducer>) -> bool {
    let asymmetric = region.producer_page.own_is_asymmetric();
    let nobody = if asymmetric { sleepers::NONE } else { sleepers::LOOK };
    clear_and_ring(&region.producer_page, &region.hints, nobody)
}

/// The same from a thread that isn't the producer's, if a reader sleeps. Whether any did. Head was stored before, as far
/// as the program has ordered it.
///
/// The flag says "look" afterwards, whatever the mode: the mode may be another by now, or another producer's. An
/// asymmetric producer that publishes next rings once more for it.
pub(crate) fn wake_from_elsewhere(page: &ProducerPage<ReadWrite>, hints: &Hints<ReadWrite>) -> bool {
    // S1 pairs with S2. The fence is this thread's own, since its process need not take part in membarrier.
    fence(Edge::S1);
    if hints.sleepers().load() != sleepers::SOME {
        return false;
    }
    clear_and_ring(
        page,
        hints,
        if seeded(Fault::FlagDownElsewhere) { sleepers::NONE } else { sleepers::LOOK },
    )
}

/// Stores that nobody sleeps, and then rings.
fn clear_and_ring(page: &ProducerPage<ReadWrite>, hints: &Hints<ReadWrite>, nobody: u32) -> bool {
    let clear = || hints.sleepers().store(nobody);
    if !seeded(Fault::FlagAfterBell) {
        clear();
    }
    let bell = page.doorbell();
    // B1 pairs with B2: a reader that has this value raises the flag after it was cleared.
    // By an addition, since a producer that was dropped, or a waker, may add to it just then.
    bell.add_one(Edge::B1);
    let woken = bell.wake();
    if seeded(Fault::FlagAfterBell) {
        clear();
    }
    woken
}

/// A handle about to sleep: its word has this value, the other side has been told, and the last look is still to come.
#[derive(Clone, Copy, Debug)]
pub struct Prepared {
    /// The word's value before the last look.
    pub(crate) value: u32,
    /// How long to sleep at most.
    pub(crate) slice: Duration,
    /// Whether the other side relies on a barrier of the kernel's, between telling it and the last look.
    pub(crate) needs_barrier: bool,
    /// The cell whose bell the word is, of a producer.
    pub(crate) cell: usize,
}

impl Prepared {
    /// How long to sleep at most; `sure` if there was a barrier, or none is needed.
    pub(crate) fn slice(&self, sure: bool) -> Duration {
        if sure { self.slice } else { sleep_slices::SHORT }
    }
}

/// Tells the producer that this reader is about to sleep, so that it rings when it does something. What it did before
/// shows at the next look, which must follow; [`barrier`] must lie between, if it is needed.
pub(crate) fn prepare_sleep(region: &Region<AsConsumer>) -> Prepared {
    let value = region.producer_page.doorbell().load();
    // B2 pairs with B1.
    fence(Edge::B2);
    // Another sleeper's flag is as good as one's own, and costs the producer no cache line.
    if region.hints.sleepers().load() != sleepers::SOME {
        region.hints.sleepers().store(sleepers::SOME);
    }
    // The mode is the one of the bell's value, or a later one (B1, B2).
    let needs_barrier = region.producer_page.is_asymmetric();
    if !needs_barrier {
        // S2 pairs with S1.
        fence(Edge::S2);
    }
    Prepared { value, slice: SLICE, needs_barrier, cell: 0 }
}

/// The barrier of a reader that is about to sleep. Whether the kernel executed it.
pub(crate) fn barrier() -> bool {
    // S2 pairs with S1.
    heavy_fence(Edge::S2)
}

/// An observer can't tell the producer that it sleeps. It hears the bell when others do, and looks again soon.
pub(crate) fn prepare_nap(region: &Region<AsObserver>) -> Prepared {
    let value = region.producer_page.doorbell().load();
    // B2 pairs with B1: what was done before the bell had this value shows at the next look.
    fence(Edge::B2);
    Prepared { value, slice: sleep_slices::SHORT, needs_barrier: false, cell: 0 }
}

/// What a reader sleeps on once its last look has shown nothing.
pub(crate) fn ticket<R: Role>(region: &Region<R>, prepared: &Prepared, sure: bool) -> SleepTicket {
    let bell = region.producer_page.doorbell();
    let value = if seeded(Fault::BellAfterLook) { bell.load() } else { prepared.value };
    // The time is the one that was set before the bell had this value, or a later one (B1, B2).
    let spaced = region.slices.spaced(value, wake_every(region));
    SleepTicket::new(&bell, value, region.slices.longest(prepared.slice(sure)).min(spaced))
}

/// Sleeps until the bell is rung after this ticket was made, the call is cancelled, `time` has passed, or something else
/// happens. Whether the time was up.
pub(crate) fn sleep<R: Role>(
    region: &Region<R>,
    ticket: &SleepTicket,
    time: Duration,
    cancelling: &Cancelling,
) -> bool {
    cancelling.sleep(&region.producer_page.doorbell(), ticket, time)
}

/// A reader's sleep has ended, be it by its time.
pub(crate) fn slept<R: Role>(region: &Region<R>, ticket: &SleepTicket, timed_out: bool) {
    // A forked child may not have the ring's memory. So short a sleep is one until the producer may ring again: its
    // end often comes just as the bell is rung.
    if ticket.longest() >= sleep_slices::SHORT && region.fork.check().is_ok() {
        region.slices.ended(timed_out && region.producer_page.doorbell().load() != ticket.value());
    }
}
