//! The checks of a mirror's reader.

use ringway::Outcome;

use crate::message;

/// The account of one reader of a mirror.
#[derive(Clone, Debug)]
pub struct Ledger {
    capacity: usize,
    /// The first sequence that the reader could get.
    pub start: u64,
    /// The sequence that comes next.
    pub next: u64,
    /// Messages received.
    pub received: u64,
    /// Messages that the reader was told to have lost.
    pub lost: u64,
    /// Producers that entered.
    pub epochs: u64,
    /// How often the producer was lost.
    pub producers_lost: u64,
    /// Whether the ring was closed.
    pub closed: bool,
    expected: Vec<u8>,
}

impl Ledger {
    /// Starts the account of a reader whose first message is `start`.
    pub fn new(start: u64, capacity: usize) -> Self {
        Self {
            capacity,
            start,
            next: start,
            received: 0,
            lost: 0,
            epochs: 0,
            producers_lost: 0,
            closed: false,
            expected: Vec::new(),
        }
    }

    /// Checks that a message is the next one, and that each of its bytes follows from its sequence.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn message(&mut self, seq: u64, tag: u32, bytes: &[u8]) -> Result<(), String> {
        if seq != self.next {
            return Err(format!("message {seq} came in the place of {}", self.next));
        }
        message::write(seq, self.capacity, &mut self.expected);
        if bytes != self.expected {
            return Err(format!("message {seq} holds other bytes: {bytes:02x?}"));
        }
        if tag != message::tag(seq) {
            return Err(format!("message {seq} has tag {tag}, expected {}", message::tag(seq)));
        }
        self.next += 1;
        self.received += 1;
        Ok(())
    }

    /// Records an event.
    pub fn event<M>(&mut self, event: &Outcome<M>) {
        match event {
            Outcome::Lagged(count) => {
                self.next += count;
                self.lost += count;
            }
            Outcome::EpochChanged { .. } => self.epochs += 1,
            Outcome::ProducerLost => self.producers_lost += 1,
            Outcome::Closed => self.closed = true,
            _ => {}
        }
    }
}

#[test]
fn a_repeated_a_left_out_and_a_changed_message_are_refused() {
    let bytes_of = |seq| {
        let mut bytes = Vec::new();
        message::write(seq, 256, &mut bytes);
        bytes
    };
    let refuses = |seq: u64, tag: u32, bytes: Vec<u8>| {
        let mut ledger = Ledger::new(5, 256);
        ledger.message(5, message::tag(5), &bytes_of(5)).unwrap();
        ledger.message(seq, tag, &bytes).is_err()
    };
    assert!(!refuses(6, message::tag(6), bytes_of(6)));
    assert!(refuses(5, message::tag(5), bytes_of(5)), "the same once more");
    assert!(refuses(7, message::tag(7), bytes_of(7)), "one left out");
    assert!(refuses(6, message::tag(6), bytes_of(7)), "another's bytes");
    assert!(refuses(6, message::tag(7), bytes_of(6)), "another's tag");
}
