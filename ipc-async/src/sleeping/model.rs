//! Models of the queue and its thread, run by `cargo loom`: every interleaving within a preemption bound of 2 of a
//! task, the thread that sleeps for it, and a producer.
//!
//! A task that waits must be woken when its word changes. Where it isn't, it stays parked, which loom reports as a
//! deadlock. Each fault of [`crate::system::fault`] must be caught.

use core::task::Waker;
use core::time::Duration;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::Wake;

use loom::sync::Condvar;
use loom::thread as threads;

use crate::sleeping::queue::{Armed, Queue, Standing};
use crate::sleeping::thread;
use crate::system::fault::{Fault, with_fault};
use crate::system::kernel::{Kernel, Slept, Ticket};
use crate::system::sync::{AtomicU32, Mutex, Ordering, lock};

/// The control word's number; a ring's is 1.
const CONTROL: usize = 0;
const BELL: usize = 1;

#[derive(Clone, Copy)]
struct Word {
    number: usize,
    value: u32,
}

impl Ticket for Word {
    fn control(_word: &AtomicU32, value: u32) -> Self {
        Self { number: CONTROL, value }
    }

    fn is(&self, other: &Self) -> bool {
        (self.number, self.value) == (other.number, other.value)
    }

    fn rung(&self) -> Self {
        Self { value: self.value + 1, ..*self }
    }

    fn longest(&self) -> Duration {
        Duration::MAX
    }
}

/// A kernel: it compares the words under the lock that a wake takes, after it has changed the word.
struct Modelled {
    queue: Queue<Word>,
    bell: AtomicU32,
    head: AtomicU32,
    bed: Mutex<Bed>,
    turned_over: Condvar,
}

#[derive(Default)]
struct Bed {
    /// The words that the thread sleeps on, and whether each was woken.
    asleep: Vec<(usize, bool)>,
    /// Whether the kernel denies further sleeps, so that the thread ends.
    ends: bool,
}

impl Modelled {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            queue: Queue::new(),
            bell: AtomicU32::new(0),
            head: AtomicU32::new(0),
            bed: Mutex::new(Bed::default()),
            turned_over: Condvar::new(),
        })
    }

    fn has_changed(&self, ticket: &Word) -> bool {
        let word = if ticket.number == CONTROL { self.queue.control() } else { &self.bell };
        word.load(Ordering::Relaxed) != ticket.value
    }

    fn wake_word(&self, number: usize) {
        let mut bed = lock(&self.bed);
        bed.asleep.iter_mut().filter(|(word, _)| *word == number).for_each(|(_, woken)| *woken = true);
        self.turned_over.notify_one();
    }

    fn end(&self) {
        lock(&self.bed).ends = true;
        self.turned_over.notify_one();
    }
}

impl Kernel for Modelled {
    type Ticket = Word;

    fn sleep(&self, tickets: &[Word], limit: Duration) -> Slept {
        let mut bed = lock(&self.bed);
        if tickets.iter().any(|ticket| self.has_changed(ticket)) {
            return Slept::Changed;
        }
        if limit.is_zero() {
            return Slept::TimedOut;
        }
        bed.asleep = tickets.iter().map(|ticket| (ticket.number, false)).collect();
        loop {
            if bed.ends {
                return Slept::Denied;
            }
            if let Some(ticket) = bed.asleep.iter().position(|(_, woken)| *woken) {
                bed.asleep.clear();
                return Slept::Woken(ticket);
            }
            bed = self.turned_over.wait(bed).expect("no model panics and goes on");
        }
    }

    fn wake(&self, _control: &AtomicU32) {
        self.wake_word(CONTROL);
    }
}

/// Wakes a task that parks.
struct Unpark(threads::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// A task gets `messages` from a producer that rings for each. It looks again `again` times before it parks, as a task
/// does whose call was cancelled.
fn delivers(messages: u32, again: u32) {
    let kernel = Modelled::new();
    let sleeper = {
        let kernel = kernel.clone();
        threads::spawn(move || drop(thread::run(&kernel.queue, &*kernel)))
    };
    let producer = {
        let kernel = kernel.clone();
        threads::spawn(move || {
            for message in 1..=messages {
                kernel.head.store(message, Ordering::Release);
                kernel.bell.fetch_add(1, Ordering::SeqCst);
                kernel.wake_word(BELL);
            }
        })
    };
    receive(&kernel, messages, again);
    producer.join().expect("the producer ends");
    kernel.end();
    sleeper.join().expect("the thread ends");
}

fn receive(kernel: &Modelled, messages: u32, again: u32) {
    let slot = kernel.queue.take().expect("an entry");
    let waker = Waker::from(Arc::new(Unpark(threads::current())));
    let (mut received, mut looks) = (0, 0);
    while received < messages {
        let head = kernel.head.load(Ordering::Acquire);
        if head > received {
            received += 1;
            continue;
        }
        match kernel.queue.renew(slot, &waker) {
            Standing::Armed if looks < again => looks += 1,
            Standing::Armed => {
                looks = 0;
                threads::park();
            }
            Standing::Fired(_) => {}
            Standing::Idle => {
                let value = kernel.bell.load(Ordering::SeqCst);
                if kernel.head.load(Ordering::Acquire) > received {
                    continue;
                }
                match kernel.queue.arm(slot, Word { number: BELL, value }, &waker) {
                    Armed::Call(control) => kernel.wake(control),
                    Armed::Quietly => {}
                    Armed::Ended => unreachable!("the thread ends after the task"),
                }
            }
        }
    }
    kernel.queue.give_back(slot);
}

/// Explores a model with at most two involuntary switches per execution. Returns the number of executions.
fn explore(model: fn()) -> u64 {
    let count = Arc::new(AtomicU64::new(0));
    let counted = count.clone();
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    builder.max_branches = 10_000;
    builder.check(move || {
        counted.fetch_add(1, Relaxed);
        model();
    });
    count.load(Relaxed)
}

fn woken() {
    delivers(1, 1);
}

fn woken_again() {
    delivers(3, 0);
}

/// The model passes without a fault.
fn passes(name: &str, model: fn()) {
    let executions = with_fault(None, || explore(model));
    // In a line of its own, whatever the test harness has begun to print.
    print!("\nmodel {name}: {executions} executions\n");
    assert!(executions > 1, "a model of one execution explores nothing");
}

/// The model notices the fault: a task waits for ever.
fn catches(name: &str, model: fn(), fault: Fault) {
    let caught = panic::catch_unwind(AssertUnwindSafe(|| with_fault(Some(fault), || explore(model))));
    let Err(found) = caught else { panic!("model {name} passes with fault {fault:?}") };
    let text = found.downcast_ref::<String>().cloned().unwrap_or_default();
    // A model that is too large has found nothing.
    assert!(text.contains("deadlock"), "{text}");
    print!("\nfault {fault:?}: caught by {name} (a task that waits for ever)\n");
}

#[test]
fn a_task_is_woken_when_its_word_changes() {
    passes("woken", woken);
}

#[test]
fn a_task_that_waits_again_is_woken_again() {
    passes("woken_again", woken_again);
}

#[test]
fn a_waker_left_after_the_last_look_is_noticed() {
    catches("woken", woken, Fault::WakerAfterLook);
}

#[test]
fn a_control_word_left_as_it_is_is_noticed() {
    catches("woken", woken, Fault::SilentControl);
}

#[test]
fn a_word_that_still_counts_as_watched_is_noticed() {
    catches("woken_again", woken_again, Fault::StillListed);
}
