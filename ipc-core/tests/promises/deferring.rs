//! Wake-ups that are put off: which calls ring for a reader that sleeps, and how long one sleeps that nobody rings for.

use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::Duration;

use ringway_core::placement::AsWaker;
use ringway_core::{
    AttachError, Config, Consumer, Outcome, Producer, PublishError, ReaderWaker, Readiness, Ring, Start,
    Wait, Waitable, WakeMode, at_once,
};

use crate::common::{Kind, TestRing};

const MODES: [WakeMode; 2] = [WakeMode::Fenced, WakeMode::Asymmetric];
const SLOTS: u64 = 32;
const LONG: Duration = Duration::from_secs(3600);
/// Bounds waits that the test itself ends.
const PATIENCE: Duration = Duration::from_secs(10);
/// As docs/format.md has it: the flag of sleeping readers is up, or is to be looked at after a fence.
const NONE: u32 = 0;
const SOME: u32 = 1;
const LOOK: u32 = 2;
const WAKE_EVERY: u64 = 168;
/// As docs/format.md has it: the longest sleep without a look.
const SLICE: Duration = Duration::from_millis(100);

fn a_ring() -> TestRing {
    Kind::Copied.ring(&Config::new().slots(SLOTS).payload_capacity(8).first_seq(0))
}

/// How often the doorbell is rung meanwhile, with a reader that sleeps at first.
fn rings<R>(ring: &TestRing, act: impl FnOnce() -> R) -> (u32, R) {
    ring.sleepers().store(SOME, Relaxed);
    let before = ring.doorbell().load(Relaxed);
    let result = act();
    (ring.doorbell().load(Relaxed).wrapping_sub(before), result)
}

fn publish(producer: &mut Producer) {
    producer.publish(b"message").unwrap();
}

/// Each way to publish something.
const WAYS: [fn(&mut Producer); 9] = [
    publish,
    |producer| {
        producer.try_publish_tagged(b"message", 1).unwrap();
    },
    |producer| {
        producer.claim(1).unwrap().commit().unwrap();
    },
    |producer| {
        producer.publish_batch(&[b"one", b"two"]).unwrap();
    },
    |producer| {
        producer.publish_batch_with(2, 1, |_, _| {}).unwrap();
    },
    |producer| {
        producer.claim_batch(2, 1).unwrap().commit().unwrap();
    },
    |producer| producer.publish_all(&[b"one", b"two"]).unwrap(),
    |producer| producer.skip_to(producer.next_seq() + 2).unwrap(),
    |producer| {
        let published = at_once::publish(producer, b"message", 0).unwrap();
        if published.is_awaited {
            at_once::wake_readers(producer);
        }
    },
];

#[test]
fn a_producer_that_defers_its_wake_ups_rings_for_no_message() {
    for mode in MODES {
        let ring = a_ring();
        let mut producer = ring.producer().unwrap();
        producer.set_wake_mode(mode).unwrap();
        for way in WAYS {
            assert!(!producer.deferred_wake());
            assert_eq!(rings(&ring, || way(&mut producer)).0, 1, "{mode:?}");
            producer.set_deferred_wake(true);
            assert!(producer.deferred_wake());
            assert_eq!(rings(&ring, || way(&mut producer)).0, 0, "{mode:?}");
            assert_eq!(ring.sleepers().load(Relaxed), SOME);
            // What it left, the end of it makes up for.
            assert_eq!(rings(&ring, || producer.set_deferred_wake(false)).0, 1);
        }
    }
}

#[test]
fn a_wake_rings_once_for_all_that_was_published() {
    for mode in MODES {
        let ring = a_ring();
        let mut producer = ring.producer().unwrap();
        producer.set_wake_mode(mode).unwrap();
        let nobody = ring.sleepers().load(Relaxed);
        producer.set_deferred_wake(true);
        let (count, woken) = rings(&ring, || {
            (0..3).for_each(|_| publish(&mut producer));
            [producer.wake(), producer.wake()]
        });
        // No thread slept, whatever the flag said.
        assert_eq!((count, woken), (1, [Ok(false), Ok(false)]), "{mode:?}");
        assert_eq!(ring.sleepers().load(Relaxed), nobody);
    }
}

#[test]
fn a_wake_tells_whether_a_reader_slept() {
    let ring = a_ring();
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer(Start::Oldest).unwrap());
    producer.set_deferred_wake(true);
    thread::scope(|scope| {
        let reader = scope.spawn(move || matches!(consumer.recv_timeout(PATIENCE), Ok(Outcome::Message(_))));
        // Woken before there is a message, it sleeps again.
        let end = std::time::Instant::now() + PATIENCE;
        while !producer.wake().unwrap() {
            assert!(std::time::Instant::now() < end, "the reader never sleeps");
            thread::yield_now();
        }
        producer.publish(b"message").unwrap();
        producer.wake().unwrap();
        assert!(reader.join().unwrap());
    });
}

#[test]
fn closing_dropping_and_another_mode_ring_though_wake_ups_are_deferred() {
    let ring = a_ring();
    let deferring = || {
        let mut producer = ring.producer().unwrap();
        producer.set_deferred_wake(true);
        producer
    };
    let mut producer = deferring();
    assert_eq!(rings(&ring, || producer.set_wake_mode(WakeMode::Fenced)).0, 1);
    assert_eq!(rings(&ring, || drop(producer)).0, 1);
    let (count, mut producer) = rings(&ring, deferring);
    assert_eq!(count, 1, "entering");
    assert_eq!(rings(&ring, || producer.close()).0, 1);
    assert_eq!(producer.wake(), Err(PublishError::Closed));
    let successor = deferring();
    assert_eq!(rings(&ring, || producer.set_deferred_wake(false)).0, 0, "the page is the successor's");
    drop(successor);
}

#[test]
fn a_producer_that_waits_for_room_rings_first() {
    for wait in [Wait::Spin, Wait::Yield, Wait::Park] {
        for spaced in [false, true] {
            let ring = a_ring();
            let mut producer = ring.producer().unwrap();
            let _consumer = ring.consumer(Start::Oldest).unwrap();
            if spaced {
                producer.set_wake_every(LONG).unwrap();
                assert_eq!(rings(&ring, || producer.publish(b"message")).0, 1, "the first one");
            } else {
                producer.set_deferred_wake(true);
            }
            producer.set_wait(wait);
            while producer.room() > 0 || producer.count_room().unwrap() > 0 {
                assert_eq!(rings(&ring, || producer.publish(b"message")).0, 0);
            }
            // A call that doesn't wait leaves readers asleep.
            assert_eq!(rings(&ring, || producer.try_publish(b"message").is_err()), (0, true));
            let short = Duration::from_millis(1);
            let (count, outcome) = rings(&ring, || producer.publish_timeout(b"message", short));
            assert!(matches!(outcome, Err(PublishError::TimedOut(_))));
            assert_eq!(count, 1, "{wait:?}");
            let (count, readiness) = rings(&ring, || producer.prepare_sleep(false));
            assert!(matches!(readiness, Readiness::Sleep(_)));
            assert_eq!(count, 1, "in a wait set, or a task");
        }
    }
}

#[test]
fn a_producer_that_spaces_its_wake_ups_rings_once_in_the_time() {
    for mode in MODES {
        let ring = a_ring();
        let mut producer = ring.producer().unwrap();
        producer.set_wake_mode(mode).unwrap();
        producer.set_wake_every(LONG).unwrap();
        assert_eq!(producer.wake_every(), LONG);
        // No reader sleeps: that begins no time.
        publish(&mut producer);
        assert_eq!(rings(&ring, || publish(&mut producer)).0, 1, "{mode:?}");
        for way in WAYS {
            assert_eq!(rings(&ring, || way(&mut producer)).0, 0, "{mode:?}");
        }
        assert_eq!(rings(&ring, || producer.wake()).0, 1);
        assert_eq!(rings(&ring, || publish(&mut producer)).0, 0, "the time has begun anew");
        assert_eq!(rings(&ring, || producer.set_wake_every(Duration::ZERO)).0, 1);
        assert_eq!(rings(&ring, || publish(&mut producer)).0, 1);
        // A time that has passed.
        producer.set_wake_every(Duration::from_nanos(1)).unwrap();
        assert_eq!(rings(&ring, || publish(&mut producer)).0, 1);
        thread::sleep(Duration::from_nanos(1));
        assert_eq!(rings(&ring, || publish(&mut producer)).0, 1);
    }
}

#[test]
fn a_reader_sleeps_no_longer_than_until_it_would_be_woken_again() {
    let ring = a_ring();
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer(Start::Oldest).unwrap());
    let mut longest = || match consumer.prepare_sleep(false) {
        Readiness::Sleep(ticket) => ticket.longest(),
        Readiness::Ready => panic!("there is no message"),
    };
    let slice = longest();
    let every = slice / 2;
    producer.set_wake_every(every).unwrap();
    assert_eq!(ring.page(WAKE_EVERY).load(Relaxed), every.as_nanos() as u64);
    assert!(longest() <= every);
    // It lies in the past for a handle that has slept so long.
    ring.page(WAKE_EVERY).store(1, Relaxed);
    thread::sleep(Duration::from_nanos(1));
    assert_eq!(longest(), slice);
    // Whatever a process writes there, no sleep is longer than it would be.
    ring.page(WAKE_EVERY).store(u64::MAX, Relaxed);
    assert_eq!(longest(), slice);
    producer.set_wake_every(LONG).unwrap();
    assert_eq!(longest(), slice);
    drop(producer);
    let _successor = ring.producer().unwrap();
    assert_eq!(ring.page(WAKE_EVERY).load(Relaxed), 0);
}

#[test]
fn a_waker_rings_once_if_the_flag_is_up_and_leaves_it_to_be_looked_at() {
    for mode in MODES {
        let ring = a_ring();
        let mut producer = ring.producer().unwrap();
        producer.set_wake_mode(mode).unwrap();
        producer.set_deferred_wake(true);
        let waker = ReaderWaker::new(ring.region::<AsWaker>(None));
        let (count, woken) = rings(&ring, || {
            publish(&mut producer);
            [waker.wake(), waker.clone().wake()]
        });
        // No thread slept, whatever the flag said.
        assert_eq!((count, woken), (1, [false, false]), "{mode:?}");
        assert_eq!(ring.sleepers().load(Relaxed), LOOK);
        // An asymmetric producer that goes on ringing rings once for that.
        producer.set_deferred_wake(false);
        ring.sleepers().store(LOOK, Relaxed);
        let before = ring.doorbell().load(Relaxed);
        (0..2).for_each(|_| publish(&mut producer));
        let expected = u32::from(producer.wake_mode() == Ok(WakeMode::Asymmetric));
        assert_eq!(ring.doorbell().load(Relaxed) - before, expected, "{mode:?}");
        // It outlives the producer, and its own memory does it no harm.
        drop(producer);
        assert_eq!(rings(&ring, || waker.wake()).0, 1);
        let _successor = ring.producer().unwrap();
        assert_eq!(rings(&ring, || waker.wake()).0, 1);
        ring.in_a_child(|| assert!(!waker.wake()));
        ring.truncate();
        assert_eq!(rings(&ring, || waker.wake()), (0, false));
    }
}

/// The bound of a consumer's next sleep, which it has told the producer of.
fn longest_sleep(consumer: &mut Consumer) -> Duration {
    match consumer.prepare_sleep(false) {
        Readiness::Sleep(ticket) => ticket.longest(),
        Readiness::Ready => panic!("there is no message"),
    }
}

/// The flag is as a waker leaves it before it rings: the reader sleeps on.
#[test]
fn a_waker_that_dies_before_the_bell_costs_its_readers_a_slice_at_most() {
    for mode in MODES {
        let ring = a_ring();
        let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer(Start::Oldest).unwrap());
        producer.set_wake_mode(mode).unwrap();
        let mode = producer.wake_mode().unwrap();
        assert!(longest_sleep(&mut consumer) <= SLICE);
        ring.sleepers().store(LOOK, Relaxed);
        let before = ring.doorbell().load(Relaxed);
        publish(&mut producer);
        // In a fenced epoch this is what the flag says when nobody sleeps: the reader has its slice.
        let rung = ring.doorbell().load(Relaxed) - before;
        assert_eq!(rung, u32::from(mode == WakeMode::Asymmetric), "{mode:?}");
        // Then it finds the message, and raises the flag before it sleeps again.
        drop(consumer.try_recv().unwrap().into_message().expect("a message"));
        assert!(longest_sleep(&mut consumer) <= SLICE);
        assert_eq!(ring.sleepers().load(Relaxed), SOME);
        let before = ring.doorbell().load(Relaxed);
        publish(&mut producer);
        assert_eq!(ring.doorbell().load(Relaxed) - before, 1, "{mode:?}");
    }
}

#[test]
fn a_successor_rings_for_readers_whose_waker_died_before_the_bell() {
    for mode in MODES {
        for flag in [LOOK, SOME, NONE] {
            let ring = a_ring();
            let mut producer = ring.producer().unwrap();
            producer.set_wake_mode(mode).unwrap();
            producer.set_deferred_wake(true);
            let mut consumer = ring.consumer(Start::Oldest).unwrap();
            assert!(longest_sleep(&mut consumer) <= SLICE);
            publish(&mut producer);
            // The producer's process dies in a wake-up: of its own, or by another of its threads.
            ring.sleepers().store(flag, Relaxed);
            ring.free_producer();
            std::mem::forget(producer);
            let before = ring.doorbell().load(Relaxed);
            let _successor = ring.producer().unwrap();
            assert_eq!(ring.doorbell().load(Relaxed) - before, 1, "{mode:?}, flag {flag}");
            drop(consumer.try_recv().unwrap().into_message().expect("a message"));
        }
    }
}

#[test]
fn a_placement_without_wakers_says_so() {
    let ring = a_ring();
    assert!(matches!(ring.producer().unwrap().waker(), Err(AttachError::Detached)));
}

#[test]
fn a_producer_without_its_page_wakes_nobody() {
    let ring = a_ring();
    let mut producer = ring.producer().unwrap();
    producer.set_deferred_wake(true);
    ring.in_a_child(|| {
        assert!(matches!(producer.wake(), Err(PublishError::Forked(_))));
        assert!(matches!(producer.set_wake_every(LONG), Err(PublishError::Forked(_))));
        producer.set_deferred_wake(false);
    });
    ring.free_producer();
    let _successor = ring.producer().unwrap();
    assert!(matches!(producer.wake(), Err(PublishError::Deposed { .. })));
    assert!(matches!(producer.set_wake_every(LONG), Err(PublishError::Deposed { .. })));
    assert_eq!(ring.page(WAKE_EVERY).load(Relaxed), 0);
}
