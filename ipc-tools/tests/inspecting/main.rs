//! Looking at rings that real processes use: `info`, `ls` and `maps` tell what is so, and change nothing. Making and
//! removing them: `create` and `rm`.

mod best_effort;
#[path = "../common/mod.rs"]
mod common;
mod forged;
mod making;
mod names;
mod prometheus;

use std::fs;
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;
use std::process::Command;

use common::{Ring, Run, directory, until};
use forged::forged_header;
use nix::sys::signal::Signal;
use ringway::memfd::MemfdOptions;
use ringway::{Config, Ring as _, Start};
use serde_json::Value;
use sha2::{Digest, Sha256};
use testkit::header::word;

const RINGWAY: &str = env!("CARGO_BIN_EXE_ringway");
const SHAPE: [&str; 4] = ["--slots", "8", "--slot-size", "48"];

/// The JSON that a command writes of a path.
#[track_caller]
fn json(command: &str, path: &Path, args: &[&str]) -> Value {
    let run = Run::of(RINGWAY, [&[command, "--json"], args, &[path.to_str().unwrap()]].concat());
    let ended = run.end().with(0);
    serde_json::from_slice(&ended.stdout).expect("JSON")
}

/// What a command writes for people whose terminal has 80 columns.
#[track_caller]
fn on_a_terminal(args: &[&str]) -> String {
    let output = Command::new(RINGWAY).args(args).env("COLUMNS", "80").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(!text.contains('\x1b'), "{text}");
    text
}

fn text(ring: &Ring) -> String {
    on_a_terminal(&["info", "--interval", "0s", ring.path.to_str().unwrap()])
}

/// A `pub` that waits for its input, once it has published so many lines.
fn publisher(ring: &Ring, lines: &str) -> Run {
    let before = ring.info().map_or(0, |info| info["head"].as_u64().unwrap());
    let mut publisher = ring.run("pub", &SHAPE);
    publisher.feed(lines.as_bytes());
    ring.until_head(before + lines.lines().count() as u64);
    publisher
}

fn killed(run: Run) {
    run.signal(Signal::SIGKILL);
    run.end();
}

#[test]
fn a_producer_that_died_is_told_from_one_that_lives_one_that_closed_and_none() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    drop(ringway::file::create(&ring.path, &Config::new().slots(8)).unwrap());
    let info = ring.info().unwrap();
    assert_eq!((&info["state"], &info["producer"]), (&"no-producer-yet".into(), &Value::Null), "{info}");

    let alive = publisher(&ring, "one\n");
    let info = ring.info().unwrap();
    let producer = &info["producer"];
    assert_eq!((&info["state"], &info["producer_alive"]), (&"open".into(), &true.into()), "{info}");
    assert_eq!((&producer["known_by"], &producer["pid"]), (&"lock".into(), &alive.pid().as_raw().into()));
    assert_eq!(producer["process"]["name"], "ringway");
    assert_eq!(producer["process"]["uid"], nix::unistd::geteuid().as_raw());
    assert!(producer["process"]["command"].as_str().unwrap().contains("ringway pub "), "{info}");
    let shown = text(&ring);
    assert!(shown.contains(&format!("producer alive, pid {} ringway (", alive.pid())), "{shown}");

    killed(alive);
    let info = ring.info().unwrap();
    assert_eq!((&info["state"], &info["producer_alive"]), (&"producer-lost".into(), &false.into()), "{info}");
    assert_eq!(info["producer"]["known_by"], "hint", "{info}");
    assert!(text(&ring).contains("producer none: it died"), "{}", text(&ring));

    publisher(&ring, "two\n").end().with(0);
    let info = ring.info().unwrap();
    assert_eq!((&info["state"], &info["epoch"]), (&"closed".into(), &2.into()), "{info}");
}

#[test]
fn each_consumer_is_shown_by_its_lock_with_its_lag_and_whether_it_is_stopped() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let attached =
        |n: usize| until("consumers", || (ring.info()?["consumers"].as_array()?.len() == n).then_some(()));
    let stopped = ring.run("sub", &SHAPE);
    attached(1);
    stopped.stop();
    let mut reading = ring.run("sub", &SHAPE);
    reading.collect();
    attached(2);
    let observing = ring.run("sub", &["--observe"]);
    let publishing = publisher(&ring, "1\n2\n3\n4\n");

    let info = until("a consumer that has read all", || {
        ring.info().filter(|info| info["consumers"][1]["lag"] == 0 && info["consumers"][0]["lag"] == 4)
    });
    let [late, current] = [0, 1].map(|at| info["consumers"][at].clone());
    for (consumer, run) in [(&late, &stopped), (&current, &reading)] {
        assert_eq!(consumer["who"]["known_by"], "lock", "{info}");
        assert_eq!(consumer["who"]["process"]["pid"], run.pid().as_raw(), "{info}");
    }
    assert_eq!((&late["lag_of_capacity"], &info["room"]), (&0.5.into(), &4.into()), "{info}");
    assert_eq!(late["who"]["process"]["run_state"], "T", "{info}");
    assert_ne!(current["who"]["process"]["run_state"], "T", "{info}");
    // The library's own Stats, as they serialise.
    assert_eq!((&info["stats"]["head"], &info["stats"]["state"]), (&4.into(), &"open".into()));
    assert_eq!(info["stats"]["consumers"][0]["lag"], 4);
    let shown = text(&ring);
    assert!(shown.contains("stopped") && shown.contains("50.0 %"), "{shown}");

    let maps = until("an observer's mapping", || {
        let maps = json("maps", &ring.path, &[]);
        let pid = observing.pid().as_raw();
        let mapped =
            |process: &Value| process["pid"] == pid && !process["mappings"].as_array().unwrap().is_empty();
        maps["processes"].as_array()?.iter().any(mapped).then_some(maps)
    });
    for (run, roles, made_for, rights) in [
        (&publishing, vec!["producer"], "producer", "rwwrw"),
        (&stopped, vec!["consumer 0"], "consumer", "rrwwr"),
        (&reading, vec!["consumer 1"], "consumer", "rrwwr"),
        (&observing, vec![], "observer", "rrrrr"),
    ] {
        let process = maps["processes"].as_array().unwrap().iter().find(|p| p["pid"] == run.pid().as_raw());
        let process = process.unwrap_or_else(|| panic!("{made_for} {} in {maps}", run.pid()));
        assert_eq!(process["roles"], serde_json::json!(roles), "{process}");
        let mapping = process["mappings"].as_array().unwrap().iter().find(|m| m["made_for"] == made_for);
        let mapping = mapping.unwrap_or_else(|| panic!("{made_for} in {process}"));
        assert_eq!(mapping["rights"], rights, "{process}");
        assert!(
            mapping["rss_bytes"].as_u64().unwrap() > 0 && mapping["pss_bytes"].as_u64().is_some(),
            "{process}"
        );
        let sections = mapping["areas"].as_array().unwrap().iter();
        let sections: Vec<&Value> = sections.flat_map(|area| area["sections"].as_array().unwrap()).collect();
        assert_eq!(sections, ["geometry", "producer", "hints", "cells", "slots"], "{process}");
    }
    let shown = on_a_terminal(&["maps", ring.path.to_str().unwrap()]);
    for role in ["producer ", "consumer 0", "consumer 1", "observer"] {
        assert!(shown.contains(role), "{shown}");
    }
}

#[test]
fn maps_and_info_find_the_processes_of_a_memfd_by_its_descriptor() {
    let memfd = MemfdOptions::new().create(&Config::new().slots(8)).unwrap();
    let _producer = memfd.producer().unwrap();
    let own = std::process::id();
    let path = format!("/proc/{own}/fd/{}", memfd.as_fd().as_raw_fd());
    let maps = json("maps", Path::new(&path), &[]);
    assert_eq!(
        (&maps["processes"][0]["pid"], &maps["processes"][0]["roles"][0]),
        (&own.into(), &"producer".into())
    );
    let info = json("info", Path::new(&path), &["--interval", "0s"]);
    assert_eq!((&info["producer"]["pid"], &info["producer"]["known_by"]), (&own.into(), &"lock".into()));
}

#[test]
fn ls_tells_rings_in_use_from_those_left_behind_and_passes_over_the_rest() {
    let dir = directory();
    let at = |name: &str| Ring::at(dir.path(), name);
    let live = publisher(&at("live"), "one\n");
    killed(publisher(&at("orphaned"), "one\ntwo\n"));
    publisher(&at("closed"), "one\n").end().with(0);
    drop(ringway::file::create(at("idle").path, &Config::new().slots(8)).unwrap());
    forged_header(&at("damaged").path, word::TOTAL, u64::MAX);
    forged_header(&at("other-boot").path, word::BOOT_ID, 1);
    let half = fs::read(at("idle").path).unwrap();
    fs::write(at("unfinished").path, [b"RINGWAY?", &half[8..]].concat()).unwrap();
    fs::write(at("notes").path, "x".repeat(10_000)).unwrap();
    fs::write(at("short").path, "RINGWAY\0").unwrap();
    std::os::unix::fs::symlink(at("live").path, at("link").path).unwrap();
    fs::create_dir(at("deeper").path).unwrap();
    drop(ringway::file::create(at("deeper/ring").path, &Config::new().slots(8)).unwrap());

    let listing = json("ls", dir.path(), &[]);
    let found: Vec<(&str, &str)> = (listing["rings"].as_array().unwrap().iter())
        .map(|ring| {
            (ring["ring"].as_str().unwrap().rsplit('/').next().unwrap(), ring["state"].as_str().unwrap())
        })
        .collect();
    // Each is named after its state.
    let states = ["closed", "damaged", "idle", "live", "orphaned", "other-boot", "unfinished"];
    assert_eq!(found, states.map(|state| (state, state)));
    let orphaned = &listing["rings"][4];
    assert_eq!(
        (&orphaned["head"], &orphaned["slots"], &orphaned["slot_size_bytes"]),
        (&2.into(), &8.into(), &48.into())
    );
    assert_eq!((&orphaned["in_use"], &listing["rings"][3]["in_use"]), (&false.into(), &true.into()));
    assert!(listing["rings"][1]["why"].as_str().unwrap().contains("total_length"), "{listing}");
    let deep = json("ls", dir.path(), &["--recursive"]);
    assert_eq!(deep["rings"].as_array().unwrap().len(), states.len() + 1);

    let long = at(&"n".repeat(200));
    drop(ringway::file::create(&long.path, &Config::new().slots(8)).unwrap());
    let shown = on_a_terminal(&["ls", dir.path().to_str().unwrap()]);
    assert!(states.iter().all(|state| shown.contains(state)), "{shown}");
    live.end().with(0);

    let gone = dir.path().join("gone").display().to_string();
    Run::of(RINGWAY, ["ls", &gone]).end().with(1).saying(&["gone", "No such file", "check the path"]);
}

#[test]
fn what_other_users_hide_is_counted() {
    if nix::unistd::geteuid().is_root() {
        eprintln!("skipped: root may read all files");
        return;
    }
    use std::os::unix::fs::PermissionsExt;
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    drop(ringway::file::create(&ring.path, &Config::new().slots(8)).unwrap());
    fs::set_permissions(&ring.path, fs::Permissions::from_mode(0o000)).unwrap();
    let listing = json("ls", dir.path(), &[]);
    assert_eq!((&listing["rings"], &listing["unreadable"]), (&serde_json::json!([]), &1.into()));
}

#[test]
fn an_inspection_leaves_every_byte_of_the_ring_and_its_locks_as_they_were() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let made = ringway::file::create(&ring.path, &Config::new().slots(8)).unwrap();
    // Handles that wait for nothing, so that nobody else writes meanwhile.
    let mut producer = made.producer().unwrap();
    let consumer = made.consumer(Start::Oldest).unwrap();
    producer.publish(b"hello").unwrap();
    let look =
        || (Sha256::digest(fs::read(&ring.path).unwrap()), ring.path.metadata().unwrap().modified().unwrap());
    let before = look();
    let path = ring.path.to_str().unwrap();
    for args in [
        &["info", "--interval", "1ms", path][..],
        &["info", "--interval", "0s", "--json", path],
        &["info", "--prometheus", path],
        &["ls", dir.path().to_str().unwrap()],
        &["maps", path],
    ] {
        Run::of(RINGWAY, args).end().with(0);
        assert_eq!(look(), before, "{args:?}");
    }
    // While one looks, roles come and go.
    let looking = Run::of(RINGWAY, ["info", "--interval", "1h", path]);
    until("a second mapping", || {
        let maps = json("maps", &ring.path, &[]);
        maps["processes"].as_array()?.iter().any(|p| p["pid"] == looking.pid().as_raw()).then_some(())
    });
    drop((producer, consumer));
    made.producer().unwrap().close().unwrap();
    drop(made.consumer(Start::Latest).unwrap());
}

#[test]
fn a_rate_and_a_last_message_are_told_as_far_as_two_looks_can() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let made = ringway::file::create(&ring.path, &Config::new().slots(8)).unwrap();
    made.producer().unwrap().publish(b"hello").unwrap();
    let info = json("info", &ring.path, &["--interval", "1ms"]);
    let last = &info["last_message"];
    assert_eq!((&info["messages_per_s"], &last["seen_moving_at"]), (&0.0.into(), &Value::Null), "{info}");
    assert!(last["not_for_at_least_s"].as_f64().unwrap() >= 0.001, "{info}");
    let once = ring.info().unwrap();
    assert_eq!(
        (&once["messages_per_s"], &once["last_message"]["not_for_at_least_s"]),
        (&Value::Null, &Value::Null)
    );

    // One that publishes all the time, whenever the two looks are.
    let mut busy = made.producer().unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    let info = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                busy.publish(b"hello").unwrap();
            }
        });
        let info = until("a rate", || {
            let info = json("info", &ring.path, &["--interval", "10ms"]);
            info["messages_per_s"].as_f64().is_some_and(|rate| rate > 0.0).then_some(info)
        });
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        info
    });
    assert!(info["last_message"]["seen_moving_at"].as_str().unwrap().ends_with('Z'), "{info}");
}

#[test]
fn the_help_of_each_command_here_has_examples_and_exit_codes() {
    for command in ["create", "info", "ls", "maps", "rm"] {
        let ended = Run::of(RINGWAY, [command, "--help"]).end().with(0);
        let help = String::from_utf8(ended.stdout).unwrap();
        for part in ["Examples:", "Exit status:", &format!("  ringway {command}")] {
            assert!(help.contains(part), "{part} in {help}");
        }
    }
}
