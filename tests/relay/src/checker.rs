//! What each receiver checks of the messages that it gets.

use anyhow::{Result, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::message::{Sum, source_of};

/// A place in a ring where messages of the source are missing, since the process that relays wasn't there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Gap {
    /// Sequence of the first message after the gap, in the ring that was read.
    pub seq: u64,
    /// That message's number at the source.
    pub source: u64,
}

/// What one receiver has seen.
#[derive(Debug, Default)]
pub struct Checker {
    /// Sequence and number at the source that come next; `None` before the first message.
    next: Option<(u64, u64)>,
    /// Of all messages.
    pub sum: Sum,
    /// Messages of the source that weren't in the ring.
    pub missing: u64,
    /// Where they are missing.
    pub gaps: Vec<Gap>,
}

impl Checker {
    /// A receiver that must get `seq` first, and as the first message number `source` of the source.
    pub fn from(seq: u64, source: u64) -> Self {
        Self { next: Some((seq, source)), ..Self::default() }
    }

    /// Checks the message with sequence `seq`.
    ///
    /// # Errors
    /// If it isn't the next one of its ring, if its bytes don't follow from its number, or if that number was there
    /// before.
    pub fn message(&mut self, seq: u64, bytes: &[u8]) -> Result<()> {
        let Some(source) = source_of(bytes) else { bail!("message {seq} holds other bytes: {bytes:02x?}") };
        if let Some((expected, next_source)) = self.next {
            ensure!(seq == expected, "message {seq} came in the place of {expected}");
            ensure!(
                source >= next_source,
                "message {seq} is number {source} of the source, expected {next_source} or later"
            );
            if source > next_source {
                self.missing += source - next_source;
                self.gaps.push(Gap { seq, source });
            }
        }
        self.next = Some((seq + 1, source + 1));
        self.sum.add(bytes);
        Ok(())
    }

    /// Goes on behind messages that an observer was told that it lost.
    pub fn lost(&mut self, count: u64) {
        // What the lost ones held isn't known: the next message says where it goes on at the source.
        if let Some((seq, source)) = self.next {
            self.next = Some((seq + count, source));
        }
    }

    /// The sequence that comes next, once a message has come.
    pub fn next_seq(&self) -> Option<u64> {
        self.next.map(|(seq, _)| seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::message;

    #[test]
    fn a_repeated_a_swapped_and_a_changed_message_are_refused() {
        let mut checker = Checker::from(0, 0);
        checker.message(0, &message(0)).unwrap();
        assert!(checker.message(0, &message(0)).is_err(), "the same sequence twice");
        assert!(checker.message(1, &message(0)).is_err(), "the same number twice");
        assert!(checker.message(2, &message(1)).is_err(), "a sequence left out");
        assert!(checker.message(1, &[0; 48]).is_err(), "other bytes");
        checker.message(1, &message(1)).unwrap();
        assert_eq!((checker.sum.messages, checker.missing), (2, 0));
    }

    #[test]
    fn what_the_source_lacks_is_counted_and_placed() {
        let mut checker = Checker::from(0, 0);
        checker.message(0, &message(0)).unwrap();
        checker.message(1, &message(5)).unwrap();
        assert_eq!((checker.missing, &checker.gaps[..]), (4, &[Gap { seq: 1, source: 5 }][..]));
    }
}
