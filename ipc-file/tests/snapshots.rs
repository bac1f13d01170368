//! Private copies of rings, which go on meanwhile or don't.

use std::fs::{self, Permissions};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use ringway_core::{AttachError, Config, Outcome, Producer, RecvError, Resume, Ring, Start, State, Stride};
use ringway_file::{OpenOptions, Snapshot, guard_truncation, open_read_only};
use testkit::child::child;
use testkit::files::{cut, made, small, vacant};
use testkit::harness::run_alone;
use testkit::{PATIENCE, named, payload};

const LENGTH: usize = 56;

fn main() {
    run_alone(named![
        a_snapshot_is_all_that_an_idle_ring_keeps_and_leaves_the_file_as_it_is,
        a_snapshot_of_a_sparse_ring_leaves_its_holes,
        a_snapshot_stays_as_it_is_while_the_ring_goes_on,
        a_snapshot_of_a_ring_that_goes_on_holds_no_torn_message,
        a_snapshot_tells_of_the_consumers_that_lived_then,
        nothing_waits_for_a_snapshot,
        no_role_that_writes_is_taken_on_a_snapshot,
        a_ring_at_an_offset_is_copied_alone,
        a_snapshot_whose_file_is_cut_short_says_so,
        a_snapshot_belongs_to_its_process,
    ]);
}

fn publish(producer: &mut Producer, count: u64) {
    for _ in 0..count {
        producer.try_publish(&payload::message(producer.next_seq(), LENGTH)).unwrap();
    }
}

/// Reads all that a snapshot holds, and how it ends.
fn read(snapshot: &Snapshot) -> State {
    let kept = snapshot.messages();
    let mut observer = snapshot.observer(Start::At(kept.start), Resume::OldestSafe).unwrap();
    let ended = loop {
        match observer.try_recv().unwrap() {
            Outcome::Message(message) => payload::verify(message.seq(), LENGTH, &message),
            Outcome::Empty => break State::Open,
            Outcome::Closed => break State::Closed,
            other => panic!("expected a message, got {other:?}"),
        }
    };
    assert_eq!((observer.next_seq(), observer.lost()), (kept.end, 0));
    ended
}

fn a_snapshot_is_all_that_an_idle_ring_keeps_and_leaves_the_file_as_it_is() {
    let (_directory, path, ring) = made(&small().payload_capacity(LENGTH as u64));
    let mut producer = ring.producer().unwrap();
    for (published, kept) in [(0, 0..0), (3, 0..3), (5, 0..8), (4, 4..12)] {
        publish(&mut producer, published);
        let before = fs::read(&path).unwrap();
        let snapshot = open_read_only(&path).unwrap().snapshot().unwrap();
        assert_eq!(snapshot.messages(), kept);
        assert_eq!(read(&snapshot), State::Open);
        assert_eq!(fs::read(&path).unwrap(), before);
    }
    producer.close().unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
    assert_eq!(read(&open_read_only(&path).unwrap().snapshot().unwrap()), State::Closed);
}

fn a_snapshot_of_a_sparse_ring_leaves_its_holes() {
    let directory = tempfile::tempdir_in("/dev/shm").unwrap();
    let path = directory.path().join("ring");
    let config = Config::new().slots(4096).payload_capacity(LENGTH as u64);
    let ring = ringway_file::create(&path, &config).unwrap();
    publish(&mut ring.producer().unwrap(), 3);
    drop(ring);
    // As a copy of the file by `cp --sparse=always`.
    let bytes = fs::read(&path).unwrap();
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_len(0).unwrap();
    file.set_len(bytes.len() as u64).unwrap();
    let page = 4096;
    for (at, page) in
        (0..).step_by(page).zip(bytes.chunks(page)).filter(|(_, page)| page.iter().any(|&byte| byte != 0))
    {
        file.write_all_at(page, at).unwrap();
    }
    let blocks = || fs::metadata(&path).unwrap().blocks();
    let sparse = blocks();
    assert!(sparse * 512 < bytes.len() as u64 / 2, "{sparse} blocks");
    let ring = open_read_only(&path).unwrap();
    let snapshot = ring.snapshot().unwrap();
    assert_eq!((snapshot.messages(), read(&snapshot)), (0..3, State::Open));
    assert_eq!(blocks(), sparse);
    // The holes are the snapshot's own, too.
    let mut producer = OpenOptions::new().open(&path).unwrap().producer().unwrap();
    publish(&mut producer, 4000);
    assert_eq!((snapshot.messages(), read(&snapshot)), (0..3, State::Open));
}

fn a_snapshot_stays_as_it_is_while_the_ring_goes_on() {
    let (_directory, _path, ring) = made(&small().payload_capacity(LENGTH as u64));
    let mut producer = ring.producer().unwrap();
    publish(&mut producer, 11);
    let snapshot = ring.snapshot().unwrap();
    let stats = snapshot.stats().unwrap();
    publish(&mut producer, 30);
    producer.close().unwrap();
    drop((producer, ring));
    assert_eq!((snapshot.messages(), read(&snapshot)), (3..11, State::Open));
    assert_eq!(snapshot.stats().unwrap(), stats);
}

fn a_snapshot_of_a_ring_that_goes_on_holds_no_torn_message() {
    for stride in [Stride::Aligned, Stride::Packed, Stride::Line, Stride::Split] {
        // Several pages of slots, which the producer goes round while they are copied.
        let config = Config::new().slots(1024).payload_capacity(LENGTH as u64).stride(stride);
        let (_directory, path, ring) = made(&config);
        let mut producer = ring.producer().unwrap();
        publish(&mut producer, 1024);
        let stop = AtomicBool::new(false);
        let read = thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    publish(&mut producer, 8);
                }
            });
            let ring = open_read_only(&path).unwrap();
            // The producer is told to stop, whatever was found.
            let read = scope.spawn(move || (0..50).for_each(|_| _ = read(&ring.snapshot().unwrap()))).join();
            stop.store(true, Ordering::Relaxed);
            read
        });
        read.expect("whole messages");
    }
}

fn a_snapshot_tells_of_the_consumers_that_lived_then() {
    let (_directory, _path, ring) = made(&small().payload_capacity(LENGTH as u64));
    let mut producer = ring.producer().unwrap();
    let consumer = ring.consumer(Start::Latest).unwrap();
    publish(&mut producer, 5);
    let snapshot = ring.snapshot().unwrap();
    drop(consumer);
    let stats = snapshot.stats().unwrap();
    assert_eq!(stats.consumers.iter().map(|consumer| consumer.lag).collect::<Vec<_>>(), [5]);
    assert_eq!(ring.snapshot().unwrap().stats().unwrap().consumers, []);
}

fn nothing_waits_for_a_snapshot() {
    let (_directory, _path, ring) = made(&small());
    let _producer = ring.producer().unwrap();
    let snapshot = ring.snapshot().unwrap();
    let mut observer = snapshot.observer(Start::Oldest, Resume::OldestSafe).unwrap();
    // The producer lives, but not in the snapshot.
    assert!(matches!(observer.recv_timeout(PATIENCE), Ok(Outcome::ProducerLost)));
    assert!(matches!(observer.recv_timeout(Duration::ZERO), Ok(Outcome::TimedOut | Outcome::Empty)));
}

fn no_role_that_writes_is_taken_on_a_snapshot() {
    let (_directory, path, ring) = made(&small());
    let snapshot = ring.snapshot().unwrap();
    assert!(matches!(snapshot.producer(), Err(AttachError::ReadOnly { role: "producer" })));
    assert!(matches!(snapshot.consumer(Start::Oldest), Err(AttachError::ReadOnly { role: "consumer" })));
    let observer = snapshot.observer(Start::Oldest, Resume::OldestSafe).unwrap();
    assert!(matches!(observer.ring().unwrap().producer(), Err(AttachError::ReadOnly { .. })));
    drop(ring);
    // A snapshot keeps no lock.
    ringway_file::remove(&path).unwrap();
}

fn a_ring_at_an_offset_is_copied_alone() {
    let (_directory, path) = vacant();
    let config = small().payload_capacity(LENGTH as u64);
    let first = OpenOptions::new().offset(0).create(&path, &config).unwrap();
    let options = OpenOptions::new().offset(first.geometry().total_length());
    let second = options.create(&path, &config).unwrap();
    publish(&mut first.producer().unwrap(), 1);
    publish(&mut second.producer().unwrap(), 5);
    assert_eq!(options.open_read_only(&path).unwrap().snapshot().unwrap().messages(), 0..5);
    assert_eq!(first.snapshot().unwrap().messages(), 0..1);
}

fn a_snapshot_whose_file_is_cut_short_says_so() {
    guard_truncation().unwrap();
    let (_directory, path, ring) = made(&small());
    ring.producer().unwrap().publish(b"message").unwrap();
    let snapshot = ring.snapshot().unwrap();
    let mut observer = snapshot.observer(Start::Oldest, Resume::OldestSafe).unwrap();
    cut(&path, 0);
    // The pages of a private mapping go, too.
    assert!(matches!(observer.try_recv(), Err(RecvError::Truncated(_))));
    let another = snapshot.observer(Start::Oldest, Resume::OldestSafe);
    assert!(matches!(another, Err(AttachError::Truncated(_))));
    assert!(ring.snapshot().is_err());
}

fn a_snapshot_belongs_to_its_process() {
    let (_directory, _path, ring) = made(&small());
    let snapshot = ring.snapshot().unwrap();
    let mut observer = snapshot.observer(Start::Oldest, Resume::OldestSafe).unwrap();
    child(|| {
        assert!(matches!(observer.try_recv(), Err(RecvError::Forked(_))));
        let another = snapshot.observer(Start::Oldest, Resume::OldestSafe);
        assert!(matches!(another, Err(AttachError::Forked(_))));
    })
    .succeed();
}
