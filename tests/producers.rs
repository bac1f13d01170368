//! One producer at a time: how a second is refused, and how the first ends.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use nix::sys::signal::{Signal, raise};
use ringway::{AttachError, Config, Outcome, Producer, PublishError, Resume, Ring, Start, State, Wait};
use ringway_file::placement::LockTable;
use testkit::roles::{Sender, read, read_to_the_end, sender};
use testkit::suite::next;
use testkit::{Kind, PATIENCE, Post, TestRing, named, role, roles, suite};

const SLOTS: u64 = 16;

/// Long enough for some questions to the kernel.
const A_WHILE: Duration = Duration::from_millis(50);

fn main() {
    suite::run(
        named![
            a_second_producer_is_refused_naming_the_first,
            a_closed_ring_is_drained_and_then_closed,
            a_closed_ring_can_be_opened_again,
            a_producer_that_is_to_close_on_drop_closes_the_ring,
            a_producer_that_ends_without_closing_is_lost,
            the_end_is_told_after_the_last_message,
            a_message_being_written_dies_with_its_producer,
            a_closed_descriptor_leaves_the_producer_its_lock,
            a_lost_lock_leaves_no_two_producers_at_work,
        ],
        named![
            sender,
            second_producer,
            producer_that_dies_in_a_claim,
            quitter,
            polling_consumer,
            polling_observer
        ],
    );
}

fn config() -> Config {
    Config::new().slots(SLOTS).payload_capacity(101).max_consumers(2)
}

fn a_producer_that_is_to_close_on_drop_closes_the_ring(kind: Kind) {
    let ring = kind.ring(&config());
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    let mut producer = ring.producer().unwrap();
    producer.close_on_drop(true);
    producer.publish(b"last").unwrap();
    drop(producer);
    assert!(matches!(consumer.recv_timeout(PATIENCE), Ok(Outcome::Message(_))));
    assert!(matches!(consumer.recv_timeout(PATIENCE), Ok(Outcome::Closed)));
    assert_eq!(consumer.state(), Ok(State::Closed));
    // What was said last counts.
    let mut producer = ring.producer().unwrap();
    producer.close_on_drop(true);
    producer.close_on_drop(false);
    drop(producer);
    assert_eq!(consumer.state(), Ok(State::Open));
}

fn a_second_producer_is_refused_naming_the_first(kind: Kind) {
    let ring = kind.ring(&config());
    let first = ring.producer().unwrap();
    let own = u64::from(std::process::id());
    let refused = |pid| matches!(ring.producer(), Err(AttachError::ProducerTaken { pid: p, .. }) if p == pid);
    assert!(refused(own));
    let mut other = ring.start(role!(second_producer));
    assert_eq!(other.hear_number(), own);
    drop(first);
    other.say("go on");
    other.expect("taken");
    assert!(refused(other.pid().into()));
    other.say("go on");
    other.succeed();
    let producer = ring.producer().unwrap();
    assert_eq!((producer.epoch(), producer.next_seq()), (3, 0));
}

fn second_producer(ring: &TestRing, post: &mut Post) {
    let Err(AttachError::ProducerTaken { pid, .. }) = ring.producer() else { panic!("there is one") };
    post.say(pid);
    post.expect("go on");
    let _producer = ring.producer().unwrap();
    post.say("taken");
    post.expect("go on");
}

fn a_closed_ring_is_drained_and_then_closed(kind: Kind) {
    let ring = kind.ring(&config());
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    consumer.set_wait(Wait::Yield);
    let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
    observer.set_wait(Wait::Yield);
    let mut producer = ring.start(role!(sender));
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
        assert!(matches!(consumer.recv_timeout(A_WHILE).unwrap(), Outcome::Closed));
        assert!(matches!(observer.recv_timeout(A_WHILE).unwrap(), Outcome::Closed));
    }
    // A consumer that comes later finds the rest.
    assert_eq!(read_to_the_end(&mut ring.consumer(Start::Oldest).unwrap()), SLOTS / 2);
    assert_eq!(read_to_the_end(&mut ring.consumer(Start::Latest).unwrap()), 0);
}

fn a_closed_ring_can_be_opened_again(kind: Kind) {
    let ring = kind.ring(&config());
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
    for round in 0..5 {
        let mut producer = ring.start(role!(sender));
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
    let ring = kind.ring(&config());
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    consumer.set_wait(Wait::Yield);
    let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
    observer.set_wait(Wait::Yield);
    ring.start(role!(quitter)).succeed();
    read(&mut consumer, 3);
    assert!(matches!(consumer.recv_timeout(PATIENCE).unwrap(), Outcome::ProducerLost));
    assert!(matches!(consumer.recv_timeout(A_WHILE).unwrap(), Outcome::TimedOut));
    for _ in 0..3 {
        assert!(matches!(observer.recv_timeout(PATIENCE).unwrap(), Outcome::Message(_)));
    }
    observer.set_wait(Wait::Spin);
    assert!(matches!(observer.recv_timeout(PATIENCE).unwrap(), Outcome::ProducerLost));
    assert!(matches!(observer.recv_timeout(A_WHILE).unwrap(), Outcome::TimedOut));
}

fn quitter(ring: &TestRing, _: &mut Post) {
    Sender::new(ring.producer().unwrap()).send_many(3);
}

fn the_end_is_told_after_the_last_message(kind: Kind) {
    let ring = kind.ring(&config());
    for role in [role!(polling_consumer), role!(polling_observer)] {
        let mut reader = ring.start(role);
        for round in 0..300 {
            let mut producer = ring.producer().unwrap();
            let closes = round % 3 > 0;
            reader.say(if closes { "expect it closed" } else { "expect it lost" });
            reader.expect("polling");
            // Wherever it is in its look at the ring, last words and the end come now.
            reader.stop();
            producer.try_publish(b"last words").unwrap();
            if closes {
                producer.close().unwrap();
            } else {
                drop(producer);
            }
            reader.go_on();
            assert_eq!(reader.hear_number(), ring.observer(Start::Latest, Resume::Latest).unwrap().start());
        }
        reader.kill();
    }
}

/// Reads until it is told of a producer's end, again and again; says where it was then.
fn polling_consumer(ring: &TestRing, post: &mut Post) {
    let mut consumer = ring.consumer(Start::Latest).unwrap();
    consumer.set_wait(Wait::Spin);
    loop {
        let wait = patience(&post.hear());
        // A new producer first, that is told only now.
        while !matches!(consumer.try_recv().unwrap(), Outcome::Empty) {}
        post.say("polling");
        while !is_end(&consumer.recv_timeout(wait).unwrap()) {}
        post.say(consumer.next_seq());
    }
}

fn polling_observer(ring: &TestRing, post: &mut Post) {
    let mut observer = ring.observer(Start::Latest, Resume::Latest).unwrap();
    observer.set_wait(Wait::Spin);
    loop {
        let wait = patience(&post.hear());
        while !matches!(observer.try_recv().unwrap(), Outcome::Empty) {}
        post.say("polling");
        while !is_end(&observer.recv_timeout(wait).unwrap()) {}
        post.say(observer.next_seq());
    }
}

/// Only calls that wait tell that a producer is lost, but an instant is enough.
fn patience(expected: &str) -> Duration {
    if expected == "expect it lost" { Duration::from_nanos(1) } else { Duration::ZERO }
}

fn is_end<M>(outcome: &Outcome<M>) -> bool {
    matches!(outcome, Outcome::Closed | Outcome::ProducerLost)
}

fn a_message_being_written_dies_with_its_producer(kind: Kind) {
    let ring = kind.ring(&config());
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    consumer.set_wait(Wait::Yield);
    let mut seq = 0;
    for _ in 0..10 {
        let dying = ring.start(role!(producer_that_dies_in_a_claim));
        dying.die();
        read(&mut consumer, 3);
        seq += 3;
        // Its successor writes the message that was being written.
        let mut sender = Sender::new(ring.producer().unwrap());
        assert_eq!(sender.producer.next_seq(), seq);
        sender.send_many(2);
        seq += 2;
        assert!(next(&mut consumer, |found, tag, bytes| {
            roles::verify(101, found, tag, bytes);
            found == seq - 2
        }));
        read(&mut consumer, 1);
        drop(sender);
        while !matches!(consumer.recv_timeout(A_WHILE).unwrap(), Outcome::TimedOut) {}
    }
}

fn producer_that_dies_in_a_claim(ring: &TestRing, _: &mut Post) {
    let mut sender = Sender::new(ring.producer().unwrap());
    sender.send_many(3);
    let mut claim = sender.producer.claim(101).unwrap();
    claim.fill(0xAB);
    raise(Signal::SIGKILL).unwrap();
}

/// The descriptors that are open now.
fn descriptors() -> Vec<i32> {
    let listed = std::fs::read_dir("/proc/self/fd").unwrap();
    let mut numbers: Vec<i32> =
        listed.map(|entry| entry.unwrap().file_name().to_str().unwrap().parse().unwrap()).collect();
    // Without the one that the list was read by.
    numbers.retain(|number| std::fs::exists(format!("/proc/self/fd/{number}")).unwrap());
    numbers
}

/// A producer that has published a message, and the descriptor by which it holds its lock.
fn producer_and_lock(ring: &TestRing) -> (Producer, i32) {
    let before = descriptors();
    let mut producer = ring.producer().unwrap();
    producer.publish(b"one").unwrap();
    let lock = descriptors().into_iter().find(|number| !before.contains(number)).unwrap();
    (producer, lock)
}

fn a_closed_descriptor_leaves_the_producer_its_lock(kind: Kind) {
    let ring = kind.ring(&config());
    let (mut producer, lock) = producer_and_lock(&ring);
    // As some other code might, that closes what it doesn't know.
    nix::unistd::close(lock).unwrap();

    // A mapping holds the lock, too.
    assert!(matches!(ring.producer(), Err(AttachError::ProducerTaken { .. })));
    producer.publish(b"two").unwrap();
    drop(producer);
    assert_eq!(ring.producer().unwrap().next_seq(), 2);
}

#[allow(unsafe_code)]
fn a_lost_lock_leaves_no_two_producers_at_work(kind: Kind) {
    let ring = kind.ring(&config());
    let (mut old, lock) = producer_and_lock(&ring);
    // SAFETY: the producer keeps it open.
    LockTable::unlock_all(unsafe { BorrowedFd::borrow_raw(lock) }).unwrap();

    let mut new = ring.producer().unwrap();
    assert_eq!((new.epoch(), new.next_seq()), (2, 1));
    let deposed = PublishError::Deposed { own: 1, found: 2 };
    let found = (0..=SLOTS / 2).find_map(|_| old.try_publish(b"late").err());
    assert_eq!(found, Some(deposed));
    assert_eq!(old.try_publish(b"late"), Err(deposed));
    assert_eq!(old.close(), Err(deposed));
    new.publish(b"two").unwrap();
    assert_eq!(ring.consumer(Start::Latest).unwrap().state().unwrap(), State::Open);
}
