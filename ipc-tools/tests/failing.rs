//! Commands that fail: what they leave behind, and what they say of it.

mod common;

use std::ffi::OsStr;
use std::fs;

use std::os::fd::AsRawFd;

use common::{Ended, Ring, Run, directory, read_exactly, until};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::Signal;

/// Runs `ringway COMMAND RING ARGS` with the limit that `ulimit` sets.
fn limited(limit: &str, ring: &Ring, command: &str, args: &[&str]) -> Ended {
    let script = format!(r#"ulimit {limit} && exec "$0" "$@""#);
    let first = ["-c", &script, env!("CARGO_BIN_EXE_ringway"), command].map(OsStr::new);
    let all = first.into_iter().chain([ring.path.as_os_str()]).chain(args.iter().map(OsStr::new));
    Run::of("sh", all).end()
}

#[test]
fn a_ring_made_for_a_role_that_fails_is_removed_again() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let path = ring.path.display().to_string();
    let shape = ["--slots", "2", "--slot-size", "64MiB"];
    for (command, role) in [("pub", &[][..]), ("sub", &[]), ("sub", &["--observe"])] {
        let ended = limited("-v 100000", &ring, command, &[&shape, role].concat()).with(1);
        ended.saying(&[&path, "address space", "ulimit -v", "smaller slots"]);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "{command}");
    }
    // The limit isn't what fails: a ring that fits is used.
    limited("-v 100000", &ring, "pub", &["--slots", "2"]).with(0);
}

#[test]
fn a_ring_that_was_there_survives_a_command_that_fails() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    ring.run("pub", &["--slots", "2", "--slot-size", "64MiB"]).end().with(0);
    for (command, role) in [("pub", &[][..]), ("sub", &[]), ("sub", &["--observe"])] {
        limited("-v 100000", &ring, command, role).with(1).saying(&["address space"]);
        assert_eq!(ring.info().unwrap()["state"], "closed");
    }
}

#[test]
fn a_pub_that_fails_on_a_dead_producers_ring_leaves_the_loss_to_be_seen() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let mut first = ring.run("pub", &["--slot-size", "8"]);
    first.feed(b"hello\n");
    ring.until_head(1);
    first.signal(Signal::SIGKILL);
    drop(first);
    until("the producer to be gone", || ring.info().filter(|info| info["producer_alive"] == false));
    for _ in 0..2 {
        let mut second = ring.run("pub", &["--frame", "length"]);
        second.feed_all([&18_u32.to_le_bytes()[..], b"longer than a slot"].concat());
        second.end().with(1).saying(&["frame 1 ", "without closing it"]);
        assert_eq!(ring.info().unwrap()["state"], "producer-lost");
    }
    ring.run("sub", &[]).end().with(1).saying(&["producer", "gone"]);
}

#[test]
fn bytes_that_could_not_be_written_are_counted_as_those_that_were_received() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let mut publish = ring.run("pub", &["--slots", "2048", "--slot-size", "8"]);
    publish.feed_all(b"12345\n".repeat(1000));
    publish.end().with(0);
    let full = || fs::File::options().write(true).open("/dev/full").unwrap();
    let summary = ring.run_to("sub", &["--observe", "--json"], full()).end().with(1).summary();
    for (field, expected) in [("received", 1000), ("bytes", 5000), ("unwritten_bytes", 5000)] {
        assert_eq!(summary[field], expected, "{field}: {summary}");
    }
}

#[test]
fn a_sub_that_waits_beyond_head_reports_the_rings_head() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let mut publish = ring.run("pub", &[]);
    publish.feed_all(b"a\nb\n".to_vec());
    publish.end().with(0);
    for role in [&[][..], &["--observe"]] {
        let summary = ring.run("sub", &[role, &["--from", "99", "--json"]].concat()).end().with(0).summary();
        for (field, expected) in [("start", 99), ("next", 99), ("head", 2), ("received", 0), ("lost", 0)] {
            assert_eq!(summary[field], expected, "{field}: {summary}");
        }
    }
    ring.run("sub", &["--observe", "--from", "99"]).end().with(0).saying(&["(start 99, head 2)"]);
}

#[test]
fn a_follower_of_several_rings_reports_no_sequences_that_do_not_add_up() {
    for (json, unwanted) in
        [(&["--json"][..], &["start", "next", "head"]), (&[], &["start", "head", "sequence"])]
    {
        let dir = directory();
        let ring = Ring::at(dir.path(), "ring");
        let follow = [&["--follow", "--observe"], json].concat();
        let mut publish = ring.run("pub", &[]);
        publish.feed(b"hello\n");
        ring.until_head(1);
        let mut follower = ring.run("sub", &follow);
        let (_, stdout) = read_exactly(follower.stdout(), 6);
        publish.end().with(0);
        fs::remove_file(&ring.path).unwrap();
        let mut next = ring.run("pub", &[]);
        next.feed(b"again\n");
        let (_, _stdout) = read_exactly(stdout, 6);
        follower.signal(Signal::SIGINT);
        let ended = follower.end().with(130).saying(&["lost", "2"]);
        for word in unwanted {
            assert!(!ended.stderr.contains(word), "{word}: {}", ended.stderr);
        }
        next.end().with(0);
    }
}

#[test]
fn too_few_descriptors_are_called_so_and_nothing_is_left_behind() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let mut failed = 0;
    for limit in 4..64 {
        let ended = limited(&format!("-n {limit}"), &ring, "pub", &[]);
        if ended.status.success() {
            break;
        }
        ended.with(1).saying(&["error: ", "Too many open files", "ulimit -n"]);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "{limit} descriptors");
        failed += 1;
    }
    assert!(failed > 0);
    assert_eq!(ring.info().unwrap()["state"], "closed");
}

#[test]
fn advice_fits_the_command() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    for command in ["info", "rm"] {
        let ended = ring.run(command, &[]).end().with(1).saying(&["no such file", "check the path"]);
        assert!(!ended.stderr.contains("create"), "{}", ended.stderr);
    }
    let ended = ring.run("pub", &["--slots", "100"]).end().with(1).saying(&["100 slots", "64 or 128"]);
    assert!(!ended.stderr.contains("offset"), "{}", ended.stderr);

    let file = Ring::at(dir.path(), "file");
    fs::write(&file.path, "root:x:0:0\n".repeat(100)).unwrap();
    file.run("info", &[]).end().with(1).saying(&["starts with \"root:x:0\"", r#""RINGWAY\0""#]);
    let below = Ring::at(&file.path, "ring");
    for command in ["pub", "sub", "info", "rm"] {
        below.run(command, &[]).end().with(1).saying(&["Not a directory", "check the path"]);
    }

    let memfd = memfd_create("other", MFdFlags::MFD_CLOEXEC).unwrap();
    let path = format!("/proc/{}/fd/{}", std::process::id(), memfd.as_raw_fd());
    for command in ["pub", "sub", "rm"] {
        let ended = Ring { path: path.clone().into() }.run(command, &[]).end().with(1);
        ended.saying(&[&path, "memfd", "`ringway info`"]);
    }
}

#[test]
fn an_error_of_a_role_names_the_ring_and_the_flag() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let path = format!("error: {}: ", ring.path.display());
    let first = ring.run("sub", &["--max-consumers", "1"]);
    until("a consumer attached", || ring.info()?["consumers"].get(0).cloned());
    ring.run("sub", &[]).end().with(1).saying(&[&path, "sub --observe", "--max-consumers"]);
    let publish = ring.run("pub", &[]);
    publish.end().with(0);
    first.end().with(0);
}
