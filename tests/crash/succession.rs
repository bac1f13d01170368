//! Producers that die and are succeeded: no message is lost, doubled or mixed up, and readers are told.

use std::collections::BTreeMap;
use std::time::Duration;

use ringway::{AttachError, Config, Consumer, Observer, Outcome, Resume, Ring, Start, Wait};
use testkit::{Kind, PATIENCE, Post, TestRing, named, payload, role, suite};

const SLOTS: u64 = 16;

/// Long enough for some questions to the kernel.
const A_WHILE: Duration = Duration::from_millis(50);

fn main() {
    suite::run(
        named![
            a_killed_producer_is_lost_once_and_succeeded_without_a_gap,
            a_successor_that_waits_takes_over,
            a_successor_that_waits_in_vain_is_told_who_has_the_role,
            a_new_epoch_is_told_after_all_that_came_before_it,
            a_stopped_producer_is_neither_lost_nor_succeeded,
        ],
        named![producer_until_killed, poller],
    );
}

fn config() -> Config {
    Config::new().slots(SLOTS).payload_capacity(101).max_consumers(2)
}

/// What readers of a ring with many producers have found.
#[derive(Default)]
struct Record {
    /// By first sequence: the epochs that were announced.
    announced: BTreeMap<u64, u64>,
    /// For each message, the epoch whose producer wrote it.
    written: Vec<u64>,
    observed: u64,
    losses: u64,
}

impl Record {
    /// Reads one message or event; whether it was a message.
    fn consume(&mut self, consumer: &mut Consumer) -> bool {
        consumer.set_wait(Wait::Yield);
        let expected = consumer.next_seq();
        match consumer.recv_timeout(PATIENCE).unwrap() {
            Outcome::Message(message) => {
                assert_eq!(message.seq(), expected);
                self.written.push(epoch_of(expected, &message));
                return true;
            }
            Outcome::EpochChanged { epoch, first_seq } => {
                assert_eq!(self.announced.insert(first_seq, epoch), None);
            }
            Outcome::ProducerLost => self.losses += 1,
            other => panic!("expected message {expected}, got {other:?}"),
        }
        false
    }

    /// Observes what there is now. The consumer has read it all.
    fn observe(&mut self, observer: &mut Observer) {
        loop {
            match observer.try_recv().unwrap() {
                Outcome::Message(message) => {
                    let written = epoch_of(message.seq(), &message);
                    assert_eq!(written, self.written[message.seq() as usize]);
                    self.observed += 1;
                }
                Outcome::Lagged(_) | Outcome::EpochChanged { .. } => {}
                _ => break,
            }
        }
        assert_eq!(observer.received(), self.observed);
        assert_eq!(observer.received() + observer.lost(), self.written.len() as u64);
    }

    /// Each epoch began with the message that it was announced to begin with, and none went on after the
    /// next had begun. A reader that is never idle between two of them isn't told of the first.
    fn check(&self) {
        assert!(self.written.is_sorted());
        for (&first, &epoch) in &self.announced {
            let began = self.written.partition_point(|&written| written < epoch);
            assert_eq!((began as u64, self.written.get(began)), (first, Some(&epoch)));
        }
    }
}

/// A message that tells its sequence and its producer's epoch.
fn compose(seq: u64, epoch: u64) -> Vec<u8> {
    let mut message = payload::message(seq ^ epoch << 48, payload::length(seq, 8, 101));
    message[..8].copy_from_slice(&epoch.to_ne_bytes());
    message
}

fn epoch_of(seq: u64, message: &[u8]) -> u64 {
    let epoch = u64::from_ne_bytes(message[..8].try_into().unwrap());
    assert_eq!(message, compose(seq, epoch));
    epoch
}

/// Becomes the producer as soon as it can, and publishes in every way there is until it is killed.
fn producer_until_killed(ring: &TestRing, post: &mut Post) {
    let mut producer = ring.next_producer(PATIENCE).unwrap();
    producer.set_wait(Wait::Yield);
    post.say(producer.epoch());
    loop {
        let (seq, epoch) = (producer.next_seq(), producer.epoch());
        match seq % 3 {
            0 => drop(producer.publish_timeout(&compose(seq, epoch), PATIENCE).unwrap()),
            1 => {
                let message = compose(seq, epoch);
                let mut claim = producer.claim_timeout(message.len(), PATIENCE).unwrap();
                claim.copy_from_slice(&message);
                claim.commit().unwrap();
            }
            _ => {
                let batch: Vec<_> = (seq..seq + seq % 20).map(|seq| compose(seq, epoch)).collect();
                producer.publish_batch_timeout(&batch, PATIENCE).unwrap();
                producer.publish_timeout(&compose(producer.next_seq(), epoch), PATIENCE).unwrap();
            }
        }
    }
}

fn a_killed_producer_is_lost_once_and_succeeded_without_a_gap(kind: Kind) {
    let ring = kind.ring(&config());
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    consumer.set_wait(Wait::Yield);
    let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
    let mut record = Record::default();
    for epoch in 1..=12 {
        let resumed = record.written.len();
        let mut producer = ring.start(role!(producer_until_killed));
        assert_eq!(producer.hear_number(), epoch);
        while record.written.len() < resumed + 300 + 7 * epoch as usize {
            record.consume(&mut consumer);
        }
        // Somewhere in a message, a batch or a wait.
        producer.kill();
        while record.losses < epoch {
            record.consume(&mut consumer);
        }
        assert!(matches!(consumer.recv_timeout(A_WHILE).unwrap(), Outcome::TimedOut));
        if epoch > 1 {
            assert_eq!(record.announced.get(&(resumed as u64)), Some(&epoch));
        }
        assert_eq!((record.losses, record.announced.len() as u64), (epoch, epoch - 1));
        record.observe(&mut observer);
    }
    record.check();
}

fn a_successor_that_waits_takes_over(kind: Kind) {
    let ring = kind.ring(&config());
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    let mut record = Record::default();
    let mut producer = ring.start(role!(producer_until_killed));
    producer.expect("1");
    for epoch in 2..=12 {
        let mut successor = ring.start(role!(producer_until_killed));
        for _ in 0..100 * epoch {
            record.consume(&mut consumer);
        }
        producer.kill();
        while record.written.last() != Some(&epoch) {
            record.consume(&mut consumer);
        }
        assert_eq!(successor.hear_number(), epoch);
        producer = successor;
    }
    let losses = record.losses;
    producer.kill();
    while record.losses == losses {
        record.consume(&mut consumer);
    }
    record.check();
    assert_eq!(record.announced.last_key_value().map(|(_, &epoch)| epoch), Some(12));
}

fn a_successor_that_waits_in_vain_is_told_who_has_the_role(kind: Kind) {
    let ring = kind.ring(&config());
    let mut producer = ring.producer().unwrap();
    let own = u64::from(std::process::id());
    for timeout in [Duration::ZERO, A_WHILE] {
        let taken = ring.next_producer(timeout).unwrap_err();
        assert!(matches!(taken, AttachError::ProducerTaken { pid, .. } if pid == own), "{taken}");
    }
    producer.close().unwrap();
    assert_eq!(ring.next_producer(Duration::ZERO).unwrap().epoch(), 2);
}

fn a_new_epoch_is_told_after_all_that_came_before_it(kind: Kind) {
    let ring = kind.ring(&config());
    let mut producer = ring.producer().unwrap();
    let mut reader = ring.start(role!(poller));
    reader.expect("there");
    for _ in 0..300 {
        // Wherever it is in its look at the ring, last words and a successor come now.
        reader.stop();
        producer.try_publish(b"last words").unwrap();
        drop(producer);
        producer = ring.producer().unwrap();
        reader.go_on();
        reader.expect("told");
    }
    producer.close().unwrap();
    reader.succeed();
}

/// Polls with a consumer and an observer; says when both were told of a new epoch.
fn poller(ring: &TestRing, post: &mut Post) {
    let mut consumer = ring.consumer(Start::Latest).unwrap();
    let mut observer = ring.observer(Start::Latest, Resume::OldestSafe).unwrap();
    post.say("there");
    loop {
        let mut told = [false; 2];
        while told != [true; 2] {
            let next = [consumer.next_seq(), observer.next_seq()];
            let [consumed, observed] =
                [consumer.try_recv().unwrap().map(|_| ()), observer.try_recv().unwrap().map(|_| ())];
            for (reader, outcome) in [consumed, observed].into_iter().enumerate() {
                match outcome {
                    Outcome::EpochChanged { first_seq, .. } => {
                        assert_eq!(first_seq, next[reader], "it has read all that came before");
                        told[reader] = true;
                    }
                    Outcome::Closed => return,
                    _ => {}
                }
            }
        }
        post.say("told");
    }
}

fn a_stopped_producer_is_neither_lost_nor_succeeded(kind: Kind) {
    let ring = kind.ring(&config());
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    consumer.set_wait(Wait::Yield);
    let mut record = Record::default();
    let mut producer = ring.start(role!(producer_until_killed));
    producer.expect("1");
    for _ in 0..500 {
        record.consume(&mut consumer);
    }
    producer.stop();
    // What it had published can be read; after that there is nothing, for as long as one likes to wait.
    let mut patience = 0;
    while patience < 3 {
        match consumer.recv_timeout(A_WHILE).unwrap() {
            Outcome::Message(message) => record.written.push(epoch_of(message.seq(), &message)),
            Outcome::TimedOut => patience += 1,
            other => panic!("a stopped producer isn't dead, but {other:?}"),
        }
    }
    assert_eq!(consumer.producer_alive(), Ok(true));
    let pid = u64::from(producer.pid());
    assert!(matches!(ring.producer(), Err(AttachError::ProducerTaken { pid: p, .. }) if p == pid));
    producer.go_on();
    for _ in 0..500 {
        assert!(record.consume(&mut consumer));
    }
    producer.kill();
}
