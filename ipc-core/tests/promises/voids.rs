//! Sequences that begin elsewhere than at 0, and what readers are told of those that are skipped.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use ringway_core::placement::Freeze;
use ringway_core::{
    AttachError, Config, Consumer, Interruption, MAX_SEQ, Outcome, Producer, Readiness, RecvError, Resume,
    Ring, SeekError, Start, Stride, Waitable,
};

use crate::common::{HEAD, Kind, TestRing, damaged};

pub const SLOTS: u64 = 8;
pub const FIRST: u64 = 1000;

fn ring_of(kind: Kind, stride: Stride) -> (TestRing, Producer, Consumer) {
    let ring = kind.ring(&Config::new().slots(SLOTS).payload_capacity(8).stride(stride).first_seq(FIRST));
    let producer = ring.producer().unwrap();
    let consumer = ring.consumer(Start::Oldest).unwrap();
    (ring, producer, consumer)
}

pub fn a_ring(kind: Kind) -> (TestRing, Producer, Consumer) {
    ring_of(kind, Stride::Aligned)
}

/// Every kind of ring, with every stride.
pub fn rings() -> impl Iterator<Item = (TestRing, Producer, Consumer)> {
    let strides = [Stride::Aligned, Stride::Packed, Stride::Line, Stride::Split];
    Kind::ALL.into_iter().flat_map(move |kind| strides.map(|stride| ring_of(kind, stride)))
}

pub fn publish(producer: &mut Producer, count: u64) {
    for _ in 0..count {
        let seq = producer.next_seq();
        assert_eq!(producer.try_publish(&seq.to_ne_bytes()), Ok(seq));
    }
}

/// The next message, which is `seq`.
pub fn receive(consumer: &mut Consumer, seq: u64) {
    match consumer.try_recv().unwrap() {
        Outcome::Message(message) => assert_eq!((message.seq(), &*message), (seq, &seq.to_ne_bytes()[..])),
        other => panic!("{other:?} instead of message {seq}"),
    }
}

pub fn lagged<M: std::fmt::Debug>(outcome: Result<Outcome<M>, RecvError>, skipped: u64) {
    assert!(matches!(outcome, Ok(Outcome::Lagged(n)) if n == skipped), "{outcome:?} instead of {skipped}");
}

#[test]
fn a_ring_begins_at_its_first_sequence_for_each_role() {
    for kind in Kind::ALL {
        let ring = kind.ring(&Config::new().slots(SLOTS).first_seq(FIRST));
        let early = ring.consumer(Start::Oldest).unwrap();
        let observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
        assert_eq!((early.next_seq(), early.len()), (FIRST, Ok(0)));
        assert_eq!((observer.start(), observer.head(), observer.lag()), (FIRST, Ok(FIRST), Ok(0)));
        assert_eq!(ring.page(HEAD).load(Relaxed), 0, "zero is the right start for every word");
        let mut producer = ring.producer().unwrap();
        assert_eq!((producer.next_seq(), ring.page(HEAD).load(Relaxed)), (FIRST, FIRST));
        publish(&mut producer, 3);
        // There is nothing before the first, though a lap would reach there.
        for start in [Start::Oldest, Start::Newest(7), Start::Newest(u64::MAX), Start::At(FIRST)] {
            assert_eq!(ring.consumer(start).unwrap().next_seq(), FIRST);
            assert_eq!(ring.observer(start, Resume::Latest).unwrap().start(), FIRST);
        }
        assert_eq!(ring.consumer(Start::Newest(1)).unwrap().next_seq(), FIRST + 2);
        for asked in [0, FIRST - 1] {
            let refused = ring.consumer(Start::At(asked)).unwrap_err();
            assert!(matches!(refused, AttachError::Overwritten { oldest: FIRST, .. }), "{refused}");
            let refused = ring.observer(Start::At(asked), Resume::Latest).unwrap_err();
            assert!(matches!(refused, AttachError::Overwritten { oldest: FIRST, .. }), "{refused}");
        }
        let stats = ring.stats().unwrap();
        assert_eq!((stats.head, stats.first_seq, stats.room()), (FIRST + 3, FIRST, SLOTS - 3));
        drop(producer);
        assert_eq!(ring.producer().unwrap().next_seq(), FIRST + 3);
    }
}

#[test]
fn a_head_below_the_first_sequence_is_read_as_that() {
    for kind in Kind::ALL {
        let (ring, producer, consumer) = a_ring(kind);
        drop(producer);
        for head in [0, 1, FIRST - 1] {
            ring.page(HEAD).store(head, Relaxed);
            assert_eq!(consumer.len(), Ok(0));
            assert_eq!(ring.consumer(Start::Oldest).unwrap().next_seq(), FIRST);
        }
        assert_eq!(ring.producer().unwrap().next_seq(), FIRST);
    }
}

#[test]
fn what_is_skipped_is_told_once_and_exactly_by_each_call() {
    for (ring, mut producer, mut consumer) in rings() {
        let mut observer = ring.observer(Start::Latest, Resume::OldestSafe).unwrap();
        let mut next = FIRST;
        let mut buffer = [0; 8];
        for call in 0..8 {
            publish(&mut producer, 1);
            producer.try_skip_to(next + 4).unwrap();
            publish(&mut producer, 1);
            receive(&mut consumer, next);
            match call {
                0 => lagged(consumer.try_recv(), 3),
                1 => lagged(consumer.recv(), 3),
                2 => lagged(consumer.recv_timeout(Duration::MAX), 3),
                3 => lagged(consumer.try_recv_into(&mut buffer), 3),
                4 => lagged(consumer.try_recv_batch(4), 3),
                5 => lagged(consumer.try_recv_raw(), 3),
                6 => lagged(consumer.peek(), 3),
                _ => assert_eq!(consumer.next_message().unwrap_err(), Interruption::Lagged(3)),
            }
            assert_eq!(consumer.next_seq(), next + 4, "call {call}");
            receive(&mut consumer, next + 4);
            assert!(observer.try_recv().unwrap().is_message());
            lagged(observer.try_recv(), 3);
            assert!(observer.try_recv().unwrap().is_message());
            next += 5;
        }
        assert!(consumer.try_recv().unwrap().is_empty());
        assert_eq!((observer.received(), observer.lost()), (2 * 8, 3 * 8));
    }
}

#[test]
fn a_batch_ends_before_what_is_skipped() {
    for (ring, mut producer, mut consumer) in rings() {
        publish(&mut producer, 2);
        producer.try_skip_to(FIRST + 3).unwrap();
        publish(&mut producer, 2);
        for _ in 0..2 {
            let batch = consumer.try_recv_batch(8).unwrap().into_message().expect("two messages");
            assert_eq!((batch.len(), batch.get(2).is_none()), (2, true));
            std::mem::forget(batch);
        }
        let batch = consumer.recv_batch(8).unwrap().into_message().expect("two messages");
        assert_eq!(batch.iter().map(|message| message.seq()).collect::<Vec<_>>(), [FIRST, FIRST + 1]);
        drop(batch);
        lagged(consumer.try_recv_batch(8), 1);
        let batch = consumer.try_recv_batch(8).unwrap().into_message().expect("two messages");
        assert_eq!(batch.iter().map(|message| message.seq()).collect::<Vec<_>>(), [FIRST + 3, FIRST + 4]);
        drop(batch);
        drop(ring);
    }
}

#[test]
fn a_batch_of_a_stream_releases_nothing_that_was_skipped_untold() {
    for kind in Kind::ALL {
        let ring = kind.ring(&Config::new().slots(256).payload_capacity(8).first_seq(0));
        let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer(Start::Oldest).unwrap());
        publish(&mut producer, 16 + 5);
        producer.try_skip_to(16 + 6).unwrap();
        publish(&mut producer, 64);
        drop(consumer.recv_batch(16).unwrap());
        // The last of the next 32 messages is there. Not all of those before it are.
        let batch = consumer.recv_batch(16).unwrap().into_message().expect("five messages");
        assert_eq!(batch.len(), 5);
        drop(batch);
        lagged(consumer.recv_batch(16), 1);
    }
}

#[test]
fn what_is_skipped_between_held_messages_is_told_once_and_released_with_the_one_before() {
    for (ring, mut producer, mut consumer) in rings() {
        publish(&mut producer, 2);
        producer.try_skip_to(FIRST + 4).unwrap();
        publish(&mut producer, 1);
        let peek = |consumer: &Consumer, seq: u64| {
            let message = consumer.peek().unwrap().into_message().expect("it was published");
            assert_eq!((message.seq(), &*message), (seq, &seq.to_ne_bytes()[..]));
        };
        peek(&consumer, FIRST);
        peek(&consumer, FIRST + 1);
        lagged(consumer.peek(), 2);
        peek(&consumer, FIRST + 4);
        assert_eq!(consumer.next_seq(), FIRST, "peeking releases no message");
        for (seq, is_held) in [(FIRST + 1, true), (FIRST + 2, false), (FIRST + 3, false), (FIRST + 4, true)] {
            match consumer.peeked(seq) {
                Ok(message) => assert!(is_held && message[..] == seq.to_ne_bytes()),
                Err(error) => assert!(!is_held && matches!(error, RecvError::NotPeeked { .. }), "{error}"),
            }
        }
        consumer.release_through(FIRST).unwrap();
        assert_eq!(consumer.next_seq(), FIRST + 1);
        consumer.release_through(FIRST + 1).unwrap();
        assert_eq!(consumer.next_seq(), FIRST + 4, "what was told isn't told again");
        receive(&mut consumer, FIRST + 4);
        drop(ring);
    }
}

#[test]
fn readers_seek_over_what_was_skipped_and_may_land_in_it() {
    for (ring, mut producer, mut consumer) in rings() {
        let mut observer = ring.observer(Start::Latest, Resume::OldestSafe).unwrap();
        producer.try_skip_to(FIRST + 100).unwrap();
        assert_eq!(
            consumer.seek(FIRST + 101),
            Err(SeekError::Unpublished { asked: FIRST + 101, head: FIRST + 100 })
        );
        consumer.seek(FIRST + 40).unwrap();
        assert_eq!(consumer.skip(50), Ok(50));
        lagged(consumer.try_recv(), 10);
        observer.seek(FIRST + 97).unwrap();
        lagged(observer.try_recv(), 3);
        assert!(
            matches!(observer.seek(FIRST + 91), Err(SeekError::Overwritten { oldest, .. }) if oldest == FIRST + 92)
        );
        assert_eq!(observer.received() + observer.lost(), 3);
    }
}

#[test]
fn a_reader_that_starts_among_skipped_sequences_is_told_of_the_rest() {
    for (ring, mut producer, consumer) in rings() {
        drop(consumer);
        producer.try_skip_to(FIRST + 100).unwrap();
        publish(&mut producer, 1);
        let mut consumer = ring.consumer(Start::Oldest).unwrap();
        assert_eq!(consumer.next_seq(), FIRST + 97);
        lagged(consumer.try_recv(), 3);
        receive(&mut consumer, FIRST + 100);
        let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
        assert_eq!(observer.start(), FIRST + 93);
        lagged(observer.try_recv(), 7);
        assert!(observer.try_recv().unwrap().is_message());
    }
}

#[test]
fn an_observer_that_a_skip_leaves_behind_keeps_its_account() {
    for resume in [Resume::OldestSafe, Resume::Latest] {
        for (ring, mut producer, consumer) in rings() {
            drop(consumer);
            let mut observer = ring.observer(Start::Latest, resume).unwrap();
            publish(&mut producer, 3);
            producer.try_skip_to(FIRST + 500).unwrap();
            publish(&mut producer, 2);
            let mut messages = 0;
            loop {
                match observer.try_recv().unwrap() {
                    Outcome::Message(_) => messages += 1,
                    Outcome::Lagged(_) => {}
                    other => break assert!(other.is_empty()),
                }
            }
            assert!(messages == 2 || resume == Resume::Latest);
            assert_eq!((observer.received(), observer.lost()), (messages, 502 - messages));
        }
    }
}

#[test]
fn a_void_stamp_is_damage_where_nothing_can_be_skipped() {
    for kind in Kind::ALL {
        let ring = kind.ring(&Config::new().slots(SLOTS).payload_capacity(8));
        let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer(Start::Oldest).unwrap());
        let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
        publish(&mut producer, 1);
        drop(producer);
        // Of the message itself, of one a lap before and of one a lap after.
        for seq in [SLOTS, 0, 2 * SLOTS] {
            ring.slot(0)[0].store((1 << 63) + 2 * seq + 1, Relaxed);
            if seq == 0 {
                damaged(consumer.try_recv(), "stamp");
                damaged(consumer.try_recv_batch(2), "stamp");
                damaged(consumer.peek(), "stamp");
            }
            damaged(observer.try_recv(), "stamp");
            ring.page(HEAD).store(0, Relaxed);
            assert!(
                matches!(ring.producer().unwrap_err(), AttachError::Damaged(found) if found.what == "stamp")
            );
            ring.page(HEAD).store(1, Relaxed);
        }
    }
}

#[test]
fn void_stamps_that_no_producer_stores_end_no_call_late_and_lead_nowhere() {
    for (ring, producer, mut consumer) in
        rings().filter(|(ring, ..)| !ring.geometry().stride_kind().is_fixed_length())
    {
        drop(producer);
        let mut observer = ring.observer(Start::Latest, Resume::OldestSafe).unwrap();
        // Every slot is void, and head says that all that can be was skipped.
        for seq in FIRST..FIRST + SLOTS {
            ring.slot(seq)[0].store((1 << 63) + 2 * seq + 1, Relaxed);
        }
        ring.page(HEAD).store(MAX_SEQ, Relaxed);
        lagged(consumer.try_recv(), MAX_SEQ - FIRST);
        lagged(observer.try_recv(), MAX_SEQ - FIRST);
        // The true head says that the readers aren't where they can be.
        ring.page(HEAD).store(FIRST, Relaxed);
        assert!(consumer.try_recv().unwrap().is_empty());
        consumer.set_wait(ringway_core::Wait::Spin);
        damaged(consumer.recv_timeout(Duration::from_nanos(1)), "head");
        // A void stamp further ahead than a producer gets is none.
        let mut late = ring.observer(Start::At(FIRST + 64 * SLOTS), Resume::OldestSafe).unwrap();
        ring.slot(FIRST)[0].store((1 << 63) + 2 * (FIRST + 64 * SLOTS) + 1, Relaxed);
        damaged(late.try_recv(), "stamp");
    }
}

#[test]
fn a_reader_that_has_passed_a_lap_of_void_messages_sleeps_until_there_is_more() {
    for (ring, mut producer, mut consumer) in rings() {
        let mut observer = ring.observer(Start::Latest, Resume::OldestSafe).unwrap();
        for end in [FIRST + 100, FIRST + 200] {
            // The slot of the next message has an earlier one's void stamp from the second time on.
            producer.try_skip_to(end).unwrap();
            assert!(matches!(consumer.prepare_sleep(false), Readiness::Ready));
            assert!(matches!(observer.prepare_sleep(false), Readiness::Ready));
            lagged(consumer.try_recv(), 100);
            lagged(observer.try_recv(), 100);
            assert!(matches!(consumer.prepare_sleep(false), Readiness::Sleep(_)));
            assert!(matches!(observer.prepare_sleep(false), Readiness::Sleep(_)));
            nothing(consumer.try_recv());
            nothing(observer.try_recv());
        }
        publish(&mut producer, 1);
        assert!(matches!(consumer.prepare_sleep(false), Readiness::Ready));
        receive(&mut consumer, FIRST + 200);
    }
}

fn nothing<M: std::fmt::Debug>(outcome: Result<Outcome<M>, RecvError>) {
    assert!(matches!(outcome, Ok(Outcome::Empty)), "{outcome:?}");
}

#[test]
fn a_copy_of_a_ring_has_what_was_skipped() {
    for (ring, mut producer, consumer) in rings() {
        drop(consumer);
        for by in [3, 2, 5 * SLOTS, 1] {
            publish(&mut producer, 2);
            let seq = producer.next_seq() + by;
            producer.try_skip_to(seq).unwrap();
            let freeze = Freeze::begin(&ring.region(None)).unwrap();
            let copy = ring.blank();
            copy.copy_half(&ring, true);
            copy.copy_half(&ring, false);
            publish(&mut producer, 1);
            let kept = freeze.settle(&ring.region(None), &copy.region(None)).unwrap();
            // One message has overwritten the oldest slot, if there was one.
            let oldest = seq.saturating_sub(SLOTS) + 1;
            assert_eq!(kept, oldest.max(FIRST)..seq);
            let mut observer = copy.observer(Start::At(kept.start), Resume::OldestSafe).unwrap();
            while !observer.try_recv().unwrap().is_empty() {}
            assert_eq!(observer.received() + observer.lost(), kept.end - kept.start);
            assert!(observer.lost() >= by.min(kept.end - kept.start));
        }
    }
}
