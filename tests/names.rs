//! What roles of other processes are called.

use std::time::Duration;

use ringway::{AttachError, Config, Name, Observer, PublishError, Resume, Ring, Start};
use testkit::child::child;
use testkit::{Kind, Post, TestRing, named, role, suite};

const SLOTS: u64 = 4;

fn main() {
    suite::run(
        named![
            a_full_ring_names_the_process_that_stops_it,
            a_second_producer_is_told_the_name_of_the_first,
            a_killed_roles_name_is_nobody_elses,
            a_clone_has_the_name_of_its_consumer,
            observers_that_show_themselves_are_listed_by_name,
            an_observer_that_shows_itself_slows_no_producer_and_leaves_no_trace_of_reading,
            consumers_find_cells_beside_observers_and_are_told_who_has_the_rest,
            beside_a_full_ring_of_consumers_an_observer_reads_on_unshown,
            a_killed_observer_is_listed_no_longer_and_its_cell_is_free,
            a_forked_child_takes_no_observer_off_the_list,
        ],
        named![recorder, quotes, dashboard],
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
    assert!(full.to_string().contains(&format!("reader 0 (\"recorder\", pid {}, uid ", peer.pid())));
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

/// Shows itself, and reads nothing.
fn dashboard(ring: &TestRing, post: &mut Post) {
    let _observer = shown(ring, "dashboard");
    post.say("shown");
    post.hear();
}

fn observer(ring: &TestRing) -> Observer {
    ring.observer(Start::Latest, Resume::Latest).unwrap()
}

fn shown(ring: &TestRing, text: &str) -> Observer {
    let mut observer = observer(ring);
    observer.set_name(name(text)).unwrap();
    observer.show().unwrap();
    observer
}

/// The observers that show themselves: their cells and names.
fn listed(ring: &TestRing) -> Vec<(usize, Option<Name>)> {
    ring.stats().unwrap().observers.iter().map(|observer| (observer.cell, observer.name)).collect()
}

fn observers_that_show_themselves_are_listed_by_name(kind: Kind) {
    let ring = kind.ring(&config().max_consumers(5));
    let mut first = shown(&ring, "first");
    first.show().unwrap();
    let second = shown(&ring, "second");
    assert_eq!(listed(&ring), [(3, Some(name("second"))), (4, Some(name("first")))]);
    let stats = ring.stats().unwrap();
    let (own, uid) = (u64::from(std::process::id()), testkit::full(0, 0, 0).uid);
    assert!(stats.observers.iter().all(|observer| (observer.pid, observer.uid) == (own, uid)));
    assert_eq!(stats.consumers, []);

    first.set_name(name("renamed")).unwrap();
    drop(second);
    assert_eq!(listed(&ring), [(4, Some(name("renamed")))]);
    first.set_name(None).unwrap();
    assert_eq!(listed(&ring), [(4, None)]);
    first.hide();
    assert!(listed(&ring).is_empty() && !first.is_shown());
    first.show().unwrap();
    assert_eq!(listed(&ring), [(4, None)]);
}

fn an_observer_that_shows_itself_slows_no_producer_and_leaves_no_trace_of_reading(kind: Kind) {
    let ring = kind.ring(&config());
    let mut producer = ring.producer().unwrap();
    let observer = shown(&ring, "dashboard");
    // With a consumer in place of the observer the ring would be full.
    for n in 0..3 * SLOTS {
        assert_eq!(producer.try_publish(&n.to_ne_bytes()), Ok(n));
    }
    assert_eq!((producer.consumer_count(), producer.count_room()), (Ok(0), Ok(SLOTS)));
    assert_eq!(ring.stats().unwrap().furthest_read, None, "no cell was used by a reader that counts");
    drop(observer);
    assert_eq!(ring.stats().unwrap().furthest_read, None);

    // Beside a consumer, too, it neither holds the producer back nor lets it overrun that one.
    let _consumer = ring.consumer(Start::Latest).unwrap();
    let _observer = shown(&ring, "dashboard");
    for n in 3 * SLOTS..4 * SLOTS {
        assert_eq!(producer.try_publish(&n.to_ne_bytes()), Ok(n));
    }
    assert!(matches!(producer.try_publish(b"no room"), Err(PublishError::Full(full)) if full.cell == 0));
}

fn consumers_find_cells_beside_observers_and_are_told_who_has_the_rest(kind: Kind) {
    let ring = kind.ring(&config().max_consumers(4));
    let mut observers = [shown(&ring, "a"), shown(&ring, "b")];
    // The lower half is the consumers', whatever observers do.
    let mut third = observer(&ring);
    let refused = third.show().unwrap_err();
    assert!(matches!(refused, AttachError::NoCellToShow { max: 4, shown: 2, .. }), "{refused}");
    let consumers = [ring.consumer(Start::Latest).unwrap(), ring.consumer(Start::Latest).unwrap()];
    assert_eq!(consumers.each_ref().map(|consumer| consumer.cell()), [0, 1]);
    let refused = ring.consumer(Start::Latest).unwrap_err();
    assert!(matches!(refused, AttachError::NoFreeCell { max: 4, observers: 2, .. }), "{refused}");
    assert!(
        refused.to_string().ends_with("; in 2 of them an observer shows itself, and needn't"),
        "{refused}"
    );
    observers[0].hide();
    let consumer = ring.consumer(Start::Latest).unwrap();
    assert_eq!((consumer.cell(), consumer.name()), (3, None));
    assert_eq!(ring.stats().unwrap().consumers[2].name, None);
}

fn beside_a_full_ring_of_consumers_an_observer_reads_on_unshown(kind: Kind) {
    let ring = kind.ring(&config());
    let _consumers = [ring.consumer(Start::Latest).unwrap(), ring.consumer(Start::Latest).unwrap()];
    let mut observer = observer(&ring);
    assert!(matches!(observer.show(), Err(AttachError::NoCellToShow { max: 2, .. })));
    ring.producer().unwrap().publish(b"message").unwrap();
    assert!(observer.try_recv().unwrap().is_message() && !observer.is_shown());
    // A ring for one consumer has no cell to spare.
    let ring = kind.ring(&config().max_consumers(1));
    let refused = self::observer(&ring).show().unwrap_err();
    assert!(matches!(refused, AttachError::NoCellToShow { max: 1, shown: 0, .. }), "{refused}");
    assert!(ring.consumer(Start::Latest).is_ok());
}

fn a_killed_observer_is_listed_no_longer_and_its_cell_is_free(kind: Kind) {
    let ring = kind.ring(&config());
    let mut peer = ring.start(role!(dashboard));
    peer.expect("shown");
    let stats = ring.stats().unwrap();
    assert_eq!(
        (stats.observers[0].pid, stats.observers[0].name),
        (peer.pid().into(), Some(name("dashboard")))
    );
    peer.kill();
    assert_eq!(listed(&ring), []);
    let consumers = [ring.consumer(Start::Latest).unwrap(), ring.consumer(Start::Latest).unwrap()];
    assert_eq!(consumers.each_ref().map(|consumer| consumer.cell()), [0, 1]);
    assert_eq!(ring.stats().unwrap().consumers[1].name, None);
}

fn a_forked_child_takes_no_observer_off_the_list(kind: Kind) {
    let ring = kind.ring(&config());
    let mut observer = Some(shown(&ring, "parent"));
    child(|| {
        // The parent keeps its own.
        let mut observer = observer.take().unwrap();
        assert!(observer.set_name(name("child")).is_err() && observer.show().is_err());
        drop(observer);
    })
    .succeed();
    assert_eq!(listed(&ring), [(1, Some(name("parent")))]);
}
