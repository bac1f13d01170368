//! Copies of held messages that are filled once they are released, for `RINGWAY_POISON`.
//!
//! # Safety
//! A message that was just received is copied from where its event says that it lies.
#![allow(unsafe_code)]

use std::collections::VecDeque;

use crate::codes::RINGWAY_POISON_BYTE;
use crate::error::Failure;
use crate::event::Event;

/// The copies of one consumer. None is freed, nor moved, before the consumer: a program that reads one too late reads
/// the poison.
#[derive(Default)]
pub(crate) struct Poison {
    held: VecDeque<(u64, Box<[u8]>)>,
    released: VecDeque<Box<[u8]>>,
}

/// How many released copies keep their poison before one is used again, at least.
const KEPT: usize = 64;

impl Poison {
    /// Copies a message. Its event then leads to the copy.
    pub(crate) fn copy(&mut self, event: Event) -> Result<Event, Failure> {
        // Of those that were released long ago, the first that is long enough: short ones wait for short messages.
        let old = self.released.len().saturating_sub(KEPT);
        let found = self.released.iter().take(old).position(|copy| copy.len() >= event.len);
        let mut copy = found.and_then(|at| self.released.remove(at)).unwrap_or_else(|| {
            let len = event.len.next_power_of_two();
            vec![0; len].into()
        });
        // SAFETY: the consumer holds the message, whose bytes these are.
        let bytes = unsafe { std::slice::from_raw_parts(event.data.cast::<u8>(), event.len) };
        copy[..event.len].copy_from_slice(bytes);
        let data = copy.as_ptr().cast();
        self.held.push_back((event.seq, copy));
        Ok(Event { data, ..event })
    }

    /// The same event, with the copy's address.
    pub(crate) fn find(&self, event: Event) -> Event {
        let copy = self.held.iter().find(|(seq, _)| *seq == event.seq);
        copy.map_or(event, |(_, copy)| Event { data: copy.as_ptr().cast(), ..event })
    }

    /// Fills the copies up to and including that of message `through`.
    pub(crate) fn release(&mut self, through: u64) {
        while self.held.front().is_some_and(|(seq, _)| *seq <= through) {
            let Some((_, mut copy)) = self.held.pop_front() else { return };
            copy.fill(RINGWAY_POISON_BYTE as u8);
            self.released.push_back(copy);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::RINGWAY_MESSAGE;

    #[test]
    fn released_copies_are_used_again_whatever_the_lengths() {
        let bytes = [7; 4096];
        let mut poison = Poison::default();
        for seq in 0..100_000 {
            // Many short ones first: a long one must not wait behind them for ever.
            let len = if seq < 1000 { 1 } else { 1 << (seq % 13) };
            let data = bytes.as_ptr().cast();
            let event = Event { data, len, seq, ..Event::of_kind(RINGWAY_MESSAGE) };
            let copy = poison.copy(event).unwrap();
            assert_ne!(copy.data, data);
            poison.release(seq);
        }
        assert!(poison.held.is_empty());
        assert!(poison.released.len() < 3 * KEPT, "{} copies are kept", poison.released.len());
    }
}
