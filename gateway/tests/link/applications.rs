//! Applications that read a mirror get each message at least once.

use ringway::{AttachError, Config, Ring, Start, file};

use crate::gateway::{Gateway, folder, free_port, turn};
use crate::reader::{Kind, Reader, ring_at, wait_for};
use crate::roles::{Application, Produce, Producer};

const SLOTS: u64 = 256;
/// The message that the killed application has in hand: less than half a lap before head.
const IN_HAND: u64 = 100;
const FIRST_PART: u64 = 200;
const MESSAGES: u64 = 1200;
/// Less than the window: what `history` can't send in time is lost, and this is about what was sent.
const STEP: usize = 100;
const WINDOW: &str = "128";

fn at_least_once(policy: &str) {
    let _turn = turn();
    let folder = folder();
    let [source, mirror] = ["source", "mirror"].map(|name| folder.path().join(name));
    let [out, back] = ["export.log", "import.log"].map(|name| folder.path().join(name));
    file::create(&source, &Config::new().slots(SLOTS).payload_capacity(512)).unwrap();
    let port = free_port();
    let export = Gateway::export(&out, &source, port, &["--policy", policy, "--window", WINDOW]);
    let _import = Gateway::import(&back, &mirror, port, &[]);
    let copy = ring_at(&mirror);
    let application = Application::start(&mirror, IN_HAND);
    let how = Produce { until: FIRST_PART, close: false, require_readers: false };
    let producer = Producer::start(&source, how);
    application.wait_for(&format!("{IN_HAND} is in hand"));
    wait_for("the rest", || (copy.stats().unwrap().head == FIRST_PART).then_some(()));
    application.kill();

    // Started again, the application gets the message once more that it had in hand.
    let reader = Reader::join_at(&mirror, Kind::Consumer, Start::At(IN_HAND), u64::MAX);
    reader.wait_until(FIRST_PART, || export.log());
    producer.kill();
    for until in (FIRST_PART..=MESSAGES).step_by(STEP) {
        let producer = Producer::start(&source, Produce { until, ..how });
        reader.wait_until(until, || export.log());
        producer.kill();
    }
    let ledger = reader.end();
    assert_eq!((ledger.start, ledger.received, ledger.lost), (IN_HAND, MESSAGES - IN_HAND, 0));
    // The mirror refuses a message that it has overwritten, and gives no later one in its place.
    let gone = copy.consumer(Start::At(IN_HAND)).map(|_| ());
    assert!(matches!(gone, Err(AttachError::Overwritten { .. })), "{gone:?}");
}

#[test]
fn one_that_is_killed_with_a_message_in_hand_gets_it_again() {
    at_least_once("reliable");
    at_least_once("history");
}
