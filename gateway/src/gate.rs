//! What holds the source's producer back: a consumer that reads nothing.

use anyhow::{Context, Result};
use ringway::file::FileRing;
use ringway::{Consumer, Ring, SeekError, Start};

/// A consumer whose cursor marks the first message that the gateway needs.
#[derive(Debug)]
pub struct Gate(Consumer);

impl Gate {
    /// Holds the producer from now on, as far back as a consumer can: half a lap.
    ///
    /// # Errors
    /// If the ring gives no consumer.
    pub fn close(ring: &FileRing) -> Result<Self> {
        let consumer = ring.consumer(Start::Oldest).with_context(|| {
            format!(
                "{}: taking a consumer's cell, which holds the producer back: one of the ring's {} is needed, and another \
                 wakes a source under history or of a keeper",
                ring.path().display(),
                ring.geometry().max_consumers()
            )
        })?;
        Ok(Self(consumer))
    }

    /// Whether it is a consumer of this ring.
    pub fn is_of(&self, ring: &FileRing) -> bool {
        self.0.geometry().ring_id() == ring.geometry().ring_id()
    }

    /// The first message that is held.
    pub fn held(&self) -> u64 {
        self.0.next_seq()
    }

    /// Lets the producer write over the messages before `seq`.
    ///
    /// # Errors
    /// If the ring is damaged.
    pub fn release(&mut self, seq: u64) -> Result<(), SeekError> {
        if seq <= self.held() {
            return Ok(());
        }
        match self.0.seek(seq) {
            // The caller's head was newer, or a successor found fewer messages than the observers of its predecessor.
            Err(SeekError::Unpublished { head, .. }) if head >= self.held() => self.0.seek(head),
            other => other,
        }
    }
}
