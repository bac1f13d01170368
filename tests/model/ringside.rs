//! A ring, and a model of it beside it.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use ringway::{Config, Consumer, Observer, Producer, Ring};

use crate::operation::{self, Operation, READERS};
use crate::reference::{Reader, Reference, Watcher};
use crate::{Kind, TestRing};

/// A ring, its users, and what they are expected to find.
pub struct Ringside {
    pub ring: TestRing,
    pub model: Reference,
    pub producer: Option<Producer>,
    /// By cell.
    pub consumers: [Option<(Consumer, Reader)>; READERS],
    /// With whether it goes on at the latest message.
    pub observers: [Option<(Observer, Watcher, bool)>; READERS],
}

impl Ringside {
    fn new(kind: Kind, (config, slots, capacity): &(Config, u64, usize)) -> Self {
        let ring = kind.ring(config);
        Self {
            model: Reference::new(*slots, *capacity, ring.geometry().first_seq()),
            ring,
            producer: None,
            consumers: Default::default(),
            observers: Default::default(),
        }
    }

    fn apply(&mut self, operation: &Operation) {
        let operation = &if self.is_fixed_length() { self.fixed(operation) } else { operation.clone() };
        match *operation {
            Operation::Produce => self.produce(),
            Operation::Abdicate => self.abdicate(),
            Operation::Close => self.close(),
            Operation::Publish { length, tag } => self.publish(length, tag),
            Operation::Commit { claimed, length, tag } => self.commit(claimed, length, tag),
            Operation::Abandon { claimed } => self.abandon(claimed),
            Operation::PublishBatch { ref lengths } => self.publish_batch(lengths),
            Operation::Skip { by } => self.skip(by),
            Operation::Join { start } => self.join(start),
            Operation::Leave { reader } => self.consumers[reader] = None,
            Operation::Receive { reader, waits } => self.receive(reader, waits),
            Operation::ReceiveInto { reader, room } => self.receive_into(reader, room),
            Operation::ReceiveBatch { reader, most } => self.receive_batch(reader, most),
            Operation::Forget { reader, batch } => self.forget(reader, batch),
            Operation::Attach { start, latest } => self.attach(start, latest),
            Operation::Detach { reader } => self.observers[reader] = None,
            Operation::Observe { reader, waits } => self.observe(reader, waits),
            Operation::ObserveInto { reader, room } => self.observe_into(reader, room),
        }
        self.agree();
    }

    /// Whether all messages have one length.
    pub fn is_fixed_length(&self) -> bool {
        self.ring.geometry().stride_kind().is_fixed_length()
    }

    /// The same operation, most often with the length and the tag that all messages of the ring have.
    fn fixed(&self, operation: &Operation) -> Operation {
        let length = |length: usize| if length % 6 == 1 { length } else { self.model.capacity };
        let tag = |tag: u32| if tag % 8 == 1 { tag } else { 0 };
        match operation.clone() {
            Operation::Publish { length: l, tag: t } => Operation::Publish { length: length(l), tag: tag(t) },
            Operation::Commit { claimed, length: l, tag: t } => {
                Operation::Commit { claimed: length(claimed), length: length(l), tag: tag(t) }
            }
            Operation::Abandon { claimed } => Operation::Abandon { claimed: length(claimed) },
            Operation::PublishBatch { lengths } => {
                let all = lengths.iter().all(|length| length % 6 != 1);
                let lengths = lengths.into_iter().map(|l| if all { self.model.capacity } else { length(l) });
                Operation::PublishBatch { lengths: lengths.collect() }
            }
            other => other,
        }
    }

    /// What can be asked at any time.
    fn agree(&self) {
        let model = &self.model;
        if let Some(producer) = &self.producer {
            assert_eq!((producer.next_seq(), producer.epoch()), (model.head(), model.epoch));
            assert_eq!(producer.consumer_count(), Ok(self.consumers.iter().flatten().count()));
        }
        for (cell, (consumer, reader)) in
            (0..).zip(&self.consumers).filter_map(|(cell, slot)| Some((cell, slot.as_ref()?)))
        {
            assert_eq!((consumer.cell(), consumer.next_seq()), (cell, reader.next));
            assert_eq!(consumer.len(), Ok(model.head().saturating_sub(reader.next)));
            assert_eq!((consumer.state(), consumer.epoch()), (Ok(model.state), Ok(model.epoch)));
            assert_eq!(consumer.producer_alive(), Ok(model.has_producer));
        }
        for (observer, watcher, _) in self.observers.iter().flatten() {
            assert_eq!((observer.start(), observer.next_seq()), (watcher.start, watcher.reader.next));
            assert_eq!(observer.lost(), watcher.lost);
            assert_eq!(observer.received() + observer.lost(), watcher.reader.next - watcher.start);
            assert_eq!(observer.lag(), Ok(model.head().saturating_sub(watcher.reader.next)));
            assert_eq!((observer.head(), observer.epoch()), (Ok(model.head()), Ok(model.epoch)));
        }
    }
}

/// Does so many sequences of operations on rings of this kind, chosen at random: others each time, or those that follow
/// from `seed`.
pub fn agrees(kind: Kind, cases: u32, seed: RngSeed) {
    let config =
        ProptestConfig { cases, failure_persistence: None, rng_seed: seed, ..ProptestConfig::default() };
    proptest!(config, |(config in operation::config(), operations in vec(operation::operation(), 1..250))| {
        let mut ringside = Ringside::new(kind, &config);
        for operation in &operations {
            ringside.apply(operation);
        }
    });
}
