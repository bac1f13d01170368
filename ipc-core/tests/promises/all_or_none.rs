//! Batches that are published whole, or not at all.

use std::sync::atomic::Ordering::Relaxed;

use ipc_core::{Config, Consumer, Full, MAX_SEQ, Outcome, Producer, PublishError, Ring, Start};

use crate::common::{HEAD, Kind, TestRing};

const SLOTS: u64 = 8;
/// The longest such batch.
const HALF: usize = SLOTS as usize / 2;

fn a_ring(kind: Kind) -> (TestRing, Producer, Consumer) {
    let ring = kind.ring(&Config::new().slots(SLOTS).payload_capacity(8));
    let producer = ring.producer().unwrap();
    let consumer = ring.consumer(Start::Oldest).unwrap();
    (ring, producer, consumer)
}

/// Publishes so many messages, each of which is its sequence.
type Call = fn(&mut Producer, usize) -> Result<(), PublishError>;

const CALLS: [Call; 2] = [
    |producer, count| {
        let next = producer.next_seq();
        let messages: Vec<_> = (next..next + count as u64).map(u64::to_ne_bytes).collect();
        producer.try_publish_all(&messages)
    },
    |producer, count| {
        producer.try_publish_all_with(count, 8, |seq, bytes| bytes.copy_from_slice(&seq.to_ne_bytes()))
    },
];

fn read(consumer: &mut Consumer, count: usize) {
    for _ in 0..count {
        let Outcome::Message(message) = consumer.try_recv().unwrap() else { panic!("it was published") };
        assert_eq!(&message[..], message.seq().to_ne_bytes());
    }
}

#[test]
fn all_messages_of_a_batch_are_published_or_none() {
    for (kind, publish) in Kind::ALL.into_iter().flat_map(|kind| CALLS.map(|call| (kind, call))) {
        let (ring, mut producer, mut consumer) = a_ring(kind);
        let head = || ring.page(HEAD).load(Relaxed);
        publish(&mut producer, 0).unwrap();
        assert_eq!(head(), 0);
        for (count, sum) in [(HALF, 4), (1, 5), (3, 8)] {
            publish(&mut producer, count).unwrap();
            assert_eq!(head(), sum);
        }
        let full = |lag| PublishError::Full(Full::new(0, std::process::id().into(), lag));
        for count in 1..=HALF {
            assert_eq!(publish(&mut producer, count), Err(full(8)));
        }
        read(&mut consumer, 2);
        // There is room, and not enough.
        assert_eq!(publish(&mut producer, 3), Err(full(6)));
        assert_eq!((head(), producer.next_seq()), (8, 8));
        publish(&mut producer, 2).unwrap();
        assert_eq!(publish(&mut producer, 1), Err(full(8)));
        read(&mut consumer, 8);
        assert_eq!(head(), 10);
        assert!(matches!(consumer.try_recv(), Ok(Outcome::Empty)));
    }
}

#[test]
fn more_than_half_the_slots_are_never_published_at_once() {
    for (kind, publish) in Kind::ALL.into_iter().flat_map(|kind| CALLS.map(|call| (kind, call))) {
        let (_ring, mut producer, mut consumer) = a_ring(kind);
        for count in [HALF + 1, 2 * HALF, 100] {
            let refused = PublishError::BatchTooLong { count, max: HALF };
            assert_eq!(publish(&mut producer, count), Err(refused));
        }
        assert!(matches!(consumer.try_recv(), Ok(Outcome::Empty)));
        let too_long = PublishError::TooLong { len: 9, capacity: 8 };
        assert_eq!(producer.try_publish_all(&[&[0; 8][..], &[0; 9]]), Err(too_long));
        assert_eq!(producer.try_publish_all_with(1, 9, |_, _| panic!("it is too long")), Err(too_long));
        assert!(matches!(consumer.try_recv(), Ok(Outcome::Empty)));
    }
}

#[test]
fn no_batch_goes_past_the_last_sequence() {
    for (kind, publish) in Kind::ALL.into_iter().flat_map(|kind| CALLS.map(|call| (kind, call))) {
        for left in 0..HALF {
            let ring = kind.ring(&Config::new().slots(SLOTS).payload_capacity(8));
            ring.page(HEAD).store(MAX_SEQ - left as u64, Relaxed);
            let mut producer = ring.producer().unwrap();
            assert_eq!(publish(&mut producer, left + 1), Err(PublishError::Exhausted));
            assert_eq!(producer.next_seq(), MAX_SEQ - left as u64);
            publish(&mut producer, left).unwrap();
            assert_eq!(producer.next_seq(), MAX_SEQ);
        }
    }
}
