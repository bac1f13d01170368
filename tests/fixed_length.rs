//! Rings whose messages all have one length: each way to publish and to read works, another length or a tag is refused,
//! and what another process reads at full speed, or finds after a death, is whole.

use ringway::{
    Config, Consumer, Observer, Outcome, Producer, PublishError, Resume, Ring, SeekError, Start, Stride, Wait,
};
use testkit::roles::{Sender, read, reader, verify_in};
use testkit::{Kind, PATIENCE, Post, TestRing, named, payload, role, suite};

/// Each stride of one length, with a length.
const STRIDES: [(Stride, usize); 6] = [
    (Stride::Line, 56),
    (Stride::Line, 13),
    (Stride::Line, 0),
    (Stride::Split, 64),
    (Stride::Split, 200),
    (Stride::Split, 0),
];
const MESSAGES: u64 = 20_000;

fn main() {
    suite::run(
        named![
            each_way_to_publish_gives_each_way_to_read_what_was_published,
            another_length_is_refused_and_costs_nothing,
            a_tag_is_refused_and_costs_nothing,
            a_consumer_in_another_process_gets_all_that_is_sent,
            what_an_observer_accepts_is_intact_and_what_it_lost_is_counted,
            a_full_ring_waits_and_a_reader_that_joins_or_seeks_finds_its_message,
            a_successor_goes_on_where_a_producer_was_killed,
        ],
        named![reader, flood, flood_until_killed],
    );
}

fn config(slots: u64, (stride, length): (Stride, usize)) -> Config {
    Config::new().slots(slots).payload_capacity(length as u64).stride(stride).max_consumers(3)
}

fn message(seq: u64, length: usize) -> Vec<u8> {
    payload::message(seq, length)
}

/// Publishes message after message, each time in another way, until `end`.
fn publish_in_each_way(producer: &mut Producer, length: usize, end: u64) {
    let mut way = 0;
    while producer.next_seq() < end {
        let seq = producer.next_seq();
        let two = [message(seq, length), message(seq + 1, length)];
        let fill = |seq: u64, bytes: &mut [u8]| bytes.copy_from_slice(&message(seq, length));
        match way % 9 {
            0 => assert_eq!(producer.publish(&two[0]), Ok(seq)),
            1 => assert_eq!(producer.try_publish(&two[0]), Ok(seq)),
            2 => assert_eq!(producer.publish_tagged(&two[0], 0), Ok(seq)),
            3 => {
                let mut claim = producer.claim(length).unwrap();
                claim.copy_from_slice(&two[0]);
                assert_eq!(claim.commit_len(length), Ok(seq));
            }
            4 => producer.publish_batch(&two).unwrap(),
            5 => producer.publish_batch_with(2, length, fill).unwrap(),
            6 => producer.publish_all(&two).unwrap(),
            7 => producer.publish_all_with(2, length, fill).unwrap(),
            _ => {
                let mut batch = producer.claim_batch(3, length).unwrap();
                for mut claim in batch.iter_mut() {
                    let seq = claim.seq();
                    fill(seq, &mut claim);
                    claim.set_len(length).unwrap();
                }
                batch.truncate(2);
                assert_eq!(batch.commit(), Ok(seq..seq + 2));
            }
        }
        way += 1;
    }
}

/// Reads all there is, one way after another; stops at `end`.
fn read_in_each_way(consumer: &mut Consumer, end: u64, first_way: u64) {
    let ring = consumer.geometry().clone();
    let mut way = first_way;
    while consumer.next_seq() < end {
        let expected = consumer.next_seq();
        match way % 5 {
            0 => {
                let Outcome::Message(found) = consumer.try_recv().unwrap() else { panic!("{expected}") };
                assert_eq!(found.seq(), expected);
                verify_in(&ring, found.seq(), found.tag(), &found);
            }
            1 => {
                let mut buffer = [0; 200];
                let Outcome::Message(copied) = consumer.recv_into(&mut buffer).unwrap() else { panic!() };
                assert_eq!(copied.seq, expected);
                verify_in(&ring, copied.seq, copied.tag, &buffer[..copied.len]);
            }
            2 => {
                let Outcome::Message(batch) = consumer.recv_batch(3).unwrap() else { panic!("{expected}") };
                for (found, seq) in batch.iter().zip(expected..) {
                    assert_eq!(found.seq(), seq);
                    verify_in(&ring, found.seq(), found.tag(), &found);
                }
                let last = batch.get(batch.len() - 1).unwrap();
                verify_in(&ring, last.seq(), last.tag(), &last);
            }
            3 => {
                let Outcome::Message(found) = consumer.peek().unwrap() else { panic!("{expected}") };
                assert_eq!(found.seq(), expected);
                verify_in(&ring, found.seq(), found.tag(), &found);
                let again = consumer.peeked(expected).unwrap();
                verify_in(&ring, again.seq(), again.tag(), &again);
                consumer.release_through(expected).unwrap();
            }
            _ => {
                let Outcome::Message(found) = consumer.recv_timeout(PATIENCE).unwrap() else { panic!() };
                assert_eq!(found.seq(), expected);
            }
        }
        way += 1;
    }
}

fn each_way_to_publish_gives_each_way_to_read_what_was_published(kind: Kind) {
    for shape in STRIDES {
        let ring = kind.ring(&config(64, shape));
        let mut consumer = ring.consumer(Start::Oldest).unwrap();
        let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
        let mut producer = ring.producer().unwrap();
        for round in 1..=20 {
            let end = round * 28;
            publish_in_each_way(&mut producer, shape.1, end);
            let head = producer.next_seq();
            let mut clone = consumer.try_clone().unwrap();
            read_in_each_way(&mut consumer, head, round);
            read_in_each_way(&mut clone, head, round + 1);
            assert!(matches!(consumer.try_recv().unwrap(), Outcome::Empty));
            while let Outcome::Message(found) = observer.try_recv().unwrap() {
                verify_in(ring.geometry(), found.seq(), found.tag(), &found);
            }
            assert_eq!((observer.next_seq(), observer.lost()), (head, 0));
        }
        producer.close().unwrap();
        assert!(matches!(consumer.recv().unwrap(), Outcome::Closed));
        assert!(matches!(observer.try_recv().unwrap(), Outcome::Closed));
    }
}

fn another_length_is_refused_and_costs_nothing(kind: Kind) {
    for shape @ (_, length) in STRIDES {
        let ring = kind.ring(&config(8, shape));
        let mut consumer = ring.consumer(Start::Oldest).unwrap();
        let mut producer = ring.producer().unwrap();
        producer.publish(&message(0, length)).unwrap();
        for len in [0, length.wrapping_sub(1), length + 1].into_iter().filter(|&len| len != length) {
            if len > 1000 {
                continue;
            }
            let refused = PublishError::FixedLength { len, expected: length };
            let (wrong, right) = (vec![1; len], vec![1; length]);
            assert_eq!(producer.try_publish(&wrong), Err(refused));
            assert_eq!(producer.publish_tagged(&wrong, 7), Err(refused));
            assert_eq!(producer.claim(len).map(drop), Err(refused));
            assert_eq!(producer.claim_batch(2, len).map(drop), Err(refused));
            assert_eq!(producer.try_publish_batch(&[&right, &wrong]), Err(refused));
            assert_eq!(producer.try_publish_batch_with(2, len, |_, _| panic!("called")), Err(refused));
            assert_eq!(producer.try_publish_all(&[&right, &wrong]), Err(refused));
            if len < length {
                assert_eq!(producer.claim(length).unwrap().commit_len(len), Err(refused));
                let mut batch = producer.claim_batch(1, length).unwrap();
                assert_eq!(batch.message(0).set_len(len), Err(refused));
            }
        }
        assert_eq!(producer.next_seq(), 1);
        producer.publish(&message(1, length)).unwrap();
        read(&mut consumer, 2);
    }
}

fn a_tag_is_refused_and_costs_nothing(kind: Kind) {
    for shape @ (_, length) in STRIDES {
        let ring = kind.ring(&config(8, shape));
        let mut consumer = ring.consumer(Start::Oldest).unwrap();
        let mut producer = ring.producer().unwrap();
        let refused = PublishError::NoTags { tag: 7 };
        assert_eq!(producer.publish_tagged(&message(0, length), 7), Err(refused));
        assert_eq!(producer.try_publish_tagged(&message(0, length), 7), Err(refused));
        assert_eq!(producer.claim(length).unwrap().commit_tagged(7), Err(refused));
        let mut batch = producer.claim_batch(2, length).unwrap();
        batch.message(1).set_tag(7);
        assert_eq!(batch.commit(), Err(refused));
        assert_eq!(producer.next_seq(), 0);
        assert!(matches!(consumer.try_recv().unwrap(), Outcome::Empty));
        producer.publish(&message(0, length)).unwrap();
        read(&mut consumer, 1);
    }
}

fn a_consumer_in_another_process_gets_all_that_is_sent(kind: Kind) {
    for shape in STRIDES {
        let ring = kind.ring(&config(16, shape));
        let mut other = ring.start(role!(reader));
        other.hear_number();
        let mut sender = Sender::new(ring.producer().unwrap());
        sender.send_many(MESSAGES);
        sender.close();
        assert_eq!(other.hear_number(), MESSAGES);
        other.succeed();
    }
}

/// Publishes at full speed, each way in turn, until a consumer joins.
fn flood(ring: &TestRing, post: &mut Post) {
    let mut producer = ring.producer().unwrap();
    let length = ring.geometry().payload_capacity() as usize;
    while producer.consumer_count() == Ok(0) {
        let end = producer.next_seq() + 12;
        publish_in_each_way(&mut producer, length, end);
    }
    producer.close().unwrap();
    post.say(producer.next_seq());
}

fn what_an_observer_accepts_is_intact_and_what_it_lost_is_counted(kind: Kind) {
    for shape in STRIDES {
        let ring = kind.ring(&config(8, shape));
        let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
        observer.set_wait(Wait::Spin);
        let mut other = ring.start(role!(flood));
        let mut lost = 0;
        // Until it has got, and has lost, enough to mean something.
        while observer.received() < 200 || lost == 0 {
            lost += observe(&mut observer);
        }
        let mut enough = ring.consumer(Start::Latest).unwrap();
        enough.set_wait(Wait::Yield);
        while !matches!(enough.recv_timeout(PATIENCE).unwrap(), Outcome::Closed) {}
        let head = other.hear_number();
        while observer.next_seq() < head {
            lost += observe(&mut observer);
        }
        assert_eq!((observer.lost(), observer.received() + observer.lost()), (lost, head));
        other.succeed();
    }
}

/// Observes once. How many messages were lost.
fn observe(observer: &mut Observer) -> u64 {
    let (ring, expected) = (observer.geometry().clone(), observer.next_seq());
    match observer.recv_timeout(PATIENCE).unwrap() {
        Outcome::Message(found) => {
            assert_eq!(found.seq(), expected);
            verify_in(&ring, found.seq(), found.tag(), &found);
            0
        }
        Outcome::Lagged(lost) => lost,
        other => panic!("{other:?}"),
    }
}

fn a_full_ring_waits_and_a_reader_that_joins_or_seeks_finds_its_message(kind: Kind) {
    for shape in STRIDES {
        let ring = kind.ring(&config(8, shape));
        let mut sender = Sender::new(ring.producer().unwrap());
        sender.send_many(20);
        let mut oldest = ring.consumer(Start::Oldest).unwrap();
        let mut at = ring.consumer(Start::At(18)).unwrap();
        assert_eq!((oldest.next_seq(), at.next_seq()), (16, 18));
        sender.send_many(4);
        assert!(matches!(sender.try_send(), Err(PublishError::Full(full)) if full.cell == oldest.cell()));
        read(&mut at, 6);
        oldest.seek(19).unwrap();
        assert!(matches!(oldest.seek(25), Err(SeekError::Unpublished { .. })));
        assert_eq!(oldest.skip(1), Ok(1));
        read(&mut oldest, 4);
        sender.send_many(8);
        // Later than what is published.
        drop(oldest);
        let mut ahead = ring.consumer(Start::At(34)).unwrap();
        assert!(matches!(ahead.try_recv().unwrap(), Outcome::Empty));
        read(&mut at, 8);
        sender.send_many(3);
        read(&mut at, 3);
        read(&mut ahead, 1);
    }
}

fn flood_until_killed(ring: &TestRing, post: &mut Post) {
    let mut sender = Sender::new(ring.producer().unwrap());
    post.say("running");
    loop {
        sender.send_many(u64::MAX);
    }
}

/// Receives a message, or an event of a death and its end. Whether the producer is lost.
fn read_on(consumer: &mut Consumer, ring: &TestRing) -> bool {
    let expected = consumer.next_seq();
    match consumer.recv_timeout(PATIENCE).unwrap() {
        Outcome::Message(found) => {
            assert_eq!(found.seq(), expected);
            verify_in(ring.geometry(), found.seq(), found.tag(), &found);
            false
        }
        Outcome::EpochChanged { .. } => false,
        Outcome::ProducerLost => true,
        other => panic!("{other:?}"),
    }
}

fn a_successor_goes_on_where_a_producer_was_killed(kind: Kind) {
    for shape in STRIDES {
        let ring = kind.ring(&config(16, shape));
        let mut consumer = ring.consumer(Start::Oldest).unwrap();
        for round in 1..=5 {
            let mut other = ring.start(role!(flood_until_killed));
            other.expect("running");
            let enough = consumer.next_seq() + 1000;
            while consumer.next_seq() < enough {
                assert!(!read_on(&mut consumer, &ring));
            }
            other.kill();
            while !read_on(&mut consumer, &ring) {}
            let mut successor = Sender::new(ring.producer().unwrap());
            assert_eq!(successor.producer.epoch(), 2 * round);
            successor.send_many(10);
            let end = successor.producer.next_seq();
            while consumer.next_seq() < end {
                assert!(!read_on(&mut consumer, &ring));
            }
        }
    }
}
