//! Consumers that hold messages, or sleep, while the producer skips sequences.

use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use ringway_core::{
    Consumer, Outcome, PublishError, Readiness, Ring, Stride, Wait, WaitSet, Waitable, at_once,
};

use crate::common::{TestRing, wake};
use crate::voids::{FIRST, SLOTS, lagged, publish, receive, rings};

/// Bounds waits that the test itself ends.
const PATIENCE: Duration = Duration::from_secs(30);
const A_MOMENT: Duration = Duration::from_micros(1);

/// Peeks at the next message, which is `seq`.
fn peek(consumer: &Consumer, seq: u64) {
    let message = consumer.peek().unwrap().into_message().expect("it was published");
    assert_eq!((message.seq(), &*message), (seq, &seq.to_ne_bytes()[..]));
}

/// Releases a message as a binding does.
fn release(consumer: &mut Consumer, seq: u64) {
    match at_once::release(consumer, seq) {
        Some(false) => {}
        Some(true) => at_once::wake_producer(consumer),
        None => consumer.release_through(seq).unwrap(),
    }
}

/// Does `skip` once a reader sleeps for the ring.
fn once_one_sleeps(ring: &TestRing, skip: impl FnOnce()) {
    let end = Instant::now() + PATIENCE;
    while !wake(ring.doorbell()) {
        assert!(Instant::now() < end, "nobody sleeps");
        thread::yield_now();
    }
    skip();
}

/// Peeks until so many sequences are told to be skipped: a skip may be told in parts while it goes on.
fn wait_for_skipped(consumer: &mut Consumer, count: u64) {
    let mut told = 0;
    while told < count {
        match consumer.peek_timeout(PATIENCE).unwrap() {
            Outcome::Lagged(skipped) => told += skipped,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(told, count);
}

#[test]
fn a_binding_s_release_frees_what_was_told_to_be_skipped_after_the_message() {
    for (_ring, mut producer, mut consumer) in rings() {
        publish(&mut producer, 1);
        peek(&consumer, FIRST);
        producer.try_skip_to(FIRST + SLOTS).unwrap();
        lagged(consumer.peek(), SLOTS - 1);
        assert_eq!(at_once::next_to_peek(&consumer), FIRST + SLOTS);
        assert!(consumer.peek().unwrap().is_empty(), "the ring has no more room");
        assert!(matches!(producer.try_publish(&[0; 8]), Err(PublishError::Full(_))));
        release(&mut consumer, FIRST);
        assert_eq!(consumer.next_seq(), FIRST + SLOTS);
        // The whole ring is the producer's again.
        publish(&mut producer, SLOTS);
        peek(&consumer, FIRST + SLOTS);
    }
}

#[test]
fn what_is_skipped_and_not_told_yet_is_freed_when_it_is_told() {
    for (_ring, mut producer, mut consumer) in rings() {
        publish(&mut producer, 1);
        peek(&consumer, FIRST);
        producer.try_skip_to(FIRST + SLOTS).unwrap();
        release(&mut consumer, FIRST);
        assert_eq!(consumer.next_seq(), FIRST + 1);
        lagged(consumer.peek(), SLOTS - 1);
        assert_eq!(consumer.next_seq(), FIRST + SLOTS);
        publish(&mut producer, SLOTS);
    }
}

#[test]
fn only_what_was_told_is_released_with_the_message_before_it() {
    for (_ring, mut producer, mut consumer) in rings() {
        publish(&mut producer, 1);
        peek(&consumer, FIRST);
        producer.try_skip_to(FIRST + 3).unwrap();
        lagged(consumer.peek(), 2);
        producer.try_skip_to(FIRST + 5).unwrap();
        release(&mut consumer, FIRST);
        assert_eq!(consumer.next_seq(), FIRST + 3);
        lagged(consumer.peek(), 2);
        publish(&mut producer, 1);
        receive(&mut consumer, FIRST + 5);
    }
}

#[test]
fn no_stamp_of_a_peer_s_releases_what_is_held_or_keeps_it_from_being_released() {
    for (ring, mut producer, mut consumer) in
        rings().filter(|(ring, ..)| ring.geometry().stride_kind() == Stride::Aligned)
    {
        publish(&mut producer, 4);
        producer.try_skip_to(FIRST + 6).unwrap();
        for seq in FIRST..FIRST + 4 {
            peek(&consumer, seq);
        }
        lagged(consumer.peek(), 2);
        let void = |seq: u64| (1 << 63) + 2 * seq + 1;
        for (held, stamp) in [(FIRST, u64::MAX), (FIRST + 1, void(FIRST + 2)), (FIRST + 2, void(FIRST - 5))] {
            // Where peers are trusted, one that skips what it has published breaks its word.
            if stamp == u64::MAX || !consumer.in_place() {
                ring.slot(held + 1)[0].store(stamp, Relaxed);
            }
            consumer.release_through(held).unwrap();
            assert_eq!(consumer.next_seq(), held + 1);
            if !consumer.in_place() {
                assert_eq!(&*consumer.peeked(held + 1).unwrap(), (held + 1).to_ne_bytes());
            }
        }
        // What was told to be skipped is released, whatever is there now, if the copies tell.
        if !consumer.in_place() {
            ring.slot(FIRST + 4)[0].store(2 * (FIRST + 4) + 2, Relaxed);
        }
        consumer.release_through(FIRST + 3).unwrap();
        assert_eq!(consumer.next_seq(), FIRST + 6);
    }
}

#[test]
fn a_consumer_that_holds_messages_waits_across_a_skip() {
    for wait in [Wait::Spin, Wait::Yield, Wait::Park] {
        for (_ring, mut producer, mut consumer) in rings() {
            consumer.set_wait(wait);
            publish(&mut producer, 1);
            peek(&consumer, FIRST);
            assert!(consumer.peek_timeout(A_MOMENT).unwrap().is_timed_out());
            thread::scope(|scope| {
                scope.spawn(|| producer.try_skip_to(FIRST + 4).unwrap());
                wait_for_skipped(&mut consumer, 3);
            });
            assert_eq!(consumer.next_seq(), FIRST, "the message is held");
            assert!(consumer.peek_timeout(A_MOMENT).unwrap().is_timed_out());
            thread::scope(|scope| {
                scope.spawn(|| publish(&mut producer, 1));
                let message = consumer.peek_timeout(PATIENCE).unwrap().into_message().expect("it comes");
                assert_eq!(message.seq(), FIRST + 4);
            });
            producer.try_skip_to(FIRST + SLOTS).unwrap();
            wait_for_skipped(&mut consumer, SLOTS - 5);
            assert!(consumer.peek_timeout(PATIENCE).unwrap().is_empty(), "at once: none can come");
            consumer.release_through(FIRST + 4).unwrap();
            assert_eq!(consumer.next_seq(), FIRST + SLOTS);
            // The next slot has the void stamp of a message a lap before from the second skip on.
            for end in [FIRST + 100, FIRST + 200] {
                let count = end - producer.next_seq();
                thread::scope(|scope| {
                    scope.spawn(|| producer.try_skip_to(end).unwrap());
                    wait_for_skipped(&mut consumer, count);
                });
                assert_eq!(consumer.next_seq(), end);
                assert!(consumer.peek_timeout(A_MOMENT).unwrap().is_timed_out());
            }
            producer.close().unwrap();
            assert!(consumer.peek_timeout(PATIENCE).unwrap().is_closed());
        }
    }
}

#[test]
fn a_wait_set_names_a_consumer_once_sequences_are_skipped_and_not_before() {
    for (_ring, mut producer, consumer) in rings() {
        let (mut set, mut consumers) = (WaitSet::new(), [consumer]);
        let mut wait = |consumers: &mut [Consumer], is_ready: bool| {
            let patience = if is_ready { PATIENCE } else { A_MOMENT };
            let ready = set.wait(consumers, Some(patience)).unwrap();
            assert_eq!(ready.indices(), if is_ready { &[0][..] } else { &[] });
        };
        wait(&mut consumers, false);
        publish(&mut producer, 1);
        peek(&consumers[0], FIRST);
        wait(&mut consumers, false);
        producer.try_skip_to(FIRST + 4).unwrap();
        wait(&mut consumers, true);
        lagged(consumers[0].peek(), 3);
        wait(&mut consumers, false);
        producer.try_skip_to(FIRST + SLOTS).unwrap();
        wait(&mut consumers, true);
        lagged(consumers[0].peek(), SLOTS - 4);
        // All slots are held: nothing can come.
        wait(&mut consumers, false);
        assert!(matches!(consumers[0].prepare_sleep(true), Readiness::Sleep(_)));
        release(&mut consumers[0], FIRST);
        wait(&mut consumers, false);
        // More than a lap; then the next slot has an earlier message's void stamp, which is no news.
        producer.try_skip_to(FIRST + 100).unwrap();
        wait(&mut consumers, true);
        lagged(consumers[0].peek(), 100 - SLOTS);
        wait(&mut consumers, false);
        producer.close().unwrap();
        wait(&mut consumers, true);
        assert!(consumers[0].peek().unwrap().is_closed());
    }
}

#[test]
fn a_wait_set_that_sleeps_is_woken_by_a_skip() {
    for (ring, mut producer, consumer) in rings() {
        let (mut set, mut consumers) = (WaitSet::new(), [consumer]);
        publish(&mut producer, 1);
        peek(&consumers[0], FIRST);
        // One while a message is held; one of more than a lap; one whose slots have void stamps already.
        for end in [FIRST + 4, FIRST + 100, FIRST + 200] {
            thread::scope(|scope| {
                let producer = &mut producer;
                scope.spawn(|| once_one_sleeps(&ring, move || producer.try_skip_to(end).unwrap()));
                while at_once::next_to_peek(&consumers[0]) < end {
                    while set.wait(&mut consumers, Some(PATIENCE)).unwrap().indices().is_empty() {}
                    assert!(matches!(consumers[0].peek(), Ok(Outcome::Lagged(_))));
                }
            });
            if end == FIRST + 4 {
                release(&mut consumers[0], FIRST);
            }
            assert_eq!(consumers[0].next_seq(), end);
        }
    }
}
