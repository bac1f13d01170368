//! Several messages at once, on either side.

use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use ringway_core::{Batch, BatchError, Config, Consumer, Outcome, Producer, PublishError, Ring, Start, Wait};

use crate::common::{Kind, TestRing};
use crate::said::full;

const SLOTS: u64 = 128;
/// Enough of them to make a stream.
const BATCH: usize = 16;
/// Bounds a wait for what is there already.
const PATIENCE: Duration = Duration::from_secs(30);

fn a_ring(kind: Kind) -> (TestRing, Producer, Consumer) {
    let ring = kind.ring(&Config::new().slots(SLOTS).payload_capacity(8));
    let producer = ring.producer().expect("no other producer");
    let consumer = ring.consumer(Start::Oldest).expect("a free cell");
    (ring, producer, consumer)
}

fn publish(producer: &mut Producer, count: u64) {
    for _ in 0..count {
        producer.try_publish(&producer.next_seq().to_ne_bytes()).expect("room");
    }
}

fn batch(consumer: &mut Consumer, max: usize) -> Batch<'_> {
    consumer.set_wait(Wait::Spin);
    let outcome = consumer.recv_batch_timeout(max, PATIENCE).expect("a sound ring");
    outcome.into_message().expect("messages")
}

fn check(batch: &Batch<'_>, first: u64, count: u64) {
    let found: Vec<u64> = batch.iter().map(|message| message.seq()).collect();
    assert_eq!(found, (first..first + count).collect::<Vec<_>>());
    assert_eq!((batch.len() as u64, batch.is_empty()), (count, count == 0));
    for message in batch {
        assert_eq!(*message, message.seq().to_ne_bytes());
    }
}

#[test]
fn a_batch_in_a_stream_has_what_is_there_and_no_more() {
    for kind in Kind::ALL {
        let (_ring, mut producer, mut consumer) = a_ring(kind);
        // So few, so many as make sure of the next batch, and one less.
        for there in [3, 2 * BATCH as u64 - 1, 2 * BATCH as u64, 1] {
            publish(&mut producer, BATCH as u64);
            check(&batch(&mut consumer, BATCH), consumer_next(&producer, BATCH as u64), BATCH as u64);
            publish(&mut producer, there);
            let first = consumer.next_seq();
            let count = there.min(BATCH as u64);
            // Dropped before it is read: what isn't there isn't released.
            assert_eq!(batch(&mut consumer, BATCH).len() as u64, count);
            assert_eq!(consumer.next_seq(), first + count);
            for _ in 0..there - count {
                let Outcome::Message(message) = consumer.try_recv().unwrap() else { panic!("it is there") };
                assert_eq!(*message, message.seq().to_ne_bytes());
            }
        }
    }
}

fn consumer_next(producer: &Producer, unread: u64) -> u64 {
    producer.next_seq() - unread
}

#[test]
fn a_stream_whose_next_batch_is_there_is_read_in_order() {
    for kind in Kind::ALL {
        let (_ring, mut producer, mut consumer) = a_ring(kind);
        for _ in 0..4 {
            publish(&mut producer, 5 * BATCH as u64);
            for _ in 0..5 {
                let first = consumer.next_seq();
                check(&batch(&mut consumer, BATCH), first, BATCH as u64);
            }
            assert!(matches!(consumer.try_recv_batch(BATCH), Ok(Outcome::Empty)));
        }
    }
}

#[test]
fn several_batches_that_are_published_at_once_arrive() {
    for kind in Kind::ALL {
        let (ring, mut producer, mut consumer) = a_ring(kind);
        producer.set_wait(Wait::Spin);
        let moment = Duration::from_nanos(1);
        let messages: Vec<_> = (0..SLOTS + 3).map(u64::to_ne_bytes).collect();
        let error = producer.publish_batch_timeout(&messages, moment).unwrap_err();
        let full = full(0, SLOTS);
        assert_eq!(error, BatchError::new(SLOTS as usize, PublishError::TimedOut(full)));
        check(&batch(&mut consumer, SLOTS as usize), 0, SLOTS);
        // More was asked for than a batch can have.
        publish(&mut producer, SLOTS);
        check(&batch(&mut consumer, usize::MAX), SLOTS, SLOTS);

        let write = |seq: u64, bytes: &mut [u8]| bytes.copy_from_slice(&seq.to_ne_bytes());
        let error = producer.publish_batch_with_timeout(messages.len(), 8, moment, write).unwrap_err();
        assert_eq!(error, BatchError::new(SLOTS as usize, PublishError::TimedOut(full)));
        check(&batch(&mut consumer, SLOTS as usize), 2 * SLOTS, SLOTS);
        assert_eq!(producer.try_publish_batch_with(3, 8, write), Ok(3));
        check(&batch(&mut consumer, 100), 3 * SLOTS, 3);
        assert_eq!(producer.try_publish_batch_with(0, 8, write), Ok(0));
        assert_eq!(producer.publish_batch_with(0, 8, write), Ok(()));
        let too_long = PublishError::TooLong { len: 9, capacity: 8 };
        assert_eq!(producer.try_publish_batch_with(1, 9, write), Err(too_long));
        assert_eq!(producer.publish_batch(&[[0; 9]]), Err(BatchError::new(0, too_long)));
        // A deadline that is past: what there is room for at once.
        let (first, past) = (3 * SLOTS + 3, Instant::now());
        let messages: Vec<_> = (first..first + SLOTS + 3).map(u64::to_ne_bytes).collect();
        let late = BatchError::new(SLOTS as usize, PublishError::TimedOut(full));
        assert_eq!(producer.publish_batch_deadline(&messages, past), Err(late));
        check(&batch(&mut consumer, SLOTS as usize), first, SLOTS);
        assert_eq!(producer.publish_batch_with_deadline(messages.len(), 8, past, write), Err(late));
        check(&batch(&mut consumer, SLOTS as usize), first + SLOTS, SLOTS);
        let observed = ring.observer(Start::Latest, Default::default()).unwrap();
        assert_eq!((observed.head(), producer.next_seq()), (Ok(5 * SLOTS + 3), 5 * SLOTS + 3));
    }
}

#[test]
fn more_than_a_ring_has_can_be_asked_for_in_a_stream() {
    for kind in Kind::ALL {
        let (_ring, mut producer, mut consumer) = a_ring(kind);
        for most in [SLOTS as usize / 8 + 1, SLOTS as usize, usize::MAX / 2, usize::MAX] {
            publish(&mut producer, BATCH as u64);
            drop(batch(&mut consumer, BATCH));
            publish(&mut producer, 3);
            let first = consumer.next_seq();
            // Dropped before it is read: what isn't there isn't released.
            assert_eq!(batch(&mut consumer, most).len(), 3);
            assert_eq!(consumer.next_seq(), first + 3);
        }
    }
}

#[test]
fn a_stream_of_long_messages_has_what_is_there_and_no_more() {
    // Of slots of 8 KiB a reader waits for 4, whatever it asks for: they say nothing of those after them.
    for kind in Kind::ALL {
        let ring = kind.ring(&Config::new().slots(128).payload_capacity(8000));
        let mut producer = ring.producer().unwrap();
        let mut consumer = ring.consumer(Start::Oldest).unwrap();
        let message = [7; 8000];
        for (there, asked, got) in [(16, 16, 16), (4, 16, 4), (5, 16, 5)] {
            (0..there).for_each(|_| assert!(producer.try_publish(&message).is_ok()));
            assert_eq!(batch(&mut consumer, asked).len(), got);
        }
    }
}

#[test]
fn a_batch_says_how_many_are_left() {
    for kind in Kind::ALL {
        let (_ring, mut producer, mut consumer) = a_ring(kind);
        publish(&mut producer, 3);
        let batch = batch(&mut consumer, 5);
        let mut messages = batch.iter();
        // A peer's damage may end it at any message.
        for left in [3, 2, 1] {
            assert_eq!(messages.size_hint(), (0, Some(left)));
            assert!(messages.next().is_some());
        }
        assert_eq!(messages.size_hint(), (0, Some(0)));
        assert!(messages.next().is_none() && messages.next().is_none());
    }
}

#[test]
fn damage_under_a_batch_ends_one_that_is_read_in_place_and_not_a_copy() {
    for (kind, sound) in Kind::ALL.into_iter().flat_map(|kind| [0, 1, 2].map(|sound| (kind, sound))) {
        let (ring, mut producer, mut consumer) = a_ring(kind);
        publish(&mut producer, 3);
        let count = if kind == Kind::InPlace { sound } else { 3 };
        {
            let batch = batch(&mut consumer, 5);
            let mut beside = batch.iter();
            assert!(beside.next().is_some());
            // As if it were still being written.
            ring.slot(sound)[0].fetch_sub(1, Relaxed);
            check(&batch, 0, count);
            let left = count.saturating_sub(1) as usize;
            assert_eq!((beside.size_hint(), beside.count()), ((0, Some(left)), left));
        }
        assert_eq!(consumer.next_seq(), count, "what wasn't there was released");
    }
}

#[test]
fn debugging_output_names_what_there_is() {
    for kind in Kind::ALL {
        let (_ring, mut producer, mut consumer) = a_ring(kind);
        publish(&mut producer, 3);
        let text = format!("{consumer:?}");
        assert!(text.contains("Cursor {") && text.contains("Peeked {"), "{text}");
        let batch = batch(&mut consumer, 2);
        assert!(format!("{batch:?}").starts_with("Batch {"));
        assert!(format!("{:?}", batch.iter()).starts_with("BatchIter {"));
    }
}
