//! The builder of frames.

use super::{Condition, FRAME_BYTES, HEADER, MAGIC, RECORD, RingId, VERSION};

/// Builds a frame. The records come first, because the header counts them.
#[derive(Clone, Debug)]
pub struct Builder {
    ring_id: RingId,
    /// What is written, and room for more.
    bytes: Vec<u8>,
    /// The end of what is written.
    end: usize,
    count: u32,
    /// Bytes of the last frame: the next may have as many.
    last: usize,
}

impl Builder {
    /// A frame of this ring, without records.
    pub fn new(ring_id: RingId) -> Self {
        Self { ring_id, bytes: Vec::new(), end: HEADER, count: 0, last: 0 }
    }

    /// Adds a message.
    ///
    /// # Panics
    /// If the message has more than `u32::MAX` bytes. No ring has such messages.
    pub fn push(&mut self, message: &[u8], tag: u32) {
        self.room(message.len()).copy_from_slice(message);
        self.add(message.len(), tag);
    }

    /// Where the next message is to be written, if it has `len` bytes at most: [`add`](Self::add) adds it.
    ///
    /// # Examples
    /// ```
    /// use ringway_gateway_protocol::frame::{Builder, Condition, Expected, Frame, FrameError};
    ///
    /// let mut builder = Builder::new([7; 16]);
    /// builder.room(48)[..5].copy_from_slice(b"hello");
    /// builder.add(5, 3);
    /// let bytes = builder.finish(Condition::Live, 1, 0, 1000, 1000);
    ///
    /// let expected = Expected { ring_id: [7; 16], payload_capacity: 48, fixed_length: false };
    /// let frame = Frame::check(&bytes, &expected)?;
    /// assert_eq!(frame.records().next().unwrap().bytes, b"hello");
    /// # Ok::<(), FrameError>(())
    /// ```
    pub fn room(&mut self, len: usize) -> &mut [u8] {
        let from = self.end + RECORD;
        let end = from + len;
        if self.bytes.len() < end {
            if self.bytes.is_empty() {
                self.bytes.reserve(end.max(self.last));
            }
            // Zeroed while it is in the nearest cache, and not one small record after another.
            self.bytes.resize(end.max((self.bytes.len() * 2).min(FRAME_BYTES / 8)), 0);
        }
        &mut self.bytes[from..end]
    }

    /// Adds the message whose `len` bytes were written to [`room`](Self::room).
    ///
    /// # Panics
    /// If there is no room for so many bytes, or they are more than `u32::MAX`, which no ring's messages have.
    pub fn add(&mut self, len: usize, tag: u32) {
        let length = u32::try_from(len).expect("a message's length fits its slot");
        let head = &mut self.bytes[self.end..self.end + RECORD + len];
        head[..4].copy_from_slice(&length.to_le_bytes());
        head[4..RECORD].copy_from_slice(&tag.to_le_bytes());
        self.end += RECORD + len;
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

    /// Whether another message of `len` bytes makes the frame longer than one should be.
    pub fn is_full(&self, len: usize) -> bool {
        self.count > 0 && self.end + RECORD + len > FRAME_BYTES
    }

    /// Takes the bytes of the frame. The builder is empty then.
    pub fn finish(
        &mut self,
        condition: Condition,
        epoch: u64,
        epoch_first: u64,
        from: u64,
        start: u64,
    ) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.resize(self.end, 0);
        let length = (self.end - HEADER) as u32;
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4..6].copy_from_slice(&VERSION.to_le_bytes());
        bytes[6] = condition as u8;
        bytes[8..12].copy_from_slice(&self.count.to_le_bytes());
        bytes[12..16].copy_from_slice(&length.to_le_bytes());
        bytes[16..32].copy_from_slice(&self.ring_id);
        for (at, number) in [(32, epoch), (40, epoch_first), (48, from), (56, start)] {
            bytes[at..at + 8].copy_from_slice(&number.to_le_bytes());
        }
        (self.last, self.end, self.count) = (self.end, HEADER, 0);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_of_several_messages_never_exceeds_its_bytes_and_one_message_always_fits() {
        for longest in [1, 48, 8192, FRAME_BYTES - HEADER - RECORD, FRAME_BYTES, 1 << 20] {
            let mut builder = Builder::new([1; 16]);
            let message = vec![7; longest];
            while !builder.is_full(longest) {
                builder.push(&message, 0);
            }
            let count = builder.count() as usize;
            let bytes = builder.finish(Condition::Live, 1, 0, 0, 0);
            assert_eq!(bytes.len(), HEADER + count * (RECORD + longest));
            assert_eq!(count, ((FRAME_BYTES - HEADER) / (RECORD + longest)).max(1), "of {longest} bytes");
        }
    }
}
