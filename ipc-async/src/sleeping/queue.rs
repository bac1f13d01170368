//! What the tasks of up to 127 rings wait for, between those tasks and the one thread that sleeps for them.
//!
//! A task *arms* its entry: it leaves a word's value and a waker. The thread takes a *list* of all words, sleeps on
//! them, and *fires* the entry whose word changed: it takes the waker and wakes the task. An entry fires once.
//!
//! The thread sleeps on one word more, `control`. A task that arms while the thread sleeps on a list without its word
//! changes `control`, so that the thread takes a new list. That costs a system call and a turn of the thread, and is
//! seldom needed: the thread goes on watching a word that has fired, at the value which the next ring gives it. A
//! task that arms it again with that value leaves nothing but its waker.
//!
//! Everything but `control` lies under one lock. No waker is cloned, called or dropped under it: that is code of the
//! runtime's.
//!
//! # Orderings
//! The lock orders what tasks and the thread leave each other. `control` is changed under it, too, and compared by
//! the kernel: its accesses are relaxed. The model `woken` needs both, see `model.rs`.

use core::mem;
use core::task::Waker;
use core::time::Duration;
use std::time::Instant;

use crate::system::fault::{Fault, seeded};
use crate::system::kernel::Ticket;
use crate::system::sync::{AtomicU32, Mutex, Ordering, lock};

/// How many rings one thread sleeps for: `futex_waitv` takes 128 words, and one of them is the control word.
pub(crate) const RINGS: usize = 127;

/// What ended a wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cause {
    /// The word was woken or changed, or can't be watched.
    Woken,
    /// The ticket's time was up.
    TimedOut,
    /// The same, though the word had changed: its ring didn't wake the thread.
    Missed,
}

/// How an entry stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Standing {
    /// Nothing waits.
    Idle,
    /// The waker will be called.
    Armed,
    /// The waker was called.
    Fired(Cause),
}

/// What is left to do once a task has armed its entry.
#[must_use = "the thread sleeps on, unless it is called"]
pub(crate) enum Armed<'q> {
    /// Nothing.
    Quietly,
    /// The thread sleeps on a list that doesn't do for this, and must be woken by this word.
    Call(&'q AtomicU32),
    /// The entry isn't armed: the thread has ended.
    Ended,
}

enum Waiter {
    None,
    Armed(Waker),
    Fired(Cause),
}

struct Entry<T> {
    taken: bool,
    waiter: Waiter,
    /// The word that the thread watches, at which value. It may do so with nobody waiting.
    watched: Option<T>,
    /// A new number whenever `watched` changes, so that what the thread found out about an earlier word is ignored.
    version: u64,
    /// Whether `watched` is on the list that the thread took last.
    listed: bool,
    /// When the entry fires at the latest; with nobody waiting, when it would.
    deadline: Option<Instant>,
    /// Whether the entry has fired and the task is likely to arm it again: it is listed with a deadline then.
    expected: bool,
}

struct State<T> {
    /// Whether the thread has ended.
    ended: bool,
    /// Whether the thread sleeps, or is about to, on the list that it took last, and nothing has ended that sleep.
    asleep: bool,
    /// When that sleep ends at the latest.
    until: Option<Instant>,
    entries: Vec<Entry<T>>,
}

/// The entries of one thread.
pub(crate) struct Queue<T> {
    control: AtomicU32,
    state: Mutex<State<T>>,
}

/// What the thread sleeps on: the control word first, then the entries named in `entries`.
pub(crate) struct List<T> {
    pub(crate) tickets: Vec<T>,
    /// The slots and versions of all tickets but the first.
    entries: Vec<(usize, u64)>,
    control: u32,
    limit: Duration,
}

impl<T> List<T> {
    pub(crate) fn new() -> Self {
        let (tickets, entries) = (Vec::with_capacity(RINGS + 1), Vec::with_capacity(RINGS));
        Self { tickets, entries, control: 0, limit: Duration::ZERO }
    }

    /// How long the thread may sleep on it.
    pub(crate) fn limit(&self) -> Duration {
        self.limit
    }
}

/// What is to be done before the thread sleeps again.
pub(crate) enum Turn {
    /// Sleep on the list for so long at most.
    Sleep(Duration),
    /// Fire what is due.
    Due,
}

impl<T: Ticket> Queue<T> {
    pub(crate) fn new() -> Self {
        let state = State { ended: false, asleep: false, until: None, entries: Vec::with_capacity(RINGS) };
        Self { control: AtomicU32::new(0), state: Mutex::new(state) }
    }

    /// An entry of the caller's own; `None` if all are taken.
    pub(crate) fn take(&self) -> Option<usize> {
        let entries = &mut lock(&self.state).entries;
        if let Some(slot) = entries.iter().position(|entry| !entry.taken) {
            entries[slot].taken = true;
            return Some(slot);
        }
        (entries.len() < RINGS).then(|| {
            entries.push(Entry {
                taken: true,
                waiter: Waiter::None,
                watched: None,
                version: 0,
                listed: false,
                deadline: None,
                expected: false,
            });
            entries.len() - 1
        })
    }

    /// Gives an entry back. The thread may sleep on its word for a while yet, and ignores what comes of it.
    pub(crate) fn give_back(&self, slot: usize) {
        let waiter = {
            let mut state = lock(&self.state);
            let entry = &mut state.entries[slot];
            entry.watch(None);
            entry.taken = false;
            mem::replace(&mut entry.waiter, Waiter::None)
        };
        drop(waiter);
    }

    /// Ends a wait, if there is one, but keeps the entry.
    #[cfg(not(loom))]
    pub(crate) fn disarm(&self, slot: usize) {
        let waiter = mem::replace(&mut lock(&self.state).entries[slot].waiter, Waiter::None);
        drop(waiter);
    }

    /// How an entry stands. One that is armed will call `waker` from now on; one that has fired is idle afterwards.
    pub(crate) fn renew(&self, slot: usize, waker: &Waker) -> Standing {
        let mut new = None;
        loop {
            let mut state = lock(&self.state);
            let entry = &mut state.entries[slot];
            let old = match &mut entry.waiter {
                Waiter::None => return Standing::Idle,
                Waiter::Armed(armed) if armed.will_wake(waker) => return Standing::Armed,
                Waiter::Armed(armed) => new.take().map(|new| mem::replace(armed, new)),
                Waiter::Fired(_) if seeded(Fault::WakerAfterLook) => {
                    entry.waiter = Waiter::Armed(waker.clone());
                    return Standing::Armed;
                }
                Waiter::Fired(cause) => {
                    let cause = *cause;
                    entry.waiter = Waiter::None;
                    return Standing::Fired(cause);
                }
            };
            drop(state);
            // Cloned and dropped outside of the lock. Meanwhile the entry may have fired.
            if old.is_some() {
                return Standing::Armed;
            }
            new = Some(waker.clone());
        }
    }

    /// Has `waker` called once `ticket`'s word has another value, or its time is up.
    pub(crate) fn arm(&self, slot: usize, ticket: T, waker: &Waker) -> Armed<'_> {
        let (deadline, waker) = (deadline(ticket.longest()), waker.clone());
        let mut state = lock(&self.state);
        if state.ended {
            return Armed::Ended;
        }
        let until = state.until;
        let entry = &mut state.entries[slot];
        let same = entry.watched.is_some_and(|watched| watched.is(&ticket));
        if !same {
            entry.watch(Some(ticket));
        }
        // A deadline that was foreseen is a little sooner, and that of all entries that fired with this one: they stay
        // together, and take one turn of the thread.
        let foreseen = entry.deadline.filter(|foreseen| {
            deadline
                .is_some_and(|deadline| deadline.saturating_duration_since(*foreseen) < ticket.longest() / 4)
        });
        let deadline = foreseen.or(deadline);
        entry.deadline = deadline;
        entry.expected = false;
        let in_time = deadline.is_none_or(|deadline| until.is_some_and(|until| until <= deadline));
        let listed = entry.listed && in_time;
        let old = mem::replace(&mut entry.waiter, Waiter::Armed(waker));
        let wakes = state.asleep && !listed;
        if wakes {
            state.asleep = false;
            if !seeded(Fault::SilentControl) {
                self.control.fetch_add(1, Ordering::Relaxed);
            }
        }
        drop(state);
        drop(old);
        if wakes { Armed::Call(&self.control) } else { Armed::Quietly }
    }

    /// The control word, for the model's kernel.
    #[cfg(loom)]
    pub(crate) fn control(&self) -> &AtomicU32 {
        &self.control
    }

    /// Whether the control word has changed since the list was taken.
    pub(crate) fn is_called(&self, list: &List<T>) -> bool {
        self.control.load(Ordering::Relaxed) != list.control
    }

    /// Takes a new list, on which the thread sleeps next, unless something is due.
    pub(crate) fn list(&self, list: &mut List<T>) -> Turn {
        list.tickets.clear();
        list.entries.clear();
        let now = Instant::now();
        let mut state = lock(&self.state);
        let mut until: Option<Instant> = None;
        list.control = self.control.load(Ordering::Relaxed);
        list.tickets.push(T::control(&self.control, list.control));
        for (slot, entry) in state.entries.iter_mut().enumerate() {
            let Some(watched) = entry.watched else { continue };
            if mem::take(&mut entry.expected) {
                entry.deadline = now.checked_add(watched.longest());
            }
            until = [until, entry.deadline].into_iter().flatten().min();
            entry.listed = true;
            list.tickets.push(watched);
            list.entries.push((slot, entry.version));
        }
        let left = until.map_or(Duration::MAX, |until| until.saturating_duration_since(now));
        list.limit = left;
        if left.is_zero() {
            return Turn::Due;
        }
        state.until = until;
        state.asleep = true;
        Turn::Sleep(left)
    }

    /// The word of a list's ticket was woken, or changed, or can't be watched. Returns the waker to call.
    pub(crate) fn fire(&self, list: &List<T>, ticket: usize, cause: Cause) -> Option<Waker> {
        let mut state = lock(&self.state);
        state.asleep = false;
        let &(slot, version) = list.entries.get(ticket.checked_sub(1)?)?;
        let entry = &mut state.entries[slot];
        if entry.version != version {
            return None;
        }
        let rung = entry.watched.map(|watched| watched.rung());
        match mem::replace(&mut entry.waiter, Waiter::None) {
            Waiter::Armed(waker) => {
                entry.waiter = Waiter::Fired(cause);
                entry.watch(rung);
                entry.expected = true;
                Some(waker)
            }
            // Rung once more while nobody waited: the next value isn't worth a guess.
            other => {
                entry.waiter = other;
                entry.watch(None);
                None
            }
        }
    }

    /// Fires what is due, and what will be soon. The wakers to call are added to `wakers`.
    pub(crate) fn fire_due(&self, wakers: &mut Vec<Waker>) {
        let now = Instant::now();
        let mut state = lock(&self.state);
        state.asleep = false;
        for entry in &mut state.entries {
            let (Some(deadline), Some(watched)) = (entry.deadline, &entry.watched) else { continue };
            // Together with its neighbours, so that many handles' slices end with one turn of the thread.
            let early = watched.longest() / 8;
            if deadline.saturating_duration_since(now) > early {
                continue;
            }
            entry.deadline = None;
            match mem::replace(&mut entry.waiter, Waiter::None) {
                Waiter::Armed(waker) => {
                    entry.waiter = Waiter::Fired(Cause::TimedOut);
                    entry.expected = true;
                    wakers.push(waker);
                }
                other => entry.waiter = other,
            }
        }
    }

    /// Fires everything: the thread ends.
    pub(crate) fn end(&self) -> Vec<Waker> {
        let mut state = lock(&self.state);
        state.ended = true;
        let armed = |entry: &mut Entry<T>| match mem::replace(&mut entry.waiter, Waiter::None) {
            Waiter::Armed(waker) => {
                entry.waiter = Waiter::Fired(Cause::Woken);
                Some(waker)
            }
            other => {
                entry.waiter = other;
                None
            }
        };
        state.entries.iter_mut().filter_map(armed).collect()
    }
}

impl<T> Entry<T> {
    /// Has the thread watch another word, or none, from its next list on.
    fn watch(&mut self, word: Option<T>) {
        self.watched = word;
        self.version += 1;
        self.listed &= seeded(Fault::StillListed);
        self.deadline = None;
        self.expected = false;
    }
}

/// The moment `time` from now; `None` if no clock will show it.
fn deadline(time: Duration) -> Option<Instant> {
    (time != Duration::MAX).then(|| Instant::now().checked_add(time)).flatten()
}
