//! The threads that sleep for one ring each, where the kernel denies `futex_waitv`.
//!
//! A thread can't be called away from a word. A task that gives up leaves its thread asleep, for a slice at most, and
//! takes another one. A task that gives up again and again would fill the process with threads. So only so
//! many are left asleep: with more of them a task polls until the first is back. Of those that have
//! nothing to do, a few are kept.

use crate::sleeping::worker::{After, Worker};
use crate::system::linux;
use crate::system::sync::{AtomicU32, Mutex, Ordering, lock};

/// How many threads with nothing to do are kept. Each further one ends.
const KEPT: usize = 16;
/// While so many threads sleep for tasks that have given up, no thread is started.
const LEFT_ASLEEP: u32 = 64;

#[derive(Default)]
struct Spare {
    /// Threads that have nothing to do.
    idle: Vec<&'static Worker>,
    /// What ended threads leave. None is ever dropped: another thread takes it over.
    ended: Vec<&'static Worker>,
}

/// The threads of one process.
#[derive(Default)]
pub(crate) struct Workers {
    spare: Mutex<Spare>,
    /// How many sleep for tasks that have given up. Relaxed: it only bounds their number, roughly.
    left_asleep: AtomicU32,
}

impl Workers {
    /// A thread that has nothing to do. `None` if none can be started, or too many sleep for nobody.
    pub(crate) fn take(&'static self) -> Option<&'static Worker> {
        let ended = {
            let mut spare = lock(&self.spare);
            if let Some(worker) = spare.idle.pop() {
                return Some(worker);
            }
            if self.left_asleep.load(Ordering::Relaxed) >= LEFT_ASLEEP {
                return None;
            }
            spare.ended.pop()
        };
        let new = || ended.unwrap_or_else(|| Box::leak(Box::default()));
        let started = linux::start_with(new, |worker| self.work(worker));
        if started.is_none() {
            lock(&self.spare).ended.extend(ended);
        }
        started
    }

    /// Gives a thread back. It may be asleep still.
    pub(crate) fn give_back(&self, worker: &'static Worker) {
        // Before the thread can count itself out.
        self.left_asleep.fetch_add(1, Ordering::Relaxed);
        if worker.abandon() {
            self.left_asleep.fetch_sub(1, Ordering::Relaxed);
            if !self.keeps(worker) {
                worker.end();
            }
        }
    }

    /// What a thread does.
    fn work(&self, worker: &'static Worker) {
        loop {
            match worker.work() {
                After::Fired => {}
                After::GivenUp => {
                    self.left_asleep.fetch_sub(1, Ordering::Relaxed);
                    if !self.keeps(worker) {
                        break;
                    }
                }
                After::Ended => break,
            }
        }
        lock(&self.spare).ended.push(worker);
    }

    /// Whether a thread that has nothing to do is kept for later.
    fn keeps(&self, worker: &'static Worker) -> bool {
        let idle = &mut lock(&self.spare).idle;
        let keeps = idle.len() < KEPT;
        if keeps {
            idle.push(worker);
        }
        keeps
    }
}
