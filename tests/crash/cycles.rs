//! Processes are killed while they create and use a ring in a file, over and over. A whole ring is there, or none. All
//! of it can be used again at once, and nothing is left behind.
//!
//! `RINGWAY_CYCLES` sets the number of cycles.

#![allow(unsafe_code, reason = "forking a process is unsafe")]

use std::fs::{self, File};
use std::io::{Read, Write, pipe};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::sys::stat::{major, makedev, minor};
use ringway::anon::fork;
use ringway::file::{self, FileError, FileRing, OpenOptions};
use ringway::{Config, Ring, Start};
use ringway_file::placement::LockTable;
use testkit::files::names;
use testkit::harness::{self, here};
use testkit::roles::{Sender, read};

const CYCLES: u64 = 10_000;
/// A lock that a dead process holds for longer is stuck.
const LOCKED: Duration = Duration::from_secs(60);
const CONSUMERS: usize = 2;

/// Longest that a process lives, in microseconds, before it is killed: a little longer than it takes to create
/// a ring and use it.
const LIFE: u64 = 900;

fn main() {
    harness::run(vec![
        here("killed_creators_leave_no_file_no_lock_and_no_cell", cycles),
        here("locks_are_told_by_device_and_inode", locks_are_told_by_device_and_inode),
    ]);
}

fn config() -> Config {
    Config::new().slots(8).payload_capacity(101).max_consumers(CONSUMERS as u64)
}

/// How far the killed processes had come.
#[derive(Default, Debug)]
struct Seen {
    /// There was no ring yet.
    nothing: u64,
    /// There was a ring that had had no producer.
    ring: u64,
    /// There was one that had had.
    producer: u64,
    messages: u64,
}

fn cycles() {
    let cycles = std::env::var("RINGWAY_CYCLES").map_or(CYCLES, |n| n.parse().expect("a number of cycles"));
    let directory = tempfile::tempdir_in("/dev/shm").expect("/dev/shm can be written");
    let path = directory.path().join("ring");
    fs::write(directory.path().join("bystander"), "not a ring").expect("a writable directory");
    let before = names(directory.path());
    let mut seen = Seen::default();
    for cycle in 0..cycles {
        create_and_be_killed(&path, cycle);
        match file::open(&path) {
            Ok(ring) => check(ring, &path, &mut seen),
            Err(FileError::NotFound { .. }) => {
                seen.nothing += 1;
                assert_eq!(names(directory.path()), before, "leftovers of a creator, cycle {cycle}");
            }
            Err(error) => panic!("cycle {cycle}: {error}"),
        }
        // Every fourth ring lives on, and the next process takes roles on it.
        if cycle % 4 != 3 && path.exists() {
            file::remove(&path).expect("nobody uses the ring");
            assert_eq!(names(directory.path()), before, "cycle {cycle}");
        }
    }
    if path.exists() {
        file::remove(&path).expect("nobody uses the ring");
    }
    assert_eq!(names(directory.path()), before);
    println!("{cycles} cycles: {seen:?}");
    assert!(seen.nothing > 0 && seen.producer > 0 && seen.messages > 0, "{seen:?}");
}

/// Runs a process that makes the ring, takes roles and publishes, and kills it at a moment that varies.
fn create_and_be_killed(path: &Path, cycle: u64) {
    let (mut from, mut to) = pipe().expect("a pipe");
    let began = Instant::now();
    // SAFETY: nothing is borrowed from a role.
    let child = unsafe {
        fork(|| {
            set_pdeathsig(Signal::SIGKILL).expect("a signal");
            let ring = OpenOptions::new().open_or_create(path, &config()).expect("a ring, or room for one");
            let mut sender = Sender::new(ring.producer().expect("no producer"));
            let mut consumer = ring.consumer(Start::Oldest).expect("a free cell");
            let old = consumer.len().expect("a sound ring");
            read(&mut consumer, old);
            loop {
                sender.send_many(3);
                to.write_all(b"!").expect("the other process listens");
                read(&mut consumer, 3);
            }
        })
    };
    let mut child = child.expect("a process with one thread");
    match cycle % 8 {
        // Before it has done anything, most likely.
        0 => {}
        // When it has published, for certain.
        1 => from.read_exact(&mut [0]).expect("the process publishes"),
        // At some moment. A sleep would be too coarse.
        _ => {
            let life = Duration::from_micros(cycle.wrapping_mul(7919) % LIFE);
            while began.elapsed() < life {
                std::thread::yield_now();
            }
        }
    }
    child.kill().expect("a child");
    let status = child.wait().expect("a child");
    assert_eq!(status.signal(), Some(Signal::SIGKILL as i32), "cycle {cycle}: {status}");
}

/// Asserts that the ring is whole and free, and uses all of it.
fn check(ring: FileRing, path: &Path, seen: &mut Seen) {
    let file = File::open(path).expect("the ring's file");
    for byte in (0..=2).chain((0..CONSUMERS).map(LockTable::cell)) {
        let held = || LockTable::at(0).held(file.as_fd(), byte).expect("an answer about a lock").is_some();
        // Presence is this process's own.
        let own = byte == LockTable::PRESENCE;
        // A process that looks at the dead one through /proc keeps its memory, and so its locks, for that long.
        let began = Instant::now();
        while held() != own {
            assert!(began.elapsed() < LOCKED, "lock byte {byte}: held: {}, expected: {own}", !own);
            std::thread::yield_now();
        }
    }
    let producer = ring.producer().expect("the killed producer's lock is free");
    match producer.epoch() {
        1 => seen.ring += 1,
        _ => seen.producer += 1,
    }
    let mut sender = Sender::new(producer);
    seen.messages += sender.producer.next_seq();
    let mut consumers =
        [(); CONSUMERS].map(|()| ring.consumer(Start::Oldest).expect("the killed consumer's cell is free"));
    for consumer in &mut consumers {
        let kept = consumer.len().expect("a sound ring");
        read(consumer, kept);
    }
    sender.send_many(5);
    for consumer in &mut consumers {
        read(consumer, 5);
    }
    let held = some_locks(&file);
    drop((ring, sender, consumers));
    let left = locks(&file);
    if let (Some(held), Some(left)) = (held, left) {
        assert!(held > 0, "the system lists locks, but not this process's");
        assert_eq!(left, 0, "locks on the ring's file when nobody uses it");
    }
}

/// Number of locks that the system lists on a file that has some, if it lists locks.
///
/// A list longer than a page is read in pieces. A lock of another process that goes between two of them moves the rest
/// of the list up, and a line is missed. So a list without any is read again.
fn some_locks(file: &File) -> Option<usize> {
    let mut found = locks(file)?;
    for _ in 0..1000 {
        if found > 0 {
            break;
        }
        found = locks(file)?;
    }
    Some(found)
}

/// Number of locks that the system lists on a file, if it lists locks.
fn locks(file: &File) -> Option<usize> {
    let metadata = file.metadata().expect("an open file");
    let list = fs::read_to_string("/proc/locks").ok()?;
    Some(listed(&list, metadata.dev(), metadata.ino()))
}

/// Number of lines in a list of locks that are of this device's inode: `major:minor:inode`, with device numbers in
/// hexadecimal digits. Another file system may have a file of the same inode.
fn listed(list: &str, device: u64, inode: u64) -> usize {
    let file = format!("{:02x}:{:02x}:{inode}", major(device), minor(device));
    list.lines().filter(|line| line.split_whitespace().any(|word| word == file)).count()
}

fn locks_are_told_by_device_and_inode() {
    let list = "1: OFDLCK ADVISORY  WRITE -1 00:1a:77 0 0\n\
                2: OFDLCK ADVISORY  READ  -1 fd:00:77 1 1\n\
                3: POSIX  ADVISORY  WRITE 812 00:1a:177 0 EOF\n\
                3: -> POSIX  ADVISORY  WRITE 813 00:1a:77 0 0\n";
    assert_eq!(listed(list, makedev(0, 0x1a), 77), 2, "locks of another device's file 77, or of file 177");
}
