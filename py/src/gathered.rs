//! A batch of private copies.

use crate::memory::Memory;
use crate::source::TakenBatch;

/// Copies of messages beside each other.
#[derive(Default)]
pub struct Gathered {
    first_seq: u64,
    tags: Vec<u32>,
    places: Vec<(usize, usize)>,
    bytes: Vec<u8>,
}

impl Gathered {
    /// Copies one more.
    pub fn add(&mut self, seq: u64, tag: u32, message: &[u8]) {
        if self.places.is_empty() {
            self.first_seq = seq;
        }
        self.tags.push(tag);
        self.places.push((self.bytes.len(), message.len()));
        self.bytes.extend_from_slice(message);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The batch, unless it is empty.
    pub fn into_batch(self) -> Option<TakenBatch> {
        let Self { first_seq, tags, places, bytes } = self;
        (!places.is_empty()).then(|| TakenBatch { first_seq, tags, places, memory: Memory::Owned(bytes) })
    }
}
