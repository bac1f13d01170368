//! A producer: it waits until it can have the ring, and then publishes in every way there is.

use std::thread::sleep;
use std::time::Duration;

use anyhow::Context;
use fastrand::Rng;
use ringway::{AttachError, BatchError, Observer, Patience, Producer, PublishError, Resume, Start, Wait};

use super::ledger::{Entry, Phase, now};
use super::letter::{HEADER, Letter};
use super::role::{NAP, Part};

/// How often a successor looks whether the ring is free.
const LOOK: Duration = Duration::from_micros(100);
/// How long the producer polls for room before it naps.
const PATIENCE: Duration = Duration::from_micros(500);
/// Most messages in a batch.
const BATCH: usize = 24;

pub(super) fn play(part: &mut Part<'_>) -> anyhow::Result<()> {
    let Some(mut producer) = succeed(part)? else { return Ok(()) };
    producer.set_patience(Patience::Time(part.patience));
    let mut author = Author::new(producer, part);
    // The ring is taken over when the first message is out. If there is no room, nothing more can be done.
    author.first()?;
    part.desk().set(Entry::Taken, now());
    part.desk().set(Entry::Ready, 1);
    part.ledger.set_holder(part.number, part.life);
    while part.ledger.phase() < Phase::Closing {
        if !author.publish()? {
            part.desk().add(Entry::Full, 1);
            sleep(NAP);
        }
        // Leaves the others some of the processor, and lets the ring run empty now and then.
        if author.rng.u32(..64) == 0 {
            sleep(NAP);
        }
    }
    author.producer.close().context("can't close the ring")
}

/// Waits for the ring. `None` if it is too late for that.
fn succeed(part: &mut Part<'_>) -> anyhow::Result<Option<Producer>> {
    let watch: Observer = part.ring.observer(Start::Latest, Resume::Latest)?;
    part.desk().set(Entry::Watching, now());
    while part.ledger.phase() == Phase::Running {
        // Now and then it tries all the same: a producer that lives, be it stopped, can't be succeeded.
        if watch.producer_alive()? && part.rng.u32(..8) > 0 {
            sleep(LOOK);
            continue;
        }
        part.desk().set(Entry::Freed, now());
        match part.ring.producer() {
            // That, or another one was faster.
            Err(AttachError::ProducerTaken { .. }) => {}
            // Another program holds the byte, for as long as it likes.
            Err(AttachError::LockHeldByReader { .. }) => sleep(LOOK),
            other => return Ok(Some(other.context("can't succeed the producer")?)),
        }
    }
    Ok(None)
}

/// A producer, and what it writes.
struct Author {
    producer: Producer,
    /// Of the next message, but for its number.
    letter: Letter,
    rng: Rng,
    batch: Vec<Vec<u8>>,
}

impl Author {
    fn new(mut producer: Producer, part: &Part<'_>) -> Self {
        producer.set_wait(Wait::Park);
        let (first, epoch) = (producer.next_seq(), producer.epoch());
        let author = part.life << 16 | part.number as u64;
        let letter = Letter { seq: first, epoch, first, author };
        Self { producer, letter, rng: part.rng.clone(), batch: Vec::new() }
    }

    fn first(&mut self) -> anyhow::Result<()> {
        let message = self.message(0);
        match self.producer.try_publish(&message) {
            Ok(_) | Err(PublishError::Full(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Publishes a message or some. Returns whether there was room for all.
    fn publish(&mut self) -> anyhow::Result<bool> {
        let result = match self.rng.u32(..8) {
            0..3 => {
                let message = self.message(0);
                self.producer.publish_timeout(&message, PATIENCE).map(drop)
            }
            3..5 => self.claim(),
            _ => self.batch(),
        };
        match result {
            Ok(()) => Ok(true),
            Err(PublishError::TimedOut(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The message that comes `ahead` messages after the next.
    fn message(&mut self, ahead: u64) -> Vec<u8> {
        let mut message = vec![0; self.length()];
        self.letter.seq = self.producer.next_seq() + ahead;
        self.letter.write(&mut message);
        message
    }

    fn length(&mut self) -> usize {
        self.rng.usize(HEADER..=self.producer.geometry().payload_capacity() as usize)
    }

    /// Writes a message in place, and sometimes thinks better of it.
    fn claim(&mut self) -> Result<(), PublishError> {
        let (length, commit) = (self.length(), self.rng.u32(..4) > 0);
        self.letter.seq = self.producer.next_seq();
        let mut claim = self.producer.claim_timeout(length, PATIENCE)?;
        self.letter.write(&mut claim);
        if commit {
            claim.commit()?;
        }
        Ok(())
    }

    /// Of the kinds of publishing the one that leaves head behind the stamps for longest.
    fn batch(&mut self) -> Result<(), PublishError> {
        let mut batch = std::mem::take(&mut self.batch);
        for ahead in 0..self.rng.usize(1..=BATCH) {
            batch.push(self.message(ahead as u64));
        }
        let published = self.producer.publish_batch_timeout(&batch, PATIENCE);
        batch.clear();
        self.batch = batch;
        published.map_err(|BatchError { error, .. }| error)
    }
}
