//! What a forked child has of its parent's handles: they touch nothing of the ring.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use ringway_core::{Config, Consumer, Forked, Outcome, Producer, PublishError, RecvError, Ring, Start, Wait};

use crate::common::{EPOCH_STATE, Kind, TestRing, WORD};

/// Enough of them for a consumer to look further than its next message.
const SLOTS: u64 = 256;
/// Enough of them to make a stream.
const BATCH: usize = 16;
/// Bounds a wait for what is there already.
const PATIENCE: Duration = Duration::from_secs(30);

fn a_ring(kind: Kind) -> (TestRing, Producer, Consumer) {
    let ring = kind.ring(&Config::new().slots(SLOTS).payload_capacity(8));
    let mut producer = ring.producer().unwrap();
    let consumer = ring.consumer(Start::Oldest).unwrap();
    for seq in 0..SLOTS / 2 {
        assert_eq!(producer.try_publish(b"message"), Ok(seq));
    }
    (ring, producer, consumer)
}

fn forked<T: std::fmt::Debug>(result: Result<T, RecvError>) {
    assert_eq!(result.expect_err("it was forked"), RecvError::from(Forked));
}

#[test]
fn a_child_receives_nothing_through_its_parents_handle() {
    for kind in Kind::ALL {
        let (ring, _producer, mut consumer) = a_ring(kind);
        consumer.set_wait(Wait::Spin);
        // In a stream, and not.
        for most in [1, BATCH] {
            drop(consumer.recv_batch_timeout(most, PATIENCE).unwrap());
            let next = consumer.next_seq();
            ring.in_a_child(|| {
                forked(consumer.recv_batch_timeout(most, PATIENCE));
                forked(consumer.try_recv_batch(1));
                forked(consumer.recv_batch_timeout(0, PATIENCE));
                forked(consumer.try_recv());
                forked(consumer.recv_timeout(PATIENCE));
                forked(consumer.try_recv_into(&mut [0; 8]));
                forked(consumer.len());
            });
            assert!(matches!(consumer.try_recv(), Ok(Outcome::Message(message)) if message.seq() == next));
        }
    }
}

#[test]
fn a_child_publishes_nothing_through_its_parents_handle() {
    const MESSAGES: [[u8; 8]; 2] = [*b"children"; 2];
    fn written(_: u64, _: &mut [u8]) {
        panic!("there is nothing to write to");
    }
    for kind in Kind::ALL {
        let (ring, mut producer, _consumer) = a_ring(kind);
        ring.in_a_child(|| {
            let forked = Err(PublishError::from(Forked));
            assert_eq!(producer.try_publish(b"child"), forked);
            assert_eq!(producer.publish(b"child"), forked);
            assert_eq!(producer.claim(1).map(|claim| claim.seq()), forked);
            assert_eq!(producer.try_claim(1).map(|claim| claim.seq()), forked);
            let forked = Err(PublishError::from(Forked));
            assert_eq!(producer.try_publish_batch(&MESSAGES), forked);
            assert_eq!(producer.try_publish_batch_with(2, 8, written), forked);
            assert_eq!(producer.publish_batch(&MESSAGES).map_err(|error| error.error), forked.map(drop));
            assert_eq!(
                producer.publish_batch_with(2, 8, written).map_err(|error| error.error),
                forked.map(drop)
            );
            assert_eq!(producer.try_publish_all(&MESSAGES), forked.map(drop));
            assert_eq!(producer.try_publish_all_with(2, 8, written), forked.map(drop));
        });
        assert_eq!(producer.try_publish(b"parent"), Ok(SLOTS / 2));
    }
}

#[test]
fn a_message_or_a_batch_in_hand_is_not_released_by_a_child() {
    for kind in Kind::ALL {
        let (ring, _producer, mut consumer) = a_ring(kind);
        let Outcome::Message(message) = consumer.try_recv().unwrap() else { panic!("it is there") };
        ring.in_a_child(|| drop(message));
        assert_eq!(consumer.next_seq(), 0);
        let Outcome::Message(batch) = consumer.try_recv_batch(3).unwrap() else { panic!("they are there") };
        ring.in_a_child(|| drop(batch));
        assert_eq!(consumer.next_seq(), 0);
        drop(consumer.try_recv_batch(3));
        assert_eq!(consumer.next_seq(), 3);
    }
}

#[test]
fn a_claim_in_hand_is_not_committed_by_a_child() {
    for kind in Kind::ALL {
        let (ring, mut producer, _consumer) = a_ring(kind);
        let claim = producer.claim(1).unwrap();
        ring.in_a_child(|| assert_eq!(claim.commit(), Err(Forked.into())));
        let claim = producer.claim(2).unwrap();
        ring.in_a_child(|| assert_eq!(claim.commit_len(1), Err(Forked.into())));
        assert_eq!(producer.try_publish(b"parent"), Ok(SLOTS / 2));
    }
}

#[test]
fn roles_do_not_end_with_a_child_that_drops_their_handles() {
    for kind in Kind::ALL {
        let (ring, mut producer, consumer) = a_ring(kind);
        producer.close_on_drop(true);
        let words = || [ring.page(EPOCH_STATE), ring.cell(0, WORD)].map(|word| word.load(Relaxed));
        let before = words();
        ring.in_a_child(|| drop((producer, consumer)));
        assert_eq!(words(), before);
    }
}
