//! A handle whose ring is no longer at its path learns it: a reader that waits is told once, and the others may ask.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nix::unistd::gettid;
use ringway_core::{Interruption, Outcome, Resume, Ring, Start, Wait, WaitSet};
use ringway_file::memfd;
use testkit::PATIENCE;
use testkit::files::{made, next, small};
use testkit::sleepers::until_process_sleeps;

/// Longer than the time for which a reader takes the last answer for the next one.
const A_WHILE: Duration = Duration::from_millis(11);

/// What can happen to a ring's file, besides nothing; each ends with a path that leads elsewhere.
const CHANGES: [fn(&Path); 4] = [
    |path| fs::remove_file(path).unwrap(),
    |path| fs::rename(path, path.with_file_name("moved")).unwrap(),
    |path| {
        fs::hard_link(path, path.with_file_name("other")).unwrap();
        fs::remove_file(path).unwrap();
    },
    |path| {
        let other = path.with_file_name("other");
        drop(ringway_file::create(&other, &small()).unwrap());
        fs::rename(other, path).unwrap();
    },
];

#[test]
fn a_ring_and_its_roles_are_current_until_their_path_leads_elsewhere() {
    for change in CHANGES {
        let (_directory, path, ring) = made(&small());
        let opened = ringway_file::open_read_only(&path).unwrap();
        let producer = ring.producer().unwrap();
        let consumer = ring.consumer(Start::Oldest).unwrap();
        let reader = ring.best_effort_reader(Start::Oldest).unwrap();
        let observer = opened.observer(Start::Oldest, Resume::Latest).unwrap();
        let all = || {
            [
                ring.is_current(),
                opened.is_current(),
                producer.is_current().unwrap(),
                producer.ring().unwrap().is_current(),
                consumer.is_current().unwrap(),
                reader.is_current().unwrap(),
                observer.is_current().unwrap(),
            ]
        };
        assert_eq!(all(), [true; 7]);
        // A second name changes nothing.
        fs::hard_link(&path, path.with_file_name("second")).unwrap();
        assert_eq!(all(), [true; 7]);
        fs::remove_file(path.with_file_name("second")).unwrap();
        change(&path);
        assert_eq!(all(), [false; 7]);
    }
}

#[test]
fn a_ring_that_comes_back_is_current_again() {
    let (_directory, path, ring) = made(&small());
    let away = path.with_file_name("away");
    fs::rename(&path, &away).unwrap();
    assert!(!ring.is_current());
    // A link to the ring isn't the ring, as it isn't to `open`.
    symlink(&away, &path).unwrap();
    assert!(!ring.is_current());
    fs::rename(&away, &path).unwrap();
    assert!(ring.is_current());
    let directory = path.parent().unwrap().with_extension("away");
    fs::rename(path.parent().unwrap(), &directory).unwrap();
    assert!(!ring.is_current());
    fs::rename(&directory, path.parent().unwrap()).unwrap();
    assert!(ring.is_current());
}

#[test]
fn what_has_no_path_is_always_current() {
    let ring = memfd::create(&small()).unwrap();
    let producer = ring.producer().unwrap();
    assert!(ring.is_current() && producer.is_current().unwrap());
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    assert!(matches!(consumer.recv_timeout(A_WHILE), Ok(Outcome::TimedOut)));
}

/// Waits again and again, until something comes.
fn told(mut wait: impl FnMut() -> Outcome<()>) -> Outcome<()> {
    let began = Instant::now();
    loop {
        match wait() {
            Outcome::TimedOut => assert!(began.elapsed() < PATIENCE, "nothing is told"),
            told => return told,
        }
    }
}

#[test]
fn a_reader_that_waits_is_told_once_and_then_waits_on() {
    for change in CHANGES {
        let (_directory, path, ring) = made(&small());
        let mut producer = ring.producer().unwrap();
        let mut consumer = ring.consumer(Start::Oldest).unwrap();
        let mut reader = ring.best_effort_reader(Start::Oldest).unwrap();
        let mut observer = ring.observer(Start::Oldest, Resume::Latest).unwrap();
        assert!(matches!(consumer.recv_timeout(A_WHILE), Ok(Outcome::TimedOut)));
        change(&path);
        producer.publish(b"before").unwrap();
        // What is there comes first, and an attempt that doesn't wait doesn't ask.
        assert_eq!(next(&mut consumer), b"before");
        assert!(consumer.try_recv().unwrap().is_empty());
        assert!(told(|| consumer.recv_timeout(A_WHILE).unwrap().map(drop)).is_orphaned());
        assert!(reader.recv().unwrap().is_message() && observer.recv().unwrap().is_message());
        assert!(told(|| reader.recv_timeout(A_WHILE).unwrap().map(drop)).is_orphaned());
        assert!(told(|| observer.recv_timeout(A_WHILE).unwrap().map(drop)).is_orphaned());
        for _ in 0..2 {
            assert!(consumer.recv_timeout(A_WHILE).unwrap().is_timed_out());
            assert!(observer.recv_timeout(A_WHILE).unwrap().is_timed_out());
        }
        producer.publish(b"after").unwrap();
        assert_eq!(next(&mut consumer), b"after");
        drop(producer);
        assert!(told(|| consumer.recv_timeout(A_WHILE).unwrap().map(drop)).is_producer_lost());
        ring.producer_of_any_type().expect_err("a ring that was replaced");
    }
}

#[test]
fn a_lost_producer_is_told_before_the_lost_path() {
    let (_directory, path, ring) = made(&small());
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    drop(ring.producer().unwrap());
    fs::remove_file(path).unwrap();
    assert!(told(|| consumer.recv_timeout(A_WHILE).unwrap().map(drop)).is_producer_lost());
    assert!(told(|| consumer.recv_timeout(A_WHILE).unwrap().map(drop)).is_orphaned());
}

#[test]
fn a_wait_on_several_rings_and_a_loop_are_told_too() {
    let (_directory, path, ring) = made(&small());
    let _producer = ring.producer().unwrap();
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    let mut looping = ring.consumer(Start::Oldest).unwrap();
    fs::remove_file(path).unwrap();
    let mut set = WaitSet::new();
    assert_eq!(set.wait(&mut [&mut consumer], None).unwrap().indices(), [0]);
    assert!(consumer.try_recv().unwrap().is_orphaned());
    assert_eq!(looping.next_message().unwrap_err(), Interruption::Orphaned);
    let text = Interruption::Orphaned.to_string();
    assert!(text.contains("removed or replaced") && text.contains("open the path again"), "{text}");
}

#[test]
fn a_sleeping_reader_is_told() {
    let (_directory, path, ring) = made(&small());
    let _producer = ring.producer().unwrap();
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    consumer.set_wait(Wait::Park);
    std::thread::scope(|scope| {
        let (say, hear) = mpsc::channel();
        let waiting = scope.spawn(move || {
            say.send(gettid()).unwrap();
            consumer.recv().unwrap().is_orphaned()
        });
        // It looks at the path before it sleeps, too.
        until_process_sleeps(hear.recv().unwrap().as_raw().unsigned_abs());
        fs::remove_file(path).unwrap();
        assert!(waiting.join().unwrap());
    });
}
