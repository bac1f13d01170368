//! When the doorbell is rung, and what is told of the sleepers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::Relaxed;

use ringway_core::{Config, Outcome, PublishError, Ring, Start, State, WakeMode};

use crate::common::{BLOCKED_ON, Kind, LOOK, REGISTERED, TestRing, WAKE_MODE};

const MODES: [WakeMode; 2] = [WakeMode::Fenced, WakeMode::Asymmetric];

fn a_ring() -> TestRing {
    Kind::Copied.ring(&Config::new().slots(8).payload_capacity(8))
}

/// How often the doorbell is rung meanwhile.
fn rings<R>(ring: &TestRing, act: impl FnOnce() -> R) -> (u32, R) {
    let before = ring.doorbell().load(Relaxed);
    let result = act();
    (ring.doorbell().load(Relaxed).wrapping_sub(before), result)
}

#[test]
fn the_page_says_how_sleepers_are_woken() {
    let ring = a_ring();
    let mut producer = ring.producer().unwrap();
    for mode in MODES {
        let mode = producer.set_wake_mode(mode).unwrap();
        let (code, nobody, no_sleepers) = match mode {
            WakeMode::Fenced => (1, LOOK, 2),
            _ => (2, 0, 0),
        };
        assert_eq!(producer.wake_mode(), Ok(mode));
        assert_eq!((ring.page(WAKE_MODE).load(Relaxed), ring.page(BLOCKED_ON).load(Relaxed)), (code, nobody));
        assert_eq!(ring.sleepers().load(Relaxed), no_sleepers);
        let consumer = ring.consumer(Start::Latest).unwrap();
        assert_eq!(ring.cell(0, REGISTERED).load(Relaxed), u64::from(ringway_core::placement::register()));
        drop(consumer);
    }
}

#[test]
fn who_declines_membarrier_is_fenced_and_says_so() {
    let mut ring = a_ring();
    ring.membarrier = false;
    let mut producer = ring.producer().unwrap();
    for mode in MODES {
        assert_eq!(producer.set_wake_mode(mode), Ok(WakeMode::Fenced));
        assert_eq!(ring.page(WAKE_MODE).load(Relaxed), 1);
    }
    ring.cell(0, REGISTERED).store(1, Relaxed);
    let _consumer = ring.consumer(Start::Latest).unwrap();
    assert_eq!(ring.cell(0, REGISTERED).load(Relaxed), 0);
}

#[test]
fn a_publish_rings_if_somebody_sleeps_and_takes_the_flag_down() {
    for mode in MODES {
        let ring = a_ring();
        let mut producer = ring.producer().unwrap();
        producer.set_wake_mode(mode).unwrap();
        let nobody = ring.sleepers().load(Relaxed);
        for _ in 0..2 {
            assert_eq!(rings(&ring, || producer.try_publish(b"message").unwrap()).0, 0, "{mode:?}");
            ring.sleepers().store(1, Relaxed);
            assert_eq!(rings(&ring, || producer.try_publish(b"message").unwrap()).0, 1, "{mode:?}");
            assert_eq!(ring.sleepers().load(Relaxed), nobody);
        }
    }
}

#[test]
fn each_change_that_readers_wait_for_rings() {
    let ring = a_ring();
    let (count, mut producer) = rings(&ring, || ring.producer().unwrap());
    assert_eq!(count, 1, "entering");
    for mode in MODES {
        assert_eq!(rings(&ring, || producer.set_wake_mode(mode).unwrap()).0, 1, "{mode:?}");
    }
    assert_eq!(rings(&ring, || drop(producer)).0, 1, "dropping");
    let mut producer = ring.producer().unwrap();
    assert_eq!(rings(&ring, || producer.close().unwrap()).0, 1, "closing");
    let mut producer = ring.producer().unwrap();
    producer.close_on_drop(true);
    assert_eq!(rings(&ring, || drop(producer)).0, 1, "closing by dropping");
}

#[test]
fn a_producer_that_has_no_lock_to_free_rings_nobody() {
    let mut ring = a_ring();
    let deposed = ring.producer().unwrap();
    ring.free_producer();
    let successor = ring.producer().unwrap();
    assert_eq!(deposed.epoch() + 1, successor.epoch());
    assert_eq!(rings(&ring, || drop(deposed)).0, 0, "the bell is the successor's");
    drop(successor);
    // Readers would ask while it is still held.
    ring.frees = false;
    let producer = ring.producer().unwrap();
    assert_eq!(rings(&ring, || drop(producer)).0, 0);
}

#[test]
fn a_dropped_producer_closes_the_ring_if_it_was_told_to_and_does_not_panic() {
    let ring = a_ring();
    let consumer = ring.consumer(Start::Oldest).unwrap();
    let state = |closes: &[bool], panics: bool| {
        let mut producer = ring.producer().unwrap();
        for &closes in closes {
            producer.close_on_drop(closes);
        }
        let dropped = catch_unwind(AssertUnwindSafe(move || {
            let _producer = producer;
            if panics {
                // Without a word on standard error.
                std::panic::resume_unwind(Box::new(()));
            }
        }));
        assert_eq!(dropped.is_err(), panics);
        consumer.state().unwrap()
    };
    assert_eq!(state(&[], false), State::Open);
    assert_eq!(state(&[true], false), State::Closed);
    assert_eq!(state(&[true, false], false), State::Open);
    assert_eq!(state(&[true], true), State::Open);
    assert_eq!(state(&[], true), State::Open);
}

#[test]
fn a_closed_ring_stays_closed_when_its_handle_is_gone() {
    let ring = a_ring();
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    let mut producer = ring.producer().unwrap();
    producer.close_on_drop(true);
    let (count, closed) = rings(&ring, || {
        let closed = producer.close();
        drop(producer);
        closed
    });
    assert_eq!((count, closed), (1, Ok::<(), PublishError>(())));
    assert!(matches!(consumer.try_recv(), Ok(Outcome::Closed)));
}
