//! `reliable`: nothing is lost, repeated or reordered while gateways are killed and stopped, and links cut.

use std::cell::RefCell;
use std::time::Instant;

use ringway::{Config, Ring, State as RingState, file};

use crate::gateway::{Gateway, folder, free_port, turn};
use crate::proxy::{Proxy, State};
use crate::reader::{Kind, Reader, wait_for};
use crate::roles::{Produce, Producer};
use crate::scale::{LONG, Scale};

const SLOTS: u64 = 4096;
const CAPACITY: u64 = 1024;

/// What happens to the link and its processes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Event {
    KillExport,
    KillImport,
    StopExport,
    StopImport,
    Cut,
    Hole,
    Succeed,
}

/// The events of a run, each after a share of the messages: those of one kind are spread evenly.
fn plan(scale: &Scale) -> Vec<Event> {
    let kinds = [
        (Event::KillExport, scale.kills),
        (Event::KillImport, scale.kills),
        (Event::StopExport, 1),
        (Event::StopImport, 1),
        (Event::Cut, scale.cuts.div_ceil(2)),
        (Event::Hole, scale.cuts / 2),
        (Event::Succeed, scale.successions),
    ];
    let mut events = Vec::new();
    for (order, (event, count)) in (0..).zip(kinds) {
        for index in 0..count {
            events.push(((2 * index + 1) as f64 / (2 * count) as f64 + f64::from(order) * 1e-6, event));
        }
    }
    events.sort_by(|one, other| one.0.total_cmp(&other.0));
    events.into_iter().map(|(_, event)| event).collect()
}

/// A mirror that must equal its source through all of it. Without a keeper the producer requires readers, and the source's
/// gateway is killed only while it says that this is covered.
fn run(has_keeper: bool) {
    let _turn = turn();
    let scale = Scale::of_environment();
    let folder = folder();
    let [source, mirror] = ["source", "mirror"].map(|name| folder.path().join(name));
    let [out, back] = ["export.log", "import.log"].map(|name| folder.path().join(name));
    let ring = file::create(&source, &Config::new().slots(SLOTS).payload_capacity(CAPACITY)).unwrap();
    let port = free_port();
    let link = Proxy::new(port);
    let more: &[&str] = if has_keeper { &["--keeper"] } else { &[] };
    let export = RefCell::new(Gateway::export(&out, &source, port, more));
    let import = RefCell::new(Gateway::import(&back, &mirror, link.port(), &[]));

    let events = plan(&scale);
    let at = |index: usize| (index as u64 + 1) * scale.messages / (events.len() as u64 + 1);
    let reader = Reader::join(&mirror, Kind::Consumer, at(1));
    let how = Produce { until: scale.messages, close: true, require_readers: !has_keeper };
    let mut producer = Producer::start(&source, how);
    let stats = || ring.stats().unwrap();
    let trouble = || {
        format!("source {:?}\nexport: {}\nimport: {}", stats(), export.borrow().log(), import.borrow().log())
    };
    let began = Instant::now();
    for (index, event) in events.iter().enumerate() {
        reader.wait_until(at(index), trouble);
        println!("{:>8.3?} at {}: {event:?}", began.elapsed(), reader.next());
        match event {
            Event::KillExport => {
                if !has_keeper {
                    wait_for("a source that is covered", || is_covered(port).then_some(()));
                }
                export.borrow_mut().kill();
            }
            Event::KillImport => import.borrow_mut().kill(),
            Event::StopExport | Event::StopImport => {
                let gateway = if *event == Event::StopExport { &export } else { &import };
                gateway.borrow().stop();
                let is_long = has_keeper && *event == Event::StopImport;
                std::thread::sleep(if is_long { scale.stop.max(LONG) } else { scale.stop });
                gateway.borrow().go_on();
            }
            Event::Cut | Event::Hole => {
                link.set(if *event == Event::Cut { State::Cut } else { State::Hole });
                let is_long = has_keeper && *event == Event::Hole;
                std::thread::sleep(if is_long { scale.cut.max(LONG) } else { scale.cut });
                link.set(State::Open);
            }
            Event::Succeed => {
                producer.kill();
                producer = Producer::start(&source, how);
            }
        }
        reader.allow(at(index + 2));
    }
    reader.allow(u64::MAX);
    reader.wait_until(scale.messages, trouble);
    let ledger = reader.until_closed();
    producer.wait();
    println!("{:>8.3?}: {} messages, {ledger:?}", began.elapsed(), scale.messages);
    assert_eq!((ledger.start, ledger.received, ledger.lost), (0, scale.messages, 0));
    assert_eq!((stats().head, stats().state), (scale.messages, RingState::Closed));
    assert_eq!(file::open(&mirror).unwrap().stats().unwrap().head, scale.messages);
    // The mirror's producer is the gateway: it entered again for each kill, and for each successor at the source.
    assert!(ledger.epochs >= (scale.kills + scale.successions) as u64, "{ledger:?}");
}

fn is_covered(port: u16) -> bool {
    let status = crate::gateway::status(port);
    status.is_some_and(|status| status["sources"][0]["covered"] == true)
}

#[test]
fn with_a_keeper_the_mirror_equals_its_source_through_kills_stops_cuts_and_successions() {
    run(true);
}

#[test]
fn a_producer_that_requires_readers_loses_nothing_when_a_covered_source_is_killed() {
    run(false);
}
