//! Readers that start or go elsewhere than at the ends of what is kept.

use ringway::{Config, Observer, Outcome, Resume, Ring, SeekError, Start};
use testkit::roles::{Sender, read, verify};
use testkit::{Kind, Post, TestRing, named, role, suite};

const SLOTS: u64 = 16;

fn main() {
    suite::run(
        named![
            a_reader_of_the_newest_starts_so_many_back_as_far_as_they_are_kept,
            a_consumer_of_the_newest_meets_a_running_producer,
            a_consumer_skips_no_further_than_head_and_makes_room,
            a_consumer_seeks_forward_and_says_why_it_cannot_go_back,
            an_observer_seeks_back_and_forth_within_what_is_kept,
            an_observer_that_seeks_counts_exactly,
        ],
        named![flood],
    );
}

fn config() -> Config {
    Config::new().slots(SLOTS).payload_capacity(48).max_consumers(2)
}

fn flood(ring: &TestRing, post: &mut Post) {
    let mut sender = Sender::new(ring.producer().unwrap());
    sender.send_many(2 * SLOTS);
    post.say("running");
    loop {
        sender.send_many(u64::MAX);
    }
}

fn a_reader_of_the_newest_starts_so_many_back_as_far_as_they_are_kept(kind: Kind) {
    let ring = kind.ring(&config());
    let consumer = |n| ring.consumer(Start::Newest(n)).unwrap().next_seq();
    let observer = |n| ring.observer(Start::Newest(n), Resume::Latest).unwrap().next_seq();
    assert_eq!((consumer(3), observer(3)), (0, 0));
    let mut sender = Sender::new(ring.producer().unwrap());
    sender.send_many(2);
    assert_eq!((consumer(1), observer(1), consumer(3), observer(3)), (1, 1, 0, 0));
    sender.send_many(2 * SLOTS - 2);
    let head = 2 * SLOTS;
    assert_eq!((consumer(0), observer(0)), (head, head));
    assert_eq!((consumer(3), observer(3)), (head - 3, head - 3));
    // A consumer gets half a lap at most, an observer a whole one.
    assert_eq!((consumer(SLOTS), observer(SLOTS)), (head - SLOTS / 2, head - SLOTS));
    assert_eq!((consumer(u64::MAX), observer(u64::MAX)), (head - SLOTS / 2, head - SLOTS));
}

fn a_consumer_of_the_newest_meets_a_running_producer(kind: Kind) {
    let ring = kind.ring(&config());
    let mut producer = ring.start(role!(flood));
    producer.expect("running");
    for round in 0..100 {
        let mut consumer = ring.consumer(Start::Newest(round % SLOTS)).unwrap();
        read(&mut consumer, 2 * SLOTS);
    }
    producer.kill();
}

fn a_consumer_skips_no_further_than_head_and_makes_room(kind: Kind) {
    let ring = kind.ring(&config());
    let mut consumer = ring.consumer(Start::Latest).unwrap();
    let mut sender = Sender::new(ring.producer().unwrap());
    assert_eq!(consumer.skip(1), Ok(0));
    sender.send_many(SLOTS);
    assert!(sender.try_send().is_err(), "the ring is full");
    assert_eq!((consumer.skip(0), consumer.skip(3)), (Ok(0), Ok(3)));
    assert_eq!(
        (consumer.next_seq(), consumer.len(), sender.producer.count_room()),
        (3, Ok(SLOTS - 3), Ok(3))
    );
    read(&mut consumer, 1);
    assert_eq!((consumer.skip(u64::MAX), consumer.is_empty()), (Ok(SLOTS - 4), Ok(true)));
    sender.send_many(1);
    read(&mut consumer, 1);
}

fn a_consumer_seeks_forward_and_says_why_it_cannot_go_back(kind: Kind) {
    let ring = kind.ring(&config());
    let mut consumer = ring.consumer(Start::Latest).unwrap();
    let mut sender = Sender::new(ring.producer().unwrap());
    sender.send_many(SLOTS);
    assert_eq!(consumer.seek(5), Ok(()));
    read(&mut consumer, 1);
    assert_eq!(consumer.seek(5), Err(SeekError::Backward { asked: 5, expected: 6 }));
    assert_eq!(consumer.seek(SLOTS + 1), Err(SeekError::Unpublished { asked: SLOTS + 1, head: SLOTS }));
    assert_eq!((consumer.seek(6), consumer.next_seq()), (Ok(()), 6));
    assert_eq!((consumer.seek(SLOTS), sender.producer.count_room()), (Ok(()), Ok(SLOTS)));
    assert!(matches!(consumer.try_recv(), Ok(Outcome::Empty)));
}

/// Receives the next message, which is `seq`.
fn look(observer: &mut Observer, seq: u64) {
    let capacity = observer.geometry().payload_capacity();
    match observer.try_recv() {
        Ok(Outcome::Message(message)) => {
            assert_eq!(message.seq(), seq);
            verify(capacity, seq, message.tag(), &message);
        }
        other => panic!("expected message {seq}, got {other:?}"),
    }
}

fn an_observer_seeks_back_and_forth_within_what_is_kept(kind: Kind) {
    let ring = kind.ring(&config());
    let mut observer = ring.observer(Start::Latest, Resume::Latest).unwrap();
    let mut sender = Sender::new(ring.producer().unwrap());
    sender.send_many(SLOTS + 2);
    let gone = Err(SeekError::Overwritten { asked: 1, oldest: 2 });
    assert_eq!((observer.seek(1), observer.next_seq()), (gone, 0));
    observer.seek(2).unwrap();
    look(&mut observer, 2);
    observer.seek(SLOTS).unwrap();
    look(&mut observer, SLOTS);
    observer.seek(3).unwrap();
    look(&mut observer, 3);
    let head = SLOTS + 2;
    assert_eq!(observer.seek(head + 1), Err(SeekError::Unpublished { asked: head + 1, head }));
    observer.seek(head).unwrap();
    assert!(matches!(observer.try_recv(), Ok(Outcome::Empty)));
}

fn an_observer_that_seeks_counts_exactly(kind: Kind) {
    let ring = kind.ring(&config());
    let mut sender = Sender::new(ring.producer().unwrap());
    sender.send_many(4);
    let mut observer = ring.observer(Start::At(1), Resume::OldestSafe).unwrap();
    let counts = |observer: &Observer| (observer.received(), observer.lost(), observer.skipped());
    let balanced = |observer: &Observer| {
        let sum = (observer.received() + observer.lost()) as i64 + observer.skipped();
        assert_eq!(sum, observer.next_seq() as i64 - observer.start() as i64);
    };
    look(&mut observer, 1);
    look(&mut observer, 2);
    observer.seek(0).unwrap();
    assert_eq!(counts(&observer), (2, 0, -3));
    look(&mut observer, 0);
    look(&mut observer, 1);
    assert_eq!(counts(&observer), (4, 0, -3));
    assert_eq!(observer.skip(1), Ok(1));
    assert_eq!((counts(&observer), observer.next_seq()), ((4, 0, -2), 3));
    balanced(&observer);
    // Lapped at message 3: it loses what is gone, as ever.
    sender.send_many(2 * SLOTS);
    assert!(matches!(observer.try_recv(), Ok(Outcome::Lagged(lost)) if lost == SLOTS + 1));
    assert_eq!(counts(&observer), (4, SLOTS + 1, -2));
    balanced(&observer);
    assert_eq!((observer.skip(u64::MAX), observer.lag()), (Ok(SLOTS), Ok(0)));
    balanced(&observer);
}
