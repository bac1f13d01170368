//! What ends a wait from another thread.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::memory::futex;
use crate::memory::sleep_ticket::SleepTicket;
use crate::ordering::sync::{Ordering, PrivateU32};

/// Ends the waits of a [`WaitSet`](crate::WaitSet) from any thread of its process: see
/// [`WaitSet::waker`](crate::WaitSet::waker).
///
/// A forked child makes a set of its own: this one may have been in use as it was forked.
#[derive(Clone, Debug, Default)]
pub struct WaitSetWaker {
    control: Arc<Control>,
}

#[derive(Debug, Default)]
struct Control {
    /// Whether the next wait is to end at once. The lock orders what the waker's thread did before.
    woken: Mutex<bool>,
    /// Changes with each wake, under the lock. Relaxed: the sleeper reads it before it takes the lock. So it finds the
    /// wake under the lock, or the kernel finds the word changed.
    word: PrivateU32,
}

impl WaitSetWaker {
    /// Ends the set's wait, or its next one if none is under way. Several wakes before a wait end that one wait. What
    /// this thread did before, the thread that waits sees after.
    pub fn wake(&self) {
        let mut woken = self.woken();
        *woken = true;
        self.control.word.fetch_add(1, Ordering::Relaxed);
        drop(woken);
        futex::wake_private(&self.control.word);
    }

    /// Whether it was used since the last time.
    pub(crate) fn take(&self) -> bool {
        core::mem::take(&mut *self.woken())
    }

    /// What to sleep on until it is used; `None` if it was.
    pub(crate) fn ticket(&self) -> Option<SleepTicket> {
        let ticket = SleepTicket::private(&self.control.word, self.control.word.load(Ordering::Relaxed));
        (!*self.woken()).then_some(ticket)
    }

    fn woken(&self) -> MutexGuard<'_, bool> {
        // No panic leaves a bool half written.
        self.control.woken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
