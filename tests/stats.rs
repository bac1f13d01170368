//! How a ring stands, as each handle of it tells, and as any thread sees it.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use ringway::{AttachError, Config, Resume, Ring, Start, State, Stats};
use testkit::roles::{Sender, read};
use testkit::sleepers::{self, sleeper};
use testkit::{Kind, Post, TestRing, named, role, suite};

const SLOTS: u64 = 8;

fn main() {
    suite::run(
        named![
            every_handle_tells_how_full_the_ring_is,
            stats_tell_of_every_role_in_any_process,
            a_monitor_serves_many_threads_beside_every_role,
            a_monitor_tells_head_and_state_of_one_epoch,
            stats_count_rings_of_the_doorbell,
            stats_tell_where_the_stream_begins_and_how_far_consumers_got,
            a_monitor_of_a_parent_tells_nothing_in_its_child,
        ],
        named![reader, sleeper],
    );
}

fn config() -> Config {
    Config::new().slots(SLOTS).payload_capacity(48).max_consumers(3)
}

/// Reads two messages, and stays.
fn reader(ring: &TestRing, post: &mut Post) {
    let mut consumer = ring.consumer(Start::Latest).unwrap();
    post.say("joined");
    read(&mut consumer, 2);
    post.say(std::process::id());
    post.hear_the_end();
}

fn stats_tell_where_the_stream_begins_and_how_far_consumers_got(kind: Kind) {
    let ring = kind.ring(&config());
    let told = || {
        let stats = ring.stats().unwrap();
        (stats.epoch, stats.first_seq, stats.furthest_read)
    };
    assert_eq!(told(), (0, 0, None));
    let mut sender = Sender::new(ring.producer().unwrap());
    sender.send_many(3);
    assert_eq!(told(), (1, 0, None));
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    read(&mut consumer, 2);
    sender.producer.close().unwrap();
    assert_eq!(told(), (1, 0, Some(2)));
    drop(consumer);
    let mut successor = ring.producer().unwrap();
    assert_eq!(told(), (2, 3, Some(2)));
    successor.publish(b"more").unwrap();
    assert_eq!(told(), (2, 3, Some(2)));
}

fn every_handle_tells_how_full_the_ring_is(kind: Kind) {
    let ring = kind.ring(&config());
    let mut consumer = ring.consumer(Start::Latest).unwrap();
    let observer = ring.observer(Start::Latest, Resume::Latest).unwrap();
    let mut sender = Sender::new(ring.producer().unwrap());
    assert_eq!((sender.producer.capacity(), consumer.capacity(), observer.capacity()), (SLOTS, SLOTS, SLOTS));
    assert_eq!(
        (sender.producer.is_empty(), consumer.is_empty(), observer.is_empty()),
        (Ok(true), Ok(true), Ok(true))
    );
    sender.send_many(3);
    read(&mut consumer, 1);
    assert_eq!((sender.producer.len(), consumer.len(), observer.len()), (Ok(2), Ok(2), Ok(3)));
    let room = SLOTS - 2;
    assert_eq!(sender.producer.count_room(), Ok(room));
    assert_eq!((consumer.count_room(), observer.count_room()), (Ok(room), Ok(room)));
    assert_eq!(
        (sender.producer.is_empty(), consumer.is_empty(), observer.is_empty()),
        (Ok(false), Ok(false), Ok(false))
    );

    let clone = consumer.try_clone().unwrap();
    assert_eq!(sender.producer.consumer_count(), Ok(2));
    assert_eq!((consumer.consumer_count(), observer.consumer_count()), (Ok(2), Ok(2)));
    sender.send_many(room);
    assert_eq!(sender.producer.times_full(), Ok(0));
    assert!(sender.try_send().is_err());
    let times = sender.producer.times_full().unwrap();
    assert!(times > 0);
    assert_eq!((consumer.times_full(), observer.times_full()), (Ok(times), Ok(times)));
    drop((consumer, clone));
    // Observers hold nothing back, and lose what is beyond a lap.
    sender.send_many(SLOTS);
    assert_eq!((sender.producer.len(), observer.count_room()), (Ok(0), Ok(SLOTS)));
    assert_eq!((observer.lag(), observer.len()), (Ok(2 * SLOTS + 1), Ok(SLOTS)));
}

fn stats_tell_of_every_role_in_any_process(kind: Kind) {
    let ring = kind.ring(&config());
    let empty: Stats = ring.stats().unwrap();
    assert_eq!((empty.state, empty.epoch, empty.head, empty.producer_pid), (State::NoProducerYet, 0, 0, 0));
    assert!(!empty.producer_alive && empty.consumers.is_empty());
    assert_eq!((empty.slots, empty.payload_capacity, empty.max_consumers), (SLOTS, 48, 3));
    assert_eq!(empty.room(), SLOTS);

    let mut sender = Sender::new(ring.producer().unwrap());
    let mut peer = ring.start(role!(reader));
    peer.expect("joined");
    sender.send_many(5);
    let pid = peer.hear_number();
    let stats = ring.stats().unwrap();
    assert_eq!((stats.state, stats.epoch, stats.head), (State::Open, 1, 5));
    assert_eq!((stats.producer_alive, stats.producer_pid), (true, u64::from(std::process::id())));
    let [consumer] = stats.consumers[..] else { panic!("{stats:?}") };
    assert_eq!((consumer.cell, consumer.pid, consumer.next_seq, consumer.lag), (0, pid, 2, 3));
    assert_eq!((stats.room(), stats.times_full), (SLOTS - 3, 0));

    peer.kill();
    let stats = ring.stats().unwrap();
    assert!(stats.consumers.is_empty(), "a dead consumer doesn't count");
    sender.close();
    let stats = ring.stats().unwrap();
    assert_eq!((stats.state, stats.producer_alive, stats.head), (State::Closed, false, 5));
}

fn a_monitor_serves_many_threads_beside_every_role(kind: Kind) {
    let ring = kind.ring(&config());
    let monitor = ring.monitor().unwrap();
    let mut consumer = ring.consumer(Start::Latest).unwrap();
    let mut sender = Sender::new(ring.producer().unwrap());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut last = 0;
                while last < 100 {
                    let stats = monitor.stats().unwrap();
                    assert!(stats.head >= last && stats.room() <= SLOTS);
                    assert_eq!(stats.consumers.len(), 1);
                    last = stats.head;
                }
            });
        }
        for _ in 0..100 {
            sender.send_many(1);
            read(&mut consumer, 1);
        }
    });
    assert_eq!(monitor.stats().unwrap().consumers[0].lag, 0);
}

/// So many producers come and go beside a monitor.
const EPOCHS: u64 = 10_000;

fn a_monitor_tells_head_and_state_of_one_epoch(kind: Kind) {
    let ring = kind.ring(&config());
    let monitor = ring.monitor().unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Each epoch has one message.
        scope.spawn(|| {
            while !stop.load(Relaxed) {
                let mut producer = ring.producer().unwrap();
                producer.publish(b"the only one").unwrap();
                producer.close().unwrap();
            }
        });
        let mut looks = std::iter::repeat_with(|| monitor.stats().unwrap());
        let mixed = looks.by_ref().take_while(|stats| stats.epoch < EPOCHS).find(|stats| {
            let published = stats.head.wrapping_sub(stats.first_seq);
            let least = u64::from(stats.state == State::Closed);
            !(least..=1).contains(&published) || stats.first_seq != stats.epoch.saturating_sub(1)
        });
        stop.store(true, Relaxed);
        assert_eq!(mixed, None);
    });
}

fn stats_count_rings_of_the_doorbell(kind: Kind) {
    let rings = |ring: &TestRing| ring.stats().unwrap().doorbell;
    let ring = kind.ring(&config());
    assert_eq!(rings(&ring), 0);
    let mut sender = Sender::new(ring.producer().unwrap());
    sender.send_many(1);
    let before = rings(&ring);
    sender.send_many(SLOTS);
    assert_eq!(rings(&ring), before, "no reader sleeps");

    let ring = kind.ring(&sleepers::config());
    let mut sender = Sender::new(ring.producer().unwrap());
    let mut peer = sleepers::start(&ring, role!(sleeper));
    sleepers::until_asleep(&peer);
    let before = rings(&ring);
    sender.send_many(1);
    peer.expect("0");
    assert!(rings(&ring) > before, "the producer woke the reader");
}

fn a_monitor_of_a_parent_tells_nothing_in_its_child(kind: Kind) {
    let ring = kind.ring(&config());
    let monitor = ring.monitor().unwrap();
    testkit::child::child(|| {
        assert!(matches!(monitor.stats(), Err(AttachError::Forked(_))));
        assert_eq!(ring.stats().unwrap().head, 0);
    })
    .succeed();
    assert_eq!(monitor.stats().unwrap().head, 0);
}
