//! `ringway dump`: a ring's file after its processes have died, damaged files, and the files it must leave alone.

#![allow(unsafe_code, reason = "claims of a ring in a file lie in its slots only among trusted peers")]

mod common;

use std::fs::{self, File};
use std::io::pipe;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::time::Duration;

use common::{Ended, Ring, directory};
use ringway::file::{self, OpenOptions};
use ringway::{Config, Ring as _, Start, Stride};
use serde_json::Value;
use sha2::{Digest, Sha256};
use testkit::child::{child, hear, tell, until_killed};
use testkit::harness::run_alone;
use testkit::header::move_to_another_boot;
use testkit::named;

fn main() {
    run_alone(named![
        a_claim_of_a_killed_producer_is_in_flight_and_all_before_it_is_whole,
        a_reader_of_a_payload_that_leaves_is_no_error,
        the_file_is_left_as_it_was,
        a_ring_that_was_closed_upon_a_claim_has_a_void_slot,
        what_was_skipped_is_told_from_messages_and_from_damage,
        what_is_left_of_a_file_is_shown_with_what_is_wrong,
        forged_files_are_reported_and_end_no_dump,
        beside_live_processes_it_warns,
        slots_are_chosen_by_number_and_by_age,
        the_time_between_wake_ups_is_shown,
    ]);
}

/// The dump as JSON.
fn dumped(ring: &Ring, args: &[&str], code: i32) -> (Value, Ended) {
    let ended = ring.run("dump", &[&["--json"], args].concat()).end().with(code);
    (serde_json::from_slice(&ended.stdout).expect("dump writes JSON"), ended)
}

/// The message of this sequence: as long as slots hold, where that is the length of all.
fn message(seq: u64, capacity: usize, stride: Stride) -> Vec<u8> {
    let length = if stride.is_fixed_length() { capacity } else { 1 + seq as usize % capacity };
    (0..length).map(|at| b'a' + ((seq as usize + at) % 26) as u8).collect()
}

/// A ring with 8 slots on which a producer was killed with message `published` claimed, and a consumer with it.
fn killed(path: &Path, stride: Stride, published: u64) {
    let config = Config::new().slots(8).payload_capacity(48).max_consumers(2).stride(stride);
    let ring = file::create(path, &config).unwrap();
    // SAFETY: this test's processes alone use the file, through the library.
    let ring = unsafe { ring.trust_peers() };
    let (mut told, mut telling) = pipe().unwrap();
    let process = child(|| {
        let mut consumer = ring.consumer(Start::Oldest).unwrap();
        let mut producer = ring.producer().unwrap();
        for seq in 0..published {
            producer.publish(&message(seq, 48, stride)).unwrap();
            drop(consumer.try_recv().unwrap().into_message().unwrap());
        }
        let mut claim = producer.claim(48).unwrap();
        claim[..4].copy_from_slice(b"half");
        tell(&mut telling);
        until_killed();
    });
    hear(&mut told);
    process.kill();
}

fn what_was_skipped_is_told_from_messages_and_from_damage() {
    for stride in [Stride::Aligned, Stride::Packed, Stride::Line, Stride::Split] {
        let dir = directory();
        let ring = Ring::at(dir.path(), "ring");
        let config = Config::new().slots(8).payload_capacity(48).stride(stride).first_seq(5);
        let mut producer = file::create(&ring.path, &config).unwrap().producer().unwrap();
        producer.publish(&message(5, 48, stride)).unwrap();
        producer.skip_to(9).unwrap();
        producer.publish(&message(9, 48, stride)).unwrap();
        let (dump, _) = dumped(&ring, &["--slots", "5..10"], 0);
        assert_eq!(dump["problems"], Value::Array(vec![]));
        assert_eq!((&dump["header"]["first_seq"], &dump["header"]["can_skip"]), (&5.into(), &true.into()));
        let states = &dump["slot_states"];
        assert_eq!((&states["published"], &states["skipped"]), (&2.into(), &3.into()));
        assert_eq!(states["never-written"], 3);
        assert_eq!((&dump["slots"][1]["state"], &dump["slots"][1]["seq"]), (&"skipped".into(), &6.into()));
        // Of more than a lap each slot keeps the sequence of the first lap.
        producer.skip_to(1000).unwrap();
        let (dump, _) = dumped(&ring, &[], 0);
        assert_eq!((&dump["problems"], &dump["slot_states"]["skipped"]), (&Value::Array(vec![]), &8.into()));
        assert_eq!((&dump["producer"]["head"], &dump["producer"]["resume"]), (&1000.into(), &1000.into()));
        let text = ring.run("dump", &[]).end().with(0);
        let text = String::from_utf8(text.stdout).unwrap();
        assert!(
            text.contains("sequence 5; the producer may skip some") && text.contains("8 skipped"),
            "{text}"
        );
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn a_claim_of_a_killed_producer_is_in_flight_and_all_before_it_is_whole() {
    for stride in [Stride::Aligned, Stride::Packed, Stride::Line, Stride::Split] {
        let dir = directory();
        let ring = Ring::at(dir.path(), "ring");
        killed(&ring.path, stride, 21);
        let (dump, _) = dumped(&ring, &[], 0);
        assert_eq!(dump["producer"]["head"], 21, "{stride:?}: {dump}");
        assert_eq!((&dump["producer"]["resume"], &dump["producer"]["alive"]), (&21.into(), &false.into()));
        assert_eq!(
            (&dump["consumers"][0]["cursor"], &dump["consumers"][0]["state"]),
            (&21.into(), &"active".into())
        );
        // Message 21 took the slot of message 13.
        assert_eq!(dump["slot_states"], serde_json::json!({"published": 7, "in-flight": 1}));
        let slots = dump["slots"].as_array().unwrap();
        let seqs: Vec<_> = slots.iter().map(|slot| slot["seq"].as_u64().unwrap()).collect();
        assert_eq!(seqs, (14..22).collect::<Vec<_>>());
        for slot in &slots[..7] {
            let expected = message(slot["seq"].as_u64().unwrap(), 48, stride);
            assert_eq!(slot["state"], "published");
            assert_eq!(slot["length_bytes"], expected.len() as u64);
            assert_eq!(slot["payload_hex"], hex(&expected[..expected.len().min(16)]), "{stride:?}");
        }
        assert_eq!(slots[7]["state"], "in-flight");
        for seq in 14..21 {
            let ended = ring.run("dump", &["--raw", &seq.to_string()]).end().with(0);
            assert_eq!(ended.stdout, message(seq, 48, stride), "{stride:?}");
        }
        ring.run("dump", &["--raw", "21"]).end().with(1).saying(&["message 21 isn't there", "in flight"]);
        ring.run("dump", &["--raw", "13"]).end().with(1).saying(&["message 13 isn't there", "message 21"]);
    }
}

fn a_reader_of_a_payload_that_leaves_is_no_error() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    killed(&ring.path, Stride::Aligned, 1);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    ring.run_to("dump", &["--raw", "0"], writer).end().with(0);
}

/// What tells of a file that it was written, or read.
fn traces(path: &Path) -> ([i64; 6], u64, Vec<u8>) {
    let found = fs::metadata(path).unwrap();
    let times = [
        found.atime(),
        found.atime_nsec(),
        found.mtime(),
        found.mtime_nsec(),
        found.ctime(),
        found.ctime_nsec(),
    ];
    // Reading it is last, since that changes the time of access.
    (times, found.blocks(), Sha256::digest(fs::read(path).unwrap()).to_vec())
}

fn the_file_is_left_as_it_was() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    killed(&ring.path, Stride::Aligned, 5);
    let file = File::options().write(true).open(&ring.path).unwrap();
    let before = traces(&ring.path);
    // So old that a look at the file would be told from none (relatime).
    let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    file.set_times(fs::FileTimes::new().set_accessed(long_ago)).unwrap();
    let ctime = fs::metadata(&ring.path).unwrap().ctime_nsec();
    for args in [&["--json"][..], &[], &["--raw", "4"], &["--slots", "0..8"]] {
        ring.run("dump", args).end().with(0);
    }
    let found = fs::metadata(&ring.path).unwrap();
    assert_eq!((found.atime(), found.ctime_nsec()), (1_000_000_000, ctime), "the file was touched");
    let after = traces(&ring.path);
    assert_eq!((&before.0[2..4], before.1, &before.2), (&after.0[2..4], after.1, &after.2));

    // A hole stays one, even where a forged header says that slots are there.
    file.set_len(0).unwrap();
    file.set_len(1 << 20).unwrap();
    ring.run("dump", &[]).end().with(1).saying(&["problem"]);
    assert_eq!(fs::metadata(&ring.path).unwrap().blocks(), 0);
}

fn a_ring_that_was_closed_upon_a_claim_has_a_void_slot() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let made = file::create(&ring.path, &Config::new().slots(8)).unwrap();
    // SAFETY: this process alone uses the file.
    let made = unsafe { made.trust_peers() };
    let mut producer = made.producer().unwrap();
    producer.publish(b"whole").unwrap();
    drop(producer.claim(3).unwrap());
    producer.close().unwrap();
    drop(made);
    let (dump, _) = dumped(&ring, &[], 0);
    assert_eq!(dump["slot_states"], serde_json::json!({"published": 1, "abandoned": 1, "never-written": 6}));
    assert_eq!(dump["producer"]["state"], "closed");
}

fn what_is_left_of_a_file_is_shown_with_what_is_wrong() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    killed(&ring.path, Stride::Packed, 5);
    let whole = fs::read(&ring.path).unwrap();
    let says = |args: &[&str], code, words: &[&str]| {
        let ended = ring.run("dump", args).end().with(code);
        let text = String::from_utf8(ended.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
        words.iter().for_each(|word| assert!(text.contains(word), "expected {word:?} in {text}"));
    };
    move_to_another_boot(&ring.path);
    says(&[], 0, &["another boot", "5 published", "resume 5"]);

    for (length, words) in [
        // In the third slot, whose stamp is there.
        (4 * 4096 + 2 * 64 + 8, &["truncated", "3 published", "5 cut off"][..]),
        (3 * 4096, &["truncated", "head 5", "file ends before cell 0"]),
        (4096, &["truncated", "8 slots", "ends before the producer page"]),
        (100, &["100 bytes can't be a ring"]),
        (0, &["0 bytes can't be a ring"]),
    ] {
        fs::write(&ring.path, &whole[..length]).unwrap();
        says(&[], 1, words);
    }

    let forged = |at: u64, bytes: &[u8], words: &[&str]| {
        fs::write(&ring.path, &whole).unwrap();
        File::options().write(true).open(&ring.path).unwrap().write_all_at(bytes, at).unwrap();
        says(&[], 1, words);
    };
    forged(0, b"RINGWAY?", &["creator ended before", "unfinished", "5 published"]);
    forged(0, b"RINGWAX\0", &["not a ring", "magic", "5 published"]);
    forged(376, &[0; 8], &["checksum", "header as it lies there", "5 published"]);
    forged(4096, &u64::MAX.to_ne_bytes(), &["head is 0xffff", "head is taken for 5", "5 published"]);
    forged(4096 + 128, &7_u64.to_ne_bytes(), &["state is 3"]);
    forged(4 * 4096, &11_u64.to_ne_bytes(), &["slot 0, stamp 0xb: its stamp can't be", "1 damaged"]);
    forged(4 * 4096, &1_u64.to_ne_bytes(), &["1 torn", "slot 0, stamp 0x1: head counts it"]);
    forged(4 * 4096 + 8, &u32::MAX.to_ne_bytes(), &["slot 0: the message has a length of 4294967295"]);
    ring.run("dump", &["--raw", "0"]).end().with(1).saying(&["message 0 has no length"]);
}

fn forged_files_are_reported_and_end_no_dump() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let mut random = fastrand::Rng::with_seed(12);
    for stride in [Stride::Aligned, Stride::Split] {
        let path = dir.path().join(format!("{stride:?}"));
        killed(&path, stride, 13);
        let whole = fs::read(&path).unwrap();
        for round in 0..40 {
            let mut bytes = whole.clone();
            for _ in 0..random.usize(1..6) {
                // Mostly where something lies: most of the file is padding.
                let start = [0, 0, 4096, 8192, 12288, 16384][random.usize(0..6)];
                bytes[start + random.usize(0..512)] ^= 1 << random.u8(0..8);
            }
            if random.bool() {
                bytes.truncate(random.usize(0..bytes.len()));
            }
            fs::write(&ring.path, &bytes).unwrap();
            let ended = ring.run("dump", &["--slots", "0.."]).end();
            let code = ended.status.code();
            assert!(matches!(code, Some(0 | 1)), "{stride:?}, round {round}: {ended:?}");
            assert!(!ended.stderr.contains("panicked") && !ended.stdout.is_empty(), "{ended:?}");
            assert_eq!(fs::read(&ring.path).unwrap(), bytes);
        }
    }
}

fn beside_live_processes_it_warns() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let mut publish = ring.run("pub", &["--slots", "8"]);
    publish.feed(b"one\ntwo\n");
    ring.until_head(2);
    let (dump, ended) = dumped(&ring, &[], 0);
    ended.saying(&["warning", "what is shown moves"]);
    assert_eq!((&dump["file"]["in_use"], &dump["producer"]["alive"]), (&true.into(), &true.into()));
    publish.feed(b"three\n");
    publish.end().with(0);
    let (dump, ended) = dumped(&ring, &[], 0);
    assert!(ended.stderr.is_empty(), "{}", ended.stderr);
    assert_eq!((&dump["file"]["in_use"], &dump["producer"]["head"]), (&false.into(), &3.into()));
}

fn slots_are_chosen_by_number_and_by_age() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    drop(OpenOptions::new().create(&ring.path, &Config::new().slots(8)).unwrap());
    let (dump, _) = dumped(&ring, &[], 0);
    assert_eq!((&dump["slots"], &dump["consumers"]), (&serde_json::json!([]), &serde_json::json!([])));
    fs::remove_file(&ring.path).unwrap();

    killed(&ring.path, Stride::Aligned, 21);
    let slots = |args: &[&str], key: &str| -> Vec<u64> {
        let (dump, _) = dumped(&ring, args, 0);
        dump["slots"].as_array().unwrap().iter().map(|slot| slot[key].as_u64().unwrap()).collect()
    };
    assert_eq!(slots(&["--last", "3"], "seq"), [19, 20, 21]);
    assert_eq!(slots(&["--slots", "2..4"], "slot"), [2, 3]);
    assert_eq!(slots(&["--slots", "6.."], "slot"), [6, 7]);
    assert_eq!(slots(&["--slots", "90..100"], "slot"), [0; 0]);
    for args in [&["--slots", "4..2"][..], &["--slots", "4"], &["--raw", "1", "--json"]] {
        ring.run("dump", args).end().with(2);
    }
    let text = String::from_utf8(ring.run("dump", &[]).end().with(0).stdout).unwrap();
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

fn the_time_between_wake_ups_is_shown() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let shown = |nanoseconds: u64| {
        let (dump, _) = dumped(&ring, &[], 0);
        assert_eq!(dump["producer"]["wake_every_ns"], nanoseconds);
        let text = String::from_utf8(ring.run("dump", &[]).end().with(0).stdout).unwrap();
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        text
    };
    let mut producer = file::create(&ring.path, &Config::new().slots(8)).unwrap().producer().unwrap();
    assert!(!shown(0).contains("at most"));
    producer.set_wake_every(Duration::from_micros(200)).unwrap();
    assert!(shown(200_000).contains("once in 200us at most"));
    // Whatever lies there.
    producer.set_wake_every(Duration::MAX).unwrap();
    assert!(shown(u64::MAX).contains("once in 584years"));
}
