//! A waiting handle sleeps on its bell, and sleeps on if it is woken for nothing.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use ringway_core::{Config, Outcome, Resume, Ring, Start, Wait};

use crate::common::{Kind, TestRing, wake};

const SLOTS: u64 = 8;
/// Bounds waits that the test itself ends.
const PATIENCE: Duration = Duration::from_secs(10);

fn a_ring() -> TestRing {
    Kind::Copied.ring(&Config::new().slots(SLOTS).payload_capacity(8).max_consumers(2))
}

/// Waits until somebody sleeps on this bell, and wakes it for nothing.
fn rouse(bell: &AtomicU32) {
    let end = Instant::now() + PATIENCE;
    while !wake(bell) {
        assert!(Instant::now() < end, "nobody sleeps");
        thread::yield_now();
    }
}

#[test]
fn a_consumer_that_waits_raises_the_flag_and_sleeps_on_the_doorbell() {
    let ring = a_ring();
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer(Start::Oldest).unwrap());
    thread::scope(|scope| {
        let reader = scope.spawn(move || matches!(consumer.recv_timeout(PATIENCE), Ok(Outcome::Message(_))));
        for _ in 0..3 {
            rouse(ring.doorbell());
        }
        assert_eq!(ring.sleepers().load(Relaxed), 1);
        producer.try_publish(b"message").unwrap();
        assert!(reader.join().unwrap());
    });
}

#[test]
fn an_observer_that_waits_sleeps_on_the_doorbell_and_writes_nothing() {
    let ring = a_ring();
    let mut producer = ring.producer().unwrap();
    let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
    let before = ring.sleepers().load(Relaxed);
    thread::scope(|scope| {
        let reader = scope.spawn(move || matches!(observer.recv_timeout(PATIENCE), Ok(Outcome::Message(_))));
        for _ in 0..3 {
            rouse(ring.doorbell());
        }
        assert_eq!(ring.sleepers().load(Relaxed), before);
        producer.try_publish(b"message").unwrap();
        assert!(reader.join().unwrap());
    });
}

#[test]
fn a_producer_that_waits_sleeps_on_the_bell_of_the_cell_that_fills_the_ring() {
    for slow in 0..2 {
        let ring = a_ring();
        let mut producer = ring.producer().unwrap();
        let mut consumers = [(); 2].map(|()| ring.consumer(Start::Oldest).unwrap());
        for _ in 0..SLOTS {
            producer.try_publish(b"message").unwrap();
        }
        drop(consumers[1 - slow].try_recv_batch(usize::MAX));
        producer.set_wait(Wait::Park);
        thread::scope(|scope| {
            let writer = scope.spawn(move || producer.publish_timeout(b"message", PATIENCE));
            for _ in 0..3 {
                rouse(ring.space(slow as u64));
            }
            drop(consumers[slow].try_recv());
            assert_eq!(writer.join().unwrap(), Ok(SLOTS));
        });
    }
}
