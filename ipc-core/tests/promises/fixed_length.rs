//! What a reader of messages of one length makes of words that no correct peer writes.

use std::sync::atomic::Ordering::Relaxed;

use ringway_core::{Config, MAX_SEQ, Outcome, RecvError, Resume, Ring, Start, Stride};

use crate::common::{HEAD, Kind, TestRing, damaged};

const SLOTS: u64 = 8;
/// The word of a line that is its stamp.
const STAMP: usize = 7;

fn a_ring(kind: Kind, messages: u64) -> TestRing {
    ring_of(kind, Stride::Line, 56, messages)
}

fn a_split_ring(kind: Kind, messages: u64) -> TestRing {
    ring_of(kind, Stride::Split, 64, messages)
}

fn ring_of(kind: Kind, stride: Stride, len: usize, messages: u64) -> TestRing {
    let ring = kind.ring(&Config::new().slots(SLOTS).payload_capacity(len as u64).stride(stride));
    let mut producer = ring.producer().unwrap();
    for n in 0..messages {
        producer.try_publish(&vec![n as u8; len]).unwrap();
    }
    ring
}

#[test]
fn a_line_is_the_payload_and_then_its_stamp() {
    let ring = a_ring(Kind::Copied, 3);
    let line: Vec<u64> = ring.line(2).iter().map(|word| word.load(Relaxed)).collect();
    assert_eq!(line[..STAMP], [0x0202_0202_0202_0202; STAMP]);
    assert_eq!(line[STAMP], 2 * 2 + 2);
}

#[test]
fn a_stamp_past_a_consumers_own_is_damage() {
    for kind in Kind::ALL {
        let ring = a_ring(kind, 3);
        let mut consumer = ring.consumer(Start::At(2)).unwrap();
        for stamp in [7, 22, u64::MAX] {
            ring.line(2)[STAMP].store(stamp, Relaxed);
            damaged(consumer.try_recv(), "stamp");
            damaged(consumer.try_recv_into(&mut [0; 56]), "stamp");
            damaged(consumer.try_recv_batch(2), "stamp");
            damaged(consumer.peek(), "stamp");
        }
        ring.line(2)[STAMP].store(6, Relaxed);
        assert!(matches!(consumer.try_recv(), Ok(Outcome::Message(_))));
    }
}

#[test]
fn a_message_whose_stamp_went_back_is_not_read() {
    for kind in Kind::ALL {
        let ring = a_ring(kind, 3);
        let mut consumer = ring.consumer(Start::At(1)).unwrap();
        for stamp in [0, 3] {
            ring.line(1)[STAMP].store(stamp, Relaxed);
            assert!(matches!(consumer.try_recv(), Ok(Outcome::Empty)));
            assert!(matches!(consumer.try_recv_batch(2), Ok(Outcome::Empty)));
        }
    }
}

#[test]
fn an_observer_accepts_no_line_whose_stamp_is_of_no_message() {
    let ring = a_ring(Kind::Copied, 3);
    for (stamp, damage) in [(3, false), (4, false), (6, true), (u64::MAX, true), (2 * (1 + SLOTS) + 2, false)]
    {
        let mut observer = ring.observer(Start::At(1), Resume::OldestSafe).unwrap();
        ring.line(1)[STAMP].store(stamp, Relaxed);
        match observer.try_recv() {
            Ok(Outcome::Message(message)) => assert_eq!((stamp, &message[..]), (4, &[1; 56][..])),
            Ok(Outcome::Empty) => assert_eq!(stamp, 3),
            Ok(Outcome::Lagged(_)) => assert!(!damage && stamp > 4),
            other => {
                assert!(damage, "{stamp}: {other:?}");
                damaged(other, "stamp");
            }
        }
    }
}

#[test]
fn a_head_further_than_a_lap_from_a_consumers_own_is_damage() {
    for kind in Kind::ALL {
        let ring = a_split_ring(kind, 3);
        let mut consumer = ring.consumer(Start::At(2)).unwrap();
        for head in [2 + SLOTS + 1, 1 << 40, MAX_SEQ, u64::MAX] {
            ring.page(HEAD).store(head, Relaxed);
            damaged(consumer.try_recv(), "head");
            damaged(consumer.try_recv_into(&mut [0; 64]), "head");
            damaged(consumer.try_recv_batch(2), "head");
            damaged(consumer.peek(), "head");
        }
        ring.page(HEAD).store(3, Relaxed);
        assert!(matches!(consumer.try_recv(), Ok(Outcome::Message(_))));
    }
}

#[test]
fn a_head_that_goes_back_is_damage_to_a_consumer_that_goes_by_it() {
    for kind in Kind::ALL {
        let ring = a_split_ring(kind, 3);
        let mut consumer = ring.consumer(Start::Oldest).unwrap();
        for _ in 0..3 {
            assert!(matches!(consumer.try_recv(), Ok(Outcome::Message(_))));
        }
        assert!(matches!(consumer.try_recv(), Ok(Outcome::Empty)));
        for head in [0, 2] {
            ring.page(HEAD).store(head, Relaxed);
            damaged(consumer.try_recv(), "head");
            damaged(consumer.try_recv_batch(2), "head");
        }
        ring.page(HEAD).store(3, Relaxed);
        assert!(matches!(consumer.try_recv(), Ok(Outcome::Empty)));
    }
}

#[test]
fn stamps_are_asked_of_copies_alone_by_a_consumer_that_goes_by_head() {
    for kind in Kind::ALL {
        let ring = a_split_ring(kind, 3);
        let mut consumer = ring.consumer(Start::Oldest).unwrap();
        let stamps = ring.line(0);
        for (n, stamp) in [(0, 0), (1, 3), (2, u64::MAX)] {
            let kept = stamps[n as usize].swap(stamp, Relaxed);
            if matches!(kind, Kind::Copied) {
                let damaged = consumer.try_recv().expect_err("another message may have been copied");
                assert!(matches!(damaged, RecvError::Damaged(damaged) if damaged.what == "stamp"));
                stamps[n as usize].store(kept, Relaxed);
            }
            let Ok(Outcome::Message(message)) = consumer.try_recv() else { panic!("{n}") };
            assert_eq!(message[..], [n; 64]);
        }
        stamps[3].store(8, Relaxed);
        assert!(matches!(consumer.try_recv(), Ok(Outcome::Empty)));
    }
}
