//! Standbys for the producer's role: told of what frees it, one at a time, and never stuck. Each test runs in a process
//! of its own.

use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use ringway_core::{AttachError, Config, Ring, Standby};
use ringway_file::memfd;
use testkit::PATIENCE;
use testkit::child::{child, hear, tell, until_killed};
use testkit::denial::deny_with;
use testkit::files::{made, small};
use testkit::harness::run_alone;

const NOW: Duration = Duration::ZERO;

fn main() {
    run_alone(&[
        ("whatever_frees_the_role_is_told", whatever_frees_the_role_is_told),
        ("a_killed_producer_is_succeeded", a_killed_producer_is_succeeded),
        ("several_standbys_take_the_role_one_after_another", several_standbys_take_turns),
        ("a_standby_that_is_killed_leaves_the_role_to_the_next", a_killed_standby_leaves_the_role),
        ("a_standby_whose_time_is_up_is_told_what_is_in_the_way", a_standby_whose_time_is_up),
        ("a_standby_without_watches_asks_by_itself", a_standby_without_watches_asks_by_itself),
    ]);
}

/// Whether the end of a producer is told at once, without waiting for it.
fn tells(ring: &impl Ring, end: impl FnOnce(ringway_core::Producer)) {
    let producer = ring.producer().unwrap();
    let mut vacancy = ring.producer_vacancy().expect("a machine with inotify");
    assert!(vacancy.arm() && !vacancy.wait(NOW));
    end(producer);
    assert!(vacancy.wait(NOW));
    assert!(!ring.producer_looks_taken());
}

fn whatever_frees_the_role_is_told() {
    let (_directory, _, ring) = made(&small());
    let memfd = memfd::create(&small()).unwrap();
    tells(&ring, drop);
    tells(&memfd, drop);
    // The handle lives on, and has given up its role.
    let mut kept = Vec::new();
    let mut close = |mut producer: ringway_core::Producer| {
        producer.close().unwrap();
        kept.push(producer);
    };
    tells(&ring, &mut close);
    tells(&memfd, &mut close);
}

fn a_killed_producer_is_succeeded() {
    let (_directory, _, file) = made(&small());
    let memfd = memfd::create(&small()).unwrap();
    let rings: [&dyn Ring; 2] = [&file, &memfd];
    for ring in rings {
        for epoch in 2..8 {
            let (mut heard, mut told) = std::io::pipe().unwrap();
            let active = child(|| {
                let _producer = ring.producer().unwrap();
                tell(&mut told);
                until_killed();
            });
            hear(&mut heard);
            let standby = child(|| {
                let mut producer = Standby::new(ring).next_producer(PATIENCE).unwrap();
                assert!(producer.epoch() >= epoch);
                producer.publish(b"still here").unwrap();
            });
            active.kill();
            standby.succeed();
        }
    }
}

fn several_standbys_take_turns() {
    let (_directory, _, ring) = made(&Config::new().slots(8));
    let first = ring.producer().unwrap();
    // One that is there while another holds it isn't alone.
    let epochs = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let mut producer = ring.next_producer(PATIENCE).unwrap();
                let mut epochs = epochs.try_lock().expect("no other producer");
                epochs.push(producer.epoch());
                producer.publish(b"in turn").unwrap();
                drop(epochs);
            });
        }
        drop(first);
    });
    assert_eq!(epochs.into_inner().unwrap(), [2, 3, 4, 5, 6, 7]);
}

fn a_killed_standby_leaves_the_role() {
    let (_directory, _, ring) = made(&small());
    let producer = ring.producer().unwrap();
    let standby = child(|| drop(ring.next_producer(PATIENCE)));
    standby.signal(Signal::SIGSTOP);
    let next = child(|| assert_eq!(ring.next_producer(PATIENCE).unwrap().epoch(), 2));
    standby.kill();
    drop(producer);
    next.succeed();
}

fn a_standby_whose_time_is_up() {
    let (_directory, _, ring) = made(&small());
    let mut standby = Standby::new(&ring);
    assert!(standby.wait(Duration::MAX));
    let producer = ring.producer().unwrap();
    for timeout in [NOW, Duration::from_millis(3)] {
        assert!(!standby.wait(timeout));
        let taken = standby.next_producer(timeout).unwrap_err();
        assert!(matches!(taken, AttachError::ProducerTaken { .. }), "{taken}");
        assert!(matches!(standby.producer_of_any_type(), Err(AttachError::ProducerTaken { .. })));
    }
    drop(producer);
    assert!(standby.wait(PATIENCE));
    assert_eq!(standby.next_producer(NOW).unwrap().epoch(), 2);
}

fn a_standby_without_watches_asks_by_itself() {
    for call in [libc::SYS_inotify_init1, libc::SYS_inotify_add_watch] {
        let (_directory, _, ring) = made(&small());
        let producer = ring.producer().unwrap();
        let standby = child(|| {
            deny_with(call, libc::ENOSPC);
            assert_eq!(ring.next_producer(PATIENCE).unwrap().epoch(), 2);
        });
        drop(producer);
        standby.succeed();
    }
}
