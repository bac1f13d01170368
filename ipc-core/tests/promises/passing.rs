//! Consumers that pass what was skipped: what they hold meanwhile, and what a stray head makes of it.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use ringway_core::{Consumer, MAX_SEQ, Outcome, Readiness, Ring, SeekError, Start, Wait, Waitable};

use crate::common::{HEAD, damaged};
use crate::voids::{FIRST, SLOTS, lagged, publish, receive, rings};

/// Releases the message that was peeked at, in one way or another.
type Release = fn(&mut Consumer);

const WAYS: [Release; 4] = [
    |consumer| drop(consumer.try_recv().unwrap().into_message().expect("it is held")),
    |consumer| drop(consumer.try_recv_batch(4).unwrap().into_message().expect("it is held")),
    |consumer| assert_eq!(consumer.skip(1), Ok(1)),
    |consumer| consumer.seek(FIRST + 1).unwrap(),
];

#[test]
fn what_was_told_to_be_skipped_takes_no_room_once_no_message_before_it_is_held() {
    for release in WAYS {
        for (ring, mut producer, mut consumer) in rings() {
            publish(&mut producer, 1);
            assert!(consumer.peek().unwrap().is_message());
            producer.try_skip_to(FIRST + 2).unwrap();
            lagged(consumer.peek(), 1);
            release(&mut consumer);
            // A lap of void messages, of which the consumer has been told of the first.
            producer.try_skip_to(FIRST + 100).unwrap();
            lagged(consumer.peek(), 98);
            assert!(consumer.peek().unwrap().is_empty());
            assert!(matches!(consumer.prepare_sleep(false), Readiness::Sleep(_)), "a message can come");
            publish(&mut producer, 1);
            receive(&mut consumer, FIRST + 100);
            drop(ring);
        }
    }
}

#[test]
fn a_waiting_consumer_that_holds_no_message_is_not_told_that_it_holds_all() {
    for (_ring, mut producer, mut consumer) in rings() {
        publish(&mut producer, 1);
        assert!(consumer.peek().unwrap().is_message());
        producer.try_skip_to(FIRST + SLOTS).unwrap();
        lagged(consumer.peek(), SLOTS - 1);
        assert!(consumer.peek_timeout(Duration::MAX).unwrap().is_empty(), "it holds all slots");
        drop(consumer.try_recv().unwrap().into_message().expect("it is held"));
        producer.try_skip_to(FIRST + 100).unwrap();
        lagged(consumer.peek_timeout(Duration::MAX), 100 - SLOTS);
        assert!(matches!(consumer.peek_timeout(Duration::ZERO).unwrap(), Outcome::TimedOut));
        publish(&mut producer, 1);
        assert!(consumer.peek_timeout(Duration::MAX).unwrap().is_message());
    }
}

#[test]
fn what_a_peek_told_to_be_skipped_is_told_by_no_other_call() {
    for call in 0..7 {
        for (_ring, mut producer, mut consumer) in rings() {
            publish(&mut producer, 1);
            assert!(consumer.peek().unwrap().is_message());
            producer.try_skip_to(FIRST + 3).unwrap();
            lagged(consumer.peek(), 2);
            receive(&mut consumer, FIRST);
            publish(&mut producer, 1);
            let mut buffer = [0; 8];
            let seq = match call {
                0 => consumer.try_recv().unwrap().into_message().map(|message| message.seq()),
                1 => consumer.recv().unwrap().into_message().map(|message| message.seq()),
                2 => consumer.try_recv_into(&mut buffer).unwrap().into_message().map(|message| message.seq),
                3 => consumer
                    .try_recv_batch(4)
                    .unwrap()
                    .into_message()
                    .and_then(|batch| Some(batch.get(0)?.seq())),
                4 => consumer.try_recv_raw().unwrap().into_message().map(|message| message.seq()),
                5 => consumer.peek().unwrap().into_message().map(|message| message.seq()),
                _ => consumer.next_message().unwrap().map(|message| message.seq()),
            };
            assert_eq!(seq, Some(FIRST + 3), "call {call}");
        }
    }
}

#[test]
fn a_stray_head_takes_no_consumer_past_a_message_that_is_to_come() {
    for stray in [FIRST + SLOTS + 2, FIRST + 1000, MAX_SEQ] {
        for (ring, mut producer, mut consumer) in rings() {
            producer.try_skip_to(FIRST + 2).unwrap();
            publish(&mut producer, 2);
            ring.page(HEAD).store(stray, Relaxed);
            damaged(consumer.try_recv(), "head");
            damaged(consumer.try_recv_batch(4), "head");
            damaged(consumer.peek(), "head");
            consumer.set_wait(Wait::Spin);
            damaged(consumer.recv_timeout(Duration::from_nanos(1)), "head");
            assert_eq!(consumer.next_seq(), FIRST);
            // The producer puts head right by its next message.
            publish(&mut producer, 1);
            lagged(consumer.try_recv(), 2);
            for seq in FIRST + 2..FIRST + 5 {
                receive(&mut consumer, seq);
            }
        }
    }
}

#[test]
fn a_ring_that_is_full_of_skipped_sequences_and_of_messages_is_sound() {
    for skipped in 1..=SLOTS {
        for (_ring, mut producer, mut consumer) in rings() {
            producer.try_skip_to(FIRST + skipped).unwrap();
            publish(&mut producer, SLOTS - skipped);
            assert_eq!(consumer.len(), Ok(SLOTS));
            lagged(consumer.try_recv(), skipped);
            for seq in FIRST + skipped..FIRST + SLOTS {
                receive(&mut consumer, seq);
            }
        }
    }
}

#[test]
fn a_stray_head_lets_no_consumer_seek_past_a_message_that_is_there() {
    for (ring, mut producer, mut consumer) in rings() {
        publish(&mut producer, 2);
        ring.page(HEAD).store(MAX_SEQ, Relaxed);
        damaged(consumer.skip(3), "head");
        assert!(matches!(consumer.seek(FIRST + 20), Err(SeekError::Damaged(found)) if found.what == "head"));
        assert_eq!(consumer.next_seq(), FIRST);
        // A skip of more than a lap leaves a consumer as far behind.
        publish(&mut producer, 1);
        assert_eq!(consumer.skip(9), Ok(3));
        producer.try_skip_to(FIRST + 1000).unwrap();
        consumer.seek(FIRST + 999).unwrap();
        assert_eq!(ring.consumer(Start::Latest).unwrap().next_seq(), FIRST + 1000);
    }
}
