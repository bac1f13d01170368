//! What a ring is supposed to be: a list of messages, and a note of how far each reader has read.

use std::ops::RangeInclusive;

use ringway::{Outcome, Start, State};

/// The ring. A message's sequence is its index after the first one's.
pub struct Reference {
    pub slots: u64,
    pub capacity: usize,
    /// Sequence of the ring's first message.
    pub first: u64,
    /// Messages with their tags; `None` for what was skipped.
    pub messages: Vec<Option<(Vec<u8>, u32)>>,
    /// A claim was abandoned: the next message's slot is overwritten already.
    pub scratched: bool,
    pub epoch: u64,
    pub first_seq: u64,
    pub state: State,
    pub has_producer: bool,
}

impl Reference {
    pub fn new(slots: u64, capacity: usize, first: u64) -> Self {
        let messages = Vec::new();
        let state = State::NoProducerYet;
        Self {
            slots,
            capacity,
            first,
            messages,
            scratched: false,
            epoch: 0,
            first_seq: 0,
            state,
            has_producer: false,
        }
    }

    pub fn head(&self) -> u64 {
        self.first + self.messages.len() as u64
    }

    /// The oldest message that a consumer can start at: half a lap back.
    pub fn floor(&self) -> u64 {
        self.head().saturating_sub(self.slots / 2).max(self.first)
    }

    /// The oldest message that is still in its slot.
    pub fn oldest(&self) -> u64 {
        match self.head().checked_sub(self.slots) {
            Some(edge) if edge >= self.first => edge + u64::from(self.scratched),
            _ => self.first,
        }
    }

    /// Where a reader starts, if it can: else the oldest message that it could start at.
    pub fn start(&self, start: Start, oldest: u64) -> Result<u64, u64> {
        match start {
            Start::Latest => Ok(self.head()),
            Start::At(asked) if asked < oldest => Err(oldest),
            Start::At(asked) => Ok(asked),
            _ => Ok(oldest),
        }
    }

    /// A producer takes the ring over.
    pub fn enter(&mut self) {
        self.epoch += 1;
        self.first_seq = self.head();
        (self.state, self.has_producer) = (State::Open, true);
    }

    pub fn publish(&mut self, message: Vec<u8>, tag: u32) {
        assert!(message.len() <= self.capacity);
        self.messages.push(Some((message, tag)));
        self.scratched = false;
    }

    /// Leaves out the sequences up to `seq`.
    pub fn skip_to(&mut self, seq: u64) {
        self.scratched &= seq == self.head();
        self.messages.resize((seq - self.first) as usize, None);
    }

    /// The message of this sequence, and its tag; `None` if it was skipped, or isn't published.
    pub fn message(&self, seq: u64) -> Option<&(Vec<u8>, u32)> {
        self.messages.get(seq.checked_sub(self.first)? as usize)?.as_ref()
    }

    /// The first sequence from `seq` on, below head, of which `is` a message or isn't; else head.
    pub fn run(&self, seq: u64, is: bool) -> u64 {
        (seq..self.head()).find(|&seq| self.message(seq).is_some() == is).unwrap_or(self.head())
    }
}

/// What a reader is told, the message left out.
#[derive(PartialEq, Debug)]
pub enum Told {
    Message,
    Empty,
    TimedOut,
    Lagged,
    EpochChanged { epoch: u64, first_seq: u64 },
    ProducerLost,
    Closed,
}

impl<M> From<&Outcome<M>> for Told {
    fn from(outcome: &Outcome<M>) -> Self {
        match *outcome {
            Outcome::Message(_) => Told::Message,
            Outcome::Empty => Told::Empty,
            Outcome::TimedOut => Told::TimedOut,
            Outcome::Lagged(_) => Told::Lagged,
            Outcome::EpochChanged { epoch, first_seq } => Told::EpochChanged { epoch, first_seq },
            Outcome::ProducerLost => Told::ProducerLost,
            Outcome::Closed => Told::Closed,
            _ => panic!("an outcome that this model doesn't know"),
        }
    }
}

/// A consumer, or what it has in common with an observer.
pub struct Reader {
    pub next: u64,
    epoch: u64,
    lost: u64,
}

impl Reader {
    pub fn new(ring: &Reference, next: u64) -> Self {
        Self { next, epoch: ring.epoch, lost: 0 }
    }

    /// What the reader is told next. One that `waits` also learns that there is no producer.
    pub fn look(&mut self, ring: &Reference, waits: bool) -> Told {
        if self.next < ring.head() {
            return if ring.message(self.next).is_some() { Told::Message } else { Told::Lagged };
        }
        let before = std::mem::replace(&mut self.epoch, ring.epoch);
        // A ring's first producer is no change.
        if before != ring.epoch && ring.epoch > 1 {
            return Told::EpochChanged { epoch: ring.epoch, first_seq: ring.first_seq };
        }
        match ring.state {
            State::Closed => Told::Closed,
            State::Open if waits && !ring.has_producer && self.lost != ring.epoch => {
                self.lost = ring.epoch;
                Told::ProducerLost
            }
            _ if waits => Told::TimedOut,
            _ => Told::Empty,
        }
    }
}

/// An observer.
pub struct Watcher {
    pub reader: Reader,
    pub start: u64,
    pub lost: u64,
    /// It was overtaken, and has read nothing since.
    pub hurried: bool,
}

impl Watcher {
    pub fn new(ring: &Reference, start: u64) -> Self {
        Self { reader: Reader::new(ring, start), start, lost: 0, hurried: false }
    }

    /// What the observer is told next.
    pub fn look(&mut self, ring: &Reference, waits: bool) -> Told {
        if self.reader.next < ring.oldest() { Told::Lagged } else { self.reader.look(ring, waits) }
    }

    /// Whether an observer may go on at `next`, which was overtaken, or comes upon what was skipped.
    pub fn may_resume(&self, ring: &Reference, latest: bool, next: u64) -> bool {
        let Reader { next: before, .. } = self.reader;
        let overtaken = before < ring.oldest() && self.resume(ring, latest).contains(&next);
        // What was skipped is passed at once, or up to a slot that an abandoned claim has overwritten.
        let scratched = ring.head().saturating_sub(ring.slots);
        let ends = next == ring.run(before, true) || (ring.scratched && next == scratched);
        overtaken || (ring.message(before).is_none() && ends && next <= ring.run(before, true))
    }

    /// Where an observer that was overtaken may go on.
    fn resume(&self, ring: &Reference, latest: bool) -> RangeInclusive<u64> {
        match (latest, self.hurried) {
            (true, _) => ring.head()..=ring.head(),
            (false, false) => ring.oldest()..=ring.oldest(),
            (false, true) => ring.oldest()..=ring.head().saturating_sub(ring.slots / 2).max(ring.oldest()),
        }
    }
}
