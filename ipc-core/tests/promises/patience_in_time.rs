//! How the time of a producer's patience is counted, and when it ends.

use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use ringway_core::{Patience, Producer, PublishError, Readiness, Ring, Start, Wait, Waitable};

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
    let end = Instant::now() + BOUND;
    while producer.try_publish(b"message").is_err() {
        assert!(Instant::now() < end, "the patience never ends");
    }
    assert_eq!(told(&mut producer), [(0, 1, true)]);
}

/// A reader that leaves no room, releases so many messages after some looks that find none, and blocks the ring again.
/// What the next two calls say that would write one message more, if two looks use up what is left of the patience.
fn after_release(released: u64, looks: impl FnOnce(&mut Producer)) -> [Result<u64, PublishError>; 2] {
    let (ring, mut producer) = a_ring(LONG);
    let reader = best_effort_reader(&ring);
    publish(&mut producer, SLOTS);
    looks(&mut producer);
    ring.cell(0, CURSOR).store(released, Relaxed);
    publish(&mut producer, released);
    producer.set_patience(LEAST);
    let calls = [(); 2].map(|()| producer.try_publish(b"message"));
    drop(reader);
    calls
}

#[test]
fn a_release_right_after_the_last_look_in_vain_costs_the_reader_nothing() {
    for released in [1, SLOTS / 2, SLOTS] {
        let look = |producer: &mut Producer| {
            assert_eq!(producer.try_publish(b"message"), Err(full(0, SLOTS).into()));
            // As long as it likes: there may be room by now.
            std::thread::yield_now();
        };
        assert_eq!(after_release(released, look), [Err(full(0, SLOTS).into()), Ok(SLOTS + released)]);
    }
}

#[test]
fn looks_in_vain_use_up_the_patience_and_nearness_gives_none_back() {
    const TIME: Duration = Duration::from_millis(5);
    for released in [1, SLOTS] {
        // Where the machine took a long time, some was given back meanwhile.
        let mut tries = (0..).map(|_| {
            let mut end = Instant::now();
            let calls = after_release(released, |producer| {
                let begin = Instant::now();
                while begin.elapsed() < TIME {
                    assert_eq!(producer.try_publish(b"message"), Err(full(0, SLOTS).into()));
                }
                end = Instant::now();
            });
            (end.elapsed() < 10 * TIME).then_some(calls)
        });
        let [first, _] = tries.find_map(|calls| calls).unwrap();
        assert_eq!(first, Ok(SLOTS + released), "{released}");
    }
}

#[test]
fn a_slow_reader_that_joins_again_and_again_is_passed_over_at_once_while_no_patience_is_left() {
    const TIME: Duration = Duration::from_millis(20);
    let use_up = || {
        let (ring, mut producer) = a_ring(Patience::Time(TIME));
        let mut reader = ring.best_effort_reader(Start::Oldest).unwrap();
        publish(&mut producer, SLOTS);
        assert_eq!(producer.publish_timeout(b"message", BOUND), Ok(SLOTS));
        let end = Instant::now();
        producer.set_patience(LEAST);
        for times in 1..=3 {
            assert_eq!(told(&mut producer), [(0, times, true)]);
            assert!(reader.try_recv().unwrap().is_lagged());
            let before = producer.next_seq();
            while producer.next_seq() <= before + SLOTS && producer.try_publish(b"message").is_ok() {}
            // Else some patience may have been given back.
            if end.elapsed() > 10 * TIME {
                return false;
            }
            assert!(producer.next_seq() > before + SLOTS, "the call waited for it");
        }
        true
    };
    while !use_up() {}
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
        ready => assert!(ready.is_ready() && told(&mut producer).is_empty()),
    }
    let (ring, mut producer) = a_ring(Patience::Endless);
    let _reader = best_effort_reader(&ring);
    publish(&mut producer, SLOTS);
    assert!(matches!(producer.prepare_sleep(false), Readiness::Sleep(ticket) if ticket.longest() > SHORT));
}
