//! A peer that sends what it shouldn't: it is refused and counted, and the mirror's messages are the source's.

use ringway::{Config, Ring, file};
use ringway_gateway::ack::Ack;
use ringway_gateway::frame::{Builder, Condition, HEADER, RingId};
use ringway_gateway::names::Name;
use ringway_gateway::session::{self, Link};
use zenoh::qos::CongestionControl;
use zenoh::{Session, Wait};

use crate::gateway::{Gateway, endpoint, folder, free_port, status, turn};
use crate::reader::{Kind, Reader, wait_for};
use crate::roles::{Produce, Producer};

const CAPACITY: usize = 512;
const MESSAGES: u64 = 20_000;

/// A frame of one message, `length` bytes that no producer has written.
fn frame(ring_id: RingId, seq: u64, length: usize) -> Vec<u8> {
    let mut builder = Builder::new(ring_id);
    builder.push(&vec![0xEE; length], 7);
    builder.finish(Condition::Live, 1, 0, seq, seq)
}

/// Frames none of which is one of this ring's.
fn refused_frames(ring_id: RingId) -> Vec<Vec<u8>> {
    let whole = frame(ring_id, 0, 64);
    let changed = |at: usize, byte: u8| {
        let mut bytes = whole.clone();
        bytes[at] = byte;
        bytes
    };
    let mut other = ring_id;
    other[5] ^= 1;
    let mut frames = vec![
        Vec::new(),
        b"garbage".to_vec(),
        vec![0xFF; 100_000],
        whole[..HEADER].to_vec(),
        whole[..whole.len() - 1].to_vec(),
        [&whole[..], b"more"].concat(),
        frame(ring_id, 0, CAPACITY + 1),
        frame(ring_id, u64::MAX, 64),
        // Its mark, its version, its condition, its count, its length, its end before its start.
        changed(0, b'X'),
        changed(4, 2),
        changed(6, 9),
        changed(8, 2),
        changed(12, 0xFF),
        changed(48, 9),
        // A record longer than the frame.
        changed(HEADER + 3, 0xFF),
    ];
    // Of another ring, wherever it says that it is.
    frames.extend([0, 1, MESSAGES / 2, 1 << 40].map(|seq| frame(other, seq, 64)));
    frames
}

fn put(peer: &Session, key: &str, bytes: Vec<u8>) {
    peer.put(key, bytes).congestion_control(CongestionControl::Block).wait().unwrap();
}

#[test]
fn garbage_old_frames_and_wrong_ids_are_refused_and_counted_and_the_ring_is_untouched() {
    let _turn = turn();
    let folder = folder();
    let [source, mirror] = ["source", "mirror"].map(|name| folder.path().join(name));
    let [out, back] = ["export.log", "import.log"].map(|name| folder.path().join(name));
    let config = Config::new().slots(256).payload_capacity(CAPACITY as u64);
    let ring = file::create(&source, &config).unwrap();
    let ring_id = ring.geometry().ring_id();
    let (port, other) = (free_port(), free_port());
    let export = Gateway::export(&out, &source, port, &[]);
    let _import = Gateway::import(&back, &mirror, port, &["--listen", &endpoint(other)]);
    let reader = Reader::join(&mirror, Kind::Consumer, u64::MAX);
    let how = Produce { until: MESSAGES / 2, close: false, require_readers: true };
    let producer = Producer::start(&source, how);
    reader.wait_until(MESSAGES / 2, || export.log());

    // One that reaches both gateways, first while nothing comes.
    let name = Name::new("link").unwrap();
    let peer = wait_for("a session", || {
        let connect = vec![endpoint(port), endpoint(other)];
        session::open(&Link { connect, ..Link::default() }).ok()
    });
    let frames = refused_frames(ring_id);
    let count = |pointer: &str| {
        let found = wait_for("both gateways", || {
            status(port).filter(|found| found["mirrors"][0].is_object() && found["sources"][0].is_object())
        });
        found
            .pointer(pointer)
            .and_then(serde_json::Value::as_u64)
            .unwrap_or_else(|| panic!("{pointer}: {found}"))
    };
    let (refused, repeated) = ("/mirrors/0/counts/refused", "/mirrors/0/counts/repeated");
    assert_eq!(count(refused), 0);
    // A peer's first messages are lost until it knows of the subscriber: that is Zenoh's way.
    wait_for("the first refusal", || {
        put(&peer, &name.data(), b"first".to_vec());
        (count(refused) > 0).then_some(())
    });
    let first = count(refused);
    let before = count(repeated);
    for frame in &frames {
        put(&peer, &name.data(), frame.clone());
    }
    // Old ones are of this ring, and the mirror has other bytes there.
    for seq in 0..10 {
        put(&peer, &name.data(), frame(ring_id, seq, 64));
    }
    let all = frames.len() as u64;
    wait_for("all to be refused", || (count(refused) >= first + all).then_some(()));
    wait_for("all to be repeated", || (count(repeated) >= before + 10).then_some(()));
    assert_eq!(count(refused), first + all);

    // Acks: none, of another ring, of messages that there aren't, under no mirror's id.
    let wrong = "/sources/0/sent/refused";
    let before = count(wrong);
    let sink = "0123456789abcdef0123456789abcdef";
    let ack = |ring_id, next| Ack { ring_id, next, skipped: 0 }.bytes().to_vec();
    put(&peer, &name.ack(sink), b"garbage".to_vec());
    put(&peer, &name.ack(sink), Vec::new());
    put(&peer, &name.ack(sink), ack([7; 16], 0));
    put(&peer, &name.ack(sink), ack(ring_id, 1 << 50));
    put(&peer, &name.ack("nobody"), ack(ring_id, 0));
    // Questions: without a range, of another ring, backwards, of messages that there aren't.
    for question in [
        String::new(),
        "?from=0;to=5".into(),
        format!("?from=0;to=5;ring={}", "07".repeat(16)),
        format!("?from=5;to=5;ring={}", ringway_gateway::names::hex(&ring_id)),
        format!("?from=99999999;to=999999999;ring={}", ringway_gateway::names::hex(&ring_id)),
        format!("?from=-1;to=x;ring={}", "é".repeat(16)),
    ] {
        let _ = session::ask(&peer, &(name.range() + &question), std::time::Duration::from_secs(1));
    }
    wait_for("acks and questions to be refused", || (count(wrong) >= before + 11).then_some(()));
    assert_eq!((count(wrong), count("/sources/0/head")), (before + 11, ring.stats().unwrap().head));

    // And now while messages come.
    producer.kill();
    let producer = Producer::start(&source, Produce { until: MESSAGES, close: true, ..how });
    for frame in frames.iter().cycle().take(500) {
        put(&peer, &name.data(), frame.clone());
    }
    producer.wait();
    let ledger = reader.until_closed();
    assert_eq!((ledger.received, ledger.lost), (MESSAGES, 0));
    peer.close().wait().unwrap();
}
