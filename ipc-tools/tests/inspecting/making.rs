//! `create` and `rm`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use ringway::{Config, Ring as _, Start, TypeInfo};
use serde_json::Value;

use crate::common::{Ring, Run, directory};
use crate::{RINGWAY, killed, publisher};

#[test]
fn create_makes_a_ring_as_asked_for_and_replaces_none() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let shape = [
        "--slots",
        "16",
        "--slot-size",
        "100",
        "--stride",
        "packed",
        "--max-consumers",
        "3",
        "--mode",
        "640",
    ];
    let json = |args: &[&str]| -> Value {
        let ended = ring.run("create", &[&shape[..], &["--json"], args].concat()).end().with(0);
        serde_json::from_slice(&ended.stdout).unwrap()
    };
    let made = json(&["--section-align", "64KiB"]);
    for (field, expected) in
        [("slots", 16), ("slot_size_bytes", 100), ("max_consumers", 3), ("section_align_bytes", 64 << 10)]
    {
        assert_eq!(made[field], expected, "{made}");
    }
    assert_eq!((&made["created"], &made["stride"]), (&true.into(), &"packed".into()));
    assert_eq!(made["total_length_bytes"], ring.path.metadata().unwrap().len());
    assert_eq!(ring.path.metadata().unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(ring.info().unwrap()["ring_id"], made["ring_id"]);

    ring.run("create", &shape).end().with(1).saying(&["exists already", "--if-missing", "ringway rm"]);
    let there = json(&["--if-missing"]);
    assert_eq!((&there["created"], &there["ring_id"]), (&false.into(), &made["ring_id"]));
    let others = [
        (["--slots", "8"], "exists and has --slots 16"),
        (["--max-consumers", "2"], "exists and has --max-consumers 3"),
        (["--section-align", "4096"], "exists and has --section-align 65536"),
        (["--type", "Quote:16"], "carries plain bytes"),
    ];
    for (other, said) in others {
        ring.run("create", &[&["--if-missing"], &other[..]].concat()).end().with(1).saying(&[said]);
    }
    assert_eq!(ring.info().unwrap()["ring_id"], made["ring_id"]);
}

#[test]
fn create_takes_the_first_sequence_and_readers_are_told_of_what_is_skipped() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let made = ring.run("create", &["--first-seq", "1000", "--json"]).end().with(0);
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    assert_eq!((&made["first_seq"], &made["can_skip"]), (&1000.into(), &true.into()));
    ring.run("create", &["--if-missing", "--first-seq", "1000"]).end().with(0);
    let other = ring.run("create", &["--if-missing", "--first-seq", "0"]).end().with(1);
    other.saying(&["exists and has --first-seq 1000"]);
    let info = ring.info().unwrap();
    assert_eq!(
        (&info["head"], &info["first_seq"], &info["can_skip"]),
        (&1000.into(), &1000.into(), &true.into())
    );
    let text = String::from_utf8(ring.run("info", &[]).end().with(0).stdout).unwrap();
    assert!(text.contains("1000 (from 1000, some may be skipped)") && text.contains("none yet"), "{text}");

    let opened = ringway::file::open(&ring.path).unwrap();
    let mut producer = opened.producer().unwrap();
    producer.publish(b"one").unwrap();
    producer.skip_to(1005).unwrap();
    producer.publish(b"two").unwrap();
    producer.close().unwrap();
    for (observe, role) in [(&[][..], "consumer"), (&["--observe"], "observer")] {
        let ended = ring.run("sub", &[&["--from", "oldest", "--json"], observe].concat()).end().with(0);
        assert_eq!(ended.stdout, b"one\ntwo\n");
        let told: Value = serde_json::from_str(&ended.stderr).unwrap();
        assert_eq!((&told["role"], &told["received"], &told["lost"]), (&role.into(), &2.into(), &4.into()));
        assert_eq!((&told["start"], &told["next"]), (&1000.into(), &1006.into()));
    }
    let ended = ring.run("sub", &["--from", "oldest"]).end().with(0);
    ended.saying(&["skipped 4 (start 1000, head 1006)"]);
    let too_far = ring.run("create", &["--first-seq", "4611686018427387904"]).end();
    assert_ne!(too_far.status.code(), Some(0));
}

#[test]
fn create_records_a_type_that_a_program_then_finds() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    ring.run("create", &["--type", "example::Quote:16:8"]).end().with(0);
    let opened = ringway::file::open(&ring.path).unwrap();
    let geometry = opened.geometry();
    assert_eq!(geometry.type_info(), Some(&TypeInfo::new("example::Quote", 16, 8)));
    assert_eq!(geometry.payload_capacity(), 16);
    for wrong in ["Quote", "Quote:16:3", "Quote:16:32"] {
        let other = Ring::at(dir.path(), "other");
        let ended = other.run("create", &["--type", wrong]).end();
        assert!([Some(1), Some(2)].contains(&ended.status.code()), "{ended:?}");
        assert!(!other.path.exists());
    }
    // Nor does the library make one that it couldn't open.
    let odd = Config::new().of_type_info(TypeInfo::new("Quote", 16, 3));
    ringway::file::create(dir.path().join("odd"), &odd).unwrap_err();
}

#[test]
fn rm_removes_all_that_it_can_and_says_what_it_cannot() {
    let dir = directory();
    let [first, used, last] = ["first", "used", "last"].map(|name| Ring::at(dir.path(), name));
    first.run("create", &[]).end().with(0);
    last.run("create", &[]).end().with(0);
    let user = publisher(&used, "one\n");
    let paths = [&first, &used, &last].map(|ring| ring.path.as_os_str());
    let ended = Run::of(RINGWAY, ["rm".as_ref()].into_iter().chain(paths)).end();
    ended.with(1).saying(&["used is in use", "ringway maps"]);
    assert_eq!([&first, &used, &last].map(|ring| ring.path.exists()), [false, true, false]);
    user.end().with(0);
}

#[test]
fn rm_orphaned_removes_what_the_dead_left_and_nothing_else() {
    let dir = directory();
    let at = |name: &str| Ring::at(dir.path(), name);
    let live = publisher(&at("live"), "one\n");
    killed(publisher(&at("orphaned"), "one\n"));
    // A consumer waits for a successor.
    killed(publisher(&at("awaited"), "one\n"));
    let waiting = ringway::file::open(at("awaited").path).unwrap().consumer(Start::Oldest).unwrap();
    publisher(&at("closed"), "one\n").end().with(0);
    at("idle").run("create", &[]).end().with(0);
    fs::write(at("notes").path, "x".repeat(10_000)).unwrap();
    let mut names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    let args = ["rm".into(), "--orphaned".into()].into_iter().chain(names.clone());
    let ended = Run::of(RINGWAY, args.collect::<Vec<std::path::PathBuf>>()).end().with(0);
    ended.saying(&["removed", "awaited stays: a process has it open"]);
    names.retain(|path| !path.ends_with("orphaned"));
    assert!(!at("orphaned").path.exists() && names.iter().all(|path| path.exists()));
    drop(waiting);
    live.end().with(0);
}
