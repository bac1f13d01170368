//! The sleeper threads of this process.
//!
//! A forked child has its parent's memory and none of its threads, and finds a lock locked for ever if another thread
//! held it at the fork. So what a process shares between its threads here hangs on a word that the kernel wipes in
//! every forked child. A child that finds it null makes its own, and never touches its parent's. The process's number
//! tells less: two processes of different namespaces may have the same.
//!
//! # Safety
//! `WORD` is null, or points to a word that is never unmapped. The word is null, or points to a `Process` that was
//! leaked. Both stay valid for as long as the process runs.

#![allow(unsafe_code)]

use core::ptr;

use ringway_core::SleepTicket;

use crate::sleeping::queue::Queue;
use crate::sleeping::thread;
use crate::system::kernel::Kernel;
use crate::system::linux::{self, Linux};
use crate::system::sync::{AtomicBool, AtomicPtr, AtomicU32, Mutex, Ordering, lock};
use crate::waiting::workers::Workers;

/// What one process has.
pub(crate) struct Process {
    /// Each has a thread. None is ever dropped: its entries are used again.
    queues: Mutex<Vec<&'static Queue<SleepTicket>>>,
    /// Threads for one ring each, where the kernel denies `futex_waitv`.
    pub(crate) workers: Workers,
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
            workers: Workers::default(),
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
        let queue = linux::start_with(
            || Box::leak(Box::new(Queue::new())),
            |queue: &'static Queue<_>| {
                let left = thread::run(queue, &Linux);
                // Relaxed: a task that finds `false` for a while yet is told by the queue that its thread has ended.
                self.denied.store(true, Ordering::Relaxed);
                left.into_iter().for_each(thread::wake);
            },
        )?;
        queues.push(queue);
        queue.take().map(|slot| (queue, slot))
    }
}

/// Wakes the thread that sleeps on a control word.
pub(crate) fn call(control: &AtomicU32) {
    Linux.wake(control);
}
