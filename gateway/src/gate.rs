//! What holds the source's producer back, and wakes the reader for a message: a consumer that reads nothing.
//!
//! One consumer does both. A second one, ahead of the first, would outlive it in the producer's eyes: the producer asks the
//! kernel only about consumers that it waits for. So it would write what the next gateway has to hold.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ringway::file::FileRing;
use ringway::{Consumer, Readiness, Ring, SeekError, Slept, Start, Waitable, sleep_any};

/// A consumer whose cursor marks the first message that the gateway needs. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Mutex<Waiting>>);

#[derive(Debug)]
struct Waiting {
    consumer: Consumer,
    /// The last sleep ended by its time: the kernel is to be asked whether the producer lives.
    asks: bool,
}

/// How a wait for a message ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Waited {
    /// There may be a message, or an event.
    Woken,
    /// The time is up.
    TimedOut,
    /// The message isn't one that the gate can wait for.
    NotHere,
}

impl Gate {
    /// Holds the producer from now on, as far back as a consumer can: half a lap.
    ///
    /// # Errors
    /// If the ring gives no consumer.
    pub fn close(ring: &FileRing) -> Result<Self> {
        let consumer = ring.consumer(Start::Oldest).with_context(|| {
            format!(
                "{}: taking a consumer's cell, which holds the producer back: one of the ring's {} is needed",
                ring.path().display(),
                ring.geometry().max_consumers()
            )
        })?;
        Ok(Self::of(consumer))
    }

    /// One at head, which holds nothing that was published before; `None` if the ring has no cell left for it.
    pub fn at_head(ring: &FileRing) -> Option<Self> {
        ring.consumer(Start::Latest).ok().map(Self::of)
    }

    fn of(consumer: Consumer) -> Self {
        Self(Arc::new(Mutex::new(Waiting { consumer, asks: false })))
    }

    /// Whether it is a consumer of this ring.
    pub fn is_of(&self, ring: &FileRing) -> bool {
        self.lock().consumer.geometry().ring_id() == ring.geometry().ring_id()
    }

    /// The first message that is held.
    pub fn held(&self) -> u64 {
        self.lock().consumer.next_seq()
    }

    /// Lets the producer write over the messages before `seq`.
    ///
    /// # Errors
    /// If the ring is damaged.
    pub fn release(&self, seq: u64) -> Result<(), SeekError> {
        let consumer = &mut self.lock().consumer;
        let held = consumer.next_seq();
        if seq <= held {
            return Ok(());
        }
        match consumer.seek(seq) {
            // The caller's head was newer, or a successor found fewer messages than the observers of its predecessor.
            Err(SeekError::Unpublished { head, .. }) if head >= held => consumer.seek(head),
            other => other,
        }
    }

    /// Waits for message `seq`, or for an event, until `wait` has passed, and releases nothing. Others may release
    /// meanwhile.
    ///
    /// It waits for no message past head: a producer that died in a batch leaves some that a reader has, and that head
    /// doesn't count.
    ///
    /// # Errors
    /// If the ring is damaged.
    pub fn wait(&self, seq: u64, wait: Duration) -> Result<Waited> {
        let end = Instant::now() + wait;
        loop {
            let ticket = {
                let Waiting { consumer, asks } = &mut *self.lock();
                match consumer.peek_from(seq) {
                    Ok(()) => {}
                    Err(SeekError::Unpublished { .. } | SeekError::Backward { .. }) => {
                        return Ok(Waited::NotHere);
                    }
                    Err(error) => return Err(error.into()),
                }
                match consumer.prepare_sleep(std::mem::take(asks)) {
                    Readiness::Ready => return Ok(Waited::Woken),
                    Readiness::Sleep(ticket) => ticket,
                }
            };
            let left = end.saturating_duration_since(Instant::now());
            let timed_out = matches!(sleep_any(&[ticket], left.min(ticket.longest())), Slept::TimedOut);
            let waiting = &mut *self.lock();
            waiting.consumer.slept(&ticket, timed_out);
            waiting.asks = timed_out;
            match timed_out {
                false => return Ok(Waited::Woken),
                true if left <= ticket.longest() => return Ok(Waited::TimedOut),
                true => {}
            }
        }
    }

    /// Takes note of the event that woke it, where no message did: else the event would wake it again.
    ///
    /// # Errors
    /// If the ring is damaged.
    pub fn heed(&self) -> Result<()> {
        // A message that has come since is held as if it hadn't been looked at.
        let _ = self.lock().consumer.peek()?;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
