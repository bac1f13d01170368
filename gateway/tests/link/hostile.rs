//! A hostile peer. Its frames, acks and questions are refused and counted, and the mirror has the source's messages.

use ringway::{Config, Ring, State, file};
use ringway_gateway::ack::Ack;
use ringway_gateway::frame::{Builder, Condition, HEADER, MAX_SEQ, RingId};
use ringway_gateway::import::{INBOX_BYTES, PARKED_BYTES};
use ringway_gateway::names::Name;
use ringway_gateway::session::{self, Link};
use ringway_gateway::sink::FAR;
use zenoh::qos::CongestionControl;
use zenoh::{Session, Wait};

use crate::gateway::{Gateway, endpoint, folder, free_port, status, turn};
use crate::reader::{Kind, Reader, wait_for};
use crate::roles::{Produce, Producer};

const CAPACITY: usize = 512;
const MESSAGES: u64 = 20_000;

/// A frame of one message of `length` bytes that no producer wrote.
fn frame(ring_id: RingId, seq: u64, length: usize) -> Vec<u8> {
    let mut builder = Builder::new(ring_id);
    builder.push(&vec![0xEE; length], 7);
    builder.finish(Condition::Live, 1, 0, seq, seq)
}

/// Frames that no sink of this ring may take.
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
    // Frames of another ring, at any sequence.
    frames.extend([0, 1, MESSAGES / 2, 1 << 40].map(|seq| frame(other, seq, 64)));
    frames
}

fn put(peer: &Session, key: &str, bytes: Vec<u8>) {
    peer.put(key, bytes).congestion_control(CongestionControl::Block).wait().unwrap();
}

/// A session that reaches both gateways.
fn peer(ports: [u16; 2]) -> Session {
    wait_for("a session", || {
        let connect = ports.map(endpoint).to_vec();
        session::open(&Link { connect, ..Link::default() }).ok()
    })
}

/// A number in the status of "link", by its path.
fn count(port: u16, pointer: &str) -> u64 {
    let found = wait_for("both gateways", || {
        status(port).filter(|found| found["mirrors"][0].is_object() && found["sources"][0].is_object())
    });
    let number = found.pointer(pointer).and_then(serde_json::Value::as_u64);
    number.unwrap_or_else(|| panic!("{pointer}: {found}"))
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

    // The peer reaches both gateways. First the link is idle.
    let name = Name::new("link").unwrap();
    let peer = peer([port, other]);
    let frames = refused_frames(ring_id);
    let count = |pointer: &str| count(port, pointer);
    let (refused, repeated) = ("/mirrors/0/counts/refused", "/mirrors/0/counts/repeated");
    assert_eq!(count(refused), 0);
    // Zenoh loses a peer's first messages, until the peer knows of the subscriber.
    wait_for("the first refusal", || {
        put(&peer, &name.data(), b"first".to_vec());
        (count(refused) > 0).then_some(())
    });
    // Once a later frame is counted, all of them are.
    put(&peer, &name.data(), frame([7; 16], 0, 64));
    wait_for("the last of them", || (count("/mirrors/0/counts/refusals/ring") > 0).then_some(()));
    let first = count(refused);
    let before = count(repeated);
    for frame in &frames {
        put(&peer, &name.data(), frame.clone());
    }
    // Old frames of this ring, with other bytes than the mirror has.
    for seq in 0..10 {
        put(&peer, &name.data(), frame(ring_id, seq, 64));
    }
    let all = frames.len() as u64;
    wait_for("all to be refused", || (count(refused) >= first + all).then_some(()));
    wait_for("all to be repeated", || (count(repeated) >= before + 10).then_some(()));
    assert_eq!(count(refused), first + all);
    for reason in ["version", "ring", "sequences", "geometry", "bytes"] {
        assert!(count(&format!("/mirrors/0/counts/refusals/{reason}")) > 0, "{reason}");
    }

    // Acks: garbage, of another ring, of messages that weren't published, without a mirror's id.
    let wrong = "/sources/0/sent/refused";
    let before = count(wrong);
    let sink = "0123456789abcdef0123456789abcdef";
    let ack = |ring_id, next| Ack { ring_id, next, skipped: 0 }.bytes().to_vec();
    put(&peer, &name.ack(sink), b"garbage".to_vec());
    put(&peer, &name.ack(sink), Vec::new());
    put(&peer, &name.ack(sink), ack([7; 16], 0));
    put(&peer, &name.ack(sink), ack(ring_id, 1 << 50));
    put(&peer, &name.ack("nobody"), ack(ring_id, 0));
    // Questions: without a range, of another ring, backwards, of messages that weren't published.
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

    for (reason, number) in [("bytes", 3), ("ring", 1), ("sequences", 1), ("sinks", 0), ("questions", 6)] {
        assert_eq!(count(&format!("/sources/0/sent/refusals/{reason}")), number, "{reason}");
    }

    // Now the same while messages flow.
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

/// A forged frame with this header.
struct Lie {
    condition: Condition,
    epoch: u64,
    epoch_first: u64,
    from: u64,
    start: u64,
    records: usize,
}

impl Lie {
    /// A forged frame at `seq` that the source could have sent.
    fn at(seq: u64) -> Self {
        Self { condition: Condition::Live, epoch: 1, epoch_first: 0, from: seq, start: seq, records: 0 }
    }

    fn frame(&self, ring_id: RingId) -> Vec<u8> {
        let mut builder = Builder::new(ring_id);
        (0..self.records).for_each(|_| builder.push(&[0xEE; CAPACITY], 7));
        builder.finish(self.condition, self.epoch, self.epoch_first, self.from, self.start)
    }
}

/// Forged frames, each of which would stop the mirror for ever if the sink believed it. The mirror's head is `head`.
fn lies(head: u64) -> Vec<Lie> {
    let at = Lie::at;
    let mut lies = vec![at(1 << 60), Lie { condition: Condition::Closed, ..at(1 << 60) }];
    for records in [0, 1] {
        lies.push(Lie { start: 1 << 60, records, ..at(head) });
        lies.push(Lie { start: MAX_SEQ - 1, records, ..at(0) });
        lies.push(Lie { start: head + FAR + 1, records, ..at(head) });
        lies.push(Lie { epoch: 1 << 60, epoch_first: 1 << 59, records, ..at(1 << 59) });
    }
    lies
}

/// A peer that knows all of the ring lies for a short time.
fn liar(policy: &str) {
    // Room for the sink's queues, and Zenoh's. The flood has three times as much.
    const BOUND: u64 = (INBOX_BYTES + PARKED_BYTES) as u64 + (16 << 20);
    let _turn = turn();
    let folder = folder();
    let [source, mirror] = ["source", "mirror"].map(|name| folder.path().join(name));
    let [out, back] = ["export.log", "import.log"].map(|name| folder.path().join(name));
    let ring = file::create(&source, &Config::new().slots(256).payload_capacity(CAPACITY as u64)).unwrap();
    let ring_id = ring.geometry().ring_id();
    let (port, other) = (free_port(), free_port());
    let export = Gateway::export(&out, &source, port, &["--policy", policy]);
    let import = Gateway::import(&back, &mirror, port, &["--listen", &endpoint(other)]);
    let reader = Reader::join(&mirror, Kind::Consumer, u64::MAX);
    wait_for("a sink", || status(port)?["sources"][0]["sinks"].get(0).map(|_| ()));
    let trouble = || export.log() + &import.log();
    let produce = |until| {
        let producer = Producer::start(&source, Produce { until, close: false, require_readers: false });
        wait_for("the producer", || (ring.stats().unwrap().head >= until).then_some(()));
        producer
    };
    let head = MESSAGES / 2;
    let producer = produce(head);
    reader.wait_until(head, trouble);
    let peer = peer([port, other]);
    let name = Name::new("link").unwrap();
    let count = |pointer: &str| count(port, pointer);
    let (far, refused) = ("/mirrors/0/counts/far", "/mirrors/0/counts/refused");
    wait_for("the first refusal", || {
        put(&peer, &name.data(), b"first".to_vec());
        (count(refused) > 0).then_some(())
    });

    let before = import.memory("RssAnon");
    let lies = lies(head);
    for lie in &lies {
        put(&peer, &name.data(), lie.frame(ring_id));
    }
    wait_for("lies that aren't believed", || (count(far) >= lies.len() as u64).then_some(()));
    assert_eq!(count(far), lies.len() as u64);
    // Frames of an epoch that never began, and of one that is over.
    for epoch in [1 << 60, 0] {
        put(&peer, &name.data(), Lie { epoch, ..Lie::at(head) }.frame(ring_id));
    }
    if policy != "lossy" {
        // A flood of frames that the source may send next. The sink keeps some of them until the source is heard.
        for place in 0..1000 {
            put(
                &peer,
                &name.data(),
                Lie { records: 180, ..Lie::at(head + 100 + place * 180) }.frame(ring_id),
            );
            if place % 100 == 0 {
                assert!(count("/mirrors/0/parked_bytes") <= 4 << 20);
            }
        }
        // Frames of one peer come in their order, and a full queue may lose some. What was parked may be gone by then.
        let (others, before) = ("/mirrors/0/counts/refusals/ring", count("/mirrors/0/counts/refusals/ring"));
        wait_for("the end of the flood", || {
            put(&peer, &name.data(), frame([7; 16], 0, 64));
            (count(others) > before).then_some(())
        });
    }
    wait_for("nothing to be kept", || (count("/mirrors/0/parked_bytes") == 0).then_some(()));
    wait_for("the truth", || (count("/mirrors/0/sent") == head).then_some(()));
    assert_eq!(count("/mirrors/0/head"), head);
    let grown = import.memory("RssAnon").saturating_sub(before);
    println!("{policy}: {grown} bytes more were allocated");
    assert!(grown < BOUND, "{grown} bytes more were allocated, expected less than {BOUND}");

    // The source continues, and so does the mirror. The reader checks each message.
    producer.kill();
    let producer = produce(MESSAGES);
    reader.wait_until(MESSAGES, trouble);
    // One frame can close the mirror. The source opens it again.
    let state = || file::open(&mirror).unwrap().stats().unwrap();
    let close = Lie { condition: Condition::Closed, epoch: 1 << 61, ..Lie::at(MESSAGES) };
    put(&peer, &name.data(), close.frame(ring_id));
    let ledger = reader.until_closed();
    assert_eq!(ledger.received + ledger.lost, MESSAGES - ledger.start);
    assert!(policy == "lossy" || ledger.lost == 0, "{ledger:?}");
    wait_for("an open mirror", || (state().state != State::Closed && state().producer_alive).then_some(()));
    producer.kill();
    let reader = Reader::join(&mirror, Kind::Consumer, u64::MAX);
    let _producer = produce(MESSAGES + 100);
    reader.wait_until(MESSAGES + 100, trouble);
    reader.end();
    peer.close().wait().unwrap();
}

#[test]
fn a_liar_that_knows_the_ring_stops_no_reliable_mirror_and_fills_no_memory() {
    liar("reliable");
}

#[test]
fn a_liar_that_knows_the_ring_stops_no_lossy_mirror() {
    liar("lossy");
}
