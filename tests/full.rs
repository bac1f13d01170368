//! A ring that is full: which consumer the producer waits for, how long, and when it goes on.

use std::time::Duration;

use nix::sys::signal::{Signal, raise};
use ringway::{AttachError, Config, Full, Outcome, Patience, PublishError, Ring, Start, Wait};
use testkit::roles::{Sender, read, reader, reader_on_demand, verify, verify_in};
use testkit::suite::next;
use testkit::{Kind, PATIENCE, Post, TestRing, named, payload, role, suite};

const SLOTS: u64 = 8;

/// Long enough for many polls and some questions to the kernel; what passes in it doesn't matter.
const A_WHILE: Duration = Duration::from_millis(100);

fn main() {
    suite::run(
        named![
            a_full_ring_names_the_slowest_consumer_and_keeps_the_message,
            publishing_times_out_against_a_consumer_that_does_not_read,
            a_batch_that_does_not_fit_says_how_much_did,
            a_stopped_consumer_holds_the_producer_until_it_goes_on,
            a_stopped_best_effort_reader_is_passed_over_and_told_what_it_lost,
            a_killed_consumer_holds_the_producer_no_longer,
            a_consumer_that_leaves_lets_a_blocked_producer_go_on,
            a_dead_consumers_cell_can_be_taken_anew,
            more_consumers_than_cells_are_refused,
            without_a_consumer_the_producer_never_waits,
        ],
        named![
            reader,
            reader_on_demand,
            best_effort_reader,
            reader_that_joins_and_waits,
            reader_that_dies,
            reader_that_leaves
        ],
    );
}

fn config() -> Config {
    Config::new().slots(SLOTS).payload_capacity(101).max_consumers(3)
}

fn a_full_ring_names_the_slowest_consumer_and_keeps_the_message(kind: Kind) {
    let ring = kind.ring(&config());
    let mut quick = ring.start(role!(reader_on_demand));
    quick.expect("0");
    let mut slow = ring.start(role!(reader_on_demand));
    slow.expect("1");
    let mut sender = Sender::new(ring.producer().unwrap());

    sender.send_many(SLOTS);
    quick.say(SLOTS);
    quick.expect("read");
    slow.say(2);
    slow.expect("read");
    sender.send_many(2);

    let full = testkit::full(1, slow.pid().into(), SLOTS);
    for _ in 0..1000 {
        assert_eq!(sender.try_send(), Err(PublishError::Full(full)));
    }
    assert_eq!(sender.producer.try_claim(5).map(|claim| claim.seq()), Err(PublishError::Full(full)));
    assert_eq!(sender.producer.try_publish_batch(&[b"one", b"two"]), Err(PublishError::Full(full)));
    let unwritten = |_, _: &mut [u8]| unreachable!("there is no room");
    assert_eq!(sender.producer.try_publish_batch_with(2, 3, unwritten), Err(PublishError::Full(full)));
    assert_eq!(sender.producer.next_seq(), SLOTS + 2);

    // What was refused can be sent as soon as there is room, and arrives.
    slow.say(1);
    slow.expect("read");
    assert_eq!(sender.try_send(), Ok(SLOTS + 2));
    slow.say(SLOTS);
    slow.expect("read");

    // Now the other one is the slowest.
    sender.send_many(SLOTS - 3);
    let full = testkit::full(0, quick.pid().into(), SLOTS);
    assert_eq!(sender.try_send(), Err(PublishError::Full(full)));
    quick.say(SLOTS);
    quick.expect("read");
    assert_eq!(sender.try_send(), Ok(2 * SLOTS));
}

fn publishing_times_out_against_a_consumer_that_does_not_read(kind: Kind) {
    let ring = kind.ring(&config());
    let mut other = ring.start(role!(reader_on_demand));
    other.expect("0");
    let mut sender = Sender::new(ring.producer().unwrap());
    sender.send_many(SLOTS);
    let timed_out = PublishError::TimedOut(testkit::full(0, other.pid().into(), SLOTS));
    for wait in [Wait::Spin, Wait::Yield] {
        sender.producer.set_wait(wait);
        sender.patience = A_WHILE;
        assert_eq!(sender.send(), Err(timed_out));
        assert_eq!(sender.producer.claim_timeout(3, A_WHILE).map(|claim| claim.seq()), Err(timed_out));
        sender.patience = Duration::ZERO;
        assert_eq!(sender.send(), Err(timed_out));
    }
    assert_eq!(sender.producer.next_seq(), SLOTS);
    sender.patience = PATIENCE;

    // Nobody is declared dead for being slow.
    assert_eq!(sender.producer.consumer_count(), Ok(1));
    other.say(SLOTS);
    other.expect("read");
    assert_eq!(sender.send(), Ok(SLOTS));
    other.say(1);
    other.expect("read");
}

fn a_batch_that_does_not_fit_says_how_much_did(kind: Kind) {
    let ring = kind.ring(&config());
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    let mut producer = ring.producer().unwrap();
    let batch: Vec<_> = (0..3 * SLOTS).map(|seq| payload::message(seq, 40)).collect();
    for wait in [Wait::Spin, Wait::Yield] {
        producer.set_wait(wait);
        let first = producer.next_seq();
        let error = producer.publish_batch_timeout(&batch[first as usize..], A_WHILE).unwrap_err();
        assert!(matches!(error.error, PublishError::TimedOut(Full { cell: 0, lag: SLOTS, .. })), "{error}");
        assert_eq!(error.published as u64, SLOTS);
        assert_eq!(producer.next_seq(), first + SLOTS);
        for expected in first..first + SLOTS {
            next(&mut consumer, |seq, _, bytes| {
                assert_eq!(seq, expected);
                payload::verify(seq, 40, bytes);
            });
        }
    }
    assert!(producer.publish_batch(&batch[2 * SLOTS as usize..]).is_ok());
}

fn a_stopped_consumer_holds_the_producer_until_it_goes_on(kind: Kind) {
    let ring = kind.ring(&config());
    let mut other = ring.start(role!(reader));
    other.expect("0");
    let mut sender = Sender::new(ring.producer().unwrap());
    sender.send_many(1000);

    other.stop();
    sender.patience = A_WHILE;
    let error = (0..=SLOTS).find_map(|_| sender.send().err()).expect("nobody reads");
    let timed_out = PublishError::TimedOut(testkit::full(0, other.pid().into(), SLOTS));
    assert_eq!(error, timed_out);
    assert_eq!(sender.send(), Err(timed_out));
    assert_eq!(sender.producer.consumer_count(), Ok(1));

    other.go_on();
    sender.patience = PATIENCE;
    sender.send_many(1000);
    let sent = sender.producer.next_seq();
    sender.close();
    // All that was sent before, during and after the stop.
    assert_eq!(other.hear_number(), sent);
    other.succeed();
}

fn a_stopped_best_effort_reader_is_passed_over_and_told_what_it_lost(kind: Kind) {
    let ring = kind.ring(&config());
    let mut consumer = ring.start(role!(reader));
    consumer.expect("0");
    let mut other = ring.start(role!(best_effort_reader));
    other.expect("1");
    let mut sender = Sender::new(ring.producer().unwrap());
    sender.producer.set_patience(Patience::Time(Duration::from_millis(1)));
    other.stop();
    // It is passed over while this producer waits for it.
    sender.send_many(10 * SLOTS);
    let [passed_over] = sender.producer.passed_over().unwrap() else { panic!("one reader") };
    assert_eq!((passed_over.cell, passed_over.pid, passed_over.times), (1, other.pid().into(), 1));
    assert!(passed_over.is_ignored);

    other.go_on();
    let sent = sender.producer.next_seq();
    sender.close();
    assert_eq!(consumer.hear_number(), sent);
    // Half a lap is still there: it goes on with that.
    assert_eq!((other.hear_number(), other.hear_number()), (SLOTS / 2, sent - SLOTS / 2));
    consumer.succeed();
    other.succeed();
}

/// Says how many messages it got, and how many it lost.
fn best_effort_reader(ring: &TestRing, post: &mut Post) {
    let mut reader = ring.best_effort_reader(Start::Oldest).unwrap();
    post.say(reader.cell());
    loop {
        match reader.recv_timeout(PATIENCE).unwrap() {
            Outcome::Message(message) => verify_in(ring.geometry(), message.seq(), message.tag(), &message),
            Outcome::Lagged(_) | Outcome::EpochChanged { .. } => {}
            Outcome::Closed => break,
            other => panic!("{other:?}"),
        }
    }
    post.say(reader.received());
    post.say(reader.lost());
}

fn a_killed_consumer_holds_the_producer_no_longer(kind: Kind) {
    // With a third cell, that one would be taken first: a dead consumer's looks taken.
    let ring = kind.ring(&config().max_consumers(2));
    let mut survivor = ring.start(role!(reader));
    survivor.expect("0");
    let mut sender = Sender::new(ring.producer().unwrap());
    for round in 0..10 {
        let mut other = ring.start(role!(reader_that_dies));
        other.expect("1");
        // It dies while this producer waits for it.
        let sent = sender.producer.next_seq();
        for seq in sent..sent + 3 * SLOTS {
            assert_eq!(sender.send(), Ok(seq), "round {round}");
        }
        other.die();
        assert_eq!(sender.producer.consumer_count(), Ok(1));
    }
    let sent = sender.producer.next_seq();
    sender.close();
    // The consumer that lives loses nothing by that.
    assert_eq!(survivor.hear_number(), sent);
    survivor.succeed();
}

/// Joins, reads nothing, and kills itself once the ring is full.
fn reader_that_dies(ring: &TestRing, post: &mut Post) {
    let consumer = ring.consumer(Start::Latest).unwrap();
    post.say(consumer.cell());
    while consumer.len().unwrap() < SLOTS {
        std::thread::yield_now();
    }
    raise(Signal::SIGKILL).unwrap();
}

fn a_consumer_that_leaves_lets_a_blocked_producer_go_on(kind: Kind) {
    let ring = kind.ring(&config());
    let mut sender = Sender::new(ring.producer().unwrap());
    for _ in 0..10 {
        let mut other = ring.start(role!(reader_that_leaves));
        other.expect("0");
        sender.send_many(3 * SLOTS);
        assert_eq!(sender.producer.consumer_count(), Ok(0));
        other.expect("left");
        other.succeed();
    }
}

/// Joins, reads nothing, and leaves once the ring is full.
fn reader_that_leaves(ring: &TestRing, post: &mut Post) {
    let consumer = ring.consumer(Start::Latest).unwrap();
    post.say(consumer.cell());
    while consumer.len().unwrap() < SLOTS {
        std::thread::yield_now();
    }
    drop(consumer);
    post.say("left");
}

fn a_dead_consumers_cell_can_be_taken_anew(kind: Kind) {
    let ring = kind.ring(&config().max_consumers(1));
    let mut sender = Sender::new(ring.producer().unwrap());
    for round in 0..10 {
        let mut first = ring.start(role!(reader_that_joins_and_waits));
        first.expect("0");
        sender.send_many(SLOTS);
        assert!(matches!(sender.try_send(), Err(PublishError::Full(_))));
        first.kill();
        if round % 2 == 0 {
            // The producer has found it dead.
            sender.send_many(1);
        }
        let mut second = ring.start(role!(reader_on_demand));
        second.expect("0");
        let full = testkit::full(0, second.pid().into(), SLOTS);
        // It started half a lap back; its predecessor's cursor counts no more.
        sender.send_many(SLOTS / 2);
        assert_eq!(sender.try_send(), Err(PublishError::Full(full)));
        second.say(SLOTS);
        second.expect("read");
        sender.send_many(SLOTS);
        assert_eq!(sender.try_send(), Err(PublishError::Full(full)));
        second.kill();
    }
}

fn reader_that_joins_and_waits(ring: &TestRing, post: &mut Post) {
    let consumer = ring.consumer(Start::Latest).unwrap();
    post.say(consumer.cell());
    post.hear();
}

fn more_consumers_than_cells_are_refused(kind: Kind) {
    let ring = kind.ring(&config());
    let mut peers: Vec<_> = (0..3).map(|_| ring.start(role!(reader_that_joins_and_waits))).collect();
    let mut cells: Vec<_> = peers.iter_mut().map(|peer| peer.hear_number()).collect();
    cells.sort();
    assert_eq!(cells, [0, 1, 2]);
    let refused = || matches!(ring.consumer(Start::Latest), Err(AttachError::NoFreeCell { max: 3, .. }));
    assert!(refused() && refused());
    let mut sender = Sender::new(ring.producer().unwrap());
    assert_eq!(sender.producer.consumer_count(), Ok(3));

    peers.pop().unwrap().kill();
    let mut consumer = ring.consumer(Start::Latest).unwrap();
    assert!(refused());
    sender.send_many(3);
    read(&mut consumer, 3);
    drop(consumer);
    assert!(!refused());

    // Those that leave in good order free their cells, too.
    let mut other = peers.pop().unwrap();
    other.say("leave");
    other.succeed();
    let consumers = [ring.consumer(Start::Latest).unwrap(), ring.consumer(Start::Latest).unwrap()];
    assert!(refused());
    drop(consumers);
}

fn without_a_consumer_the_producer_never_waits(kind: Kind) {
    let ring = kind.ring(&config());
    let mut sender = Sender::new(ring.producer().unwrap());
    for seq in 0..20 * SLOTS {
        assert_eq!(sender.try_send(), Ok(seq));
    }
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    assert_eq!(consumer.next_seq(), 20 * SLOTS - SLOTS / 2);
    next(&mut consumer, |seq, tag, bytes| verify(101, seq, tag, bytes));
}
