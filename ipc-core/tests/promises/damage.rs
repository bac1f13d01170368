//! Words that no correct peer writes are found where they are used.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use ringway_core::{
    AttachError, Config, Interruption, MAX_SEQ, Outcome, PublishError, RecvError, Resume, Ring, Start,
};

use crate::common::{EPOCH_STATE, HEAD, Kind, TestRing, damaged};

const SLOTS: u64 = 8;
const AN_INSTANT: Duration = Duration::from_nanos(1);

fn a_ring(kind: Kind, messages: u64) -> TestRing {
    let ring = kind.ring(&Config::new().slots(SLOTS).payload_capacity(8));
    let mut producer = ring.producer().unwrap();
    for _ in 0..messages {
        producer.try_publish(b"message").unwrap();
    }
    ring
}

fn refused<T>(result: Result<T, AttachError>, what: &str) {
    let Err(error) = result else { panic!("damage was taken for a ring") };
    assert!(matches!(error, AttachError::Damaged(damaged) if damaged.what == what), "{error}");
}

#[test]
fn a_head_past_the_largest_sequence_is_damage() {
    for kind in Kind::ALL {
        let ring = a_ring(kind, 3);
        let mut consumer = ring.consumer(Start::Latest).unwrap();
        let mut observer = ring.observer(Start::Latest, Resume::OldestSafe).unwrap();
        ring.page(HEAD).store(MAX_SEQ + 1, Relaxed);
        refused(ring.producer(), "head");
        refused(ring.consumer(Start::Oldest), "head");
        refused(ring.observer(Start::Oldest, Resume::Latest), "head");
        damaged(consumer.len(), "head");
        damaged(observer.head(), "head");
        damaged(observer.consumers(), "head");
        damaged(consumer.recv_timeout(AN_INSTANT), "head");
        damaged(observer.recv_timeout(AN_INSTANT), "head");
        ring.page(HEAD).store(3, Relaxed);
        let asked = Start::At(MAX_SEQ + 1);
        assert!(matches!(ring.consumer(asked), Err(AttachError::StartTooLarge { .. })));
        assert!(matches!(ring.observer(asked, Resume::Latest), Err(AttachError::StartTooLarge { .. })));
    }
}

#[test]
fn a_message_at_the_end_of_all_sequences_is_damage_to_a_successor() {
    for kind in Kind::ALL {
        let ring = a_ring(kind, 3);
        ring.page(HEAD).store(MAX_SEQ, Relaxed);
        ring.slot(0)[0].store(2 * MAX_SEQ + 2, Relaxed);
        refused(ring.producer(), "stamp");
        ring.slot(0)[0].store(2, Relaxed);
        let mut producer = ring.producer().unwrap();
        assert!(matches!(producer.try_publish(b"message"), Err(PublishError::Exhausted)));
    }
}

#[test]
fn a_head_that_went_back_more_than_a_lap_is_damage_to_a_reader_that_waits() {
    let ring = a_ring(Kind::Copied, 3 * SLOTS);
    let mut consumer = ring.consumer(Start::Latest).unwrap();
    ring.page(HEAD).store(2 * SLOTS, Relaxed);
    assert!(matches!(consumer.recv_timeout(AN_INSTANT), Ok(Outcome::ProducerLost)));
    ring.page(HEAD).store(2 * SLOTS - 1, Relaxed);
    damaged(consumer.recv_timeout(AN_INSTANT), "head");
    // One that asked to start so far ahead is only early.
    let mut early = ring.consumer(Start::At(5 * SLOTS)).unwrap();
    assert!(matches!(early.recv_timeout(AN_INSTANT), Ok(Outcome::ProducerLost)));
}

#[test]
fn a_message_that_head_counts_and_that_is_not_there_is_damage_to_a_reader_that_waits() {
    for kind in Kind::ALL {
        let ring = a_ring(kind, 3);
        let mut consumer = ring.consumer(Start::At(2)).unwrap();
        for stamp in [0, 5] {
            ring.slot(2)[0].store(stamp, Relaxed);
            assert!(matches!(consumer.try_recv(), Ok(Outcome::Empty)));
            damaged(consumer.recv_timeout(AN_INSTANT), "stamp");
        }
        ring.slot(2)[0].store(6, Relaxed);
        assert!(matches!(consumer.recv_timeout(AN_INSTANT), Ok(Outcome::Message(_))));
    }
}

#[test]
fn a_stamp_past_a_consumers_own_is_damage() {
    for kind in Kind::ALL {
        let ring = a_ring(kind, 3);
        let mut consumer = ring.consumer(Start::At(2)).unwrap();
        for stamp in [7, 22, u64::MAX] {
            ring.slot(2)[0].store(stamp, Relaxed);
            damaged(consumer.try_recv(), "stamp");
            damaged(consumer.try_recv_into(&mut [0; 8]), "stamp");
            damaged(consumer.try_recv_batch(2), "stamp");
        }
    }
}

#[test]
fn an_observer_believes_a_stamp_of_its_slot_no_more_than_a_lap_ahead_of_head() {
    let ring = a_ring(Kind::Copied, 3);
    let observe = |stamp: u64| {
        let mut observer = ring.observer(Start::At(1), Resume::OldestSafe).unwrap();
        let kept = ring.slot(1)[0].swap(stamp, Relaxed);
        let outcome = observer.try_recv().map(|outcome| outcome.map(drop));
        ring.slot(1)[0].store(kept, Relaxed);
        outcome
    };
    let of = |seq: u64| 2 * seq + 2;
    assert!(matches!(observe(of(1)), Ok(Outcome::Message(()))));
    // Up to head, 3, and a lap.
    assert!(matches!(observe(of(1 + SLOTS)), Ok(Outcome::Lagged(_))));
    assert!(matches!(observe(of(1 + SLOTS) - 1), Ok(Outcome::Lagged(_))));
    damaged(observe(of(1 + 2 * SLOTS)), "stamp");
    damaged(observe(of(2)), "stamp");
    damaged(observe(of(2 + SLOTS)), "stamp");
    damaged(observe(u64::MAX), "stamp");
    // A lap ahead of head exactly.
    ring.page(HEAD).store(1, Relaxed);
    assert!(matches!(observe(of(1 + SLOTS)), Ok(Outcome::Lagged(_))));
    ring.page(HEAD).store(0, Relaxed);
    damaged(observe(of(1 + SLOTS)), "stamp");
}

#[test]
fn a_length_past_the_capacity_is_damage() {
    for kind in Kind::ALL {
        let ring = a_ring(kind, 3);
        let mut consumer = ring.consumer(Start::Oldest).unwrap();
        let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
        for length in [9, u64::from(u32::MAX)] {
            ring.slot(0)[1].store(length, Relaxed);
            damaged(consumer.try_recv(), "length");
            damaged(consumer.try_recv_into(&mut [0; 64]), "length");
            damaged(consumer.try_recv_batch(2), "length");
            damaged(observer.try_recv(), "length");
            damaged(observer.try_recv_into(&mut [0; 64]), "length");
        }
        ring.slot(0)[1].store(8 | 5 << 32, Relaxed);
        ring.slot(1)[1].store(9, Relaxed);
        {
            // A batch ends before it.
            let Outcome::Message(batch) = consumer.try_recv_batch(3).unwrap() else { panic!("one is sound") };
            assert_eq!(batch.iter().map(|message| message.tag()).collect::<Vec<_>>(), [5]);
            assert_eq!(batch.len(), 1);
        }
        assert_eq!(consumer.next_seq(), 1);
        damaged(consumer.try_recv_batch(3), "length");
    }
}

#[test]
fn a_state_that_is_none_is_damage() {
    let ring = a_ring(Kind::Copied, 0);
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
    ring.page(EPOCH_STATE).store(1 << 2 | 3, Relaxed);
    damaged(consumer.state(), "state");
    damaged(observer.state(), "state");
    damaged(consumer.try_recv(), "state");
    damaged(observer.recv_timeout(AN_INSTANT), "state");
}

#[test]
fn a_stamp_of_a_message_to_come_is_damage_to_a_new_producer() {
    for stamp in [2 * (3 + SLOTS) + 1, 2 * (3 + SLOTS) + 2, u64::MAX] {
        let ring = a_ring(Kind::Copied, 3);
        ring.slot(3)[0].store(stamp, Relaxed);
        refused(ring.producer(), "stamp");
    }
}

#[test]
fn no_call_finds_room_past_the_last_sequence() {
    for kind in Kind::ALL {
        let ring = a_ring(kind, 0);
        ring.page(HEAD).store(MAX_SEQ - 2, Relaxed);
        let mut producer = ring.producer().unwrap();
        let mut consumer = ring.consumer(Start::Latest).unwrap();
        for left in (1..=2).rev() {
            assert_eq!((producer.count_room(), producer.room()), (Ok(left), left));
            assert_eq!(producer.try_publish(b"message"), Ok(MAX_SEQ - left));
            assert!(matches!(consumer.try_recv(), Ok(Outcome::Message(_))));
        }
        assert_eq!((producer.count_room(), producer.room()), (Ok(0), 0));
        assert_eq!(producer.try_publish(b"message"), Err(PublishError::Exhausted));
        assert_eq!(ring.page(HEAD).load(Relaxed), MAX_SEQ);
    }
}

#[test]
fn a_loop_tells_of_damage_once_and_ends() {
    for kind in Kind::ALL {
        let ring = a_ring(kind, 3);
        let mut consumer = ring.consumer(Start::Oldest).unwrap();
        let mut observer = ring.observer(Start::Oldest, Resume::Latest).unwrap();
        ring.slot(2)[1].store(SLOTS + 1, Relaxed);
        let once = |told: Vec<Interruption>| {
            assert!(matches!(told[..], [Interruption::Failed(RecvError::Damaged(_))]), "{told:?}");
        };
        once(observer.iter().take(9).filter_map(Result::err).collect());
        once(observer.try_iter().take(9).filter_map(Result::err).collect());
        once(consumer.iter().take(9).filter_map(Result::err).collect());
        let mut last = consumer.try_iter();
        assert!(matches!(last.next(), Some(Err(Interruption::Failed(_)))));
        assert!(last.next().is_none() && last.next().is_none());
    }
}

#[test]
fn a_loop_tells_once_that_the_handle_can_do_nothing_more() {
    let ring = a_ring(Kind::Copied, 3);
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    ring.in_a_child(|| {
        let told: Vec<_> = consumer.iter().take(9).collect();
        assert!(matches!(told[..], [Err(Interruption::Failed(RecvError::Forked(_)))]), "{told:?}");
    });
    assert_eq!(consumer.try_iter().take(1).filter(Result::is_ok).count(), 1);
    ring.truncate();
    let told: Vec<_> = consumer.try_iter().take(9).collect();
    assert!(matches!(told[..], [Err(Interruption::Failed(RecvError::Truncated(_)))]), "{told:?}");
}
