//! Changes of the source's ring and its producer, and how the mirror shows them.

use std::path::{Path, PathBuf};

use ringway::{Config, Ring, State as RingState, file};
use tempfile::TempDir;

use crate::gateway::{Gateway, folder, free_port, turn};
use crate::proxy::{Proxy, State};
use crate::reader::{Kind, Reader, ring_at, wait_for};
use crate::roles::{Produce, Producer};

const MESSAGES: u64 = 5000;
const SLOTS: u64 = 256;

/// A folder with an exported ring, and the paths of its mirror and logs.
struct Place {
    _folder: TempDir,
    source: PathBuf,
    mirror: PathBuf,
    logs: [PathBuf; 2],
    port: u16,
}

impl Place {
    fn new() -> Self {
        let folder = folder();
        let at = |name| folder.path().join(name);
        let (source, mirror, logs) = (at("source"), at("mirror"), ["export.log", "import.log"].map(at));
        file::create(&source, &config()).unwrap();
        Self { source, mirror, logs, port: free_port(), _folder: folder }
    }

    fn export(&self) -> Gateway {
        Gateway::export(&self.logs[0], &self.source, self.port, &[])
    }

    fn import(&self, more: &[&str]) -> Gateway {
        Gateway::import(&self.logs[1], &self.mirror, self.port, more)
    }

    fn produce(&self, until: u64, close: bool) -> Producer {
        Producer::start(&self.source, Produce { until, close, require_readers: true })
    }
}

fn config() -> Config {
    Config::new().slots(SLOTS).payload_capacity(512)
}

fn refused(import: &Gateway, why: &str) {
    wait_for(&format!("{why:?} in {}", import.log()), || import.log().contains(why).then_some(()));
}

fn id(path: &Path) -> [u8; 16] {
    ring_at(path).geometry().ring_id()
}

#[test]
fn a_source_made_anew_is_refused_without_replace_and_taken_with_it() {
    let _turn = turn();
    let place = Place::new();
    let export = place.export();
    let import = place.import(&[]);
    let first = Reader::join(&place.mirror, Kind::Consumer, u64::MAX);
    let producer = place.produce(MESSAGES, false);
    first.wait_until(MESSAGES, || export.log());
    producer.kill();
    let mirror = ring_at(&place.mirror);
    let before = id(&place.mirror);

    // The gateway uses the ring, so that `file::remove` refuses.
    std::fs::remove_file(&place.source).unwrap();
    file::create(&place.source, &config()).unwrap();
    refused(&import, "and the source has");
    assert_eq!((id(&place.mirror), mirror.stats().unwrap().head), (before, MESSAGES));
    import.end();
    std::fs::remove_file(&place.logs[1]).unwrap();
    // The same after a start.
    let import = place.import(&[]);
    refused(&import, "and the source has");
    assert_eq!((id(&place.mirror), mirror.stats().unwrap().head), (before, MESSAGES));
    import.end();

    let _import = place.import(&["--replace"]);
    let ledger = first.until_closed();
    assert_eq!((ledger.received, ledger.lost), (MESSAGES, 0));
    wait_for("another mirror", || (id(&place.mirror) != before).then_some(()));
    let second = Reader::join(&place.mirror, Kind::Consumer, u64::MAX);
    place.produce(MESSAGES, true).wait();
    let ledger = second.until_closed();
    assert_eq!((ledger.start, ledger.received, ledger.lost), (0, MESSAGES, 0));
}

#[test]
fn what_is_left_of_a_source_made_anew_is_sent_before_the_new_one() {
    let _turn = turn();
    let place = Place::new();
    let export = place.export();
    let _import = place.import(&["--replace"]);
    // A full mirror, and a full source.
    let first = Reader::join(&place.mirror, Kind::Consumer, 0);
    let source = ring_at(&place.source);
    let producer = place.produce(u64::MAX, false);
    let left = SLOTS + SLOTS / 2;
    wait_for("a full source", || (source.stats().unwrap().head == left).then_some(()));
    producer.kill();
    let before = id(&place.mirror);

    std::fs::remove_file(&place.source).unwrap();
    file::create(&place.source, &config()).unwrap();
    let producer = place.produce(MESSAGES, true);
    refused(&export, "its sinks get what is left of it first");
    // The new ring is held from its beginning.
    let anew = ring_at(&place.source);
    wait_for("a new source that is full", || (anew.stats().unwrap().head == SLOTS).then_some(()));
    assert_eq!(ring_at(&place.mirror).stats().unwrap().head, SLOTS);

    first.allow(u64::MAX);
    let ledger = first.until_closed();
    assert_eq!((ledger.received, ledger.lost), (left, 0));
    wait_for("another mirror", || (id(&place.mirror) != before).then_some(()));
    let second = Reader::join(&place.mirror, Kind::Consumer, u64::MAX);
    producer.wait();
    let ledger = second.until_closed();
    // The mirror waits for no reader, and this one came when it was there already.
    assert_eq!((ledger.start + ledger.received, ledger.lost), (MESSAGES, 0));
}

#[test]
fn a_mirror_of_another_geometry_or_of_nobody_is_left_alone() {
    let _turn = turn();
    let place = Place::new();
    let _export = place.export();
    for (other, why) in [
        (config().slots(512), "of another geometry"),
        (config().payload_capacity(1024), "of another geometry"),
        (config(), "can't skip"),
        (config().first_seq(0), "no gateway has made"),
    ] {
        let ring = file::create(&place.mirror, &other).unwrap();
        let before = std::fs::read(&place.mirror).unwrap();
        let import = place.import(&[]);
        refused(&import, why);
        import.end();
        assert_eq!(ring.stats().unwrap().epoch, 0);
        assert!(std::fs::read(&place.mirror).unwrap() == before, "{why}: the ring was written");
        drop(ring);
        file::remove(&place.mirror).unwrap();
        std::fs::remove_file(&place.logs[1]).unwrap();
    }
}

#[test]
fn the_mirror_loses_its_producer_gets_a_successor_and_is_closed_as_the_source_is() {
    let _turn = turn();
    let place = Place::new();
    let export = place.export();
    let import = place.import(&[]);
    let reader = Reader::join(&place.mirror, Kind::Consumer, u64::MAX);
    let trouble = || export.log() + &import.log();
    for part in 1..=3 {
        let producer = place.produce(MESSAGES * part, false);
        reader.wait_until(MESSAGES * part, trouble);
        let (entered, lost) = reader.producers();
        producer.kill();
        wait_for("a lost producer", || (reader.producers() == (entered, lost + 1)).then_some(()));
        assert!(!ring_at(&place.mirror).stats().unwrap().producer_alive);
    }
    place.produce(MESSAGES * 4, true).wait();
    let ledger = reader.until_closed();
    assert_eq!((ledger.received, ledger.lost, ledger.producers_lost), (MESSAGES * 4, 0, 3));
    assert!(ledger.epochs >= 3, "{ledger:?}");
    assert_eq!(ring_at(&place.mirror).stats().unwrap().state, RingState::Closed);
}

#[test]
fn a_silent_link_lets_the_mirrors_producer_go_and_nothing_is_lost() {
    let _turn = turn();
    let place = Place::new();
    let link = Proxy::new(place.port);
    let export = place.export();
    let import = Gateway::import(&place.logs[1], &place.mirror, link.port(), &["--link-lost-after", "1s"]);
    let reader = Reader::join(&place.mirror, Kind::Consumer, u64::MAX);
    let trouble = || export.log() + &import.log();
    let mut producer = Some(place.produce(MESSAGES, false));
    for (part, state) in (1..).zip([State::Hole, State::Cut]) {
        reader.wait_until(MESSAGES * part, trouble);
        let (entered, lost) = reader.producers();
        link.set(state);
        wait_for("a lost producer", || (reader.producers() == (entered, lost + 1)).then_some(()));
        let told = || import.log().matches("the link is lost").count() as u64 == part;
        wait_for("a line of the lost link", || told().then_some(()));
        // The source's producer is alive meanwhile, and continues.
        assert!(ring_at(&place.source).stats().unwrap().producer_alive);
        producer.take().unwrap().kill();
        producer = Some(place.produce(MESSAGES * (part + 1), false));
        link.set(State::Open);
    }
    reader.wait_until(MESSAGES * 3, trouble);
    wait_for("lines of the link that is back", || {
        (import.log().matches("the link is back").count() == 2).then_some(())
    });
    let ledger = reader.end();
    assert_eq!((ledger.received, ledger.lost), (MESSAGES * 3, 0));
}

#[test]
fn one_cell_holds_the_ring_and_wakes_the_source_and_without_any_it_says_so() {
    let _turn = turn();
    for (cells, policy) in [(1, "reliable"), (2, "history")] {
        let place = Place::new();
        file::remove(&place.source).unwrap();
        let ring = file::create(&place.source, &config().max_consumers(cells)).unwrap();
        let taken: Vec<_> = (0..cells).map(|_| ring.consumer(ringway::Start::Latest).unwrap()).collect();
        let more = ["--policy", policy];
        let export = Gateway::export(&place.logs[0], &place.source, place.port, &more);
        // Under `history` the source takes a cell only once it has heard a sink.
        let import = place.import(&[]);
        let why = format!("one of the ring's {cells} is needed");
        wait_for(&why, || export.log().contains(&why).then_some(()));
        drop(taken);
        wait_for("a consumer that holds the ring and wakes the source", || {
            let status = crate::gateway::status(place.port)?;
            let source = &status["sources"][0];
            (source["wakes"] == "consumer" && source["held"].is_u64()).then_some(())
        });
        assert_eq!(ring.stats().unwrap().consumers.len(), 1);
        let reader = Reader::join(&place.mirror, Kind::Consumer, u64::MAX);
        let how = Produce { until: MESSAGES, close: true, require_readers: false };
        Producer::start(&place.source, how).wait();
        let ledger = reader.until_closed();
        assert_eq!(ledger.received + ledger.lost, MESSAGES - ledger.start);
        import.end();
    }
}
