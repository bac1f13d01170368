//! Slots that Python objects hold, and how they are given back: in order, whenever the reader's handle is free.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use pyo3::prelude::*;

use crate::source::Source;
use crate::{errors, fork};

/// A reader, and what is held of its ring.
pub struct Shared {
    what: &'static str,
    source: Mutex<Option<Source>>,
    ledger: Mutex<Ledger>,
    /// Whether the ledger has something to be done with the reader.
    due: AtomicBool,
    /// Whether the reader is to leave its ring once nothing is held.
    closed: AtomicBool,
    generation: u32,
}

#[derive(Default)]
struct Ledger {
    /// What is held, in order: the last message of each, and whether it may go.
    held: VecDeque<(u64, bool)>,
    /// The messages up to this one are to be released.
    through: Option<u64>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `mutex`, if nobody has it.
pub fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(guard)) => Some(guard.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

impl Shared {
    /// A reader, of which errors speak as `what`.
    pub fn new(what: &'static str, source: Source) -> Arc<Self> {
        Arc::new(Self {
            what,
            source: Mutex::new(Some(source)),
            ledger: Mutex::default(),
            due: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            generation: fork::generation(),
        })
    }

    /// The reader, for one call.
    pub fn borrow<'s>(self: &'s Arc<Self>, py: Python<'_>) -> PyResult<Borrowed<'s>> {
        let Some(guard) = try_lock(&self.source) else {
            let forked = self.is_forked();
            return Err(if forked { errors::forked(py) } else { errors::in_use(py, self.what) });
        };
        let borrowed = Borrowed { shared: self, guard: Some(guard) };
        if self.is_closed() {
            return Err(errors::closed(py, self.what));
        }
        Ok(borrowed)
    }

    /// Whether the reader is the parent process's.
    pub fn is_forked(&self) -> bool {
        self.generation != fork::generation()
    }

    /// Whether the reader was closed.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Whether messages are held.
    pub fn holds(&self) -> bool {
        !lock(&self.ledger).held.is_empty()
    }

    /// Holds the messages after those held so far, up to `through`.
    pub fn hold(self: &Arc<Self>, through: u64) -> Hold {
        lock(&self.ledger).held.push_back((through, false));
        Hold { shared: Arc::clone(self), through }
    }

    /// What is to be released now. Once nothing is [held](Self::holds), that is all there was.
    pub fn take_due(&self) -> Option<u64> {
        lock(&self.ledger).through.take()
    }

    /// Leaves the ring, once nothing is held.
    pub fn close(&self) {
        if self.is_forked() {
            return;
        }
        self.closed.store(true, Ordering::Release);
        self.due.store(true, Ordering::Release);
        self.settle();
    }

    /// Does what the ledger says, unless some call has the reader, which then does it.
    fn settle(&self) {
        while self.due.load(Ordering::Acquire) {
            let Some(mut guard) = try_lock(&self.source) else { return };
            self.due.store(false, Ordering::Release);
            let mut ledger = lock(&self.ledger);
            let (through, leaves) = (ledger.through.take(), self.is_closed() && ledger.held.is_empty());
            drop(ledger);
            if let (Some(through), Some(source)) = (through, guard.as_mut()) {
                source.release_through(through);
            }
            let gone = if leaves { guard.take() } else { None };
            drop(guard);
            drop(gone);
        }
    }
}

/// A reader's handle, for one call.
pub struct Borrowed<'s> {
    shared: &'s Arc<Shared>,
    guard: Option<MutexGuard<'s, Option<Source>>>,
}

impl<'s> Borrowed<'s> {
    /// The reader and what is held of it.
    pub fn parts(&mut self, py: Python<'_>) -> PyResult<(&mut Source, &'s Arc<Shared>)> {
        match self.guard.as_deref_mut() {
            Some(Some(source)) => Ok((source, self.shared)),
            _ => Err(errors::closed(py, self.shared.what)),
        }
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        self.guard = None;
        self.shared.settle();
    }
}

/// Messages that can't be overwritten as long as this lives.
pub struct Hold {
    shared: Arc<Shared>,
    through: u64,
}

impl Hold {
    /// Whether what is held is the parent process's.
    pub fn is_forked(&self) -> bool {
        self.shared.is_forked()
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if self.is_forked() {
            return;
        }
        let shared = &*self.shared;
        let mut ledger = lock(&shared.ledger);
        if let Some(held) = ledger.held.iter_mut().find(|held| held.0 == self.through) {
            held.1 = true;
        }
        while let Some(&(through, true)) = ledger.held.front() {
            ledger.held.pop_front();
            ledger.through = Some(through);
        }
        // Most often nobody has the reader. A call that has it goes by the ledger later.
        if let Some(through) = ledger.through
            && let Some(mut guard) = try_lock(&shared.source)
            && let Some(source) = guard.as_mut()
        {
            source.release_through(through);
            ledger.through = None;
        }
        let due = ledger.through.is_some() || shared.is_closed();
        drop(ledger);
        if due {
            shared.due.store(true, Ordering::Release);
            shared.settle();
        }
    }
}
