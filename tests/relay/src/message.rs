//! What the messages hold, and the sum that every process forms of them.

/// Words of 8 bytes in a message: its number at the source, and five that follow from it.
pub const WORDS: usize = 6;
/// Bytes of a message.
pub const LEN: usize = 8 * WORDS;

/// A message as the producer makes it, little-endian.
pub type Message = [u8; LEN];

/// The message with number `source` at the source.
pub fn message(source: u64) -> Message {
    let mut bytes = [0; LEN];
    for (index, word) in (0..).zip(bytes.chunks_exact_mut(8)) {
        word.copy_from_slice(&word_of(source, index).to_le_bytes());
    }
    bytes
}

/// Word `index` of message `source`: the number itself, then words that look random (splitmix64).
fn word_of(source: u64, index: u64) -> u64 {
    if index == 0 {
        return source;
    }
    let mut word = source.wrapping_mul(8).wrapping_add(index).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ (word >> 31)
}

/// The number at the source of a message, if each of its bytes follows from it.
pub fn source_of(bytes: &[u8]) -> Option<u64> {
    let source = u64::from_le_bytes(bytes.first_chunk().copied()?);
    (bytes == message(source)).then_some(source)
}

/// What all processes of the relay must agree on: how many messages there were, and a sum of their words
/// that depends on their order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sum {
    /// Number of messages.
    pub messages: u64,
    /// The sum, modulo 2^64, of each message's words times its place, from 1.
    pub sum: u64,
}

impl Sum {
    /// Adds the next message.
    pub fn add(&mut self, bytes: &[u8]) {
        self.messages += 1;
        let words = bytes.chunks_exact(8).filter_map(|word| word.first_chunk().copied());
        let total = words.map(u64::from_le_bytes).fold(0_u64, u64::wrapping_add);
        self.sum = self.sum.wrapping_add(self.messages.wrapping_mul(total));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_known_by_its_bytes_and_a_changed_one_is_refused() {
        let mut bytes = message(7);
        assert_eq!(source_of(&bytes), Some(7));
        bytes[LEN - 1] ^= 1;
        assert_eq!(source_of(&bytes), None);
        assert_eq!(source_of(&bytes[..8]), None);
    }

    #[test]
    fn the_sum_depends_on_the_order() {
        let sum = |order: [u64; 2]| {
            let mut sum = Sum::default();
            order.iter().for_each(|&source| sum.add(&message(source)));
            sum
        };
        assert_ne!(sum([1, 2]), sum([2, 1]));
        assert_eq!(sum([1, 2]), sum([1, 2]));
    }
}
