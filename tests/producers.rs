//! One producer at a time: how it is refused a second, ends, is killed, and is succeeded.

mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use common::roles::{Sender, read, read_to_the_end, sender};
use common::{Kind, PATIENCE, Place, Post, next, payload};
use nix::sys::signal::{Signal, raise};
use ringway::{
    AttachError, Config, Consumer, Observer, Outcome, Producer, PublishError, Resume, Ring, Start,
};
use ringway::{State, Wait};

const SLOTS: u64 = 16;

/// Long enough for some questions to the kernel.
const A_WHILE: Duration = Duration::from_millis(50);

fn main() {
    common::run(
        named![
            a_second_producer_is_refused_naming_the_first,
            a_closed_ring_is_drained_and_then_closed,
            a_closed_ring_can_be_opened_again,
            a_producer_that_ends_without_closing_is_lost,
            a_killed_producer_is_lost_once_and_succeeded_without_a_gap,
            a_successor_that_waits_takes_over,
            a_message_being_written_dies_with_its_producer,
            a_stopped_producer_is_neither_lost_nor_succeeded,
            a_closed_descriptor_leaves_no_two_producers_at_work,
        ],
        named![sender, second_producer, producer_until_killed, producer_that_dies_in_a_claim, quitter],
    );
}

fn config() -> Config {
    Config::new().slots(SLOTS).payload_capacity(101).max_consumers(2)
}

fn a_second_producer_is_refused_naming_the_first(kind: Kind) {
    let place = kind.ring(&config());
    let first = place.producer().unwrap();
    let own = u64::from(std::process::id());
    let refused = |pid| matches!(place.producer(), Err(AttachError::ProducerTaken { pid: p }) if p == pid);
    assert!(refused(own));
    let mut other = place.start(role!(second_producer));
    assert_eq!(other.hear_number(), own);
    drop(first);
    other.say("go on");
    other.expect("taken");
    assert!(refused(other.pid().into()));
    other.say("go on");
    other.succeed();
    let producer = place.producer().unwrap();
    assert_eq!((producer.epoch(), producer.next_seq()), (3, 0));
}

fn second_producer(place: &Place, post: &mut Post) {
    let Err(AttachError::ProducerTaken { pid }) = place.producer() else { panic!("there is one") };
    post.say(pid);
    post.expect("go on");
    let _producer = place.producer().unwrap();
    post.say("taken");
    post.expect("go on");
}

fn a_closed_ring_is_drained_and_then_closed(kind: Kind) {
    let place = kind.ring(&config());
    let mut consumer = place.consumer(Start::Oldest).unwrap();
    let mut observer = place.observer(Start::Oldest, Resume::OldestSafe).unwrap();
    let mut producer = place.start(role!(sender));
    producer.expect("ready");
    producer.say(SLOTS);
    producer.succeed();
    // Closed, and gone: what it published is there.
    assert_eq!((consumer.state().unwrap(), consumer.producer_alive()), (State::Closed, Ok(false)));
    assert_eq!(read_to_the_end(&mut consumer), SLOTS);
    for _ in 0..SLOTS {
        assert!(matches!(observer.try_recv().unwrap(), Outcome::Message(_)));
    }
    for _ in 0..3 {
        assert!(matches!(consumer.try_recv().unwrap(), Outcome::Closed));
        assert!(matches!(consumer.recv(Wait::Yield, A_WHILE).unwrap(), Outcome::Closed));
        assert!(matches!(observer.recv(Wait::Yield, A_WHILE).unwrap(), Outcome::Closed));
    }
    // Who comes later finds the rest.
    assert_eq!(read_to_the_end(&mut place.consumer(Start::Oldest).unwrap()), SLOTS / 2);
    assert_eq!(read_to_the_end(&mut place.consumer(Start::Latest).unwrap()), 0);
}

fn a_closed_ring_can_be_opened_again(kind: Kind) {
    let place = kind.ring(&config());
    let mut consumer = place.consumer(Start::Oldest).unwrap();
    let mut observer = place.observer(Start::Oldest, Resume::OldestSafe).unwrap();
    for round in 0..5 {
        let mut producer = place.start(role!(sender));
        producer.expect("ready");
        producer.say(7);
        producer.succeed();
        assert_eq!((observer.epoch(), observer.head().unwrap()), (Ok(round + 1), 7 * (round + 1)));
        read(&mut consumer, 7);
        for _ in 0..7 {
            assert!(matches!(observer.try_recv().unwrap(), Outcome::Message(_)));
        }
        // What follows a message is told after it, and once.
        if round > 0 {
            let (e, first) = (round + 1, 7 * round);
            assert!(is_change(&consumer.try_recv().unwrap(), e, first));
            assert!(is_change(&observer.try_recv().unwrap(), e, first));
        }
        assert!(matches!(consumer.try_recv().unwrap(), Outcome::Closed));
        assert!(matches!(observer.try_recv().unwrap(), Outcome::Closed));
    }
}

fn is_change<M>(outcome: &Outcome<M>, expected: u64, first: u64) -> bool {
    matches!(outcome, Outcome::EpochChanged { epoch, first_seq } if (*epoch, *first_seq) == (expected, first))
}

fn a_producer_that_ends_without_closing_is_lost(kind: Kind) {
    let place = kind.ring(&config());
    let mut consumer = place.consumer(Start::Oldest).unwrap();
    let mut observer = place.observer(Start::Oldest, Resume::OldestSafe).unwrap();
    place.start(role!(quitter)).succeed();
    read(&mut consumer, 3);
    assert!(matches!(consumer.recv(Wait::Yield, PATIENCE).unwrap(), Outcome::ProducerLost));
    assert!(matches!(consumer.recv(Wait::Yield, A_WHILE).unwrap(), Outcome::Empty));
    for _ in 0..3 {
        assert!(matches!(observer.recv(Wait::Yield, PATIENCE).unwrap(), Outcome::Message(_)));
    }
    assert!(matches!(observer.recv(Wait::Spin, PATIENCE).unwrap(), Outcome::ProducerLost));
    assert!(matches!(observer.recv(Wait::Spin, A_WHILE).unwrap(), Outcome::Empty));
}

fn quitter(place: &Place, _: &mut Post) {
    Sender::new(place.producer().unwrap()).send_many(3);
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
        let expected = consumer.next_seq();
        match consumer.recv(Wait::Yield, PATIENCE).unwrap() {
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
fn producer_until_killed(place: &Place, post: &mut Post) {
    let mut producer = loop {
        match place.producer() {
            Err(AttachError::ProducerTaken { .. }) => std::thread::yield_now(),
            other => break other.unwrap(),
        }
    };
    producer.set_wait(Wait::Yield, PATIENCE);
    post.say(producer.epoch());
    loop {
        let (seq, epoch) = (producer.next_seq(), producer.epoch());
        match seq % 3 {
            0 => drop(producer.publish(&compose(seq, epoch)).unwrap()),
            1 => {
                let message = compose(seq, epoch);
                let mut claim = producer.claim(message.len()).unwrap();
                claim.copy_from_slice(&message);
                claim.commit(0).unwrap();
            }
            _ => {
                let batch: Vec<_> = (seq..seq + seq % 20).map(|seq| compose(seq, epoch)).collect();
                producer.publish_batch(&batch).unwrap();
                producer.publish(&compose(producer.next_seq(), epoch)).unwrap();
            }
        }
    }
}

fn a_killed_producer_is_lost_once_and_succeeded_without_a_gap(kind: Kind) {
    let place = kind.ring(&config());
    let mut consumer = place.consumer(Start::Oldest).unwrap();
    let mut observer = place.observer(Start::Oldest, Resume::OldestSafe).unwrap();
    let mut record = Record::default();
    for epoch in 1..=12 {
        let resumed = record.written.len();
        let mut producer = place.start(role!(producer_until_killed));
        assert_eq!(producer.hear_number(), epoch);
        while record.written.len() < resumed + 300 + 7 * epoch as usize {
            record.consume(&mut consumer);
        }
        // Somewhere in a message, a batch or a wait.
        producer.kill();
        while record.losses < epoch {
            record.consume(&mut consumer);
        }
        assert!(matches!(consumer.recv(Wait::Yield, A_WHILE).unwrap(), Outcome::Empty));
        if epoch > 1 {
            assert_eq!(record.announced.get(&(resumed as u64)), Some(&epoch));
        }
        assert_eq!((record.losses, record.announced.len() as u64), (epoch, epoch - 1));
        record.observe(&mut observer);
    }
    record.check();
}

fn a_successor_that_waits_takes_over(kind: Kind) {
    let place = kind.ring(&config());
    let mut consumer = place.consumer(Start::Oldest).unwrap();
    let mut record = Record::default();
    let mut producer = place.start(role!(producer_until_killed));
    producer.expect("1");
    for epoch in 2..=12 {
        let mut successor = place.start(role!(producer_until_killed));
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

fn a_message_being_written_dies_with_its_producer(kind: Kind) {
    let place = kind.ring(&config());
    let mut consumer = place.consumer(Start::Oldest).unwrap();
    let mut seq = 0;
    for _ in 0..10 {
        let dying = place.start(role!(producer_that_dies_in_a_claim));
        dying.die();
        read(&mut consumer, 3);
        seq += 3;
        // Its successor writes the message that was being written.
        let mut sender = Sender::new(place.producer().unwrap());
        assert_eq!(sender.producer.next_seq(), seq);
        sender.send_many(2);
        seq += 2;
        assert!(next(&mut consumer, |found, tag, bytes| {
            common::roles::verify(101, found, tag, bytes);
            found == seq - 2
        }));
        read(&mut consumer, 1);
        drop(sender);
        while !matches!(consumer.recv(Wait::Yield, A_WHILE).unwrap(), Outcome::Empty) {}
    }
}

fn producer_that_dies_in_a_claim(place: &Place, _: &mut Post) {
    let mut sender = Sender::new(place.producer().unwrap());
    sender.send_many(3);
    let mut claim = sender.producer.claim(101).unwrap();
    claim.fill(0xAB);
    raise(Signal::SIGKILL).unwrap();
}

fn a_stopped_producer_is_neither_lost_nor_succeeded(kind: Kind) {
    let place = kind.ring(&config());
    let mut consumer = place.consumer(Start::Oldest).unwrap();
    let mut record = Record::default();
    let mut producer = place.start(role!(producer_until_killed));
    producer.expect("1");
    for _ in 0..500 {
        record.consume(&mut consumer);
    }
    producer.stop();
    // What it had published can be read; after that there is nothing, for as long as one likes to wait.
    let mut patience = 0;
    while patience < 3 {
        match consumer.recv(Wait::Yield, A_WHILE).unwrap() {
            Outcome::Message(message) => record.written.push(epoch_of(message.seq(), &message)),
            Outcome::Empty => patience += 1,
            other => panic!("a stopped producer isn't dead, but {other:?}"),
        }
    }
    assert_eq!(consumer.producer_alive(), Ok(true));
    let pid = u64::from(producer.pid());
    assert!(matches!(place.producer(), Err(AttachError::ProducerTaken { pid: p }) if p == pid));
    producer.go_on();
    for _ in 0..500 {
        assert!(record.consume(&mut consumer));
    }
    producer.kill();
}

fn a_closed_descriptor_leaves_no_two_producers_at_work(kind: Kind) {
    let place = kind.ring(&config());
    let descriptors = || {
        let listed = std::fs::read_dir("/proc/self/fd").unwrap();
        let mut numbers: Vec<i32> =
            listed.map(|entry| entry.unwrap().file_name().to_str().unwrap().parse().unwrap()).collect();
        // Without the one that the list was read by.
        numbers.retain(|number| std::fs::exists(format!("/proc/self/fd/{number}")).unwrap());
        numbers
    };
    let before = descriptors();
    let mut old = place.producer().unwrap();
    old.publish(b"one").unwrap();
    let lock = descriptors().into_iter().find(|number| !before.contains(number)).unwrap();
    // As some other code might, that closes what it doesn't know.
    nix::unistd::close(lock).unwrap();

    if kind != Kind::Anonymous {
        // The mapping of the file holds the lock, too.
        assert!(matches!(place.producer(), Err(AttachError::ProducerTaken { .. })));
        old.publish(b"two").unwrap();
        drop(old);
        assert_eq!(place.producer().unwrap().next_seq(), 2);
        return;
    }
    let mut new = place.producer().unwrap();
    assert_eq!((new.epoch(), new.next_seq()), (2, 1));
    let deposed = PublishError::Deposed { own: 1, found: 2 };
    let found = (0..=SLOTS / 2).find_map(|_| old.try_publish(b"late").err());
    assert_eq!(found, Some(deposed));
    assert_eq!(old.try_publish(b"late"), Err(deposed));
    assert_eq!(Producer::close(old), Err(deposed));
    new.publish(b"two").unwrap();
    assert_eq!(place.consumer(Start::Latest).unwrap().state().unwrap(), State::Open);
}
