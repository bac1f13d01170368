//! Two mirrors of one ring. A source keeps what either of them lacks, even before it has heard that sink.

use ringway::{Config, Ring, file};

use crate::gateway::{Gateway, endpoint, folder, free_port, program_on, status, turn};
use crate::reader::{Kind, Reader, ring_at, wait_for};
use crate::roles::{Produce, Producer};

const SLOTS: u64 = 1024;
const MESSAGES: u64 = 20_000;
/// The sequence at which the second sink is away.
const AWAY: u64 = 4 * SLOTS;

#[test]
fn a_source_that_is_killed_while_one_of_its_sinks_is_away_keeps_all_for_it() {
    let _turn = turn();
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    let source = at("source");
    let ring = file::create(&source, &Config::new().slots(SLOTS).payload_capacity(64)).unwrap();
    let port = free_port();
    let mut export = Gateway::export(&at("export.log"), &source, port, &["--keeper"]);
    let import = |name: &str| Gateway::import(&at(&format!("{name}.log")), &at(name), port, &[]);
    let (_one, two) = (import("one"), import("two"));
    let readers = ["one", "two"].map(|name| Reader::join(&at(name), Kind::Consumer, u64::MAX));
    wait_for("two sinks", || {
        let status = status(port)?;
        (status["sources"][0]["sinks"].as_array()?.len() == 2).then_some(())
    });
    let how = Produce { until: AWAY, close: false, require_readers: false };
    let producer = Producer::start(&source, how);
    for reader in &readers {
        reader.wait_until(AWAY, || export.log());
    }
    two.end();
    export.kill();
    wait_for("a gateway that waits for the second sink alone", || {
        let status = status(port)?;
        let source = &status["sources"][0];
        (source["awaited"].as_array()?.len() == 1 && source["sinks"].as_array()?.len() == 1).then_some(())
    });
    // The first sink continues. Its acks release nothing that the second one lacks.
    producer.kill();
    let producer = Producer::start(&source, Produce { until: MESSAGES, close: true, ..how });
    let most = AWAY + SLOTS / 2;
    readers[0].wait_until(most, || export.log());
    wait_for("a source that is full", || (ring.stats().unwrap().head == most).then_some(()));
    let copy = ring_at(&at("two"));
    assert_eq!(copy.stats().unwrap().head, AWAY);

    let _two = import("two");
    for reader in readers {
        let ledger = reader.until_closed();
        assert_eq!((ledger.received, ledger.lost), (MESSAGES, 0));
    }
    producer.wait();
}

#[test]
fn a_sink_that_is_gone_for_good_is_forgotten_on_request_and_one_that_lives_is_not() {
    let _turn = turn();
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    let source = at("source");
    file::create(&source, &Config::new().slots(SLOTS).payload_capacity(64)).unwrap();
    let port = free_port();
    let mut export = Gateway::export(&at("export.log"), &source, port, &["--keeper"]);
    let import = |name: &str| Gateway::import(&at(&format!("{name}.log")), &at(name), port, &[]);
    let (_one, two) = (import("one"), import("two"));
    let [one, gone] = ["one", "two"].map(|name| Reader::join(&at(name), Kind::Consumer, u64::MAX));
    let ids = ["one", "two"].map(|name| {
        let id = ring_at(&at(name)).geometry().ring_id();
        id.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    });
    let known = |count: usize| {
        let status = status(port)?;
        let source = &status["sources"][0];
        let [sinks, awaited] = ["sinks", "awaited"].map(|key| source[key].as_array());
        (sinks?.len() + awaited?.len() == count).then_some(())
    };
    wait_for("two sinks", || known(2));
    let forget = |sink: &str| {
        let arguments = ["forget", "link", sink, "--connect", &endpoint(port)];
        let output = program_on(None).args(arguments).output().unwrap();
        (
            output.status.success(),
            String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).to_string(),
        )
    };
    for (sink, why) in [(&"0".repeat(32)[..], "has no sink"), ("7", "expected its id")] {
        let (done, said) = forget(sink);
        assert!(!done && said.contains(why), "{said}");
    }
    // A sink that had no processor for three seconds is forgotten, and heard again with its next ack.
    wait_for("a refusal to forget a sink that is heard", || {
        let (done, said) = forget(&ids[0]);
        (!done && said.contains("was heard just now")).then_some(())
    });

    two.end();
    let producer = Producer::start(&source, Produce { until: MESSAGES, close: true, require_readers: false });
    // The next gateway remembers it, too.
    export.kill();
    wait_for("two sinks, one of them away", || known(2));
    let (done, said) = wait_for("a sink that is silent", || Some(forget(&ids[1])).filter(|(done, _)| *done));
    assert!(done && said.contains("is forgotten"), "{said}");
    producer.wait();
    let ledger = one.until_closed();
    assert_eq!((ledger.received, ledger.lost), (MESSAGES, 0));
    export.kill();
    wait_for("one sink", || known(1));
    gone.end();
}

#[test]
fn a_sink_that_joins_a_busy_source_loses_nothing_from_its_mirrors_first_message_on() {
    let _turn = turn();
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    let source = at("source");
    let ring = file::create(&source, &Config::new().slots(SLOTS).payload_capacity(64)).unwrap();
    let port = free_port();
    let export = Gateway::export(&at("export.log"), &source, port, &[]);
    let import = |name: &str| Gateway::import(&at(&format!("{name}.log")), &at(name), port, &[]);
    let _one = import("one");
    let one = Reader::join(&at("one"), Kind::Consumer, u64::MAX);
    let how = Produce { until: u64::MAX, close: false, require_readers: true };
    let producer = Producer::start(&source, how);
    one.wait_until(MESSAGES, || export.log());
    let _two = import("two");
    let two = Reader::join(&at("two"), Kind::Consumer, u64::MAX);
    wait_for("messages in the second mirror", || (two.received() > SLOTS).then_some(()));
    producer.kill();
    Producer::start(&source, Produce { until: 0, close: true, ..how }).wait();
    let head = ring.stats().unwrap().head;
    for reader in [one, two] {
        let ledger = reader.until_closed();
        assert_eq!((ledger.start + ledger.received, ledger.lost), (head, 0), "{ledger:?}");
    }
    // A reader doesn't see what is lost before the first message that it finds.
    let skipped = wait_for("the second mirror's status", || {
        let status = status(port)?;
        let mirrors = status["mirrors"].as_array()?;
        let path = at("two").display().to_string();
        mirrors.iter().find(|mirror| mirror["path"] == path)?["counts"]["skipped"].as_u64()
    });
    assert_eq!(skipped, 0);
}
