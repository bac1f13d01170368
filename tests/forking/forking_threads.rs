//! Forks by one thread while another takes roles, flushes or removes: no child keeps what the process held.

#![allow(unsafe_code, reason = "forking a process is unsafe")]
#![allow(clippy::disallowed_types, reason = "private to the process")]

use std::fs::File;
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

use ringway::anon::Child;
use ringway::file::{self, FileError, Flush, OpenOptions};
use ringway::{Config, Ring, Start};
use ringway_file::placement::LockTable;
use testkit::child::apart;
use testkit::{Kind, TestRing, named, suite};

/// Each is taken while the other thread forks.
const CELLS: u64 = 64;
/// As many children at most.
const FORKS: u64 = 400;
/// So often: a child must be forked within some microseconds to tell.
const ROUNDS: u32 = 20;

fn main() {
    suite::run_on(
        &[Kind::Anonymous, Kind::File],
        named![
            roles_taken_while_another_thread_forks_end_with_their_process,
            a_flush_while_another_thread_forks_leaves_nothing_in_the_children,
            a_removal_refused_while_another_thread_forks_leaves_nothing_locked,
            a_creation_refused_while_another_thread_forks_leaves_nothing_locked,
            a_sweep_that_leaves_a_file_while_another_thread_forks_leaves_it_unlocked,
        ],
        &[],
    );
}

fn config() -> Config {
    Config::new().slots(16).payload_capacity(48).max_consumers(CELLS)
}

/// What children of a process with threads wait for, and what they say.
struct Line {
    said: PipeReader,
    say: PipeWriter,
    end: PipeReader,
    open: Option<PipeWriter>,
}

impl Line {
    fn new() -> Self {
        let ((said, say), (end, open)) = (pipe().expect("a pipe"), pipe().expect("a pipe"));
        Self { said, say, end, open: Some(open) }
    }
}

/// What a child does with the descriptors that it inherits.
#[derive(Clone, Copy, PartialEq)]
enum Inherited {
    Kept,
    Closed,
}

/// A process that does `act` while another thread of it forks children, which go on until the line ends. Returns
/// once that process is killed; `act` is told whether the other thread still forks.
fn act_among_forks(line: &mut Line, inherited: Inherited, forks: u64, act: impl FnOnce(&AtomicBool)) {
    let (mut ready, mut acted) = pipe().expect("a pipe");
    let mut process: Child = apart(|| {
        // Its end is the test's to tell.
        drop(line.open.take());
        let (say, end) = (line.say.as_raw_fd(), line.end.as_raw_fd());
        let (begun, enough, forking) =
            (AtomicBool::new(false), AtomicBool::new(false), AtomicBool::new(true));
        let children = std::thread::scope(|scope| {
            let forker = scope.spawn(|| {
                let mut children: u64 = 0;
                while children < forks && !enough.load(Ordering::Relaxed) {
                    fork_bystander(say, end, inherited);
                    children += 1;
                    begun.store(true, Ordering::Relaxed);
                }
                forking.store(false, Ordering::Relaxed);
                children
            });
            while !begun.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            act(&forking);
            enough.store(true, Ordering::Relaxed);
            forker.join().expect("a thread that forks")
        });
        // Until a child has said so, it may not have closed yet what it is to close.
        line.said.read_exact(&mut vec![0; children as usize]).expect("children that speak");
        acted.write_all(b"!").expect("the test listens");
        loop {
            std::thread::park();
        }
    });
    ready.read_exact(&mut [0]).expect("a process that acts");
    process.kill().expect("a child");
    process.wait().expect("a child");
}

/// A child that says that it is there, and waits. It makes system calls only: it was forked among threads.
fn fork_bystander(say: RawFd, end: RawFd, inherited: Inherited) {
    // SAFETY: the child calls nothing that it may not call among threads, and ends without coming back.
    unsafe {
        match libc::fork() {
            0 => {
                libc::dup2(end, 0);
                libc::dup2(say, 1);
                if inherited == Inherited::Closed {
                    libc::syscall(libc::SYS_close_range, 2, u32::MAX, 0);
                }
                let mut byte = 0u8;
                libc::write(1, b"!".as_ptr().cast(), 1);
                libc::read(0, (&raw mut byte).cast(), 1);
                libc::_exit(0)
            }
            child => assert!(child > 0, "fork: {}", std::io::Error::last_os_error()),
        }
    }
}

fn roles_taken_while_another_thread_forks_end_with_their_process(kind: Kind) {
    for _ in 0..ROUNDS {
        let ring = kind.ring(&config());
        let mut line = Line::new();
        act_among_forks(&mut line, Inherited::Kept, FORKS, |_| {
            let consumers: Vec<_> = (0..CELLS)
                .map(|_| {
                    drop(ring.producer().expect("no other producer"));
                    ring.consumer(Start::Oldest).expect("a free cell")
                })
                .collect();
            // Held until the process dies.
            std::mem::forget((consumers, ring.producer().expect("no other producer")));
        });
        // The children live.
        let _producer = ring.producer().expect("the producer is dead");
        let taken: Vec<_> = (0..CELLS).map_while(|_| ring.consumer(Start::Latest).ok()).collect();
        assert_eq!(taken.len() as u64, CELLS, "cells of consumers that are dead");
    }
}

fn a_flush_while_another_thread_forks_leaves_nothing_in_the_children(kind: Kind) {
    let TestRing::File { path, ring, directory, .. } = kind.ring(&config()) else { return };
    let mut line = Line::new();
    act_among_forks(&mut line, Inherited::Closed, FORKS, |forking| {
        while forking.load(Ordering::Relaxed) {
            ring.flush(Flush::Async).expect("a file to write to");
        }
    });
    drop(ring);
    file::remove(&path).expect("nobody has the ring open");
    drop(directory);
}

fn a_removal_refused_while_another_thread_forks_leaves_nothing_locked(kind: Kind) {
    let TestRing::File { path, directory, .. } = kind.ring(&config()) else { return };
    let path = path.with_file_name("several");
    let at = |offset| OpenOptions::new().offset(offset);
    drop(at(0).create(&path, &config()).expect("a first ring"));
    let second = at(1 << 20).create(&path, &config()).expect("a second ring");
    let mut line = Line::new();
    act_among_forks(&mut line, Inherited::Kept, 10, |forking| {
        while forking.load(Ordering::Relaxed) {
            assert!(matches!(file::remove(&path), Err(FileError::InUse { .. })));
        }
    });
    drop(at(2 << 20).create(&path, &config()).expect("nobody is creating a ring"));
    drop(at(0).open(&path).expect("a ring").producer().expect("nobody is removing the ring"));
    drop((second, directory));
}

fn a_creation_refused_while_another_thread_forks_leaves_nothing_locked(kind: Kind) {
    let TestRing::File { path, directory, .. } = kind.ring(&config()) else { return };
    let path = path.with_file_name("whole");
    let at_start = OpenOptions::new().offset(0);
    drop(at_start.create(&path, &config()).expect("a ring"));
    let mut line = Line::new();
    act_among_forks(&mut line, Inherited::Kept, 200, |forking| {
        while forking.load(Ordering::Relaxed) {
            let refused = at_start.create(&path, &config());
            assert!(matches!(refused, Err(FileError::Overlap { .. })), "{refused:?}");
        }
    });
    file::remove(&path).expect("nobody has the ring open");
    drop(directory);
}

fn a_sweep_that_leaves_a_file_while_another_thread_forks_leaves_it_unlocked(kind: Kind) {
    let TestRing::File { path, directory, .. } = kind.ring(&config()) else { return };
    // A name that a file has while it is made. Its ring is in use, so it stays.
    let hidden = path.with_file_name(format!(".swept.ringway-new-{:032x}", 7));
    let used = file::create(&hidden, &config()).expect("a ring");
    let mut line = Line::new();
    act_among_forks(&mut line, Inherited::Kept, 200, |forking| {
        while forking.load(Ordering::Relaxed) {
            let missing = file::remove(path.with_file_name("swept"));
            assert!(matches!(missing, Err(FileError::NotFound { .. })), "{missing:?}");
        }
    });
    let left = File::open(&hidden).expect("the file that was left");
    let held = LockTable::at(0).held(left.as_fd(), LockTable::CREATION).expect("a file with locks");
    assert_eq!(held, None, "the lock that says that the file is being made");
    drop((used, directory));
}
