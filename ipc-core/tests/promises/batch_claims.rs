//! Batches that are claimed, written in place, and published together or not at all.

use std::sync::atomic::Ordering::Relaxed;

use ringway_core::{Config, Consumer, Outcome, Producer, PublishError, Resume, Ring, Start};

use crate::common::{HEAD, Kind, TestRing};
use crate::said::full;

const SLOTS: u64 = 8;
const HALF: usize = SLOTS as usize / 2;

fn a_ring(kind: Kind) -> (TestRing, Producer, Consumer) {
    let ring = kind.ring(&Config::new().slots(SLOTS).payload_capacity(20));
    let producer = ring.producer().unwrap();
    let consumer = ring.consumer(Start::Oldest).unwrap();
    (ring, producer, consumer)
}

fn read(consumer: &mut Consumer) -> (u64, u32, Vec<u8>) {
    let Outcome::Message(message) = consumer.try_recv().unwrap() else { panic!("it was committed") };
    (message.seq(), message.tag(), message.to_vec())
}

fn is_empty(consumer: &mut Consumer) -> bool {
    matches!(consumer.try_recv(), Ok(Outcome::Empty))
}

#[test]
fn no_message_of_a_claimed_batch_is_there_before_its_commit_and_all_are_after_it() {
    for kind in Kind::ALL {
        let (ring, mut producer, mut consumer) = a_ring(kind);
        for round in 0..5 {
            let first = round * HALF as u64;
            let mut batch = producer.claim_batch(HALF, 20).unwrap();
            assert_eq!((batch.len(), batch.is_empty(), batch.seqs()), (HALF, false, first..first + 4));
            assert_eq!(batch.iter_mut().len(), HALF);
            for (mut message, seq) in batch.iter_mut().zip(first..) {
                assert_eq!((message.seq(), message.len()), (seq, 20));
                message.fill(seq as u8);
                assert_eq!(ring.holds(&message), kind == Kind::InPlace);
            }
            // In any order, more than once, each with a length and a tag of its own.
            let mut third = batch.message(2);
            assert_eq!(&third[..], [first as u8 + 2; 20]);
            third[..5].copy_from_slice(b"third");
            third.set_len(20).unwrap();
            third.set_len(5).unwrap();
            assert_eq!(third.set_len(21), Err(PublishError::BeyondClaim { len: 21, claimed: 20 }));
            let mut second = batch.message(1);
            second.set_tag(7);
            second.set_len(0).unwrap();
            assert!(is_empty(&mut consumer) && consumer.len() == Ok(0));
            assert_eq!(ring.page(HEAD).load(Relaxed), first);
            assert_eq!(batch.commit(), Ok(first..first + 4));
            assert_eq!((ring.page(HEAD).load(Relaxed), producer.next_seq()), (first + 4, first + 4));
            assert_eq!(read(&mut consumer), (first, 0, vec![first as u8; 20]));
            assert_eq!(read(&mut consumer), (first + 1, 7, vec![]));
            assert_eq!(read(&mut consumer), (first + 2, 0, b"third".to_vec()));
            assert_eq!(read(&mut consumer), (first + 3, 0, vec![first as u8 + 3; 20]));
            assert!(is_empty(&mut consumer));
        }
    }
}

#[test]
fn a_batch_that_is_given_up_leaves_its_sequences_to_the_next_messages() {
    for kind in Kind::ALL {
        let (ring, mut producer, mut consumer) = a_ring(kind);
        let mut watcher = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
        for round in 0..3 {
            let mut batch = producer.claim_batch(HALF, 8).unwrap();
            batch.iter_mut().for_each(|mut message| message.fill(0xEE));
            if round % 2 == 0 {
                batch.abort()
            } else {
                drop(batch)
            }
            assert!(is_empty(&mut consumer) && matches!(watcher.try_recv(), Ok(Outcome::Empty)));
            producer.try_publish(b"one").unwrap();
            assert_eq!(read(&mut consumer), (round, 0, b"one".to_vec()));
            assert!(is_empty(&mut consumer), "what was given up was published");
            assert!(matches!(watcher.try_recv(), Ok(Outcome::Message(_))));
        }
        // The first ones of a batch alone.
        let mut batch = producer.claim_batch(HALF, 3).unwrap();
        batch.iter_mut().for_each(|mut message| message.copy_from_slice(b"two"));
        batch.truncate(100);
        batch.truncate(2);
        assert_eq!(batch.commit(), Ok(3..5));
        assert_eq!(read(&mut consumer), (3, 0, b"two".to_vec()));
        assert_eq!(read(&mut consumer), (4, 0, b"two".to_vec()));
        assert!(is_empty(&mut consumer));
        // A successor goes on where the last commit came to.
        drop(producer.claim_batch(HALF, 3).unwrap());
        drop(producer);
        assert_eq!(ring.producer().unwrap().next_seq(), 5);
    }
}

#[test]
fn a_batch_is_claimed_whole_or_refused() {
    for kind in Kind::ALL {
        let (ring, mut producer, mut consumer) = a_ring(kind);
        let too_long = PublishError::BatchTooLong { count: HALF + 1, max: HALF };
        assert_eq!(producer.try_claim_batch(HALF + 1, 8).err(), Some(too_long));
        let too_long = PublishError::TooLong { len: 21, capacity: 20 };
        assert_eq!(producer.try_claim_batch(1, 21).err(), Some(too_long));
        for _ in 0..6 {
            producer.try_publish(b"message").unwrap();
        }
        let full = full(0, 6);
        assert_eq!(producer.try_claim_batch(3, 8).err(), Some(full.into()));
        let moment = std::time::Duration::from_nanos(1);
        let late = Some(PublishError::TimedOut(full));
        assert_eq!(producer.claim_batch_timeout(3, 8, moment).err(), late);
        assert_eq!(producer.claim_batch_deadline(3, 8, std::time::Instant::now()).err(), late);
        assert_eq!(producer.claim_batch(2, 0).unwrap().commit(), Ok(6..8));
        let none = producer.try_claim_batch(0, 8).unwrap();
        assert_eq!((none.len(), none.is_empty(), none.commit()), (0, true, Ok(8..8)));
        assert_eq!(ring.page(HEAD).load(Relaxed), 8);
        for seq in 0..8 {
            assert_eq!(read(&mut consumer).0, seq);
        }
        assert!(is_empty(&mut consumer));
        // In a forked child nothing is committed.
        let batch = producer.try_claim_batch(1, 0).unwrap();
        ring.in_a_child(|| assert_eq!(batch.commit(), Err(ringway_core::Forked.into())));
        assert!(is_empty(&mut consumer));
    }
}
