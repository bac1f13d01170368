//! Observers beside a batch: what is claimed, and not published, is neither passed over nor counted.

use ringway_core::{AttachError, Config, Observer, Outcome, Producer, Resume, Ring, SeekError, Start};

use crate::common::{Kind, TestRing};

const SLOTS: u64 = 16;
const HALF: usize = SLOTS as usize / 2;

/// A ring with this many messages, each of which holds its sequence.
fn a_ring(kind: Kind, published: u64) -> (TestRing, Producer) {
    let ring = kind.ring(&Config::new().slots(SLOTS).payload_capacity(20));
    let mut producer = ring.producer().unwrap();
    publish(&mut producer, published);
    (ring, producer)
}

fn publish(producer: &mut Producer, count: u64) {
    for _ in 0..count {
        let seq = producer.next_seq();
        producer.try_publish(&seq.to_ne_bytes()).unwrap();
    }
}

/// Receives the messages of these sequences, and no other.
fn receives(observer: &mut Observer, seqs: std::ops::Range<u64>) {
    for seq in seqs {
        let Outcome::Message(message) = observer.try_recv().unwrap() else { panic!("{seq} is there") };
        assert_eq!((message.seq(), &message[..]), (seq, &seq.to_ne_bytes()[..]));
    }
    assert!(matches!(observer.try_recv(), Ok(Outcome::Empty)));
    assert_eq!(observer.head(), Ok(observer.next_seq()));
    assert_eq!(observer.received() + observer.lost(), observer.next_seq() - observer.start());
}

#[test]
fn an_observer_of_the_latest_goes_past_no_message_of_a_claimed_batch() {
    for commits in [false, true] {
        let (ring, mut producer) = a_ring(Kind::InPlace, SLOTS);
        // One that meets the batch's first mark, one in its midst, and one that meets the last.
        let mut observers = [0, 3, HALF as u64 - 1]
            .map(|start| (start, ring.observer(Start::At(start), Resume::Latest).unwrap()));
        let mut batch = producer.claim_batch(HALF, 8).unwrap();
        for (start, observer) in &mut observers {
            assert!(matches!(observer.try_recv(), Ok(Outcome::Lagged(lost)) if lost == SLOTS - *start));
            receives(observer, 0..0);
        }
        if commits {
            for mut message in batch.iter_mut() {
                let seq = message.seq();
                message.copy_from_slice(&seq.to_ne_bytes());
            }
            batch.commit().unwrap();
        } else {
            batch.abort();
        }
        publish(&mut producer, 3);
        for (start, observer) in &mut observers {
            receives(observer, SLOTS..producer.next_seq());
            assert_eq!(observer.lost(), SLOTS - *start);
        }
    }
}

#[test]
fn an_observer_of_the_latest_goes_on_behind_what_is_published_of_a_batch() {
    let (ring, mut producer) = a_ring(Kind::InPlace, SLOTS);
    let observer = || ring.observer(Start::Oldest, Resume::Latest).unwrap();
    let mut before = observer();
    let mut observers: Vec<Observer> = (0..HALF).map(|_| observer()).collect();
    for (past, observer) in (0..).zip(&mut observers) {
        for _ in 0..past {
            assert!(observer.try_recv().unwrap().is_message());
        }
    }
    let mut observers = observers.iter_mut();
    let write = |seq: u64, bytes: &mut [u8]| {
        // Head counts none of the batch yet, and the message's slot is marked.
        let observer = observers.next().unwrap();
        assert_eq!(observer.head(), Ok(SLOTS));
        assert!(matches!(observer.try_recv(), Ok(Outcome::Lagged(lost)) if lost == SLOTS));
        assert_eq!(observer.next_seq(), seq);
        // The first message's slot: it is marked at first, then has the next message.
        if seq == SLOTS + 2 {
            assert!(matches!(before.try_recv(), Ok(Outcome::Lagged(lost)) if lost == SLOTS + 1));
        }
        bytes.copy_from_slice(&seq.to_ne_bytes());
    };
    producer.publish_batch_with(HALF, 8, write).unwrap();
    receives(&mut before, SLOTS + 1..SLOTS + HALF as u64);
}

#[test]
fn an_observer_of_the_oldest_loses_what_a_claimed_batch_has_taken_and_no_more() {
    for kind in Kind::ALL {
        for count in 1..=HALF {
            let (ring, mut producer) = a_ring(kind, SLOTS);
            let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
            let batch = producer.claim_batch(count, 8).unwrap();
            // Staged, it takes no slot before its commit.
            let gone = if kind == Kind::InPlace { count as u64 } else { 0 };
            if gone > 0 {
                assert!(matches!(observer.try_recv(), Ok(Outcome::Lagged(lost)) if lost == gone));
            }
            receives(&mut observer, gone..SLOTS);
            batch.abort();
            assert_eq!(observer.lost(), gone);
        }
    }
}

#[test]
fn what_a_claimed_batch_has_taken_is_no_place_to_start_at_or_to_seek() {
    for kind in Kind::ALL {
        for published in [SLOTS - 3, SLOTS, 3 * SLOTS + 1] {
            let (ring, mut producer) = a_ring(kind, published);
            let attach = |start| ring.observer(start, Resume::OldestSafe);
            let mut seeker = attach(Start::Latest).unwrap();
            let batch = producer.claim_batch(HALF, 8).unwrap();
            let taken = if kind == Kind::InPlace { HALF as u64 } else { 0 };
            let oldest = (published + taken).saturating_sub(SLOTS);
            for start in [Start::Oldest, Start::Newest(u64::MAX), Start::At(oldest)] {
                let mut observer = attach(start).unwrap();
                assert_eq!(observer.start(), oldest);
                receives(&mut observer, oldest..published);
            }
            for asked in 0..oldest {
                let Err(AttachError::Overwritten { asked: named, oldest: kept }) = attach(Start::At(asked))
                else {
                    panic!("message {asked} is gone");
                };
                assert_eq!((named, kept), (asked, oldest));
                assert_eq!(seeker.seek(asked), Err(SeekError::Overwritten { asked, oldest }));
            }
            seeker.seek(oldest).unwrap();
            for seq in oldest..published {
                assert!(matches!(seeker.try_recv(), Ok(Outcome::Message(message)) if message.seq() == seq));
            }
            batch.abort();
        }
    }
}
