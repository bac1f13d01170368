//! Readers of the relay's own process, which are never killed: a consumer that must get everything, and an observer
//! that must be told of everything that it didn't get.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ringway::prelude::*;
use ringway::{Ring, file};

use crate::checker::{Checker, Gap};
use crate::message::Sum;

/// After so many messages the observer takes a break, so that it loses some.
const BREAK_AFTER: u64 = 20_000;
/// How long the break is.
const BREAK: Duration = Duration::from_millis(100);

/// What a ring's two witnesses saw until it was closed.
#[derive(Debug)]
pub struct Seen {
    /// What the consumer received: all that was published.
    pub sum: Sum,
    /// Messages of the source that weren't published in this ring, and where.
    pub missing: u64,
    /// Where they are missing.
    pub gaps: Vec<Gap>,
    /// What the observer received.
    pub observed: u64,
    /// What the observer was told that it lost.
    pub lost: u64,
}

/// The threads that read one ring.
pub struct Witnesses {
    ring: PathBuf,
    consumer: thread::JoinHandle<Result<Checker>>,
    observer: thread::JoinHandle<Result<(u64, u64)>>,
}

impl Witnesses {
    /// Has two threads read `ring` from its first message on.
    pub fn of(ring: &Path) -> Result<Self> {
        let opened = file::open(ring)?;
        let consumer = opened.consumer(Start::Oldest)?;
        let observer = opened.observer(Start::Oldest, Resume::OldestSafe)?;
        ensure!(consumer.next_seq() == 0 && observer.start() == 0, "{} isn't empty", ring.display());
        let named = |name: &str| thread::Builder::new().name(name.to_owned());
        Ok(Self {
            ring: ring.to_owned(),
            consumer: named("consumer").spawn(move || consume(consumer))?,
            observer: named("observer").spawn(move || observe(observer))?,
        })
    }

    /// Waits until the ring is closed.
    pub fn join(self) -> Result<Seen> {
        let Self { ring, consumer, observer } = self;
        let whose = |role| format!("the {role} that wasn't killed, of {}", ring.display());
        let checker = consumer.join().expect("checks don't panic").with_context(|| whose("consumer"))?;
        let (observed, lost) =
            observer.join().expect("checks don't panic").with_context(|| whose("observer"))?;
        let Checker { sum, missing, gaps, .. } = checker;
        ensure!(
            observed + lost == sum.messages,
            "{}: an observer received {observed} and lost {lost} messages, together {}, of {}",
            ring.display(),
            observed + lost,
            sum.messages,
        );
        Ok(Seen { sum, missing, gaps, observed, lost })
    }
}

fn consume(mut consumer: Consumer) -> Result<Checker> {
    let mut checker = Checker::from(0, 0);
    loop {
        match consumer.recv_batch(256)? {
            Outcome::Message(batch) => {
                batch.iter().try_for_each(|message| checker.message(message.seq(), &message))?;
            }
            Outcome::Closed => return Ok(checker),
            Outcome::EpochChanged { first_seq, .. } => {
                ensure!(checker.next_seq() >= Some(first_seq), "epoch from message {first_seq} on too early");
            }
            _ => {}
        }
    }
}

fn observe(mut observer: Observer) -> Result<(u64, u64)> {
    let mut checker = Checker::from(0, 0);
    loop {
        match observer.recv()? {
            Outcome::Message(message) => {
                checker.message(message.seq(), &message)?;
                if checker.sum.messages.is_multiple_of(BREAK_AFTER) {
                    thread::sleep(BREAK);
                }
            }
            Outcome::Lagged(count) => checker.lost(count),
            Outcome::Closed => return Ok((checker.sum.messages, observer.lost())),
            _ => {}
        }
    }
}
