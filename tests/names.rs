//! What roles of other processes are called.

use std::time::Duration;

use ringway::{AttachError, Config, Name, PublishError, Ring, Start};
use testkit::{Kind, Post, TestRing, named, role, suite};

const SLOTS: u64 = 4;

fn main() {
    suite::run(
        named![
            a_full_ring_names_the_process_that_stops_it,
            a_second_producer_is_told_the_name_of_the_first,
            a_killed_roles_name_is_nobody_elses,
            a_clone_has_the_name_of_its_consumer,
        ],
        named![recorder, quotes],
    );
}

fn config() -> Config {
    Config::new().slots(SLOTS).payload_capacity(8).max_consumers(2)
}

fn name(text: &str) -> Name {
    Name::new(text).expect("a short name")
}

/// Joins, and reads nothing.
fn recorder(ring: &TestRing, post: &mut Post) {
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    consumer.set_name(name("recorder")).unwrap();
    post.say("joined");
    post.hear();
}

/// Takes the producer's role, and publishes nothing.
fn quotes(ring: &TestRing, post: &mut Post) {
    let mut producer = ring.producer().unwrap();
    producer.set_name(name("quotes")).unwrap();
    post.say("entered");
    post.hear();
}

fn a_full_ring_names_the_process_that_stops_it(kind: Kind) {
    let ring = kind.ring(&config());
    let mut peer = ring.start(role!(recorder));
    peer.expect("joined");
    let mut producer = ring.producer().unwrap();
    for n in 0..SLOTS {
        producer.publish(&n.to_ne_bytes()).unwrap();
    }
    let full = testkit::full(0, peer.pid().into(), SLOTS);
    let full = full.said_by(full.uid, Some(name("recorder")));
    assert_eq!(producer.try_publish(b"no room"), Err(PublishError::Full(full)));
    let timed_out = producer.publish_timeout(b"no room", Duration::from_millis(1));
    assert_eq!(timed_out, Err(PublishError::TimedOut(full)));
    assert!(full.to_string().contains(&format!("consumer 0 (\"recorder\", pid {}, uid ", peer.pid())));
}

fn a_second_producer_is_told_the_name_of_the_first(kind: Kind) {
    let ring = kind.ring(&config());
    let mut peer = ring.start(role!(quotes));
    peer.expect("entered");
    let taken = ring.producer().unwrap_err();
    let AttachError::ProducerTaken { pid, name: found, uid, .. } = taken else { panic!("{taken}") };
    assert_eq!((pid, found, uid), (peer.pid().into(), Some(name("quotes")), testkit::full(0, 0, 0).uid));
    let stats = ring.stats().unwrap();
    assert_eq!((stats.producer_pid, stats.producer_name), (peer.pid().into(), Some(name("quotes"))));
}

fn a_killed_roles_name_is_nobody_elses(kind: Kind) {
    let ring = kind.ring(&config().max_consumers(1));
    let mut peers = [ring.start(role!(recorder)), ring.start(role!(quotes))];
    peers[0].expect("joined");
    peers[1].expect("entered");
    for peer in peers {
        peer.kill();
    }
    let (_consumer, _producer) = (ring.consumer(Start::Oldest).unwrap(), ring.producer().unwrap());
    let stats = ring.stats().unwrap();
    let own = u64::from(std::process::id());
    assert_eq!((stats.consumers[0].pid, stats.consumers[0].name), (own, None));
    assert_eq!((stats.producer_pid, stats.producer_name), (own, None));
}

fn a_clone_has_the_name_of_its_consumer(kind: Kind) {
    let ring = kind.ring(&config());
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    consumer.set_name(name("fan")).unwrap();
    let clone = consumer.try_clone().unwrap();
    assert_eq!(clone.name(), Some(name("fan")));
    let names: Vec<_> = ring.stats().unwrap().consumers.iter().map(|consumer| consumer.name).collect();
    assert_eq!(names, [Some(name("fan")); 2]);
}
