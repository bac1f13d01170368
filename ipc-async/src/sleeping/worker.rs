//! A thread that sleeps for one task at a time, where the kernel denies sleeping on several words (`futex_waitv`):
//! before Linux 5.16, under valgrind, in some containers.
//!
//! It can't be called away from a word. A task that gives up leaves the thread to its sleep, a slice at most, and takes
//! another one for what it waits for next. `waiting/workers.rs` bounds how many there are.

use core::mem;
use core::task::Waker;
use core::time::Duration;
use std::sync::PoisonError;

use ringway_core::{SleepTicket, Slept};

use crate::sleeping::queue::{Cause, Standing};
use crate::sleeping::thread::wake;
use crate::system::kernel::Kernel;
use crate::system::linux::Linux;
use crate::system::sync::{Condvar, Mutex, lock};

/// How long a thread sleeps that the kernel denies any futex.
const BLIND: Duration = Duration::from_millis(1);

/// One thread's work.
#[derive(Default)]
pub(crate) struct Worker {
    job: Mutex<Job>,
    changed: Condvar,
}

#[derive(Default)]
enum Job {
    #[default]
    None,
    Armed(SleepTicket, Waker),
    Fired(Cause),
    /// The task has given up, and the thread sleeps on.
    Abandoned,
    /// The thread is to end.
    Ended,
}

/// What came of a thread's work.
pub(crate) enum After {
    /// Its task was woken.
    Fired,
    /// Its task has given up meanwhile, and the thread has nothing to do.
    GivenUp,
    /// It is to end, and the worker is another thread's.
    Ended,
}

impl Worker {
    /// Has `waker` called once `ticket`'s word has another value, or its time is up. Nothing may be armed.
    pub(crate) fn arm(&self, ticket: SleepTicket, waker: &Waker) {
        *lock(&self.job) = Job::Armed(ticket, waker.clone());
        self.changed.notify_one();
    }

    /// How the work stands. If it is armed, it will call `waker` from now on; if it has fired, it is idle afterwards.
    pub(crate) fn renew(&self, waker: &Waker) -> Standing {
        let new = waker.clone();
        let mut job = lock(&self.job);
        let (standing, old) = match &mut *job {
            Job::Armed(_, armed) => (Standing::Armed, Some(mem::replace(armed, new))),
            Job::Fired(cause) => {
                let cause = *cause;
                *job = Job::None;
                (Standing::Fired(cause), Some(new))
            }
            Job::None | Job::Abandoned | Job::Ended => (Standing::Idle, Some(new)),
        };
        drop(job);
        drop(old);
        standing
    }

    /// Gives the work up. Whether the thread has nothing to do; else it is given back by itself.
    pub(crate) fn abandon(&self) -> bool {
        let mut job = lock(&self.job);
        let next = if matches!(*job, Job::Armed(..)) { Job::Abandoned } else { Job::None };
        let free = matches!(next, Job::None);
        let old = mem::replace(&mut *job, next);
        drop(job);
        drop(old);
        free
    }

    /// Ends the thread, which has nothing to do.
    pub(crate) fn end(&self) {
        *lock(&self.job) = Job::Ended;
        self.changed.notify_one();
    }

    /// Sleeps for one task.
    pub(crate) fn work(&self) -> After {
        let mut job = lock(&self.job);
        let ticket = loop {
            match &*job {
                Job::Armed(ticket, _) => break *ticket,
                // Given up before the thread began.
                Job::Abandoned => {
                    *job = Job::None;
                    return After::GivenUp;
                }
                Job::Ended => {
                    *job = Job::None;
                    return After::Ended;
                }
                Job::None | Job::Fired(_) => {
                    job = self.changed.wait(job).unwrap_or_else(PoisonError::into_inner);
                }
            }
        };
        drop(job);
        let cause = match Linux.sleep(&[ticket], ticket.longest()) {
            // Asked at once: the task can't tell a ring that was missed from a later one.
            Slept::TimedOut if Linux.sleep(&[ticket], Duration::ZERO) == Slept::Changed => Cause::Missed,
            Slept::TimedOut => Cause::TimedOut,
            Slept::Woken(_) | Slept::Changed | Slept::BadAddress => Cause::Woken,
            _ => {
                std::thread::sleep(BLIND);
                Cause::Woken
            }
        };
        let mut job = lock(&self.job);
        match mem::replace(&mut *job, Job::Fired(cause)) {
            Job::Armed(_, waker) => {
                drop(job);
                wake(waker);
                After::Fired
            }
            _ => {
                *job = Job::None;
                After::GivenUp
            }
        }
    }
}
