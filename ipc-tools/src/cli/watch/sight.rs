//! What one look at a ring finds.

use std::path::Path;

use ringway::{Attached, Name, ShownObserver};

use crate::cli::inspect::kind::Kind;
use crate::cli::inspect::snapshot::{Snapshot, Standing};
use crate::cli::inspect::subject::Subject;

/// The ring's state for people.
pub(super) fn words(standing: Standing) -> &'static str {
    match standing {
        Standing::NoProducerYet => "no producer yet",
        Standing::Open => "open",
        Standing::ProducerLost => "producer died",
        Standing::Closed => "closed",
    }
}

/// A consumer or best-effort reader, as it was found. All of it is what the reader itself wrote.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Reader {
    pub(super) cell: usize,
    pub(super) kind: Kind,
    pub(super) pid: u64,
    /// The next message that it reads.
    pub(super) next: u64,
    /// Messages from there to head.
    pub(super) lag: u64,
    pub(super) uid: Option<u32>,
    pub(super) name: Option<Name>,
    /// What a best-effort reader lost since it joined, and in how many times.
    pub(super) lost: u64,
    pub(super) times_lagged: u64,
}

impl Reader {
    /// Whether it is a best-effort reader that the producer no longer waits for.
    pub(super) fn is_passed_over(&self, slots: u64) -> bool {
        self.kind.is_passed_over(self.lag, slots)
    }
}

/// What one look found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Sight {
    /// Tells a ring from the one that replaces it under its path.
    pub(super) ring_id: [u8; 16],
    pub(super) standing: Standing,
    pub(super) epoch: u64,
    pub(super) head: u64,
    pub(super) producer_pid: u64,
    pub(super) producer_uid: Option<u32>,
    pub(super) producer_name: Option<Name>,
    pub(super) producer_alive: bool,
    pub(super) slots: u64,
    /// Whether a skip may leave consumers more than a lap behind.
    pub(super) can_skip: bool,
    pub(super) max_consumers: u64,
    pub(super) times_full: u64,
    pub(super) times_passed_over: u64,
    pub(super) doorbell: u32,
    pub(super) readers: Vec<Reader>,
    /// Those that show themselves.
    pub(super) observers: Vec<ShownObserver>,
}

/// Looks at the ring. Nothing is kept open between two looks: so a watched ring can be removed, a replaced one is
/// found, and a removed one doesn't keep its memory.
pub(super) fn look(path: &Path, any_owner: bool) -> anyhow::Result<Sight> {
    let subject = Subject::open(path, any_owner)?;
    let Snapshot { stats, standing, .. } = subject.look()?;
    let reader = |attached: &Attached| {
        let &Attached { cell, pid, next_seq: next, lag, uid, name, lost, times_lagged, .. } = attached;
        Reader { cell, kind: Kind::of(attached), pid, next, lag, uid, name, lost, times_lagged }
    };
    Ok(Sight {
        ring_id: subject.geometry.ring_id(),
        standing,
        epoch: stats.epoch,
        head: stats.head,
        producer_pid: stats.producer_pid,
        producer_uid: stats.producer_uid,
        producer_name: stats.producer_name,
        producer_alive: stats.producer_alive,
        slots: stats.slots,
        can_skip: subject.geometry.can_skip(),
        max_consumers: stats.max_consumers,
        times_full: stats.times_full,
        times_passed_over: stats.times_passed_over,
        doorbell: stats.doorbell,
        readers: stats.consumers.iter().map(reader).collect(),
        observers: stats.observers,
    })
}
