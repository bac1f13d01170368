//! The one message type that everything here carries, and how it is checked.
//!
//! A message is some words, each of which is the message's number. So a sender writes every byte, and whatever
//! receives one reads every byte to add the words up.

use std::ops::Range;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A message of `W` words of 8 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(transparent)]
pub struct Msg<const W: usize>([u64; W]);

impl<const W: usize> Msg<W> {
    /// Bytes of a message.
    pub const BYTES: usize = W * 8;

    /// Message number `number`.
    #[inline(always)]
    pub const fn new(number: u64) -> Self {
        Self([number; W])
    }

    /// Becomes message number `number`, where it lies.
    #[inline(always)]
    pub fn fill(&mut self, number: u64) {
        self.0.fill(number);
    }
}

/// Bytes as a message, which they are long enough for and aligned like.
#[inline(always)]
pub fn view<const W: usize>(bytes: &[u8]) -> &Msg<W> {
    Msg::ref_from_bytes(bytes).expect("a whole message, aligned to its words")
}

/// Writes a message where it will lie.
#[inline(always)]
pub fn write<const W: usize>(bytes: &mut [u8], number: u64) {
    Msg::<W>::mut_from_bytes(bytes).expect("room for a message, aligned to its words").fill(number);
}

/// What was received.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Number of the next message.
    pub next: u64,
    sum: u64,
    wrong: u64,
}

impl Tally {
    /// Reads all of a message.
    #[inline(always)]
    pub fn take<const W: usize>(&mut self, message: &Msg<W>) {
        self.wrong |= message.0[0] ^ self.next;
        self.sum = message.0.iter().fold(self.sum, |sum, word| sum.wrapping_add(*word));
        self.next += 1;
    }

    /// Reads all of a message that lies anywhere.
    #[inline(always)]
    pub fn take_bytes<const W: usize>(&mut self, message: &[u8]) {
        let mut copy = Msg::<W>::new(0);
        copy.as_mut_bytes().copy_from_slice(message);
        self.take(&copy);
    }

    /// Reads all of a message that may follow a gap.
    #[inline(always)]
    pub fn take_later<const W: usize>(&mut self, message: &Msg<W>) {
        let number = message.0[0];
        // Order, and that no two messages are mixed: all words are the same.
        self.wrong |= u64::from(number < self.next);
        self.wrong |= message.0.iter().fold(0, |wrong, word| wrong | (word ^ number));
        self.next = number + 1;
    }

    /// Whether each message came, whole and in its turn. From the first on; `words` is a message's length.
    pub fn check(&self, words: usize) -> anyhow::Result<()> {
        let expected = sum(0..self.next, words);
        anyhow::ensure!(self.wrong == 0, "a message came out of order");
        anyhow::ensure!(
            self.sum == expected,
            "{} messages add up to {}, expected {expected}",
            self.next,
            self.sum
        );
        Ok(())
    }

    /// Whether each message that came was whole, and none came after a later one.
    pub fn check_order(&self) -> anyhow::Result<()> {
        anyhow::ensure!(self.wrong == 0, "a message came out of order, or mixed with another");
        Ok(())
    }
}

/// What the words of some messages add up to.
fn sum(numbers: Range<u64>, words: usize) -> u64 {
    let count = u128::from(numbers.end - numbers.start);
    let numbers = (u128::from(numbers.start) + u128::from(numbers.end.saturating_sub(1))) * count / 2;
    // Wraps like the tally's sum does.
    (numbers as u64).wrapping_mul(words as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally_of(messages: &[Msg<8>]) -> Tally {
        let mut tally = Tally::default();
        messages.iter().for_each(|message| tally.take(message));
        tally
    }

    #[test]
    fn a_tally_notices_a_missing_message() {
        tally_of(&[0, 1, 2].map(Msg::new)).check(8).expect("all are there");
        assert!(tally_of(&[0, 2].map(Msg::new)).check(8).is_err());
        assert!(tally_of(&[1, 0].map(Msg::new)).check(8).is_err());
    }

    #[test]
    fn a_tally_notices_a_changed_byte() {
        for byte in 0..Msg::<8>::BYTES {
            let mut messages = [0, 1, 2].map(Msg::new);
            messages[1].as_mut_bytes()[byte] ^= 0x40;
            assert!(tally_of(&messages).check(8).is_err(), "byte {byte}");
        }
    }

    #[test]
    fn a_late_tally_notices_a_mixed_message() {
        let (mut tally, mut mixed) = (Tally::default(), Msg::<8>::new(5));
        tally.take_later(&mixed);
        tally.check_order().expect("it is whole");
        mixed.fill(9);
        mixed.as_mut_bytes()[63] = 1;
        tally.take_later(&mixed);
        assert!(tally.check_order().is_err());
    }
}
