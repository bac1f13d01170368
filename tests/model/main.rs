//! A ring and a simple model of it do the same operations, one after another, and agree on every answer.

#[path = "../common/mod.rs"]
mod common;
mod operation;
mod producing;
mod reading;
mod reference;

use common::{Kind, Place};
use operation::{Operation, READERS};
use proptest::collection::vec;
use proptest::prelude::*;
use reference::{Reader, Reference, Watcher};
use ringway::{Config, Consumer, Observer, Producer};

/// A ring, its users, and what they are expected to find.
struct Ringside {
    place: Place,
    model: Reference,
    producer: Option<Producer>,
    /// By cell.
    consumers: [Option<(Consumer, Reader)>; READERS],
    /// With whether it goes on at the latest message.
    observers: [Option<(Observer, Watcher, bool)>; READERS],
}

impl Ringside {
    fn new(kind: Kind, (config, slots, capacity): &(Config, u64, usize)) -> Self {
        Self {
            place: kind.ring(config),
            model: Reference::new(*slots, *capacity),
            producer: None,
            consumers: Default::default(),
            observers: Default::default(),
        }
    }

    fn apply(&mut self, operation: &Operation) {
        match *operation {
            Operation::Produce => self.produce(),
            Operation::Abdicate => self.abdicate(),
            Operation::Close => self.close(),
            Operation::Publish { length, tag } => self.publish(length, tag),
            Operation::Commit { claimed, length, tag } => self.commit(claimed, length, tag),
            Operation::Abandon { claimed } => self.abandon(claimed),
            Operation::PublishBatch { ref lengths } => self.publish_batch(lengths),
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

    /// What can be asked at any time.
    fn agree(&self) {
        let model = &self.model;
        if let Some(producer) = &self.producer {
            assert_eq!((producer.next_seq(), producer.epoch()), (model.head(), model.epoch));
            assert_eq!(producer.consumers(), Ok(self.consumers.iter().flatten().count()));
        }
        for (cell, (consumer, reader)) in
            (0..).zip(&self.consumers).filter_map(|(cell, slot)| Some((cell, slot.as_ref()?)))
        {
            assert_eq!((consumer.cell(), consumer.next_seq()), (cell, reader.next));
            assert_eq!(consumer.lag(), Ok(model.head().saturating_sub(reader.next)));
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

fn agrees(kind: Kind, cases: u32) {
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(config in operation::config(), operations in vec(operation::operation(), 1..250))| {
        let mut ringside = Ringside::new(kind, &config);
        for operation in &operations {
            ringside.apply(operation);
        }
    });
}

#[test]
fn an_anonymous_ring_does_what_the_model_does() {
    agrees(Kind::Anonymous, 128);
}

#[test]
fn a_ring_in_a_file_does_what_the_model_does() {
    agrees(Kind::File, 128);
}

#[test]
fn a_trusted_ring_in_a_file_does_what_the_model_does() {
    agrees(Kind::TrustedFile, 128);
}
