//! One thread that waits for many handles: which of them it names, and what ends the wait.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use ringway_core::{
    Config, Consumer, Outcome, Producer, Readiness, Resume, Ring, Start, WaitSet, WaitSetError, Waitable,
};

use crate::common::{BLOCKED_ON, Kind, TestRing, wake};

const SLOTS: u64 = 8;
/// Bounds waits that the test itself ends.
const PATIENCE: Option<Duration> = Some(Duration::from_secs(30));
const A_MOMENT: Option<Duration> = Some(Duration::from_millis(1));

fn a_ring() -> TestRing {
    Kind::Copied.ring(&Config::new().slots(SLOTS).payload_capacity(8).max_consumers(1))
}

fn rings(count: usize) -> (Vec<TestRing>, Vec<Producer>, Vec<Consumer>) {
    let rings: Vec<_> = (0..count).map(|_| a_ring()).collect();
    let producers = rings.iter().map(|ring| ring.producer().unwrap()).collect();
    let consumers = rings.iter().map(|ring| ring.consumer(Start::Oldest).unwrap()).collect();
    (rings, producers, consumers)
}

fn filled(producer: &mut Producer) {
    while producer.try_publish(b"message").is_ok() {}
}

#[test]
fn every_handle_that_is_ready_is_named_and_no_other() {
    let (_rings, mut producers, mut consumers) = rings(5);
    let mut set = WaitSet::new();
    assert!(set.wait(&mut consumers, A_MOMENT).unwrap().is_timed_out());
    for index in [3, 1] {
        producers[index].try_publish(b"message").unwrap();
    }
    // One that is always ready hides no other; and a wait takes nothing.
    for _ in 0..3 {
        let ready = set.wait(&mut consumers, PATIENCE).unwrap();
        assert_eq!((ready.indices(), ready.is_woken(), ready.is_timed_out()), (&[1, 3][..], false, false));
    }
    assert!(consumers[1].try_recv().unwrap().is_message());
    assert_eq!(set.wait(&mut consumers, None).unwrap().indices(), [3]);
    producers[0].close().unwrap();
    assert_eq!(set.wait(&mut consumers, None).unwrap().indices(), [0, 3]);
    assert!(matches!(consumers[0].try_recv(), Ok(Outcome::Closed)));
}

#[test]
fn a_sleeping_set_is_woken_by_each_of_its_rings() {
    const RINGS: usize = 127;
    let (rings, producers, mut consumers) = rings(RINGS);
    thread::scope(|scope| {
        scope.spawn(|| {
            for (ring, mut producer) in rings.iter().zip(producers) {
                let end = Instant::now() + PATIENCE.unwrap();
                while !wake(ring.doorbell()) {
                    assert!(Instant::now() < end, "nobody sleeps");
                    thread::yield_now();
                }
                producer.try_publish(b"message").unwrap();
                producer.close().unwrap();
            }
        });
        let mut set = WaitSet::new();
        for expected in 0..RINGS {
            while set.wait(&mut consumers[expected..], PATIENCE).unwrap().indices().first() != Some(&0) {}
            assert!(consumers[expected].try_recv().unwrap().is_message());
        }
    });
}

#[test]
fn a_producer_of_a_full_ring_is_waited_for_beside_readers() {
    let (full, quiet) = (a_ring(), a_ring());
    let (mut producer, mut slow) = (full.producer().unwrap(), full.consumer(Start::Oldest).unwrap());
    let _other = quiet.producer().unwrap();
    let mut consumer = quiet.consumer(Start::Oldest).unwrap();
    filled(&mut producer);
    let mut observer = full.observer(Start::Latest, Resume::Latest).unwrap();
    assert_eq!(observer.lag(), Ok(0));
    let mut set = WaitSet::new();
    let mut handles: [&mut dyn Waitable; 3] = [&mut consumer, &mut observer, &mut producer];
    assert!(set.wait(&mut handles, A_MOMENT).unwrap().is_timed_out());
    let nobody = full.page(BLOCKED_ON).load(Relaxed);
    thread::scope(|scope| {
        scope.spawn(|| {
            let end = Instant::now() + PATIENCE.unwrap();
            while !wake(full.space(0)) {
                assert!(Instant::now() < end, "nobody sleeps");
                thread::yield_now();
            }
            drop(slow.try_recv_batch(2));
        });
        assert_eq!(set.wait(&mut handles, PATIENCE).unwrap().indices(), [2]);
    });
    assert_eq!(full.page(BLOCKED_ON).load(Relaxed), nobody, "it waits no more");
    assert_eq!(producer.try_publish(b"message"), Ok(SLOTS));
}

#[test]
fn a_wake_ends_the_wait_or_the_next_one() {
    let (rings, mut producers, mut consumers) = rings(2);
    let mut set = WaitSet::new();
    let waker = set.waker();
    waker.wake();
    waker.clone().wake();
    let ready = set.wait(&mut consumers, None).unwrap();
    assert_eq!((ready.indices(), ready.is_woken(), ready.is_timed_out()), (&[][..], true, false));
    assert!(set.wait(&mut consumers, A_MOMENT).unwrap().is_timed_out(), "one wait is ended");
    for _ in 0..3 {
        thread::scope(|scope| {
            let doorbell = rings[1].doorbell();
            scope.spawn(|| {
                let end = Instant::now() + PATIENCE.unwrap();
                while !wake(doorbell) {
                    assert!(Instant::now() < end, "nobody sleeps");
                    thread::yield_now();
                }
                waker.wake();
            });
            let began = Instant::now();
            assert!(set.wait(&mut consumers, PATIENCE).unwrap().is_woken());
            assert!(began.elapsed() < PATIENCE.unwrap());
        });
    }
    // A handle that is ready is named beside it.
    producers[0].try_publish(b"message").unwrap();
    waker.wake();
    let ready = set.wait(&mut consumers, None).unwrap();
    assert_eq!((ready.indices(), ready.is_woken()), (&[0][..], true));
    // A set of no handles waits for its waker.
    waker.wake();
    assert!(set.wait::<Consumer>(&mut [], None).unwrap().is_woken());
}

#[test]
fn a_set_that_missed_a_ring_sleeps_for_a_short_time() {
    let (rings, _producers, mut consumers) = rings(1);
    let (mut set, end) = (WaitSet::new(), Instant::now() + PATIENCE.unwrap());
    let sleeps = AtomicBool::new(true);
    thread::scope(|scope| {
        // A bell that rings and wakes nobody.
        scope.spawn(|| {
            while sleeps.load(Relaxed) {
                rings[0].doorbell().fetch_add(1, Relaxed);
                thread::sleep(Duration::from_micros(200));
            }
        });
        let mut short = false;
        while !short && Instant::now() < end {
            let ready = set.wait(&mut consumers, Some(Duration::from_millis(20)));
            short = ready.is_ok_and(|ready| ready.is_timed_out())
                && matches!(
                    consumers[0].prepare_sleep(false),
                    Readiness::Sleep(ticket) if ticket.longest() == Duration::from_millis(1)
                );
        }
        sleeps.store(false, Relaxed);
        assert!(short);
    });
}

#[test]
fn a_limit_of_zero_looks_once_and_asks_nobody() {
    let (rings, mut producers, mut consumers) = rings(1);
    let mut set = WaitSet::new();
    let nobody = rings[0].sleepers().load(Relaxed);
    rings[0].when_asked(|_| panic!("it asks"));
    rings[0].free_producer();
    assert!(set.wait(&mut consumers, Some(Duration::ZERO)).unwrap().is_timed_out());
    producers[0].try_publish(b"message").unwrap();
    assert_eq!(set.wait(&mut consumers, Some(Duration::ZERO)).unwrap().indices(), [0]);
    assert_eq!(rings[0].sleepers().load(Relaxed), nobody);
}

#[test]
fn a_set_takes_127_handles_and_says_so_of_one_more() {
    let (_rings, mut producers, mut consumers) = rings(128);
    let mut set = WaitSet::new();
    let error = set.wait(&mut consumers, A_MOMENT).unwrap_err();
    assert_eq!(error, WaitSetError::TooMany { found: 128, most: 127 });
    assert!(error.to_string().starts_with("128 handles to wait for, at most 127 expected"), "{error}");
    assert_eq!(WaitSet::MOST, 127);
    assert!(set.wait(&mut consumers[1..], A_MOMENT).unwrap().is_timed_out());
    producers[127].try_publish(b"message").unwrap();
    assert_eq!(set.wait(&mut consumers[1..], None).unwrap().indices(), [126]);
}

#[test]
fn a_death_is_noticed_though_another_ring_is_always_ready() {
    let (rings, mut producers, mut consumers) = rings(2);
    producers[1].try_publish(b"message").unwrap();
    // Without a ring of the bell.
    rings[0].free_producer();
    let (mut set, end) = (WaitSet::new(), Instant::now() + PATIENCE.unwrap());
    while set.wait(&mut consumers, None).unwrap().indices() != [0, 1] {
        assert!(Instant::now() < end, "nobody asks");
    }
    assert!(matches!(consumers[0].try_recv(), Ok(Outcome::ProducerLost)));
    assert_eq!(set.wait(&mut consumers, None).unwrap().indices(), [1]);
}

#[test]
fn a_wait_whose_time_is_up_has_asked() {
    let (rings, _producers, mut consumers) = rings(1);
    let mut set = WaitSet::new();
    // It asks before its first sleep, and then by the time that has passed.
    assert!(set.wait(&mut consumers, A_MOMENT).unwrap().is_timed_out());
    rings[0].free_producer();
    assert_eq!(set.wait(&mut consumers, A_MOMENT).unwrap().indices(), [0]);
    assert!(matches!(consumers[0].try_recv(), Ok(Outcome::ProducerLost)));
}

#[test]
fn a_childs_handles_are_ready_to_be_refused() {
    let (rings, mut producers, mut consumers) = rings(3);
    // One that holds all its ring's messages is ready for nothing else.
    filled(&mut producers[2]);
    while consumers[2].peek().unwrap().is_message() {}
    let mut set = WaitSet::new();
    for index in [1, 2] {
        rings[index].in_a_child(|| {
            assert_eq!(set.wait(&mut consumers, None).unwrap().indices(), [index]);
            assert!(consumers[index].try_recv().is_err());
        });
    }
    assert!(set.wait(&mut consumers, A_MOMENT).unwrap().is_timed_out());
}
