//! When the doorbell is rung, and what is told of the sleepers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::Relaxed;

use ipc_core::{Config, Outcome, PublishError, Ring, Start, State, WakeMode};

use crate::common::{BLOCKED_ON, Kind, LOOK, Place, REGISTERED, WAKE_MODE};

const MODES: [WakeMode; 2] = [WakeMode::Fenced, WakeMode::Asymmetric];

fn ring() -> Place {
    Kind::Copied.ring(&Config::new().slots(8).payload_capacity(8))
}

/// How often the doorbell is rung meanwhile.
fn rings<R>(place: &Place, act: impl FnOnce() -> R) -> (u32, R) {
    let before = place.doorbell().load(Relaxed);
    let result = act();
    (place.doorbell().load(Relaxed).wrapping_sub(before), result)
}

#[test]
fn the_page_says_how_sleepers_are_woken() {
    let place = ring();
    let mut producer = place.producer().unwrap();
    for mode in MODES {
        let mode = producer.set_wake_mode(mode).unwrap();
        let (code, nobody, no_sleepers) = match mode {
            WakeMode::Fenced => (1, LOOK, 2),
            _ => (2, 0, 0),
        };
        assert_eq!(producer.wake_mode(), Ok(mode));
        assert_eq!(
            (place.page(WAKE_MODE).load(Relaxed), place.page(BLOCKED_ON).load(Relaxed)),
            (code, nobody)
        );
        assert_eq!(place.sleepers().load(Relaxed), no_sleepers);
        let consumer = place.consumer(Start::Latest).unwrap();
        assert_eq!(place.cell(0, REGISTERED).load(Relaxed), u64::from(ipc_core::register()));
        drop(consumer);
    }
}

#[test]
fn who_declines_membarrier_is_fenced_and_says_so() {
    let mut place = ring();
    place.membarrier = false;
    let mut producer = place.producer().unwrap();
    for mode in MODES {
        assert_eq!(producer.set_wake_mode(mode), Ok(WakeMode::Fenced));
        assert_eq!(place.page(WAKE_MODE).load(Relaxed), 1);
    }
    place.cell(0, REGISTERED).store(1, Relaxed);
    let _consumer = place.consumer(Start::Latest).unwrap();
    assert_eq!(place.cell(0, REGISTERED).load(Relaxed), 0);
}

#[test]
fn a_publish_rings_if_somebody_sleeps_and_takes_the_flag_down() {
    for mode in MODES {
        let place = ring();
        let mut producer = place.producer().unwrap();
        producer.set_wake_mode(mode).unwrap();
        let nobody = place.sleepers().load(Relaxed);
        for _ in 0..2 {
            assert_eq!(rings(&place, || producer.try_publish(b"message").unwrap()).0, 0, "{mode:?}");
            place.sleepers().store(1, Relaxed);
            assert_eq!(rings(&place, || producer.try_publish(b"message").unwrap()).0, 1, "{mode:?}");
            assert_eq!(place.sleepers().load(Relaxed), nobody);
        }
    }
}

#[test]
fn each_change_that_readers_wait_for_rings() {
    let place = ring();
    let (count, mut producer) = rings(&place, || place.producer().unwrap());
    assert_eq!(count, 1, "entering");
    for mode in MODES {
        assert_eq!(rings(&place, || producer.set_wake_mode(mode).unwrap()).0, 1, "{mode:?}");
    }
    assert_eq!(rings(&place, || drop(producer)).0, 1, "dropping");
    let producer = place.producer().unwrap();
    assert_eq!(rings(&place, || producer.close().unwrap()).0, 1, "closing");
    let mut producer = place.producer().unwrap();
    producer.close_on_drop(true);
    assert_eq!(rings(&place, || drop(producer)).0, 1, "closing by dropping");
}

#[test]
fn a_producer_that_has_no_lock_to_free_rings_nobody() {
    let mut place = ring();
    let deposed = place.producer().unwrap();
    place.free_producer();
    let successor = place.producer().unwrap();
    assert_eq!(deposed.epoch() + 1, successor.epoch());
    assert_eq!(rings(&place, || drop(deposed)).0, 0, "the bell is the successor's");
    drop(successor);
    // Readers would ask while it is still held.
    place.frees = false;
    let producer = place.producer().unwrap();
    assert_eq!(rings(&place, || drop(producer)).0, 0);
}

#[test]
fn a_dropped_producer_closes_the_ring_if_it_was_told_to_and_does_not_panic() {
    let place = ring();
    let consumer = place.consumer(Start::Oldest).unwrap();
    let state = |closes: &[bool], panics: bool| {
        let mut producer = place.producer().unwrap();
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
    let place = ring();
    let mut consumer = place.consumer(Start::Oldest).unwrap();
    let mut producer = place.producer().unwrap();
    producer.close_on_drop(true);
    let (count, closed) = rings(&place, || producer.close());
    assert_eq!((count, closed), (1, Ok::<(), PublishError>(())));
    assert!(matches!(consumer.try_recv(), Ok(Outcome::Closed)));
}
