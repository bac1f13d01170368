//! The word by which a call that waits is cancelled. It is private to its process, and lies in no ring.
//!
//! A cancel changes the word, and then wakes its sleepers. A blocked call looks at the word at each pause. To sleep, it
//! gives the kernel this word beside its bell, and the kernel compares both. So a cancel that comes between the last
//! look and the sleep ends the sleep, also where a signal handler of the same thread makes it.
//!
//! # Orderings
//! `Q1`/`Q2` of [`crate::ordering::edge`].

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use crate::memory::access::Access;
#[cfg(not(loom))]
use crate::memory::futex;
#[cfg(not(loom))]
use crate::memory::futex_waitv::{Slept, sleep_two};
use crate::memory::futex_word::{FutexAtomic, FutexWord};
#[cfg(not(loom))]
use crate::memory::sleep_slices::SHORT;
use crate::memory::sleep_ticket::SleepTicket;
use crate::ordering::edge::{self, Edge, fence};
use crate::ordering::fault::{Fault, seeded};
use crate::ordering::sync::Ordering;

/// No call is to be ended.
const IDLE: u32 = 0;
/// The call under way is to be ended, or the next one that waits.
const CANCELLED: u32 = 1;

/// Whether a handle's call is to be ended.
#[derive(Default)]
pub(crate) struct CancelWord {
    word: FutexAtomic,
}

impl CancelWord {
    /// Cancels one call. Async-signal-safe: one atomic operation and one system call, no lock, and `errno` is kept.
    pub(crate) fn cancel(&self) {
        if seeded(Fault::CancelAfterWake) {
            self.wake();
        }
        // Q1 pairs with Q2. An addition of bits and no store: a call takes several cancels at once, and sees what
        // came before each of them.
        self.word.fetch_or(CANCELLED, edge::store_ordering(Edge::Q1));
        if !seeded(Fault::CancelAfterWake) {
            self.wake();
        }
    }

    fn wake(&self) {
        #[cfg(loom)]
        self.word.wake();
        #[cfg(not(loom))]
        futex::wake_own(&self.word);
    }

    /// Whether a call is to be ended.
    pub(crate) fn is_pending(&self) -> bool {
        self.word.load(Ordering::Relaxed) != IDLE
    }

    /// Takes the cancels so far. Whether there were any.
    pub(crate) fn take(&self) -> bool {
        let taken = self.is_pending() && self.word.swap(IDLE, Ordering::Relaxed) != IDLE;
        if taken {
            // Q2 pairs with Q1.
            fence(Edge::Q2);
        }
        taken
    }

    /// What to sleep on until a call is cancelled.
    #[cfg(not(loom))]
    fn ticket(&self) -> SleepTicket {
        SleepTicket::of_own(core::ptr::from_ref(&self.word).addr(), IDLE)
    }

    /// How many threads sleep on it and haven't been woken.
    #[cfg(loom)]
    pub(crate) fn asleep(&self) -> u32 {
        self.word.asleep()
    }
}

impl fmt::Debug for CancelWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelWord").field("is_pending", &self.is_pending()).finish()
    }
}

/// A handle's cancel word, once the handle was asked for it. Until then its calls can't be cancelled, and don't look.
#[derive(Debug, Default)]
pub struct Cancelling {
    word: Option<Arc<CancelWord>>,
}

impl Cancelling {
    /// The word, made at the first call.
    pub(crate) fn word(&mut self) -> Arc<CancelWord> {
        self.word.get_or_insert_default().clone()
    }

    /// Takes the cancels so far. Whether there were any: a call that has found nothing ends then.
    #[inline]
    pub(crate) fn take(&self) -> bool {
        self.word.as_ref().is_some_and(|word| word.take())
    }

    /// What to sleep on until a call is cancelled, if any can be.
    #[cfg(not(loom))]
    pub(crate) fn ticket(&self) -> Option<SleepTicket> {
        self.word.as_ref().map(|word| word.ticket())
    }

    /// Sleeps on `bell` until it is rung after `ticket` was made, a call is cancelled, or `time` has passed. It may end
    /// sooner. Whether the time was up.
    pub(crate) fn sleep<A: Access>(
        &self,
        bell: &FutexWord<'_, A>,
        ticket: &SleepTicket,
        time: Duration,
    ) -> bool {
        let time = time.min(ticket.longest());
        match &self.word {
            None => bell.wait(ticket.value(), time),
            #[cfg(loom)]
            Some(word) => bell.wait_beside(ticket.value(), &word.word, IDLE),
            #[cfg(not(loom))]
            Some(word) => match sleep_two([ticket, &word.ticket()], time) {
                Slept::TimedOut => true,
                Slept::Woken(_) | Slept::Changed => false,
                // A sleep on the bell alone, in short slices: a signal ends it, a cancel by another thread doesn't.
                Slept::Denied | Slept::BadAddress => bell.wait(ticket.value(), time.min(SHORT)),
            },
        }
    }
}
