//! Batches that are published whole, or not at all.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use ringway_core::{Config, Consumer, MAX_SEQ, Outcome, Producer, PublishError, Ring, Start, Wait};

use crate::common::{BLOCKED_ON, HEAD, Kind, LOOK, TestRing, WAKE_AT};
use crate::said;

const SLOTS: u64 = 8;
/// Bounds a hang.
const PATIENCE: Duration = Duration::from_secs(30);
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
        let full = |lag| PublishError::Full(said::full(0, lag));
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
fn a_batch_of_all_or_none_waits_until_there_is_room_for_all() {
    for kind in Kind::ALL {
        for wait in [Wait::Spin, Wait::Yield, Wait::Park] {
            let (ring, mut producer, mut consumer) = a_ring(kind);
            let head = || ring.page(HEAD).load(Relaxed);
            let numbered = |first: u64| (first..first + 4).map(u64::to_ne_bytes).collect::<Vec<_>>();
            let write = |seq: u64, bytes: &mut [u8]| bytes.copy_from_slice(&seq.to_ne_bytes());
            producer.set_wait(wait);
            producer.publish_all(&numbered(0)).unwrap();
            producer.publish_batch(&numbered(4)[..2]).unwrap();
            // There is room for two.
            let late = PublishError::TimedOut(said::full(0, 6));
            for time in [Duration::ZERO, Duration::from_nanos(1), Duration::from_millis(1)] {
                assert_eq!(producer.publish_all_timeout(&numbered(6), time), Err(late));
                let deadline = Instant::now() + time;
                assert_eq!(producer.publish_all_deadline(&numbered(6), deadline), Err(late));
                assert_eq!(producer.publish_all_with_timeout(4, 8, time, write), Err(late));
                assert_eq!(producer.publish_all_with_deadline(4, 8, deadline, write), Err(late));
            }
            assert_eq!((head(), producer.next_seq()), (6, 6));
            thread::scope(|scope| {
                let reader = scope.spawn(move || {
                    let mut read_one = || {
                        let outcome = consumer.recv_timeout(PATIENCE).unwrap();
                        let Outcome::Message(message) = outcome else { panic!("it was published") };
                        assert_eq!(&message[..], message.seq().to_ne_bytes());
                    };
                    (0..14).for_each(|_| read_one());
                });
                producer.publish_all_timeout(&numbered(6), PATIENCE).unwrap();
                producer.publish_all_with_timeout(4, 8, PATIENCE, write).unwrap();
                reader.join().unwrap();
            });
            assert_eq!(head(), 14);
        }
    }
}

#[test]
fn a_producer_that_waits_for_room_for_several_messages_says_how_much_it_needs() {
    for read_before in [0, 1, 3] {
        let (ring, mut producer, mut consumer) = a_ring(Kind::Copied);
        producer.publish_batch(&[[0; 8]; 6]).unwrap();
        (0..read_before).for_each(|_| drop(consumer.try_recv()));
        producer.try_publish_batch(&[[0; 8]; 8]).unwrap();
        let next = producer.next_seq();
        let found = Arc::new(Mutex::new(0));
        let noted = found.clone();
        // The consumer dies once the producer says what it waits for.
        ring.when_asked(move |ring| {
            if ring.page(BLOCKED_ON).load(Relaxed) & !LOOK != 0 {
                *noted.lock().unwrap() = ring.page(WAKE_AT).load(Relaxed);
                ring.free_cell(0);
            }
        });
        producer.publish_all_timeout(&[[0; 8]; HALF], PATIENCE).unwrap();
        assert_eq!(*found.lock().unwrap(), next + HALF as u64 - SLOTS);
        drop(consumer);
    }
    // It needs less of a ring that isn't full: no sequence is below 0.
    let (ring, mut producer, consumer) = a_ring(Kind::Copied);
    producer.publish_batch(&[[0; 8]; 5]).unwrap();
    let found = Arc::new(Mutex::new(0));
    let noted = found.clone();
    ring.when_asked(move |ring| {
        if ring.page(BLOCKED_ON).load(Relaxed) & !LOOK != 0 {
            *noted.lock().unwrap() = ring.page(WAKE_AT).load(Relaxed);
            ring.free_cell(0);
        }
    });
    producer.publish_all_timeout(&[[0; 8]; HALF], PATIENCE).unwrap();
    assert_eq!(*found.lock().unwrap(), 1);
    drop(consumer);
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
