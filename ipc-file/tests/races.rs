//! Many processes make, open and remove the ring of one path at once: those that get one get the same, and
//! none loses one.

use std::io::{Read, Write, pipe};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use ringway_core::{Outcome, Ring, Start, Wait};
use ringway_file::{FileError, FileRing, OpenOptions};
use testkit::PATIENCE;
use testkit::child::{Child, child};
use testkit::files::{names, small, vacant};
use testkit::harness::run_alone;

const PROCESSES: usize = 4;

fn main() {
    run_alone(&[
        ("all_who_open_or_create_share_one_ring", all_who_open_or_create_share_one_ring),
        ("of_many_creating_processes_one_succeeds", of_many_creating_processes_one_succeeds),
        ("no_ring_in_use_is_removed", || makers_and_removers(None)),
        ("no_ring_in_use_is_removed_at_an_offset", || makers_and_removers(Some(8192))),
    ]);
}

fn options(offset: Option<u64>) -> OpenOptions {
    offset.map_or_else(OpenOptions::new, |bytes| OpenOptions::new().offset(bytes))
}

/// Runs `run` in several processes, which start together; `meanwhile` gets what they write.
fn together(run: impl Fn(usize, &mut dyn Write), meanwhile: impl FnOnce(&mut dyn Read)) {
    let (mut start, starter) = pipe().unwrap();
    let (mut reports, report) = pipe().unwrap();
    let mut starter = Some(starter);
    let children: Vec<_> = (0..PROCESSES)
        .map(|number| {
            child(|| {
                drop(starter.take());
                // Until the other end is closed, everywhere.
                assert_eq!(start.read(&mut [0]).unwrap(), 0);
                run(number, &mut &report);
            })
        })
        .collect();
    drop((starter, report));
    meanwhile(&mut reports);
    children.into_iter().for_each(Child::succeed);
}

fn all(reports: &mut dyn Read) -> Vec<u8> {
    let mut read = Vec::new();
    reports.read_to_end(&mut read).unwrap();
    read
}

fn ids(reports: &mut dyn Read) -> Vec<[u8; 16]> {
    let read = |_| {
        let mut id = [0; 16];
        reports.read_exact(&mut id).unwrap();
        id
    };
    (0..PROCESSES).map(read).collect()
}

fn all_who_open_or_create_share_one_ring() {
    for round in 0..40 {
        let (directory, path) = vacant();
        let options = options((round % 2 == 1).then_some(8192));
        if round % 4 == 3 {
            std::fs::write(&path, "somebody else's").unwrap();
        }
        let share = |_, report: &mut dyn Write| {
            let ring = options.open_or_create(&path, &small().max_consumers(8)).unwrap();
            let mut consumer = ring.consumer(Start::Oldest).unwrap();
            consumer.set_wait(Wait::Yield);
            report.write_all(&ring.geometry().ring_id()).unwrap();
            loop {
                match consumer.recv_timeout(PATIENCE).unwrap() {
                    Outcome::Message(message) => return assert_eq!(&*message, b"for all"),
                    Outcome::EpochChanged { .. } => {}
                    other => panic!("{other:?}"),
                }
            }
        };
        together(share, |reports| {
            let ids = ids(reports);
            assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
            let ring = options.open(&path).unwrap();
            assert_eq!(ring.geometry().ring_id(), ids[0]);
            ring.producer().unwrap().publish(b"for all").unwrap();
        });
        assert_eq!(names(&directory), ["ring"]);
    }
}

fn of_many_creating_processes_one_succeeds() {
    for offset in [None, Some(0), Some(8192)].repeat(10) {
        let (directory, path) = vacant();
        let create = |_, report: &mut dyn Write| match options(offset).create(&path, &small()) {
            Ok(ring) => report.write_all(&ring.geometry().ring_id()).unwrap(),
            Err(FileError::AlreadyExists { .. } | FileError::Overlap { .. }) => {}
            Err(other) => panic!("{other}"),
        };
        let mut made = Vec::new();
        together(create, |reports| made = all(reports));
        let ring = options(offset).open(&path).unwrap();
        assert_eq!(made, ring.geometry().ring_id());
        assert_eq!(names(&directory), ["ring"]);
    }
}

/// Each process opens or makes the ring, uses it, and tries to remove it, again and again.
fn makers_and_removers(offset: Option<u64>) {
    let (directory, path) = vacant();
    let work = |number: usize, report: &mut dyn Write| {
        let mut removed = 0_u64;
        for turn in 0..150 {
            match (number + turn) % 3 {
                0 => match options(offset).create(&path, &small()) {
                    Ok(ring) => is_kept(&ring, &path, offset),
                    Err(FileError::AlreadyExists { .. } | FileError::Overlap { .. }) => {}
                    // It was removed, at an offset, while it was looked at.
                    Err(FileError::Replaced { .. }) if offset.is_some() => {}
                    Err(other) => panic!("{other}"),
                },
                1 => is_kept(&options(offset).open_or_create(&path, &small()).unwrap(), &path, offset),
                _ => match ringway_file::remove(&path) {
                    Ok(()) => removed += 1,
                    Err(
                        FileError::NotFound { .. } | FileError::InUse { .. } | FileError::Replaced { .. },
                    ) => {}
                    Err(other) => panic!("{other}"),
                },
            }
        }
        report.write_all(&removed.to_ne_bytes()).unwrap();
    };
    let mut removed = Vec::new();
    together(work, |reports| removed = all(reports));
    let removed: u64 = removed.as_chunks().0.iter().map(|bytes| u64::from_ne_bytes(*bytes)).sum();
    println!("{removed} removed");
    let left = names(&directory);
    assert!(left.is_empty() || left == ["ring"], "{left:?}");
    // Whatever was left in between, nothing holds the ring once its users are gone.
    drop(options(offset).open_or_create(&path, &small()).unwrap());
    ringway_file::remove(&path).unwrap();
    assert!(names(&directory).is_empty());
}

/// As long as the ring is open, its name leads to it.
fn is_kept(ring: &FileRing, path: &Path, offset: Option<u64>) {
    let inode = std::fs::metadata(path).unwrap().ino();
    for _ in 0..3 {
        let same = options(offset).open(path).unwrap();
        assert_eq!(same.geometry().ring_id(), ring.geometry().ring_id());
        std::thread::yield_now();
    }
    assert_eq!(std::fs::metadata(path).unwrap().ino(), inode);
}
