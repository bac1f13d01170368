//! What a creator that died left at a path.

mod common;

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

use common::{Ring, directory};
use ringway::file::OpenOptions;
use ringway::{Config, Ring as _};

/// A file as a creator leaves it that dies when it has allocated a ring at the file's start.
fn unfinished(path: &Path) {
    // Another file's: a process that is being spawned may share its descriptor, and with it the ring's lock.
    let whole = path.with_extension("whole");
    let ring = OpenOptions::new().offset(0).create(&whole, &Config::new().slots(8)).unwrap();
    let length = ring.geometry().total_length();
    drop(ring);
    let mut note = fs::read(&whole).unwrap()[..384].to_vec();
    fs::remove_file(&whole).unwrap();
    note[..8].copy_from_slice(b"RINGWAY?");
    // The file was empty before; the ring's offset is 0.
    note.extend(1_u64.to_ne_bytes());
    note.extend(0_u64.to_ne_bytes());
    let file = File::create(path).unwrap();
    file.write_all_at(&note, 0).unwrap();
    file.set_len(length).unwrap();
}

#[test]
fn an_unfinished_ring_is_made_anew_as_its_error_advises() {
    let dir = directory();
    for (name, first, args) in
        [("pub", "pub", &[][..]), ("sub", "sub", &[]), ("observe", "sub", &["--observe"])]
    {
        let ring = Ring::at(dir.path(), name);
        unfinished(&ring.path);
        ring.run("info", &[]).end().with(1).saying(&["creator ended", "create it again"]);
        let sub = if first == "sub" {
            let sub = ring.run("sub", args);
            common::until("the ring", || ring.info());
            Some(sub)
        } else {
            None
        };
        let mut publish = ring.run("pub", &["--slots", "8192"]);
        publish.feed_all(b"hello\n".to_vec());
        publish.end().with(0);
        let sub = sub.unwrap_or_else(|| ring.run("sub", &[]));
        assert_eq!(sub.end().with(0).stdout, b"hello\n");
        ring.run("rm", &[]).end().with(0);
        assert!(!ring.path.exists());
    }
}

#[test]
fn an_unfinished_ring_is_removed() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    unfinished(&ring.path);
    ring.run("rm", &[]).end().with(0);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn what_somebody_wrote_beside_an_unfinished_ring_is_not_replaced() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    unfinished(&ring.path);
    let file = File::options().write(true).open(&ring.path).unwrap();
    file.write_all_at(b"!", 5000).unwrap();
    for command in ["pub", "sub"] {
        ring.run(command, &[]).end().with(1).saying(&["creator ended", "remove the file"]);
    }
    assert_eq!(fs::read(&ring.path).unwrap()[5000], b'!');
    ring.run("rm", &[]).end().with(0);
}

#[test]
fn a_ring_of_another_user_is_used_with_any_owner() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    ring.run("pub", &["--mode", "666"]).end().with(0);
    if let Err(error) = std::os::unix::fs::chown(&ring.path, Some(64_001), None) {
        eprintln!("skipped: this process may not give files away ({error})");
        return;
    }
    for (command, args) in [
        ("pub", &[][..]),
        ("sub", &["--from", "oldest"]),
        ("sub", &["--observe", "--from", "oldest"]),
        ("info", &[]),
    ] {
        ring.run(command, args).end().with(1).saying(&["64001", "here: --any-owner"]);
        ring.run(command, &[args, &["--any-owner"]].concat()).end().with(0);
    }
}
