//! How the time of a producer's patience is counted, and when it ends.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use ringway_core::{Patience, PublishError, Readiness, Ring, Start, Wait, Waitable};

use crate::common::CURSOR;
use crate::patience::{LONG, SLOTS, a_ring, best_effort_reader, publish, told};
use crate::said::full;

/// Bounds a wait that ends by itself.
const BOUND: Duration = Duration::from_secs(30);
/// One that is used up while a call waits.
const SHORT: Duration = Duration::from_micros(500);
/// One that any two looks at the clock use up, and a single one doesn't.
const LEAST: Patience = Patience::Time(Duration::from_nanos(1));

#[test]
fn a_call_that_waits_goes_on_once_the_patience_is_over() {
    for wait in [Wait::Spin, Wait::Yield, Wait::Park] {
        let (ring, mut producer) = a_ring(Patience::Time(SHORT));
        let _reader = best_effort_reader(&ring);
        publish(&mut producer, SLOTS);
        producer.set_wait(wait);
        assert_eq!(producer.publish_timeout(b"message", BOUND), Ok(SLOTS));
        assert_eq!(told(&mut producer), [(0, 1, true)]);
    }
}

#[test]
fn a_call_whose_time_is_up_before_the_patience_names_the_reader() {
    let (ring, mut producer) = a_ring(LONG);
    let _reader = best_effort_reader(&ring);
    publish(&mut producer, SLOTS);
    for wait in [Wait::Spin, Wait::Yield, Wait::Park] {
        producer.set_wait(wait);
        let waited = producer.publish_timeout(b"message", Duration::from_nanos(1));
        assert_eq!(waited, Err(PublishError::TimedOut(full(0, SLOTS))));
    }
    assert_eq!(told(&mut producer), []);
}

#[test]
fn the_time_counts_for_a_caller_that_comes_back_later() {
    let (ring, mut producer) = a_ring(Patience::Time(SHORT));
    let _reader = best_effort_reader(&ring);
    publish(&mut producer, SLOTS);
    let end = std::time::Instant::now() + BOUND;
    while producer.try_publish(b"message").is_err() {
        assert!(std::time::Instant::now() < end, "the patience never ends");
    }
    assert_eq!(told(&mut producer), [(0, 1, true)]);
}

#[test]
fn the_time_is_counted_anew_once_no_reader_is_further_back_than_half_a_lap() {
    let room_after = |cursor: u64| {
        let (ring, mut producer) = a_ring(LONG);
        let reader = best_effort_reader(&ring);
        publish(&mut producer, SLOTS);
        assert_eq!(producer.try_publish(b"message"), Err(full(0, SLOTS).into()));
        ring.cell(0, CURSOR).store(cursor, Relaxed);
        publish(&mut producer, cursor);
        producer.set_patience(LEAST);
        let first = producer.try_publish(b"message");
        // The clock runs by now.
        let second = producer.try_publish(b"message");
        drop(reader);
        (first, second)
    };
    let near = SLOTS / 2;
    assert_eq!(room_after(near), (Err(full(0, SLOTS).into()), Ok(SLOTS + near)));
    assert_eq!(room_after(near - 1), (Ok(SLOTS + near - 1), Ok(SLOTS + near)));
}

#[test]
fn the_time_in_which_a_consumer_leaves_no_room_is_not_counted() {
    let (ring, mut producer) = a_ring(LEAST);
    let _reader = best_effort_reader(&ring);
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    publish(&mut producer, SLOTS);
    for _ in 0..3 {
        assert_eq!(producer.try_publish(b"message"), Err(full(1, SLOTS).into()));
    }
    drop(consumer.try_recv());
    assert_eq!(producer.try_publish(b"message"), Err(full(0, SLOTS).into()));
    publish(&mut producer, 1);
    assert_eq!(told(&mut producer), [(0, 1, true)]);
}

#[test]
fn a_consumer_that_leaves_no_room_stops_the_clock() {
    let (ring, mut producer) = a_ring(LONG);
    let _reader = best_effort_reader(&ring);
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    publish(&mut producer, SLOTS);
    drop(consumer.try_recv());
    assert_eq!(producer.try_publish(b"message"), Err(full(0, SLOTS).into()));
    // No consumer's cursor goes back. Another consumer that joins may be found as far behind, for an instant.
    ring.cell(1, CURSOR).store(0, Relaxed);
    producer.set_patience(LEAST);
    assert_eq!(producer.try_publish(b"message"), Err(full(1, SLOTS).into()));
    assert!(matches!(producer.prepare_sleep(false), Readiness::Sleep(ticket) if ticket.longest() > SHORT));
}

#[test]
fn a_producer_sleeps_no_longer_than_its_patience() {
    let (ring, mut producer) = a_ring(Patience::Time(SHORT));
    let _reader = best_effort_reader(&ring);
    publish(&mut producer, SLOTS);
    match producer.prepare_sleep(false) {
        Readiness::Sleep(ticket) => assert!(ticket.longest() <= SHORT),
        // It took longer than the patience to come here.
        ready => assert!(ready.is_ready() && told(&mut producer) == [(0, 1, true)]),
    }
    let (ring, mut producer) = a_ring(Patience::Endless);
    let _reader = best_effort_reader(&ring);
    publish(&mut producer, SLOTS);
    assert!(matches!(producer.prepare_sleep(false), Readiness::Sleep(ticket) if ticket.longest() > SHORT));
}
