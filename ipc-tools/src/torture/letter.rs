//! What a message says: which producer wrote it, what number it has, and a checksum over it all.

use fastrand::Rng;
use xxhash_rust::xxh3::xxh3_64;

/// Bytes of the header: checksum, length and the words of [`Letter`].
pub(super) const HEADER: usize = 6 * 8;

/// The header of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Letter {
    /// Its number.
    pub(super) seq: u64,
    /// The producer's epoch.
    pub(super) epoch: u64,
    /// The first message of that epoch.
    pub(super) first: u64,
    /// Tells the process from all others of the run.
    pub(super) author: u64,
}

impl Letter {
    /// Writes the message. It fills `bytes`, of which there are at least [`HEADER`].
    pub(super) fn write(&self, bytes: &mut [u8]) {
        let words = [bytes.len() as u64, self.seq, self.epoch, self.first, self.author];
        for (bytes, word) in bytes[8..HEADER].chunks_exact_mut(8).zip(words) {
            bytes.copy_from_slice(&word.to_ne_bytes());
        }
        // No two messages have a byte in common but by chance.
        Rng::with_seed(self.seq ^ self.epoch.rotate_left(40) ^ self.author.rotate_left(52))
            .fill(&mut bytes[HEADER..]);
        let sum = xxh3_64(&bytes[8..]);
        bytes[..8].copy_from_slice(&sum.to_ne_bytes());
    }

    /// The header and the checksum of a message that is whole.
    pub(super) fn read(bytes: &[u8]) -> Option<(Self, u64)> {
        let mut words = [0; HEADER / 8];
        for (word, bytes) in words.iter_mut().zip(bytes.get(..HEADER)?.chunks_exact(8)) {
            *word = u64::from_ne_bytes(bytes.try_into().ok()?);
        }
        let [sum, len, seq, epoch, first, author] = words;
        let whole = len == bytes.len() as u64 && sum == xxh3_64(&bytes[8..]);
        whole.then_some((Self { seq, epoch, first, author }, sum))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LETTER: Letter = Letter { seq: 7, epoch: 3, first: 5, author: 9 };

    #[test]
    fn what_was_written_is_read() {
        for len in [HEADER, HEADER + 1, 500] {
            let mut bytes = vec![0; len];
            LETTER.write(&mut bytes);
            assert_eq!(Letter::read(&bytes).unwrap().0, LETTER);
        }
    }

    #[test]
    fn a_mixture_of_two_messages_is_no_message() {
        let (mut one, mut other) = ([0; 300], [0; 300]);
        LETTER.write(&mut one);
        Letter { seq: 8, ..LETTER }.write(&mut other);
        for cut in [1, 8, 40, 150, 296, 299] {
            let mixed = [&one[..cut], &other[cut..]].concat();
            assert_eq!(Letter::read(&mixed), None, "{cut}");
        }
        assert_eq!(Letter::read(&one[..299]), None);
        assert_eq!(Letter::read(&one[..20]), None);
    }
}
