//! `history` and `lossy`: the mirror counts each loss exactly.

use ringway::{Config, file};

use crate::gateway::{Gateway, folder, free_port, status, turn};
use crate::proxy::{Proxy, State};
use crate::reader::{Kind, PATIENCE, Reader, ring_at, wait_for};
use crate::roles::{Produce, Producer};

const SLOTS: u64 = 256;
const CAPACITY: u64 = 512;
const MESSAGES: u64 = 200_000;
/// Messages that a starving mirror never gets by luck.
const SCARCE: u64 = 100 * SLOTS;

/// The ring is overrun while the link carries nothing, and after the receiving gateway was killed.
fn overrun(policy: &str) {
    let _turn = turn();
    let folder = folder();
    let [source, mirror] = ["source", "mirror"].map(|name| folder.path().join(name));
    let [out, back] = ["export.log", "import.log"].map(|name| folder.path().join(name));
    let ring = file::create(&source, &Config::new().slots(SLOTS).payload_capacity(CAPACITY)).unwrap();
    let port = free_port();
    let link = Proxy::new(port);
    let export = Gateway::export(&out, &source, port, &["--policy", policy]);
    let mut import = Gateway::import(&back, &mirror, link.port(), &[]);
    let readers = [Kind::Consumer, Kind::Observer].map(|kind| Reader::join(&mirror, kind, u64::MAX));
    // The source knows the sink, and sends.
    wait_for("a sink", || status(port)?["sources"][0]["sinks"].get(0).map(|_| ()));

    let part = |number: u64| {
        let how = Produce { until: MESSAGES * number / 4, close: number == 4, require_readers: false };
        let producer = Producer::start(&source, how);
        let ring = file::open(&source).unwrap();
        wait_for("the producer", || (ringway::Ring::stats(&ring).unwrap().head >= how.until).then_some(()));
        producer
    };
    let trouble = || export.log();
    part(1).kill();
    link.set(State::Hole);
    part(2).kill();
    link.set(State::Open);
    readers.iter().for_each(|reader| reader.wait_until(MESSAGES * 2 / 4, trouble));
    import.kill();
    part(3).kill();
    let producer = part(4);
    producer.wait();
    let [consumer, observer] = readers.map(Reader::until_closed);
    for ledger in [&consumer, &observer] {
        println!("{policy}: {ledger:?}");
        assert_eq!(ledger.received + ledger.lost, MESSAGES - ledger.start);
        assert!(ledger.received > 0 && ledger.lost > 0, "an overrun loses, and the rest comes: {ledger:?}");
    }
    // A consumer has all of the mirror. An observer may lose more.
    assert!(observer.lost >= consumer.lost);
    let [source, mirror] = [&ring, &ring_at(&mirror)].map(|ring| ringway::Ring::stats(ring).unwrap());
    assert_eq!((source.head, mirror.head, mirror.state), (MESSAGES, MESSAGES, ringway::State::Closed));
}

#[test]
fn under_history_received_and_lost_add_up_when_the_ring_is_overrun() {
    overrun("history");
}

#[test]
fn under_lossy_received_and_lost_add_up_when_the_ring_is_overrun() {
    overrun("lossy");
}

/// A producer that never pauses fills the ring in a fraction of a link's round trip. The mirror still gets what the link
/// can carry, and counts the rest.
fn behind_a_producer_that_never_pauses(policy: &str) {
    let _turn = turn();
    let folder = folder();
    let [source, mirror] = ["source", "mirror"].map(|name| folder.path().join(name));
    let [out, back] = ["export.log", "import.log"].map(|name| folder.path().join(name));
    let ring = file::create(&source, &Config::new().slots(SLOTS).payload_capacity(CAPACITY)).unwrap();
    let port = free_port();
    let export = Gateway::export(&out, &source, port, &["--policy", policy]);
    let _import = Gateway::import(&back, &mirror, port, &[]);
    let reader = Reader::join(&mirror, Kind::Consumer, u64::MAX);
    let producer = Producer::start(&source, Produce { until: u64::MAX, ..Produce::default() });
    let (began, before) = (std::time::Instant::now(), reader.received());
    while reader.received() < before + SCARCE {
        reader.wait_until(reader.next() + 1, || export.log());
        assert!(
            began.elapsed() < PATIENCE,
            "{policy}: {} received of {} in {PATIENCE:?}",
            reader.received(),
            reader.next()
        );
    }
    println!(
        "{policy}: {} received, {} published in {:?}",
        reader.received(),
        reader.next(),
        began.elapsed()
    );
    producer.kill();
    let head = ringway::Ring::stats(&ring).unwrap().head;
    reader.wait_until(head, || export.log());
    let ledger = reader.end();
    assert_eq!(ledger.received + ledger.lost, head - ledger.start);
    assert!(policy != "reliable" || ledger.lost == 0, "{ledger:?}");
}

#[test]
fn under_history_a_producer_that_never_pauses_doesnt_starve_the_mirror() {
    behind_a_producer_that_never_pauses("history");
}

#[test]
fn under_lossy_a_producer_that_never_pauses_doesnt_starve_the_mirror() {
    behind_a_producer_that_never_pauses("lossy");
}

#[test]
fn under_reliable_a_producer_that_never_pauses_loses_nothing() {
    behind_a_producer_that_never_pauses("reliable");
}
