//! The sleeper threads of this process.
//!
//! A forked child has its parent's memory and none of its threads, and finds a lock locked for ever if another thread
//! held it at the fork. So what a process shares between its threads here hangs on a word that the kernel wipes in every
//! forked child. A child that finds it null makes its own, and never touches its parent's. The process's number tells
//! less: two processes of different namespaces may have the same.
//!
//! # Safety
//! `WORD` is null, or points to a word that is never unmapped. The word is null, or points to a `Process` that was leaked.
//! Both stay valid for as long as the process runs.

#![allow(unsafe_code)]

use core::ptr;
use std::sync::mpsc;

use ringway_core::SleepTicket;

use crate::sleeping::queue::Queue;
use crate::sleeping::thread;
use crate::sleeping::worker::Worker;
use crate::system::kernel::Kernel;
use crate::system::linux::{self, Linux};
use crate::system::sync::{AtomicBool, AtomicPtr, AtomicU32, Mutex, Ordering, lock};

/// What one process has.
pub(crate) struct Process {
    /// Each has a thread. None is ever dropped: its entries are used again.
    queues: Mutex<Vec<&'static Queue<SleepTicket>>>,
    /// Threads for one ring each that have nothing to do, where the kernel denies `futex_waitv`.
    idle: Mutex<Vec<&'static Worker>>,
    denied: AtomicBool,
}

/// Where the word lies that points to this process's; null until it is first asked for.
static WORD: AtomicPtr<AtomicPtr<Process>> = AtomicPtr::new(ptr::null_mut());

/// The word that points to this process's. `None` if there is no memory for it.
fn word() -> Option<&'static AtomicPtr<Process>> {
    // SAFETY: see the module's documentation. Acquire and release order the mapping before the pointer.
    if let Some(word) = unsafe { WORD.load(Ordering::Acquire).as_ref() } {
        return Some(word);
    }
    let new = linux::wiped_in_children::<AtomicPtr<Process>>()?;
    let found = WORD.compare_exchange(ptr::null_mut(), new, Ordering::AcqRel, Ordering::Acquire);
    // A thread that was slower leaves its page unused.
    // SAFETY: both were mapped for ever, and zeros are a null pointer.
    Some(unsafe { &*found.map_or_else(|first| first, |_| new) })
}

impl Process {
    /// This process's. `None` if there is no memory for it.
    pub(crate) fn current() -> Option<&'static Self> {
        let word = word()?;
        // SAFETY: see the module's documentation. Acquire and release order the contents before the pointer.
        if let Some(current) = unsafe { word.load(Ordering::Acquire).as_ref() } {
            return Some(current);
        }
        let new = Box::into_raw(Box::new(Self {
            queues: Mutex::default(),
            idle: Mutex::default(),
            denied: AtomicBool::new(false),
        }));
        match word.compare_exchange(ptr::null_mut(), new, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: leaked here.
            Ok(_) => Some(unsafe { &*new }),
            Err(first) => {
                // SAFETY: no other thread has seen it.
                drop(unsafe { Box::from_raw(new) });
                // SAFETY: another thread leaked it.
                Some(unsafe { &*first })
            }
        }
    }

    /// Whether this is the process that runs.
    pub(crate) fn is_current(&self) -> bool {
        word().is_some_and(|word| ptr::eq(word.load(Ordering::Acquire), self))
    }

    /// Whether the kernel denies sleeping on several words.
    pub(crate) fn is_denied(&self) -> bool {
        self.denied.load(Ordering::Relaxed)
    }

    /// An entry of one of the queues, of a new one if all are full. `None` if no thread can be started.
    pub(crate) fn take_entry(&'static self) -> Option<(&'static Queue<SleepTicket>, usize)> {
        let mut queues = lock(&self.queues);
        for queue in queues.iter() {
            if let Some(slot) = queue.take() {
                return Some((queue, slot));
            }
        }
        let queue = start_with(Queue::new, |queue| {
            let left = thread::run(queue, &Linux);
            // Relaxed: a task that finds `false` for a while yet is told by the queue that its thread has ended.
            self.denied.store(true, Ordering::Relaxed);
            left.into_iter().for_each(thread::wake);
        })?;
        queues.push(queue);
        queue.take().map(|slot| (queue, slot))
    }

    /// A thread for one ring that has nothing to do. `None` if none can be started.
    pub(crate) fn take_worker(&'static self) -> Option<&'static Worker> {
        if let Some(worker) = lock(&self.idle).pop() {
            return Some(worker);
        }
        start_with(Worker::default, |worker| {
            loop {
                if worker.work() {
                    self.put_back(worker);
                }
            }
        })
    }

    /// Gives a thread back that has nothing to do.
    pub(crate) fn put_back(&self, worker: &'static Worker) {
        lock(&self.idle).push(worker);
    }
}

/// Starts a thread that works on a value, which stays. Where none can be started, nothing is left behind: a task asks again
/// and again.
fn start_with<T: Sync>(
    new: impl FnOnce() -> T,
    work: impl FnOnce(&'static T) + Send + 'static,
) -> Option<&'static T> {
    let (send, receive) = mpsc::sync_channel::<&'static T>(1);
    let run = move || receive.recv().map_or((), work);
    linux::start("ringway-sleeper", run).ok()?;
    let value = Box::leak(Box::new(new()));
    send.send(value).ok()?;
    Some(value)
}

/// Wakes the thread that sleeps on a control word.
pub(crate) fn call(control: &AtomicU32) {
    Linux.wake(control);
}
