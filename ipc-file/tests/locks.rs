//! The kernel's locks say which handle has which role, and no process takes one from a live holder.

use std::fs::File;
use std::os::fd::AsFd;

use ringway_core::placement::RoleHint;
use ringway_core::{AttachError, Resume, Ring, Start};
use ringway_file::placement::{Lock, LockTable, RoleLocks, remove_if};
use ringway_file::{FileError, OpenOptions};
use testkit::files::{names, next, small, vacant};

#[test]
fn a_second_producer_is_refused_and_names_the_first() {
    let (_directory, path) = vacant();
    let ring = ringway_file::create(&path, &small()).unwrap();
    let producer = ring.producer().unwrap();
    for ring in [&ring, &ringway_file::open(&path).unwrap()] {
        match ring.producer() {
            Err(AttachError::ProducerTaken { pid, .. }) => assert_eq!(pid, u64::from(std::process::id())),
            other => panic!("{other:?}"),
        }
    }
    drop(producer);
    drop(ring.producer().unwrap());
}

#[test]
fn each_consumer_has_a_cell_until_there_is_none() {
    let (_directory, path) = vacant();
    let ring = ringway_file::create(&path, &small()).unwrap();
    let first = ring.consumer(Start::Oldest).unwrap();
    let second = ring.consumer(Start::Oldest).unwrap();
    assert_eq!((first.cell(), second.cell()), (0, 1));
    assert!(matches!(ring.consumer(Start::Oldest), Err(AttachError::NoFreeCell { max: 2, .. })));
    // Observers take none.
    drop(ring.observer(Start::Oldest, Resume::Latest).unwrap());
    drop(first);
    assert_eq!(ring.consumer(Start::Oldest).unwrap().cell(), 0);
}

#[test]
fn liveness_follows_the_producer_and_sees_itself() {
    let (_directory, path) = vacant();
    let ring = ringway_file::create(&path, &small()).unwrap();
    let consumer = ring.consumer(Start::Oldest).unwrap();
    let observer = ring.observer(Start::Oldest, Resume::Latest).unwrap();
    assert!(!consumer.producer_alive().unwrap());
    let producer = ring.producer().unwrap();
    assert!(consumer.producer_alive().unwrap());
    assert!(observer.producer_alive().unwrap());
    drop(producer);
    assert!(!consumer.producer_alive().unwrap());
    assert!(!observer.producer_alive().unwrap());
}

#[test]
fn who_holds_a_lock_counts_itself_among_the_living() {
    let (_directory, path) = vacant();
    ringway_file::create(&path, &small()).unwrap();
    let file = File::options().read(true).write(true).open(&path).unwrap();
    let (fd, table) = (file.as_fd(), LockTable::at(0));
    let producer = RoleLocks::producer(fd, table, RoleHint::default).unwrap();
    let (consumer, cell) = RoleLocks::consumer(fd, table, 2, |_| 0).unwrap();
    assert!(producer.producer_alive() && producer.cell_alive(cell) && !producer.cell_alive(1));
    assert!(consumer.producer_alive() && consumer.cell_alive(cell) && !consumer.cell_alive(1));
    drop(consumer);
    assert!(!producer.cell_alive(cell));
}

#[test]
fn a_live_consumer_stops_the_producer_and_a_gone_one_does_not() {
    let (_directory, path) = vacant();
    let ring = ringway_file::create(&path, &small()).unwrap();
    let consumer = ring.consumer(Start::Oldest).unwrap();
    let mut producer = ring.producer().unwrap();
    let sent = (0..100).take_while(|_| producer.try_publish(b"x").is_ok()).count();
    assert_eq!(sent, 8);
    drop(consumer);
    producer.try_publish(b"x").unwrap();
}

#[test]
fn a_read_lock_on_a_role_is_reported_and_is_no_life() {
    let (_directory, path) = vacant();
    let ring = ringway_file::create(&path, &small()).unwrap();
    let stranger = File::open(&path).unwrap();
    let table = LockTable::at(0);
    let lock = |byte| assert!(table.try_lock(stranger.as_fd(), byte, Lock::Read).unwrap());

    lock(LockTable::PRODUCER);
    assert!(matches!(ring.producer(), Err(AttachError::LockHeldByReader { byte: 0 })));
    assert!(!ring.consumer(Start::Oldest).unwrap().producer_alive().unwrap());

    // A cell that a stranger blocks costs that cell.
    lock(LockTable::cell(0));
    let consumer = ring.consumer(Start::Oldest).unwrap();
    assert_eq!(consumer.cell(), 1);
    assert!(matches!(ring.consumer(Start::Oldest), Err(AttachError::LockHeldByReader { byte: 3 })));

    drop(stranger);
    drop(ring.producer().unwrap());
}

#[test]
fn closing_the_file_elsewhere_in_the_process_frees_no_lock() {
    let (_directory, path) = vacant();
    let ring = ringway_file::create(&path, &small()).unwrap();
    let _producer = ring.producer().unwrap();
    drop(File::open(&path).unwrap());
    assert!(matches!(ring.producer(), Err(AttachError::ProducerTaken { .. })));
}

#[test]
fn a_ring_in_use_is_not_removed() {
    let (directory, path) = vacant();
    let ring = ringway_file::create(&path, &small()).unwrap();
    assert!(matches!(ringway_file::remove(&path), Err(FileError::InUse { .. })));

    // Any handle keeps it, an observer's too.
    let observer =
        ringway_file::open_read_only(&path).unwrap().observer(Start::Oldest, Resume::Latest).unwrap();
    drop(ring);
    assert!(matches!(ringway_file::remove(&path), Err(FileError::InUse { .. })));
    drop(observer);
    ringway_file::remove(&path).unwrap();
    assert!(names(&directory).is_empty());
    assert!(matches!(ringway_file::remove(&path), Err(FileError::NotFound { .. })));
}

#[test]
fn a_file_is_not_removed_while_any_of_its_rings_is_in_use() {
    let (_directory, path) = vacant();
    let at = |offset| OpenOptions::new().offset(offset);
    drop(at(0).create(&path, &small()).unwrap());
    let second = at(1 << 20).create(&path, &small()).unwrap();
    assert!(matches!(ringway_file::remove(&path), Err(FileError::InUse { .. })));
    drop(second);
    ringway_file::remove(&path).unwrap();
}

#[test]
fn what_is_no_ring_is_not_removed() {
    let (_directory, path) = vacant();
    std::fs::write(&path, vec![7; 8192]).unwrap();
    assert!(matches!(ringway_file::remove(&path), Err(FileError::Geometry { .. })));
    assert!(path.exists());
}

#[test]
fn no_role_is_taken_on_a_ring_that_lost_its_name() {
    let (_directory, path) = vacant();
    let ring = ringway_file::create(&path, &small()).unwrap();
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    let mut producer = ring.producer().unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(ring.consumer(Start::Oldest), Err(AttachError::Replaced { .. })));
    // Another ring under the same name isn't this one.
    ringway_file::create(&path, &small()).unwrap();
    assert!(matches!(ring.observer(Start::Oldest, Resume::Latest), Err(AttachError::Replaced { .. })));
    // Nor is this one where another name leads to it.
    let other = ringway_file::open(&path).unwrap();
    std::fs::rename(&path, path.with_file_name("elsewhere")).unwrap();
    assert!(matches!(other.producer(), Err(AttachError::Replaced { .. })));
    ringway_file::create(&path, &small()).unwrap();
    assert!(matches!(other.producer(), Err(AttachError::Replaced { .. })));
    // A role from before goes on.
    producer.publish(b"on").unwrap();
    assert_eq!(next(&mut consumer), b"on");
}

#[test]
fn a_role_refused_names_the_path_in_one_line() {
    let (_directory, path) = vacant();
    let path = path.with_file_name("a\nb\x1b[31m");
    let ring = ringway_file::create(&path, &small()).unwrap();
    std::fs::remove_file(&path).unwrap();
    let error = ring.producer().unwrap_err().to_string();
    assert!(!error.contains(char::is_control) && error.contains(r"a\nb\u{1b}[31m"), "{error:?}");
}

#[test]
fn a_last_look_before_a_removal_finds_the_ring_locked_and_may_keep_it() {
    let (_directory, path) = vacant();
    drop(ringway_file::create(&path, &small()).unwrap());
    let look = |_: &File| {
        let other = File::open(&path).unwrap();
        let held = |byte| LockTable::at(0).held(other.as_fd(), byte).unwrap();
        assert_eq!([LockTable::PRESENCE, LockTable::CREATION].map(held), [Some(Lock::Write); 2]);
        false
    };
    assert!(!remove_if(&path, look).unwrap());
    drop(ringway_file::open(&path).unwrap().producer().unwrap());
    assert!(remove_if(&path, |_| true).unwrap());
    assert!(!path.exists());
}
