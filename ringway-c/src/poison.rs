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

/// How many released copies keep their poison before one is used again.
const KEPT: usize = 64;

impl Poison {
    /// Copies a message. Its event then leads to the copy.
    pub(crate) fn copy(&mut self, event: Event) -> Result<Event, Failure> {
        let fits = self.released.iter().take(1).any(|copy| copy.len() >= event.len);
        let mut copy = match self.released.pop_front() {
            Some(copy) if fits && self.released.len() >= KEPT => copy,
            other => {
                if let Some(copy) = other {
                    self.released.push_front(copy);
                }
                vec![0; event.len.next_power_of_two()].into()
            }
        };
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
