//! Rings in which another process has written what it shouldn't.

use std::fs::{self, File};
use std::path::Path;

use ringway::file::OpenOptions;
use ringway::{Config, Ring as _, Start};
use serde_json::Value;
use testkit::header::{Forger, Words, cell, page, word};

use crate::common::{Ring, Run, directory};
use crate::prometheus::parsed;
use crate::{RINGWAY, json, on_a_terminal};

/// A file whose header is that of a ring, with one word changed and a right checksum.
pub fn forged_header(path: &Path, at: usize, value: u64) {
    drop(ringway::file::create(path, &Config::new().slots(8)).unwrap());
    let file = File::options().read(true).write(true).open(path).unwrap();
    let mut words = Words::read(&file);
    words.set(at, value);
    words.write(&file);
}

#[test]
fn forged_words_are_marked_or_refused_and_never_end_a_look() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let made = OpenOptions::new().create(&ring.path, &Config::new().slots(8)).unwrap();
    let mut producer = made.producer().unwrap();
    let _consumer = made.consumer(Start::Oldest).unwrap();
    producer.publish(b"hello").unwrap();
    let forger = Forger::new(&ring.path, &made);
    let own = std::process::id();
    let path = ring.path.to_str().unwrap();
    // The producer's pid, which testkit has no name for, is the fifth word of its line.
    let pid = page::EPOCH_AND_STATE + 32;
    for forged in [0, 1, 1 << 31, (1 << 32) + 1, u64::MAX] {
        forger.page(pid, forged);
        forger.cell(0, cell::PID, forged);
        forger.page(page::TIMES_FULL, u64::MAX);
        let info = ring.info().unwrap();
        // The lock's holder is found all the same.
        for who in [&info["producer"], &info["consumers"][0]["who"]] {
            assert_eq!((&who["known_by"], &who["pid"]), (&"lock".into(), &own.into()), "{info}");
        }
        assert_eq!(info["consumers"][0]["pid"], forged, "{info}");
        on_a_terminal(&["info", "--interval", "1ms", path]);
        parsed(
            &String::from_utf8(Run::of(RINGWAY, ["info", "--prometheus", path]).end().with(0).stdout)
                .unwrap(),
        );
    }
    forger.cell(0, cell::CURSOR, u64::MAX);
    assert_eq!(ring.info().unwrap()["consumers"][0]["lag"], 0);
    forger.cell(0, cell::CURSOR, 0);
    drop(producer);
    forger.page(pid, u64::MAX);
    let info = ring.info().unwrap();
    let who = &info["producer"];
    assert_eq!((&who["known_by"], &who["process"]), (&"hint".into(), &Value::Null), "{info}");
    forger.page(pid, u64::from(own));
    assert_eq!(ring.info().unwrap()["producer"]["known_by"], "hint");

    for (at, forged) in [(page::HEAD, u64::MAX), (page::EPOCH_AND_STATE, 3)] {
        let kept = ring.info().unwrap();
        forger.page(at, forged);
        Run::of(RINGWAY, ["info", path]).end().with(1).saying(&["damaged"]);
        let listing = json("ls", dir.path(), &[]);
        assert_eq!(listing["rings"][0]["state"], "damaged", "{listing}");
        // No observer attaches to a head that is no sequence.
        let code = i32::from(at == page::HEAD);
        Run::of(RINGWAY, ["maps", path]).end().with(code);
        // As it was.
        let epoch_state = kept["epoch"].as_u64().unwrap() << 2 | 1;
        forger.page(at, if at == page::HEAD { 1 } else { epoch_state });
    }
    for (at, forged) in
        [(word::SLOTS, u64::MAX), (word::SLOTS, 1 << 32), (word::TOTAL, 1), (word::CAPACITY, u64::MAX)]
    {
        let other = dir.path().join("other");
        forged_header(&other, at, forged);
        for command in ["info", "maps"] {
            Run::of(RINGWAY, [command, other.to_str().unwrap()]).end().with(1);
        }
        assert_eq!(json("ls", &other, &[])["rings"][0]["state"], "damaged");
        fs::remove_file(&other).unwrap();
    }
}
