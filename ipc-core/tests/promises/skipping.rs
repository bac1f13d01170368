//! Producers that skip sequences.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use ringway_core::{Config, Consumer, MAX_SEQ, Outcome, PublishError, Ring};

use crate::common::{HEAD, Kind, damaged};
use crate::voids::{FIRST, SLOTS, a_ring, lagged, publish, receive, rings};

/// Has the consumer told of what was skipped.
fn pass(consumer: &mut Consumer) {
    let before = consumer.next_seq();
    match consumer.try_recv().unwrap() {
        Outcome::Lagged(skipped) => assert!(skipped > 0),
        other => panic!("{other:?}"),
    }
    assert!(consumer.next_seq() > before);
}

#[test]
fn a_skip_waits_for_consumers_as_messages_do_and_goes_on_where_it_was() {
    for (_ring, mut producer, mut consumer) in rings() {
        publish(&mut producer, 2);
        // Message FIRST + 8 has the slot of the first, which is unread.
        let full = producer.try_skip_to(FIRST + 100).unwrap_err();
        assert!(matches!(full, PublishError::Full(full) if full.lag == SLOTS), "{full}");
        assert_eq!(producer.next_seq(), FIRST + SLOTS);
        let late = producer.skip_to_timeout(FIRST + 100, Duration::from_nanos(1)).unwrap_err();
        assert!(matches!(late, PublishError::TimedOut(_)), "{late}");
        receive(&mut consumer, FIRST);
        assert!(matches!(producer.try_skip_to(FIRST + 100), Err(PublishError::Full(_))));
        assert_eq!(producer.next_seq(), FIRST + SLOTS + 1);
        receive(&mut consumer, FIRST + 1);
        // A lap is skipped now: the rest takes no room.
        producer.try_skip_to(FIRST + 100).unwrap();
        assert_eq!(producer.next_seq(), FIRST + 100);
        assert_eq!(consumer.len(), Ok(98));
        assert!(matches!(producer.try_publish(&[0; 8]), Err(PublishError::Full(full)) if full.lag == SLOTS));
        lagged(consumer.try_recv(), 98);
        publish(&mut producer, SLOTS);
        receive(&mut consumer, FIRST + 100);
    }
}

#[test]
fn a_skip_of_more_than_a_lap_writes_each_slot_once() {
    for kind in Kind::ALL {
        let (ring, mut producer, mut consumer) = a_ring(kind);
        publish(&mut producer, 1);
        receive(&mut consumer, FIRST);
        producer.try_skip_to(MAX_SEQ / 2).unwrap();
        for seq in FIRST + 1..=FIRST + SLOTS {
            assert_eq!(ring.slot(seq)[0].load(Relaxed), (1 << 63) + 2 * seq + 1);
        }
        assert_eq!(ring.page(HEAD).load(Relaxed), MAX_SEQ / 2);
        // While nothing is published, the next skip needs no slot at all.
        producer.try_skip_to(MAX_SEQ / 2 + 3).unwrap();
        assert_eq!(ring.slot(FIRST + 1)[0].load(Relaxed), (1 << 63) + 2 * (FIRST + 1) + 1);
        lagged(consumer.try_recv(), MAX_SEQ / 2 + 3 - FIRST - 1);
        assert!(consumer.try_recv().unwrap().is_empty());
        publish(&mut producer, 1);
        receive(&mut consumer, MAX_SEQ / 2 + 3);
    }
}

#[test]
fn a_long_skip_over_claims_that_were_dropped_leaves_no_mark_of_theirs() {
    for (ring, mut producer, mut consumer) in rings() {
        for lap in [3, SLOTS - 1, SLOTS, SLOTS + 2] {
            let first = producer.next_seq();
            producer.try_skip_to(first + lap).unwrap();
            lagged(consumer.try_recv(), lap);
            drop(producer.try_claim_batch(4, 8).unwrap());
            let end = first + 5 * SLOTS + 3;
            while let Err(error) = producer.try_skip_to(end) {
                assert!(matches!(error, PublishError::Full(_)), "{error}");
                pass(&mut consumer);
            }
            // A reader that waits for a message whose slot was marked is told.
            pass(&mut consumer);
            assert_eq!(consumer.next_seq(), end);
            publish(&mut producer, 1);
            receive(&mut consumer, first + 5 * SLOTS + 3);
        }
        drop(ring);
    }
}

#[test]
fn sequences_end_where_they_do_however_they_got_there() {
    for (_ring, mut producer, mut consumer) in rings() {
        assert_eq!(producer.try_skip_to(MAX_SEQ + 1), Err(PublishError::Exhausted));
        assert_eq!(producer.try_skip_to(u64::MAX), Err(PublishError::Exhausted));
        producer.try_skip_to(MAX_SEQ - 1).unwrap();
        lagged(consumer.try_recv(), MAX_SEQ - 1 - FIRST);
        publish(&mut producer, 1);
        receive(&mut consumer, MAX_SEQ - 1);
        assert_eq!(producer.try_publish(&[0; 8]), Err(PublishError::Exhausted));
        assert_eq!(producer.try_skip_to(MAX_SEQ), Ok(()));
        assert!(consumer.try_recv().unwrap().is_empty());
    }
}

#[test]
fn a_skip_to_the_end_of_all_sequences_is_told() {
    for (ring, mut producer, mut consumer) in rings() {
        producer.try_skip_to(MAX_SEQ).unwrap();
        lagged(consumer.try_recv(), MAX_SEQ - FIRST);
        assert!(consumer.try_recv().unwrap().is_empty());
        drop(producer);
        assert_eq!(ring.producer().unwrap().next_seq(), MAX_SEQ);
    }
}

#[test]
fn sequences_are_skipped_forward_alone_and_where_the_ring_says_so() {
    for kind in Kind::ALL {
        let (ring, mut producer, _consumer) = a_ring(kind);
        publish(&mut producer, 2);
        assert_eq!(producer.skip_to(FIRST + 2), Ok(()));
        let back = PublishError::SkipBack { asked: FIRST + 1, next: FIRST + 2 };
        assert_eq!(producer.skip_to(FIRST + 1), Err(back));
        producer.close().unwrap();
        assert_eq!(producer.skip_to(FIRST + 9), Err(PublishError::Closed));
        drop(ring);
        let ring = kind.ring(&Config::new().slots(SLOTS));
        let mut producer = ring.producer().unwrap();
        for seq in [0, 1, 100] {
            assert_eq!(producer.skip_to(seq), Err(PublishError::NoSkips));
        }
        assert_eq!(producer.next_seq(), 0);
    }
}

#[test]
fn a_producer_that_was_deposed_skips_nothing() {
    for kind in Kind::ALL {
        let (ring, mut producer, _) = a_ring(kind);
        producer.try_skip_to(FIRST + SLOTS).unwrap();
        ring.free_producer();
        let successor = ring.producer().unwrap();
        // Every slot has a void stamp already: no scan would tell.
        assert!(matches!(producer.try_skip_to(FIRST + 100), Err(PublishError::Deposed { .. })));
        assert_eq!(ring.page(HEAD).load(Relaxed), FIRST + SLOTS);
        drop(successor);
    }
}

#[test]
fn a_successor_goes_on_after_what_was_skipped() {
    for (ring, mut producer, mut consumer) in rings() {
        publish(&mut producer, 1);
        producer.try_skip_to(FIRST + 3).unwrap();
        drop(producer);
        let mut producer = ring.producer().unwrap();
        assert_eq!(producer.next_seq(), FIRST + 3);
        producer.try_skip_to(FIRST + 3).unwrap();
        publish(&mut producer, 1);
        receive(&mut consumer, FIRST);
        lagged(consumer.try_recv(), 2);
        receive(&mut consumer, FIRST + 3);
        producer.try_skip_to(FIRST + 1000).unwrap();
        drop(producer);
        assert_eq!(ring.producer().unwrap().next_seq(), FIRST + 1000);
    }
}

#[test]
fn a_skip_rings_for_readers_that_sleep() {
    for kind in Kind::ALL {
        let (ring, mut producer, _consumer) = a_ring(kind);
        for by in [1, 4 * SLOTS] {
            ring.sleepers().store(1, Relaxed);
            let before = ring.doorbell().load(Relaxed);
            let _ = producer.try_skip_to(producer.next_seq() + by);
            assert_ne!(ring.doorbell().load(Relaxed), before);
        }
    }
}

#[test]
fn how_long_a_skip_takes_is_read_nowhere() {
    for (ring, mut producer, mut consumer) in rings() {
        publish(&mut producer, 1);
        // The consumer is gone, and a peer clears the slots once the skip has filled the ring.
        ring.free_cell(consumer.cell());
        ring.when_asked(move |ring| {
            for seq in FIRST..FIRST + SLOTS {
                ring.stamp(seq).store(0, Relaxed);
            }
        });
        producer.try_skip_to(MAX_SEQ / 2).unwrap();
        assert_eq!((producer.next_seq(), ring.page(HEAD).load(Relaxed)), (MAX_SEQ / 2, MAX_SEQ / 2));
        // One store was left to do of the lap that the rest follows.
        let last = FIRST + SLOTS;
        for seq in last..last + SLOTS {
            let expected = if seq == last { (1 << 63) + 2 * seq + 1 } else { 0 };
            assert_eq!(ring.stamp(seq).load(Relaxed), expected, "message {seq}");
        }
        damaged(consumer.try_recv(), "stamp");
    }
}
