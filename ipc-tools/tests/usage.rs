//! The command line: what is refused, and how.

mod common;

use std::ffi::OsStr;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;

use common::{Ended, Ring, Run, directory, until};
use nix::sys::memfd::{MFdFlags, memfd_create};
use ringway::memfd::MemfdOptions;
use ringway::{Config, Ring as _};

#[test]
fn what_is_no_option_or_no_unit_is_a_usage_error() {
    let ringway = env!("CARGO_BIN_EXE_ringway");
    let pingpong = env!("CARGO_BIN_EXE_ipc-pingpong");
    let dir = directory();
    let ring = dir.path().join("ring").display().to_string();
    let cases: [(&str, &[&str], &str); 26] = [
        (ringway, &[], "Usage"),
        (ringway, &["publish", &ring], "publish"),
        (ringway, &["pub"], "<RING>"),
        (ringway, &["pub", &ring, "--fast"], "--fast"),
        (ringway, &["pub", &ring, "--slot-size", "64XiB"], "64KiB"),
        (ringway, &["pub", &ring, "--raw", "--chunk", "much"], "64KiB"),
        (ringway, &["pub", &ring, "--frame", "length", "--raw"], "--raw"),
        (ringway, &["pub", &ring, "--frame", "words"], "length"),
        (ringway, &["pub", &ring, "--rate", "0"], "a second"),
        (ringway, &["pub", &ring, "--count", "0"], "--count"),
        (ringway, &["pub", &ring, "--type", ":16"], "NAME"),
        (ringway, &["sub", &ring, "--format", "{sequence}"], "{seq}"),
        (ringway, &["sub", &ring, "--format", "json", "--raw"], "--raw"),
        (ringway, &["pub", &ring, "--timeout", "10"], "500ms"),
        (ringway, &["pub", &ring, "--patience", "never"], "endless"),
        (ringway, &["pub", &ring, "--mode", "0999"], "octal"),
        (ringway, &["pub", &ring, "--stride", "loose"], "packed"),
        (ringway, &["sub", &ring, "--from", "yesterday"], "oldest"),
        (ringway, &["sub", &ring, "--resume", "latest"], "--observe"),
        (ringway, &["sub", &ring, "--quiet", "--json"], "--quiet"),
        (ringway, &["info", &ring, "--verbose"], "--verbose"),
        (ringway, &["watch", &ring, "--interval", "1ms"], "at least 10ms"),
        // Longer than what a clock can count: it was a panic.
        (ringway, &["watch", &ring, "--interval", "300000000000years"], "at most 1day"),
        (pingpong, &["--size", "48 bites"], "64KiB"),
        (pingpong, &["--iterations", "0"], "iterations"),
        (pingpong, &["--placement", "cloud"], "anon"),
    ];
    for (program, args, word) in cases {
        Run::of(program, args).end().with(2).saying(&[word]);
    }
    assert!(!dir.path().join("ring").exists());
}

#[test]
fn a_size_beyond_all_bounds_is_called_too_large() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    for size in ["99999999999999999999", "4294967296", "99999999999TiB"] {
        for command in ["pub", "sub"] {
            let ended = ring.run(command, &["--slot-size", size]).end().with(2);
            let ended = ended.saying(&["--slot-size", "too large", "at most"]);
            assert!(!ended.stderr.contains("unit"), "{}", ended.stderr);
        }
    }
    assert!(!ring.path.exists());
}

#[test]
fn flags_that_an_existing_ring_contradicts_name_both() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let shape = [
        "--slots",
        "8",
        "--slot-size",
        "1KiB",
        "--stride",
        "packed",
        "--max-consumers",
        "3",
        "--mode",
        "640",
    ];
    ring.run("pub", &shape).end().with(0);
    for (command, from) in [("pub", &[][..]), ("sub", &["--from", "oldest"])] {
        ring.run(command, &[&shape, from].concat()).end().with(0);
        ring.run(command, from).end().with(0);
        for (flag, asked, found) in [
            ("--slots", "16", "8"),
            ("--slot-size", "2KiB", "1024"),
            ("--stride", "aligned", "packed"),
            ("--max-consumers", "4", "3"),
            ("--mode", "0600", "0640"),
        ] {
            let named = if flag == "--slot-size" { "2048" } else { asked };
            ring.run(command, &[flag, asked]).end().with(1).saying(&[flag, named, found]);
        }
    }
    assert_eq!(ring.path.metadata().unwrap().permissions().mode() & 0o777, 0o640);
}

#[test]
fn info_tells_shape_and_state() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    ring.run("info", &[]).end().with(1).saying(&["no such file"]);
    let mut publish = ring.run("pub", &["--slots", "8", "--slot-size", "48"]);
    publish.feed(b"hello\n");
    ring.until_head(1);
    let info = ring.info().unwrap();
    for (field, expected) in
        [("epoch", 1), ("head", 1), ("slots", 8), ("slot_size_bytes", 48), ("stride_bytes", 64)]
    {
        assert_eq!(info[field], expected, "{field}: {info}");
    }
    assert_eq!((&info["state"], &info["producer_alive"]), (&"open".into(), &true.into()), "{info}");
    publish.end().with(0);
    let info = ring.info().unwrap();
    assert_eq!((&info["state"], &info["producer_alive"]), (&"closed".into(), &false.into()), "{info}");
    let text = String::from_utf8(ring.run("info", &[]).end().with(0).stdout).unwrap();
    assert!(text.contains("closed, epoch 1, producer none"), "{text}");
}

#[test]
fn info_shows_a_ring_in_a_memfd_by_the_path_of_its_descriptor() {
    let dir = directory();
    let memfd =
        MemfdOptions::new().name("quo\ntes").create(&Config::new().slots(8).payload_capacity(48)).unwrap();
    let mut producer = memfd.producer().unwrap();
    producer.publish(b"hello").unwrap();
    let descriptors = [memfd.as_fd().try_clone_to_owned().unwrap(), memfd.read_only().unwrap()];
    for descriptor in &descriptors {
        let path = format!("/proc/{}/fd/{}", std::process::id(), descriptor.as_raw_fd());
        let ring = Ring { path: path.clone().into() };
        let info = ring.info().expect("info shows the ring");
        assert_eq!((&info["head"], &info["producer_alive"]), (&1.into(), &true.into()), "{info}");
        let text = String::from_utf8(ring.run("info", &[]).end().with(0).stdout).unwrap();
        assert_eq!(text.lines().next(), Some(&*format!(r#"ring       {path} ("memfd:quo\ntes")"#)));
    }
    // It is a look that follows no other link, and believes no other memfd.
    let link = Ring::at(dir.path(), "link");
    std::os::unix::fs::symlink(dir.path().join("ring"), &link.path).unwrap();
    link.run("info", &[]).end().with(1).saying(&["symbolic link"]);
    let other = memfd_create("other", MFdFlags::MFD_CLOEXEC).unwrap();
    let path = format!("/proc/{}/fd/{}", std::process::id(), other.as_raw_fd());
    Ring { path: path.into() }.run("info", &[]).end().with(1).saying(&["memfd:other", "seals"]);
}

#[test]
fn what_is_no_ring_is_left_alone() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "notes");
    std::fs::write(&ring.path, "x".repeat(10_000)).unwrap();
    for command in ["pub", "sub", "info", "rm"] {
        ring.run(command, &[]).end().with(1).saying(&["not a ring"]);
    }
    assert_eq!(std::fs::read(&ring.path).unwrap(), b"x".repeat(10_000));
}

#[test]
fn rm_removes_a_ring_once() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    ring.run("pub", &[]).end().with(0);
    ring.run("rm", &[]).end().with(0);
    assert!(!ring.path.exists());
    ring.run("rm", &[]).end().with(1).saying(&["no such file"]);
}

#[test]
fn what_no_ring_could_hold_is_refused_before_one_is_made() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    ring.run("pub", &["--raw", "--chunk", "0"]).end().with(1).saying(&["--chunk 0", "at least 1 byte"]);
    let args = ["--raw", "--slot-size", "1KiB", "--chunk", "2KiB"];
    ring.run("pub", &args).end().with(1).saying(&["--chunk 2048", "1024", "--slot-size"]);
    assert!(!dir.path().join("ring").exists());
}

#[test]
fn more_consumers_than_there_is_room_for_are_not_waited_for() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let args = ["--max-consumers", "2", "--wait-for", "3"];
    for existing in [false, true] {
        ring.run("pub", &args).end().with(1).saying(&["--wait-for 3", "2 consumers", "--max-consumers"]);
        // It never had the role: what it made is gone, and what was there is as it was.
        assert_eq!(ring.info().map(|info| info["epoch"].clone()), existing.then(|| 1.into()));
        ring.run("pub", &args[..2]).end().with(0);
    }
    let ring = Ring::at(dir.path(), "narrow");
    let args = ["--max-consumers", "1", "--wait-for", "3"];
    ring.run("pub", &args).end().with(1).saying(&["room for 1 consumer;"]);
}

#[test]
fn info_names_the_consumers_attached_and_a_waiting_pub_says_so() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let publisher = ring.run("pub", &["--wait-for", "2"]);
    let subscriber = ring.run("sub", &[]);
    let found = until("a consumer attached", || {
        let info = ring.info()?;
        info["consumers"].get(0).cloned()
    });
    assert_eq!(found["pid"], subscriber.pid().as_raw());
    assert_eq!((&found["cell"], &found["next"], &found["lag"]), (&0.into(), &0.into(), &0.into()));
    let second = ring.run("sub", &[]);
    // Its input is empty: it closes the ring once both are there.
    publisher.end().with(0);
    subscriber.end().with(0);
    second.end().with(0);
}

/// What was said, which is one line of text without a control character.
#[track_caller]
fn one_line(ended: Ended) -> String {
    let line = ended.stderr.strip_suffix('\n').expect("a line").to_owned();
    assert!(!line.chars().any(char::is_control), "{line:?}");
    line
}

#[test]
fn no_byte_of_a_path_breaks_the_line_of_an_error_or_reaches_the_terminal() {
    let dir = directory();
    for (name, shown) in [
        (&b"a\nringway: all is well"[..], r"a\nringway: all is well"),
        (b"\x1b[31mred\x07", r"\u{1b}[31mred\u{7}"),
        (b"\xff\r\x9b", r"\xFF\r\x9B"),
    ] {
        let ring = Ring { path: dir.path().join(OsStr::from_bytes(name)) };
        for command in ["info", "rm"] {
            let line = one_line(ring.run(command, &[]).end().with(1));
            assert!(line.contains(shown), "{line}");
        }
        std::fs::write(&ring.path, "no ring").unwrap();
        for command in ["pub", "sub", "info", "rm"] {
            let line = one_line(ring.run(command, &[]).end().with(1));
            assert!(line.contains(shown), "{line}");
        }
        std::fs::remove_file(&ring.path).unwrap();
        ring.run("pub", &["--slots", "8"]).end().with(0);
        let line = one_line(ring.run("pub", &["--slots", "16"]).end().with(1));
        assert!(line.contains(shown), "{line}");
        let text = String::from_utf8(ring.run("info", &[]).end().with(0).stdout).unwrap();
        assert!(text.lines().next().unwrap().ends_with(&format!("{shown}\"")), "{text}");
    }
    let nowhere = format!("{}/a\nb", dir.path().display());
    let args = ["torture", "--placement", "file", "--dir", &nowhere];
    one_line(Run::of(env!("CARGO_BIN_EXE_ringway"), args).end().with(1));
}
