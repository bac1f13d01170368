//! A slow reader of the mirror stops the source's producer, and no memory grows meanwhile.

use ringway::{Config, Ring, file};
use ringway_gateway::export::{ANSWER_BYTES, in_flight};
use ringway_gateway::frame::FRAME_BYTES;
use ringway_gateway::import::{INBOX_BYTES, PARKED_BYTES};

use crate::gateway::{Gateway, folder, free_port, status, turn};
use crate::reader::{Kind, Reader, ring_at, wait_for};
use crate::roles::{Produce, Producer};

const SLOTS: u64 = 1024;
const CAPACITY: u64 = 16 * 1024;
/// About 40 MB: more than all of the bounds.
const MESSAGES: u64 = 120_000;
/// Steps in which the slow reader reads.
const STEP: u64 = 10_000;
/// Room for Zenoh's queue of 16 buffers of 64 KiB for each link, and for what the allocator keeps.
const ZENOH: u64 = 8 << 20;

#[test]
fn a_slow_remote_consumer_stops_the_producer_of_a_reliable_ring_and_memory_stays_bounded() {
    let _turn = turn();
    let folder = folder();
    let [source, mirror] = ["source", "mirror"].map(|name| folder.path().join(name));
    let [out, back] = ["export.log", "import.log"].map(|name| folder.path().join(name));
    let ring = file::create(&source, &Config::new().slots(SLOTS).payload_capacity(CAPACITY)).unwrap();
    let port = free_port();
    let export = Gateway::export(&out, &source, port, &[]);
    let import = Gateway::import(&back, &mirror, port, &[]);
    let reader = Reader::join(&mirror, Kind::Consumer, 0);
    let copy = ring_at(&mirror);

    let head = || ring.stats().unwrap().head;
    // Each gateway allocates so much at most beside what it had before, and has the pages of one ring.
    let answer = (ANSWER_BYTES + FRAME_BYTES) as u64;
    let bounds = [in_flight() + answer, (INBOX_BYTES + PARKED_BYTES) as u64 + answer].map(|own| own + ZENOH);
    let pages = std::fs::metadata(&source).unwrap().len();
    let of = |what| [&export, &import].map(|gateway| gateway.memory(what));
    let (allocated, resident) = (of("RssAnon"), of("VmRSS"));
    let producer = Producer::start(&source, Produce { until: MESSAGES, close: true, require_readers: true });
    for read in (0..MESSAGES).step_by(STEP as usize) {
        reader.allow(read);
        reader.wait_until(read, || export.log() + &import.log());
        // Messages flow until the mirror is full, and the source's ring up to what the gate keeps.
        let full = (read + SLOTS).min(MESSAGES);
        wait_for("a full mirror", || (copy.stats().unwrap().head == full).then_some(()));
        let held = (full + SLOTS / 2).min(MESSAGES);
        wait_for(&format!("a full source, not {}", head()), || (head() >= held).then_some(()));
        let most = (full + SLOTS).min(MESSAGES);
        assert!(head() <= most, "the producer is at {}, the mirror's reader at {read}", head());
        for (side, bound) in bounds.iter().enumerate() {
            let [allocates, peak] = ["RssAnon", "VmHWM"].map(|what| of(what)[side]);
            let (grown, most) = (allocates.saturating_sub(allocated[side]), peak - resident[side]);
            assert!(
                grown <= *bound,
                "gateway {side} allocated {grown} bytes more, at most {bound} are its queues'"
            );
            assert!(
                most <= bound + pages,
                "gateway {side} had {most} bytes more, of which {pages} are a ring's"
            );
        }
    }
    println!("bounds {bounds:?} and {pages}; allocated {allocated:?}, then {:?}", of("RssAnon"));
    println!("resident {resident:?}, at most {:?}", of("VmHWM"));
    reader.allow(u64::MAX);
    let ledger = reader.until_closed();
    producer.wait();
    assert_eq!((ledger.received, ledger.lost), (MESSAGES, 0));
}

#[test]
fn status_is_current_and_a_gateway_ends_when_told_while_its_mirror_is_full() {
    let _turn = turn();
    let folder = folder();
    let [source, mirror] = ["source", "mirror"].map(|name| folder.path().join(name));
    let [out, back] = ["export.log", "import.log"].map(|name| folder.path().join(name));
    file::create(&source, &Config::new().slots(SLOTS).payload_capacity(64)).unwrap();
    let port = free_port();
    let _export = Gateway::export(&out, &source, port, &[]);
    let import = Gateway::import(&back, &mirror, port, &["--link-lost-after", "2s"]);
    let reader = Reader::join(&mirror, Kind::Consumer, 0);
    let _producer =
        Producer::start(&source, Produce { until: MESSAGES, close: false, require_readers: true });
    // Messages wait for room all the time, also within a frame.
    for read in [0, 1, 100, 101, 3 * SLOTS] {
        reader.allow(read);
        let full = read + SLOTS;
        let mut shown = None;
        wait_for(&format!("a status that says {full}"), || {
            shown = status(port);
            let mirror = &shown.as_ref()?["mirrors"][0];
            (mirror["head"] == full && mirror["counts"]["received"] == full).then_some(())
        });
        println!("{:?}", shown.unwrap()["mirrors"][0]);
    }
    // The source lives, and the mirror's producer with it.
    std::thread::sleep(std::time::Duration::from_secs(3));
    wait_for("a mirror whose source is heard", || {
        let silent = status(port)?["mirrors"][0]["silent_ms"].as_u64()?;
        (silent < 2000 && ring_at(&mirror).stats().unwrap().producer_alive).then_some(())
    });
    import.end();
    assert_eq!(ring_at(&mirror).stats().unwrap().head, 4 * SLOTS);
}
