//! Peers that send too much. Their messages are bounded, and never pass for the source's.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ringway::{Config, Ring, file};
use ringway_gateway::ack::Ack;
use ringway_gateway::frame::HEADER;
use ringway_gateway::meta::MAX_BYTES;
use ringway_gateway::names::Name;
use ringway_gateway::session::{self, ANSWERS_BYTES, Link};
use serde_json::Value;
use zenoh::qos::CongestionControl;
use zenoh::{Session, Wait};

use crate::gateway::{Gateway, endpoint, folder, free_port, status, turn};
use crate::reader::{Kind, Reader, ring_at, wait_for};
use crate::roles::{Produce, Producer};

const SLOTS: u64 = 256;
const MESSAGES: u64 = 5000;
/// Silence of the source in milliseconds that `status` must show: more than the import's `--link-lost-after`.
const SILENCE: u64 = 2500;

fn peer(listen: &[u16], connect: &[u16]) -> Session {
    let [listen, connect] = [listen, connect].map(|ports| ports.iter().map(|port| endpoint(*port)).collect());
    session::open(&Link { listen, connect, zenoh_config: None }).unwrap()
}

#[test]
fn garbage_does_not_pass_for_the_source_while_the_mirror_is_full() {
    let _turn = turn();
    let folder = folder();
    let [source, mirror] = ["source", "mirror"].map(|name| folder.path().join(name));
    let [out, back] = ["export.log", "import.log"].map(|name| folder.path().join(name));
    file::create(&source, &Config::new().slots(SLOTS).payload_capacity(512)).unwrap();
    let (port, other) = (free_port(), free_port());
    let export = Gateway::export(&out, &source, port, &[]);
    let more = ["--listen", &endpoint(other), "--link-lost-after", "1s"];
    let import = Gateway::import(&back, &mirror, port, &more);
    let reader = Reader::join(&mirror, Kind::Consumer, 0);
    let producer = Producer::start(&source, Produce { until: MESSAGES, close: true, require_readers: true });
    let copy = ring_at(&mirror);
    wait_for("a full mirror", || (copy.stats().unwrap().head == SLOTS).then_some(()));

    export.stop();
    let (peer, data) = (peer(&[], &[other]), Name::new("link").unwrap().data());
    let mut frame = vec![0; 1000];
    frame[..6].copy_from_slice(b"RWGF\x01\0");
    let found = wait_for("the silence of the source", || {
        for garbage in [b"", &frame[..], &frame[..63]] {
            peer.put(&data, garbage).wait().unwrap();
        }
        let mirror = status(other)?["mirrors"][0].take();
        (mirror["silent_ms"].as_u64()? > SILENCE).then_some(mirror)
    });
    // The gateway still has messages for the mirror, so the mirror's producer stays, and has entered once.
    assert_eq!((&found["counts"]["entered"], reader.producers().1), (&Value::from(1), 0), "{found}");
    export.go_on();
    reader.allow(u64::MAX);
    reader.wait_until(MESSAGES, || export.log() + &import.log());
    let ledger = reader.until_closed();
    producer.wait();
    assert_eq!((ledger.received, ledger.lost), (MESSAGES, 0));
}

#[test]
fn answers_are_bounded_in_number_and_length() {
    let _turn = turn();
    let port = free_port();
    let (answers, asks) = (peer(&[port], &[]), peer(&[], &[port]));
    let key = Name::new("flood").unwrap().meta();
    let of = key.clone();
    let _answers = answers
        .declare_queryable(&key)
        .callback(move |query| {
            query.reply(&of, vec![0; MAX_BYTES + 1]).wait().unwrap();
            for _ in 0..ANSWERS_BYTES / 4096 * 2 {
                query.reply(&of, vec![1; 4096]).wait().unwrap();
            }
        })
        .wait()
        .unwrap();
    let found = wait_for("answers", || {
        let found = session::ask(&asks, &key, Duration::from_secs(20)).unwrap();
        (!found.is_empty()).then_some(found)
    });
    assert!(found.iter().all(|(_, bytes)| bytes.len() <= MAX_BYTES));
    let all: usize = found.iter().map(|(_, bytes)| bytes.len()).sum();
    assert!((ANSWERS_BYTES / 2..=ANSWERS_BYTES).contains(&all), "{all}");
}

#[test]
fn acks_that_go_back_and_forth_make_few_heartbeats_and_few_lines() {
    const ACKS: usize = 4000;
    let _turn = turn();
    let folder = folder();
    let [source, out] = ["source", "export.log"].map(|name| folder.path().join(name));
    let ring = file::create(&source, &Config::new().slots(SLOTS)).unwrap();
    let mut producer = ring.producer().unwrap();
    for _ in 0..10 {
        producer.publish(b"message").unwrap();
    }
    let port = free_port();
    let export = Gateway::export(&out, &source, port, &["--policy", "lossy"]);
    let (peer, name) = (peer(&[], &[port]), Name::new("link").unwrap());
    let beats = Arc::new(AtomicUsize::new(0));
    let of = beats.clone();
    let _beats = peer
        .declare_subscriber(name.data())
        .callback(move |sample| {
            of.fetch_add(usize::from(sample.payload().len() == HEADER), Ordering::Relaxed);
        })
        .wait()
        .unwrap();
    let sink = "0123456789abcdef0123456789abcdef";
    let ack = |next| {
        let ack = Ack { ring_id: ring.geometry().ring_id(), next, skipped: 0 };
        peer.put(name.ack(sink), &ack.bytes()[..])
            .congestion_control(CongestionControl::Block)
            .wait()
            .unwrap();
    };
    let heard = || status(port)?["sources"][0]["sinks"][0]["next"].as_u64();
    wait_for("a known sink", || {
        ack(5);
        heard()
    });
    let (began, before) = (Instant::now(), beats.load(Ordering::Relaxed));
    for next in 0..ACKS {
        ack(4 + next as u64 % 2);
    }
    ack(7);
    wait_for("all to be heard", || (heard() == Some(7)).then_some(()));
    // A heartbeat each 50 ms at most, and ten lines with one more each second.
    let (beats, passed) = (beats.load(Ordering::Relaxed) - before, began.elapsed().as_millis() as usize);
    assert!(beats < ACKS / 4 && beats <= 5 + passed / 50, "{beats} heartbeats in {passed} ms");
    let lines = export.log().matches("is at message").count();
    assert!(lines < ACKS / 4, "{lines} lines in {passed} ms");
}
