//! The sleeper threads of this process.
//!
//! A forked child has its parent's memory and none of its threads, and finds a lock locked for ever if another thread
//! held it at the fork. So what a process shares between its threads here carries the process's number. A child that
//! finds another number makes its own, and never touches its parent's.
//!
//! # Safety
//! The pointer is null, or that of a `Process` that was leaked: it is valid for as long as the process runs.

#![allow(unsafe_code)]

use core::ptr;
use std::process;

use ringway_core::SleepTicket;

use crate::sleeping::queue::Queue;
use crate::sleeping::thread;
use crate::sleeping::worker::Worker;
use crate::system::kernel::Kernel;
use crate::system::linux::{self, Linux};
use crate::system::sync::{AtomicBool, AtomicPtr, AtomicU32, Mutex, Ordering, lock};

/// What one process has.
pub(crate) struct Process {
    pid: u32,
    /// Each has a thread. None is ever dropped: its entries are used again.
    queues: Mutex<Vec<&'static Queue<SleepTicket>>>,
    /// Threads for one ring each that have nothing to do, where the kernel denies `futex_waitv`.
    idle: Mutex<Vec<&'static Worker>>,
    denied: AtomicBool,
}

static CURRENT: AtomicPtr<Process> = AtomicPtr::new(ptr::null_mut());

impl Process {
    /// This process's.
    pub(crate) fn current() -> &'static Self {
        let pid = process::id();
        loop {
            let found = CURRENT.load(Ordering::Acquire);
            // SAFETY: see the module's documentation. Acquire and release order the contents before the pointer.
            if let Some(current) = unsafe { found.as_ref() }.filter(|current| current.pid == pid) {
                return current;
            }
            let new = Box::into_raw(Box::new(Self {
                pid,
                queues: Mutex::default(),
                idle: Mutex::default(),
                denied: AtomicBool::new(false),
            }));
            if CURRENT.compare_exchange(found, new, Ordering::AcqRel, Ordering::Relaxed).is_err() {
                // SAFETY: no other thread has seen it.
                drop(unsafe { Box::from_raw(new) });
            }
        }
    }

    /// Whether this is the process that runs.
    pub(crate) fn is_current(&self) -> bool {
        self.pid == process::id()
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
        let queue: &'static Queue<SleepTicket> = Box::leak(Box::new(Queue::new()));
        linux::start("ringway-sleeper", move || {
            let left = thread::run(queue, &Linux);
            // Relaxed: a task that finds `false` for a while yet is told by the queue that its thread has ended.
            self.denied.store(true, Ordering::Relaxed);
            left.into_iter().for_each(thread::wake);
        })
        .ok()?;
        queues.push(queue);
        queue.take().map(|slot| (queue, slot))
    }

    /// A thread for one ring that has nothing to do. `None` if none can be started.
    pub(crate) fn take_worker(&'static self) -> Option<&'static Worker> {
        if let Some(worker) = lock(&self.idle).pop() {
            return Some(worker);
        }
        let worker: &'static Worker = Box::leak(Box::new(Worker::default()));
        linux::start("ringway-sleeper", move || {
            loop {
                if worker.work() {
                    self.put_back(worker);
                }
            }
        })
        .ok()?;
        Some(worker)
    }

    /// Gives a thread back that has nothing to do.
    pub(crate) fn put_back(&self, worker: &'static Worker) {
        lock(&self.idle).push(worker);
    }
}

/// Wakes the thread that sleeps on a control word.
pub(crate) fn call(control: &AtomicU32) {
    Linux.wake(control);
}
