//! A ring that is removed or replaced under its path while it is read.

mod common;

use std::fs;
use std::io::Read;

use common::{Ring, Run, directory, read_exactly, until};
use nix::sys::signal::Signal;

const ROLES: [&[&str]; 2] = [&[], &["--observe"]];

/// Waits until the reader has mapped the ring, which it does once it has looked at the path.
fn until_mapped(ring: &Ring, reader: &Run) {
    let maps = format!("/proc/{}/maps", reader.pid());
    let path = ring.path.to_str().expect("the path is text");
    until("the ring to be mapped", || {
        fs::read_to_string(&maps).ok()?.lines().any(|line| line.ends_with(path)).then_some(())
    });
}

#[test]
fn a_sub_whose_ring_was_removed_reads_it_to_its_end_and_then_fails_with_the_reason() {
    for role in ROLES {
        let dir = directory();
        let ring = Ring::at(dir.path(), "ring");
        let mut publish = ring.run("pub", &[]);
        publish.feed(b"hello\n");
        ring.until_head(1);
        let mut sub = ring.run("sub", role);
        let (line, mut stdout) = read_exactly(sub.stdout(), 6);
        assert_eq!(line, b"hello\n");
        sub.stop();
        publish.feed(b"more\n");
        ring.until_head(2);
        fs::remove_file(&ring.path).unwrap();
        sub.signal(Signal::SIGCONT);
        sub.end().with(1).saying(&["removed or replaced", "--follow"]);
        let mut rest = Vec::new();
        stdout.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, b"more\n");
        publish.end().with(0);
    }
}

#[test]
fn a_sub_that_waits_for_its_first_producer_notices_that_another_ring_came() {
    for role in ROLES {
        let dir = directory();
        let ring = Ring::at(dir.path(), "ring");
        let sub = ring.run("sub", &[role, &["--json"]].concat());
        until("the ring", || ring.info());
        until_mapped(&ring, &sub);
        fs::remove_file(&ring.path).unwrap();
        let mut publish = ring.run("pub", &[]);
        publish.feed(b"not for it\n");
        let ended = sub.end().with(1).saying(&["removed or replaced"]);
        assert_eq!(ended.summary()["ended"], "replaced");
        publish.end().with(0);
    }
}

#[test]
fn a_follower_reads_what_the_old_ring_has_and_then_turns_to_the_new_one() {
    for role in ROLES {
        let dir = directory();
        let ring = Ring::at(dir.path(), "ring");
        // The next ring comes while the old one's producer waits for input, and after it has closed.
        for closes in [false, true] {
            let _ = fs::remove_file(&ring.path);
            let mut publish = ring.run("pub", &[]);
            publish.feed(b"hello\n");
            ring.until_head(1);
            let mut follower = ring.run("sub", &[role, &["--follow", "--json"]].concat());
            let (line, stdout) = read_exactly(follower.stdout(), 6);
            assert_eq!(line, b"hello\n");
            follower.stop();
            publish.feed(b"old\n");
            ring.until_head(2);
            if closes {
                publish.close_stdin();
                until("the ring to be closed", || ring.info().filter(|info| info["state"] == "closed"));
            }
            fs::remove_file(&ring.path).unwrap();
            // Another shape: it isn't the follower that makes the next ring.
            let mut next = ring.run("pub", &["--slots", "8"]);
            next.feed(b"new\n");
            ring.until_head(1);
            follower.signal(Signal::SIGCONT);
            let (lines, stdout) = read_exactly(stdout, 8);
            assert_eq!(String::from_utf8_lossy(&lines), "old\nnew\n");

            // And again, with nothing there for a while.
            fs::remove_file(&ring.path).unwrap();
            next.end().with(0);
            let mut third = ring.run("pub", &["--slots", "16"]);
            third.feed(b"third\n");
            let (lines, _stdout) = read_exactly(stdout, 6);
            assert_eq!(lines, b"third\n");
            follower.signal(Signal::SIGINT);
            let summary = follower.end().with(130).summary();
            for (field, expected) in [("received", 4), ("rings", 3), ("lost", 0)] {
                assert_eq!(summary[field], expected, "{field}: {summary}");
            }
            publish.end().with(0);
            third.end().with(0);
        }
    }
}

#[test]
fn a_follower_stays_with_a_removed_ring_until_there_is_another() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let mut publish = ring.run("pub", &["--slots", "8"]);
    publish.feed(b"hello\n");
    ring.until_head(1);
    let mut follower = ring.run("sub", &["--follow"]);
    let (line, mut stdout) = read_exactly(follower.stdout(), 6);
    assert_eq!(line, b"hello\n");
    fs::remove_file(&ring.path).unwrap();
    // More than the ring holds: a reader that had left its cell behind would stop the producer.
    for _ in 0..100 {
        publish.feed(b"line\n");
        let (line, rest) = read_exactly(stdout, 5);
        assert_eq!(line, b"line\n");
        stdout = rest;
    }
    publish.end().with(0);
    follower.signal(Signal::SIGTERM);
    follower.end().with(143).saying(&["101 messages", "signal"]);
}

#[test]
fn a_pub_whose_ring_was_removed_says_so_once_and_in_its_summary() {
    for args in [&[][..], &["--quiet"], &["--json"]] {
        let dir = directory();
        let ring = Ring::at(dir.path(), "ring");
        let mut publish = ring.run("pub", args);
        until("the producer", || ring.info().filter(|info| info["state"] == "open"));
        fs::remove_file(&ring.path).unwrap();
        publish.feed(b"one\ntwo\n");
        publish.feed(b"three\n");
        let ended = publish.end().with(0);
        if args == ["--json"] {
            assert_eq!(ended.summary()["orphaned"], true);
            continue;
        }
        let said = ended.stderr.matches("removed or replaced under its path").count();
        assert_eq!(said, 1, "{}", ended.stderr);
        if args.is_empty() {
            ended.saying(&["published 3 messages", "no longer at its path"]);
        } else {
            assert!(!ended.stderr.contains("published 3"), "{}", ended.stderr);
        }
    }
}
