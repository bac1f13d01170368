//! A reader of a mirror: a thread that checks all that it gets, as far as it is allowed to read.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ringway::file::{self, FileRing};
use ringway::{Outcome, Resume, Ring, Start};

use crate::ledger::Ledger;

/// Bounds every wait, so that a hang fails.
pub const PATIENCE: Duration = Duration::from_secs(60);
const SLICE: Duration = Duration::from_millis(20);

/// Waits until `found` returns a value. A hang fails, and the message names `what`.
pub fn wait_for<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited {PATIENCE:?} for {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// The ring at `path`, once it is there.
pub fn ring_at(path: &Path) -> FileRing {
    wait_for(&format!("a ring at {}", path.display()), || file::open(path).ok())
}

/// How a reader reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Reads as a consumer, which holds the mirror's producer back.
    Consumer,
    /// Reads as an observer, which loses messages if it is slow.
    Observer,
}

/// A reader in a thread of its own.
pub struct Reader {
    thread: Option<JoinHandle<Ledger>>,
    shared: Arc<Shared>,
    path: PathBuf,
}

/// The state that a reader shares with its thread.
#[derive(Default)]
struct Shared(Mutex<Told>);

#[derive(Clone, Copy, Default)]
struct Told {
    next: u64,
    received: u64,
    epochs: u64,
    producers_lost: u64,
    /// The thread reads up to before this message.
    allowed: u64,
    over: bool,
}

impl Reader {
    /// Joins the mirror at `path`, once it is there, and reads from its first message on up to before `allowed`.
    pub fn join(path: &Path, kind: Kind, allowed: u64) -> Self {
        Self::join_at(path, kind, Start::Oldest, allowed)
    }

    /// The same, from another message on.
    pub fn join_at(path: &Path, kind: Kind, start: Start, allowed: u64) -> Self {
        let ring = ring_at(path);
        let shared = Arc::new(Shared(Mutex::new(Told { allowed, ..Told::default() })));
        let (of, capacity) = (shared.clone(), ring.geometry().payload_capacity() as usize);
        let thread = match kind {
            Kind::Consumer => {
                let mut consumer = ring.consumer(start).unwrap();
                let mut ledger = Ledger::new(consumer.next_seq(), capacity);
                thread::spawn(move || {
                    while of.may_go_on(&ledger) {
                        match consumer.recv_timeout(SLICE).unwrap() {
                            Outcome::Message(message) => {
                                ledger.message(message.seq(), message.tag(), &message).unwrap();
                            }
                            event => ledger.event(&event),
                        }
                    }
                    ledger
                })
            }
            Kind::Observer => {
                let mut observer = ring.observer(start, Resume::OldestSafe).unwrap();
                let mut ledger = Ledger::new(observer.next_seq(), capacity);
                thread::spawn(move || {
                    while of.may_go_on(&ledger) {
                        match observer.recv_timeout(SLICE).unwrap() {
                            Outcome::Message(message) => {
                                ledger.message(message.seq(), message.tag(), &message).unwrap();
                            }
                            event => ledger.event(&event),
                        }
                    }
                    ledger
                })
            }
        };
        Self { thread: Some(thread), shared, path: path.into() }
    }

    /// The sequence that comes next.
    pub fn next(&self) -> u64 {
        self.shared.told().next
    }

    /// Messages received.
    pub fn received(&self) -> u64 {
        self.shared.told().received
    }

    /// Producers that entered the mirror, and that were lost.
    pub fn producers(&self) -> (u64, u64) {
        let told = self.shared.told();
        (told.epochs, told.producers_lost)
    }

    /// Lets the thread read up to before `seq`.
    pub fn allow(&self, seq: u64) {
        self.shared.told().allowed = seq;
    }

    /// Waits until the reader is at `seq`. A hang fails after [`PATIENCE`] without a message.
    pub fn wait_until(&self, seq: u64, trouble: impl Fn() -> String) {
        let (mut last, mut since) = (self.next(), Instant::now());
        while self.next() < seq {
            let is_running = self.thread.as_ref().is_some_and(|thread| !thread.is_finished());
            assert!(is_running, "the reader of {} ended at {}", self.path.display(), self.next());
            if self.next() != last {
                (last, since) = (self.next(), Instant::now());
            }
            assert!(
                since.elapsed() < PATIENCE,
                "{}: no message came for {PATIENCE:?} at {last}, waiting for {seq}: {}",
                self.path.display(),
                trouble()
            );
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits until the mirror is closed. Returns the account.
    pub fn until_closed(mut self) -> Ledger {
        let thread = self.thread.take().unwrap();
        let began = Instant::now();
        while !thread.is_finished() && began.elapsed() < PATIENCE {
            thread::sleep(SLICE);
        }
        self.shared.told().over = true;
        let ledger = thread.join().expect("the reader found what shouldn't be");
        assert!(ledger.closed, "{} wasn't closed: {ledger:?}", self.path.display());
        ledger
    }

    /// Ends the thread. Returns the account.
    pub fn end(mut self) -> Ledger {
        self.shared.told().over = true;
        self.thread.take().unwrap().join().expect("the reader found what shouldn't be")
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.shared.told().over = true;
    }
}

impl Shared {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether to read on. Waits while the reader may not.
    fn may_go_on(&self, ledger: &Ledger) -> bool {
        loop {
            let mut told = self.told();
            (told.next, told.received) = (ledger.next, ledger.received);
            (told.epochs, told.producers_lost) = (ledger.epochs, ledger.producers_lost);
            if told.over || ledger.closed || ledger.next < told.allowed {
                return !told.over && !ledger.closed;
            }
            drop(told);
            thread::sleep(Duration::from_micros(200));
        }
    }
}
