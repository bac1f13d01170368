//! A producer that requires readers, how much room it has, and what many consumers cost.

use nix::sys::wait::WaitStatus;
use ringway::{Config, PublishError, Ring, Start};
use testkit::header::Forger;
use testkit::header::hints::CELLS_USED;
use testkit::roles::{Sender, read};
use testkit::sleepers::{SLOTS, config, start, until_asleep};
use testkit::tracing::{Call, Verdict};
use testkit::{Kind, PATIENCE, Post, TestRing, named, role, suite, tracing};

fn main() {
    suite::run(
        named![
            a_producer_that_requires_readers_publishes_nothing_to_nobody,
            a_waiting_producer_learns_that_its_last_reader_left,
            a_waiting_producer_learns_that_its_last_reader_was_killed,
            room_is_counted_anew_or_as_last_known,
            joining_beside_many_takes_one_lock,
            a_cell_that_only_looks_taken_is_found,
            a_hint_that_lies_hides_nobody_who_was_counted,
        ],
        named![requiring_publisher, reader_on_demand],
    );
}

fn a_producer_that_requires_readers_publishes_nothing_to_nobody(kind: Kind) {
    let ring = kind.ring(&config());
    let mut producer = ring.producer().unwrap();
    producer.publish(b"to nobody").unwrap();
    producer.require_readers(true);
    assert_eq!(producer.publish(b"message"), Err(PublishError::NoReaders));
    assert_eq!(producer.try_publish(b"message"), Err(PublishError::NoReaders));
    assert_eq!(producer.claim(1).unwrap_err(), PublishError::NoReaders);
    assert_eq!(producer.publish_batch(&[b"message"]).unwrap_err().error, PublishError::NoReaders);
    assert_eq!(producer.next_seq(), 1);
    let consumer = ring.consumer(Start::Latest).unwrap();
    assert_eq!(producer.publish(b"message"), Ok(1));
    drop(consumer);
    // At most half a lap later.
    let published = (0..SLOTS).take_while(|_| producer.publish(b"message").is_ok()).count();
    assert!(published as u64 <= SLOTS / 2, "{published}");
    assert_eq!(producer.publish(b"message"), Err(PublishError::NoReaders));
    producer.require_readers(false);
    producer.publish(b"to nobody").unwrap();
}

/// Publishes as long as somebody reads.
fn requiring_publisher(ring: &TestRing, post: &mut Post) {
    let mut producer = ring.producer().expect("no other producer");
    producer.require_readers(true);
    post.say("ready");
    post.hear();
    let error = loop {
        if let Err(error) = producer.publish_timeout(b"message", PATIENCE) {
            break error;
        }
    };
    post.say(format!("{error:?} at {}", producer.next_seq()));
}

fn a_waiting_producer_learns_that_its_last_reader_left(kind: Kind) {
    let ring = kind.ring(&config());
    let consumer = ring.consumer(Start::Latest).unwrap();
    let mut peer = start(&ring, role!(requiring_publisher));
    peer.say("go");
    until_asleep(&peer);
    drop(consumer);
    peer.expect(&format!("NoReaders at {SLOTS}"));
    peer.succeed();
}

/// Joins, and reads nothing.
fn reader_on_demand(ring: &TestRing, post: &mut Post) {
    let _consumer = ring.consumer(Start::Latest).expect("a free cell");
    post.say("ready");
    post.hear();
}

fn a_waiting_producer_learns_that_its_last_reader_was_killed(kind: Kind) {
    let ring = kind.ring(&config());
    let victim = start(&ring, role!(reader_on_demand));
    let mut peer = start(&ring, role!(requiring_publisher));
    peer.say("go");
    until_asleep(&peer);
    victim.kill();
    peer.expect(&format!("NoReaders at {SLOTS}"));
    peer.succeed();
}

fn room_is_counted_anew_or_as_last_known(kind: Kind) {
    let ring = kind.ring(&config());
    let mut sender = Sender::new(ring.producer().unwrap());
    // Nobody has looked yet.
    assert_eq!(sender.producer.room(), 0);
    assert_eq!(sender.producer.count_room(), Ok(SLOTS));
    let mut consumer = ring.consumer(Start::Latest).unwrap();
    for seq in 0..SLOTS {
        assert_eq!(sender.producer.count_room(), Ok(SLOTS - seq));
        // Half a lap at most is known at a time.
        assert_eq!(sender.producer.room(), (SLOTS - seq).min(SLOTS / 2));
        assert_eq!(sender.send(), Ok(seq));
    }
    assert_eq!((sender.producer.count_room(), sender.producer.room()), (Ok(0), 0));
    read(&mut consumer, 3);
    assert_eq!(sender.producer.room(), 0, "as last known");
    assert_eq!((sender.producer.count_room(), sender.producer.room()), (Ok(3), 3));
    drop(consumer);
    assert_eq!(sender.producer.count_room(), Ok(SLOTS));
}

/// Whatever a peer writes there, a consumer that was counted still counts.
fn a_hint_that_lies_hides_nobody_who_was_counted(kind: Kind) {
    let ring = kind.ring(&config());
    let TestRing::File { path, .. } = &ring else { return };
    let forger = Forger::new(path, &ring);
    let mut producer = ring.producer().unwrap();
    let consumer = ring.consumer(Start::Latest).unwrap();
    producer.publish(b"message").unwrap();
    for lie in [0, u64::MAX] {
        forger.hints(CELLS_USED, lie);
        while producer.next_seq() < SLOTS {
            producer.try_publish(b"message").unwrap();
        }
        assert!(matches!(producer.try_publish(b"message"), Err(PublishError::Full(_))));
        assert_eq!(producer.consumer_count(), Ok(1));
    }
    drop(consumer);
    assert_eq!(producer.consumer_count(), Ok(0));
}

/// How many locks a child asks for by joining.
fn locks_of_joining(ring: &TestRing) -> usize {
    let mut locks = 0;
    let join = || {
        tracing::begin();
        let consumer = ring.consumer(Start::Latest);
        tracing::end();
        drop(consumer.expect("a free cell"));
    };
    let look = |call: &Call| {
        let command = call.arguments[1] as i32;
        if call.is_entry
            && call.number == libc::SYS_fcntl
            && (command == libc::F_OFD_SETLK || command == libc::F_OFD_GETLK)
        {
            locks += 1;
        }
        Verdict::Go
    };
    let ended = tracing::traced(join, look);
    assert!(matches!(ended, WaitStatus::Exited(_, 0)), "{ended:?}");
    locks
}

fn joining_beside_many_takes_one_lock(kind: Kind) {
    if !tracing::possible() {
        return;
    }
    let ring = kind.ring(&Config::new().slots(2).payload_capacity(8).max_consumers(100));
    let alone = locks_of_joining(&ring);
    let crowd: Vec<_> = (0..99).map(|_| ring.consumer(Start::Latest).unwrap()).collect();
    assert_eq!(locks_of_joining(&ring), alone);
    drop(crowd);
}

fn a_cell_that_only_looks_taken_is_found(kind: Kind) {
    let ring = kind.ring(&Config::new().slots(2).payload_capacity(8).max_consumers(2));
    // Dead consumers' cells look taken.
    for _ in 0..2 {
        start(&ring, role!(reader_on_demand)).kill();
    }
    let (one, other) = (ring.consumer(Start::Latest).unwrap(), ring.consumer(Start::Latest).unwrap());
    assert_eq!(one.cell() + other.cell(), 1);
}
