//! What wakes the thread that sends: a consumer, since an observer leaves no sign that it sleeps, and looks once a
//! millisecond. Which exports bear one is in `export/hold.rs`.

use std::time::Duration;

use anyhow::Result;
use ringway::file::FileRing;
use ringway::{Consumer, Outcome, Ring, SeekError, Start};

/// A consumer that is where the reader is, and never before what the gate holds. So it holds back nothing more.
#[derive(Debug)]
pub struct Alarm(Consumer);

impl Alarm {
    /// One at the ring's head; `None` if the ring has no cell left for it.
    pub fn set(ring: &FileRing) -> Option<Self> {
        ring.consumer(Start::Latest).ok().map(Self)
    }

    /// Goes on to `seq`, or to head. Whether it is at `seq` now: only then [`wait`](Self::wait) waits for that message.
    ///
    /// # Errors
    /// If the ring is damaged.
    pub fn go_to(&mut self, seq: u64) -> Result<bool> {
        if seq > self.0.next_seq() {
            match self.0.seek(seq) {
                Err(SeekError::Unpublished { head, .. }) if head >= self.0.next_seq() => self.0.seek(head)?,
                other => other?,
            }
        }
        Ok(self.0.next_seq() >= seq)
    }

    /// Waits for a message, which stays, until `wait` has passed. Whether there may be one.
    ///
    /// # Errors
    /// If the ring is damaged.
    pub fn wait(&mut self, wait: Duration) -> Result<bool> {
        match self.0.recv_batch_timeout(1, wait)? {
            Outcome::Message(batch) => {
                batch.release_first(0);
                Ok(true)
            }
            Outcome::TimedOut | Outcome::Empty => Ok(false),
            // The reader finds it, too.
            _ => Ok(true),
        }
    }
}
