//! Consumers that join a ring whose producer, another process, runs at full speed: each sees a sequence
//! without a gap from where it started.

use std::time::Duration;

use ringway::{AttachError, Config, Consumer, Observer, Outcome, Resume, Ring, Start, State, Wait};
use testkit::roles::{Sender, read, read_to_the_end};
use testkit::{Kind, Peer, Post, TestRing, named, role, suite};

const SLOTS: u64 = 256;
const JOINS: u64 = 60;

fn main() {
    suite::run(
        named![
            a_joiner_at_latest_misses_nothing_from_there_on,
            a_joiner_at_oldest_gets_half_a_lap_of_history,
            a_joiner_at_a_sequence_starts_exactly_there,
            a_sequence_that_is_gone_is_refused_naming_one_that_is_not,
            joiners_in_many_processes_come_and_go,
            a_reader_that_was_there_first_gets_message_0,
        ],
        named![flood, joiner, sender_after_a_word],
    );
}

fn config(slots: u64) -> Config {
    Config::new().slots(slots).payload_capacity(48).max_consumers(4)
}

/// Publishes at full speed, for ever. Says when a whole lap has been published.
fn flood(ring: &TestRing, post: &mut Post) {
    let mut sender = Sender::new(ring.producer().unwrap());
    sender.send_many(ring.geometry().slots());
    post.say("running");
    loop {
        sender.send_many(u64::MAX);
    }
}

/// Joins again and again, and reads more than a lap each time.
fn for_each_join(ring: &TestRing, start: Start, check: impl Fn(u64, &Consumer)) {
    let observer = ring.observer(Start::Latest, Resume::Latest).unwrap();
    for _ in 0..JOINS {
        let before = observer.head().unwrap();
        let mut consumer = ring.consumer(start).unwrap();
        check(before, &consumer);
        read(&mut consumer, 2 * ring.geometry().slots() + 1);
        drop(consumer);
        let_it_run(&observer);
    }
}

/// With no consumer left, the producer runs free, and the next joiner meets it at full speed.
fn let_it_run(observer: &Observer) {
    let head = observer.head().unwrap();
    while observer.head().unwrap() < head + 4 * observer.geometry().slots() {
        std::thread::yield_now();
    }
}

fn a_joiner_at_latest_misses_nothing_from_there_on(kind: Kind) {
    for slots in [2, SLOTS] {
        let ring = kind.ring(&config(slots));
        let mut producer = ring.start(role!(flood));
        producer.expect("running");
        for_each_join(&ring, Start::Latest, |before, consumer| assert!(consumer.next_seq() >= before));
        producer.kill();
    }
}

fn a_joiner_at_oldest_gets_half_a_lap_of_history(kind: Kind) {
    for slots in [2, SLOTS] {
        let ring = kind.ring(&config(slots));
        let mut producer = ring.start(role!(flood));
        producer.expect("running");
        let check = |before, consumer: &Consumer| {
            assert!(consumer.next_seq() >= before - slots / 2);
            assert!(consumer.len().unwrap() >= slots / 2);
        };
        for_each_join(&ring, Start::Oldest, check);
        producer.kill();
    }
}

fn a_joiner_at_a_sequence_starts_exactly_there(kind: Kind) {
    let ring = kind.ring(&config(SLOTS));
    let mut producer = ring.start(role!(flood));
    producer.expect("running");
    let observer = ring.observer(Start::Latest, Resume::Latest).unwrap();
    // How far the producer gets while a consumer joins depends on the machine: asks for something further
    // ahead until that is enough, and nearer again until it isn't.
    let (mut ahead, mut joins) = (1, 0);
    while joins < JOINS {
        let asked = observer.head().unwrap() + ahead;
        match ring.consumer(Start::At(asked)) {
            Ok(mut consumer) => {
                assert_eq!(consumer.next_seq(), asked);
                read(&mut consumer, 2 * SLOTS + 1);
                joins += 1;
                ahead /= 2;
            }
            Err(AttachError::Overwritten { asked: answered, oldest }) => {
                assert_eq!(answered, asked);
                assert!(asked < oldest);
                ahead = 2 * ahead + 1;
            }
            Err(other) => panic!("{other}"),
        }
        let_it_run(&observer);
    }
    producer.kill();
}

fn a_sequence_that_is_gone_is_refused_naming_one_that_is_not(kind: Kind) {
    // Half a lap is long, since the producer goes on between the answer and the next attempt.
    let slots = 1 << 16;
    let ring = kind.ring(&config(slots));
    let mut producer = ring.start(role!(flood));
    producer.expect("running");
    let (mut asked, mut refusals) = (0, 0);
    let mut consumer = loop {
        match ring.consumer(Start::At(asked)) {
            Ok(consumer) => break consumer,
            Err(AttachError::Overwritten { asked: answered, oldest }) => {
                assert_eq!(answered, asked);
                assert!(asked < oldest);
                refusals += 1;
                // With some room for the way there.
                asked = oldest + slots / 8;
            }
            Err(other) => panic!("{other}"),
        }
    };
    assert!(refusals > 0);
    assert_eq!(consumer.next_seq(), asked);
    read(&mut consumer, 1000);

    // Once the producer stands still, the oldest message named can be had exactly. This reader keeps it
    // there: a lap ahead of it, the ring is full.
    while consumer.len().unwrap() < slots {
        std::thread::yield_now();
    }
    for _ in 0..10 {
        // More refusals than there are cells: none is held by one.
        let Err(AttachError::Overwritten { oldest, .. }) = ring.consumer(Start::At(asked)) else { panic!() };
        assert_eq!(oldest, consumer.next_seq() + slots / 2);
        let before = oldest - 1;
        assert!(
            matches!(ring.consumer(Start::At(before)), Err(AttachError::Overwritten { asked, .. }) if asked == before)
        );
        let at_oldest = ring.consumer(Start::At(oldest)).unwrap();
        assert_eq!(at_oldest.next_seq(), oldest);
    }
    producer.kill();
}

fn joiners_in_many_processes_come_and_go(kind: Kind) {
    let ring = kind.ring(&config(16));
    let mut producer = ring.start(role!(flood));
    producer.expect("running");
    let mut joiners = [(); 3].map(|()| ring.start(role!(joiner)));
    // In the fourth cell, one that stays: those that come and go must not harm it.
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    read(&mut consumer, 20_000);
    drop(consumer);
    for joiner in &mut joiners {
        joiner.expect("done");
    }
    joiners.into_iter().for_each(Peer::succeed);
    producer.kill();
}

/// Joins at various places, and reads a bit more than a lap each time.
fn joiner(ring: &TestRing, post: &mut Post) {
    let observer = ring.observer(Start::Latest, Resume::Latest).unwrap();
    for join in 0..2 * JOINS {
        let start = match join % 3 {
            0 => Start::Latest,
            1 => Start::Oldest,
            _ => Start::At(observer.head().unwrap() + join),
        };
        match ring.consumer(start) {
            Ok(mut consumer) => read(&mut consumer, 20),
            Err(AttachError::Overwritten { asked, oldest }) => assert!(asked < oldest),
            Err(other) => panic!("{other}"),
        }
    }
    post.say("done");
}

fn a_reader_that_was_there_first_gets_message_0(kind: Kind) {
    let ring = kind.ring(&config(SLOTS));
    let mut producer = ring.start(role!(sender_after_a_word));
    let mut readers = [Start::Latest, Start::Oldest, Start::At(0)].map(|start| {
        let consumer = ring.consumer(start).unwrap();
        assert_eq!((consumer.next_seq(), consumer.state().unwrap()), (0, State::NoProducerYet));
        consumer
    });
    let mut later = ring.consumer(Start::At(5)).unwrap();
    for reader in &mut readers {
        reader.set_wait(Wait::Yield);
        let nothing = reader.recv_timeout(Duration::from_millis(30)).unwrap();
        assert!(matches!(nothing, Outcome::TimedOut), "a producer that never was can't be lost: {nothing:?}");
    }
    producer.say("go");
    for reader in &mut readers {
        assert_eq!(read_to_the_end(reader), 10);
    }
    assert_eq!(read_to_the_end(&mut later), 5);
    producer.succeed();
}

fn sender_after_a_word(ring: &TestRing, post: &mut Post) {
    post.expect("go");
    let mut sender = Sender::new(ring.producer().unwrap());
    sender.send_many(10);
    sender.close();
}
