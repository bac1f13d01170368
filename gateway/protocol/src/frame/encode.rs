//! A frame in the making.

use super::{Condition, FRAME_BYTES, HEADER, MAGIC, RECORD, RingId, VERSION};

/// A frame in the making: records first, since the header counts them.
#[derive(Clone, Debug)]
pub struct Builder {
    ring_id: RingId,
    bytes: Vec<u8>,
    count: u32,
}

impl Builder {
    /// A frame of this ring, without records.
    pub fn new(ring_id: RingId) -> Self {
        Self { ring_id, bytes: vec![0; HEADER], count: 0 }
    }

    /// Adds a message.
    ///
    /// # Panics
    /// If it has more than `u32::MAX` bytes, which no ring's messages have.
    pub fn push(&mut self, message: &[u8], tag: u32) {
        let length = u32::try_from(message.len()).expect("a message's length fits its slot");
        if self.count == 0 {
            self.bytes.reserve((RECORD + message.len()).max(FRAME_BYTES / 8));
        }
        self.bytes.extend_from_slice(&length.to_le_bytes());
        self.bytes.extend_from_slice(&tag.to_le_bytes());
        self.bytes.extend_from_slice(message);
        self.count += 1;
    }

    /// Number of records.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Whether there are no records.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether the frame has as many bytes as one should.
    pub fn is_full(&self) -> bool {
        self.bytes.len() - HEADER >= FRAME_BYTES
    }

    /// The bytes of the frame, and the builder is empty again.
    pub fn finish(
        &mut self,
        condition: Condition,
        epoch: u64,
        epoch_first: u64,
        from: u64,
        start: u64,
    ) -> Vec<u8> {
        let mut bytes = std::mem::replace(&mut self.bytes, vec![0; HEADER]);
        let length = (bytes.len() - HEADER) as u32;
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4..6].copy_from_slice(&VERSION.to_le_bytes());
        bytes[6] = condition as u8;
        bytes[8..12].copy_from_slice(&self.count.to_le_bytes());
        bytes[12..16].copy_from_slice(&length.to_le_bytes());
        bytes[16..32].copy_from_slice(&self.ring_id);
        for (at, number) in [(32, epoch), (40, epoch_first), (48, from), (56, start)] {
            bytes[at..at + 8].copy_from_slice(&number.to_le_bytes());
        }
        self.count = 0;
        bytes
    }
}
