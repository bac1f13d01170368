//! Rings that are cloned, roles that lead back to their ring, and consumers that are cloned where they are, while the
//! producer, another process, runs at full speed.

use ringway::{AnyRing, AttachError, Config, Consumer, Outcome, Resume, Ring, Start};
use testkit::roles::{Sender, read, read_to_the_end};
use testkit::{Kind, Post, TestRing, named, role, suite};

const SLOTS: u64 = 64;
const CELLS: u64 = 4;
const CLONES: u64 = 300;

fn main() {
    suite::run(
        named![
            each_role_leads_back_to_its_ring_without_the_handle,
            a_ring_that_a_role_leads_to_gives_roles_of_any_kind,
            a_clone_reads_on_where_its_original_was_a_whole_lap_behind,
            clones_in_every_cell_lose_nothing_while_their_originals_leave,
            a_clone_is_told_of_no_event_twice,
            a_clone_without_a_cell_is_refused,
            a_role_of_a_parent_leads_to_no_ring_in_its_child,
        ],
        named![flood, sender_after_a_word],
    );
}

fn config() -> Config {
    Config::new().slots(SLOTS).payload_capacity(48).max_consumers(CELLS)
}

fn flood(ring: &TestRing, post: &mut Post) {
    let mut sender = Sender::new(ring.producer().unwrap());
    post.say("running");
    loop {
        sender.send_many(u64::MAX);
    }
}

fn sender_after_a_word(ring: &TestRing, post: &mut Post) {
    post.expect("go");
    let mut sender = Sender::new(ring.producer().unwrap());
    sender.send_many(SLOTS / 2);
    sender.close();
    post.say("closed");
}

fn each_role_leads_back_to_its_ring_without_the_handle(kind: Kind) {
    let ring = kind.ring(&config());
    let mut sender = Sender::new(ring.producer().unwrap());
    let consumer = ring.consumer(Start::Latest).unwrap();
    let observer = ring.observer(Start::Latest, Resume::Latest).unwrap();
    let id = ring.geometry().ring_id();
    // A file is kept by its directory, which the test's ring removes.
    let _directory = ring.drop_handle();
    for ring in [sender.producer.ring(), consumer.ring(), observer.ring()] {
        let ring: AnyRing = ring.unwrap();
        assert_eq!(ring.geometry().ring_id(), id);
        let mut other = ring.clone().consumer(Start::Latest).unwrap();
        assert_eq!((other.cell(), other.in_place()), (1, kind.in_place()));
        sender.send_many(1);
        read(&mut other, 1);
    }
}

fn a_ring_that_a_role_leads_to_gives_roles_of_any_kind(kind: Kind) {
    let ring = kind.ring(&config());
    let observer = ring.observer(Start::Latest, Resume::Latest).unwrap();
    let same = observer.ring().unwrap();
    let mut sender = Sender::new(same.producer().unwrap());
    assert!(same.producer_looks_taken());
    assert!(matches!(ring.producer(), Err(AttachError::ProducerTaken { .. })));
    let mut consumer = same.consumer(Start::Oldest).unwrap();
    sender.send_many(2);
    read(&mut consumer, 2);
    assert_eq!(same.observer(Start::At(1), Resume::Latest).unwrap().next_seq(), 1);
}

/// A consumer a whole lap behind the producer, which waits for it.
fn full(consumer: &Consumer) {
    while consumer.len().unwrap() < SLOTS {
        std::thread::yield_now();
    }
}

fn a_clone_reads_on_where_its_original_was_a_whole_lap_behind(kind: Kind) {
    let ring = kind.ring(&config());
    let low = ring.consumer(Start::Latest).unwrap();
    let mut consumer = ring.consumer(Start::Latest).unwrap();
    consumer.set_coalescing(8);
    // Now a clone gets a cell that a scan reads before its original's.
    drop(low);
    let mut producer = ring.start(role!(flood));
    producer.expect("running");
    for _ in 0..CLONES {
        full(&consumer);
        let mut clone = consumer.try_clone().unwrap();
        assert_eq!((clone.cell(), clone.next_seq()), (0, consumer.next_seq()));
        assert_eq!(clone.coalescing(), 8);
        // At once, and as far as it gets: nothing but the clone holds the producer back.
        read(&mut consumer, SLOTS);
        read(&mut clone, SLOTS + 1);
        drop(clone);
    }
    producer.kill();
}

fn clones_in_every_cell_lose_nothing_while_their_originals_leave(kind: Kind) {
    let ring = kind.ring(&config());
    let mut consumer = ring.consumer(Start::Latest).unwrap();
    let mut producer = ring.start(role!(flood));
    producer.expect("running");
    for _ in 0..CLONES {
        full(&consumer);
        let clone = consumer.try_clone().unwrap();
        let next = consumer.next_seq();
        consumer = clone.try_clone().unwrap();
        drop(clone);
        assert_eq!(consumer.next_seq(), next);
        read(&mut consumer, SLOTS / 2);
    }
    producer.kill();
}

fn a_clone_is_told_of_no_event_twice(kind: Kind) {
    let ring = kind.ring(&config());
    let mut consumer = ring.consumer(Start::Latest).unwrap();
    Sender::new(ring.producer().unwrap()).close();
    assert!(matches!(consumer.try_recv(), Ok(Outcome::Closed)));
    let mut sender = ring.start(role!(sender_after_a_word));
    let mut early = consumer.try_clone().unwrap();
    sender.say("go");
    sender.expect("closed");
    read(&mut consumer, SLOTS / 2);
    assert!(matches!(consumer.try_recv(), Ok(Outcome::EpochChanged { epoch: 2, .. })));
    let mut late = consumer.try_clone().unwrap();
    assert!(matches!(late.try_recv(), Ok(Outcome::Closed)), "the new epoch is no news to it");
    read(&mut early, SLOTS / 2);
    assert!(matches!(early.try_recv(), Ok(Outcome::EpochChanged { epoch: 2, .. })));
    assert_eq!(read_to_the_end(&mut early), 0);
    sender.succeed();
}

fn a_clone_without_a_cell_is_refused(kind: Kind) {
    let ring = kind.ring(&config());
    let consumer = ring.consumer(Start::Latest).unwrap();
    let clones: Vec<_> = (1..CELLS).map(|_| consumer.try_clone().unwrap()).collect();
    assert!(matches!(consumer.try_clone(), Err(AttachError::NoFreeCell { max: CELLS, .. })));
    drop(clones);
    drop(consumer.try_clone().unwrap());
}

fn a_role_of_a_parent_leads_to_no_ring_in_its_child(kind: Kind) {
    let ring = kind.ring(&config());
    let consumer = ring.consumer(Start::Latest).unwrap();
    let observer = ring.observer(Start::Latest, Resume::Latest).unwrap();
    testkit::child::child(|| {
        assert!(matches!(consumer.ring(), Err(AttachError::Forked(_))));
        assert!(matches!(consumer.try_clone(), Err(AttachError::Forked(_))));
        assert!(matches!(observer.ring(), Err(AttachError::Forked(_))));
    })
    .succeed();
    assert_eq!(consumer.try_clone().unwrap().cell(), 1);
}
