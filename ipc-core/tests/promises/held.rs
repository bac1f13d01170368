//! Several messages held at once, batches released in part, and loops over messages.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use ringway_core::{
    Config, Consumer, Interruption, Observer, Outcome, Producer, PublishError, RecvError, Resume, Ring,
    Start, Wait,
};

use crate::common::{Kind, TestRing};

const SLOTS: u64 = 8;
const PATIENCE: Duration = Duration::from_secs(30);

fn a_ring(kind: Kind) -> (TestRing, Producer, Consumer) {
    let ring = kind.ring(&Config::new().slots(SLOTS).payload_capacity(16));
    let producer = ring.producer().expect("no other producer");
    let consumer = ring.consumer(Start::Oldest).expect("a free cell");
    (ring, producer, consumer)
}

fn publish(producer: &mut Producer, count: u64) {
    for _ in 0..count {
        let seq = producer.next_seq();
        producer.try_publish_tagged(&seq.to_ne_bytes(), seq as u32).expect("room");
    }
}

/// Peeks at the next message, which is `seq`.
fn peek(consumer: &Consumer, seq: u64) {
    let message = consumer.peek().unwrap().into_message().expect("it was published");
    assert_eq!((message.seq(), message.tag(), &*message), (seq, seq as u32, &seq.to_ne_bytes()[..]));
}

fn not_peeked<T: std::fmt::Debug>(result: Result<T, RecvError>, expected: (u64, u64, u64)) {
    match result.expect_err("it isn't held") {
        RecvError::NotPeeked { asked, oldest, next } => assert_eq!((asked, oldest, next), expected),
        other => panic!("{other}"),
    }
}

#[test]
fn messages_are_held_together_and_released_in_order() {
    for kind in Kind::ALL {
        let (_ring, mut producer, mut consumer) = a_ring(kind);
        for lap in 0..3 {
            let first = lap * SLOTS;
            publish(&mut producer, SLOTS);
            {
                let held: Vec<_> =
                    (0..SLOTS).map(|_| consumer.peek().unwrap().into_message().expect("one")).collect();
                for (message, seq) in held.iter().zip(first..) {
                    assert_eq!((message.seq(), &**message), (seq, &seq.to_ne_bytes()[..]));
                }
                assert!(consumer.peek().unwrap().is_empty(), "it has them all");
                assert_eq!(consumer.next_seq(), first, "peeking releases nothing");
                assert!(matches!(producer.try_publish(b"no room"), Err(PublishError::Full(_))));
            }
            consumer.release_through(first + 2).unwrap();
            assert_eq!(consumer.next_seq(), first + 3);
            assert_eq!(producer.count_room().unwrap(), 3, "what is released, and no more");
            assert_eq!(&*consumer.peeked(first + 3).unwrap(), (first + 3).to_ne_bytes());
            consumer.release_through(first + SLOTS - 1).unwrap();
        }
    }
}

#[test]
fn what_is_not_held_is_not_released() {
    for kind in Kind::ALL {
        let (_ring, mut producer, mut consumer) = a_ring(kind);
        publish(&mut producer, 4);
        not_peeked(consumer.release_through(0), (0, 0, 0));
        peek(&consumer, 0);
        peek(&consumer, 1);
        not_peeked(consumer.release_through(2), (2, 0, 2));
        not_peeked(consumer.peeked(2), (2, 0, 2));
        not_peeked(consumer.release_through(u64::MAX), (u64::MAX, 0, 2));
        consumer.release_through(0).unwrap();
        not_peeked(consumer.release_through(0), (0, 1, 2));
        not_peeked(consumer.peeked(0), (0, 1, 2));
        assert_eq!(consumer.next_seq(), 1);
    }
}

#[test]
fn receiving_begins_at_the_oldest_that_is_not_released() {
    for kind in Kind::ALL {
        let (_ring, mut producer, mut consumer) = a_ring(kind);
        publish(&mut producer, 5);
        peek(&consumer, 0);
        peek(&consumer, 1);
        assert_eq!(consumer.try_recv().unwrap().into_message().expect("the first").seq(), 0);
        assert_eq!(consumer.peeked(1).unwrap().seq(), 1);
        // Those that were peeked at, and one more.
        assert_eq!(consumer.try_recv_batch(2).unwrap().into_message().expect("two").len(), 2);
        not_peeked(consumer.peeked(1), (1, 3, 3));
        peek(&consumer, 3);
        peek(&consumer, 4);
        consumer.release_through(4).unwrap();
        assert_eq!(producer.count_room().unwrap(), SLOTS);
        assert!(consumer.peek().unwrap().is_empty());
        producer.close().unwrap();
        assert!(consumer.peek().unwrap().is_closed());
    }
}

#[test]
fn a_copy_that_was_peeked_at_stays_as_it_is() {
    let (ring, mut producer, mut consumer) = a_ring(Kind::Copied);
    publish(&mut producer, 3);
    let first = consumer.peek().unwrap().into_message().expect("one");
    // Its slot's length, and all it says of the message, by another process.
    ring.slot(0)[1].store(u64::MAX, Relaxed);
    // Those after it need buffers, too.
    peek(&consumer, 1);
    peek(&consumer, 2);
    assert_eq!(&*first, 0_u64.to_ne_bytes());
    assert_eq!(&*consumer.peeked(0).unwrap(), 0_u64.to_ne_bytes());
    consumer.release_through(1).unwrap();
    assert_eq!(&*consumer.peeked(2).unwrap(), 2_u64.to_ne_bytes());
}

#[test]
fn a_damaged_message_cannot_be_peeked_at() {
    for kind in Kind::ALL {
        let (ring, mut producer, consumer) = a_ring(kind);
        publish(&mut producer, 2);
        peek(&consumer, 0);
        ring.slot(1)[1].store(17, Relaxed);
        assert!(matches!(consumer.peek(), Err(RecvError::Damaged(_))));
        assert_eq!(consumer.next_seq(), 0);
    }
}

#[test]
fn a_held_message_whose_stamp_is_gone_is_damaged() {
    let (ring, mut producer, consumer) = a_ring(Kind::InPlace);
    publish(&mut producer, 1);
    peek(&consumer, 0);
    ring.slot(0)[0].store(0, Relaxed);
    assert!(matches!(consumer.peeked(0), Err(RecvError::Damaged(damaged)) if damaged.what == "stamp"));
}

#[test]
fn a_batch_released_in_part_leaves_the_rest_for_the_next_call() {
    for kind in Kind::ALL {
        let (_ring, mut producer, mut consumer) = a_ring(kind);
        publish(&mut producer, 5);
        let batch = consumer.try_recv_batch(5).unwrap().into_message().expect("five");
        let seqs: Vec<u64> = (0..6).filter_map(|i| Some(batch.get(i)?.seq())).collect();
        assert_eq!(seqs, [0, 1, 2, 3, 4]);
        assert_eq!(&*batch.get(3).expect("the fourth"), 3_u64.to_ne_bytes());
        batch.release_first(2);
        assert_eq!((consumer.next_seq(), producer.count_room().unwrap()), (2, SLOTS - 3));
        let rest = consumer.try_recv_batch(5).unwrap().into_message().expect("three");
        assert_eq!(rest.iter().map(|message| message.seq()).collect::<Vec<_>>(), [2, 3, 4]);
        // More than there are.
        rest.release_first(9);
        assert_eq!(consumer.next_seq(), 5);
        publish(&mut producer, 1);
        consumer.try_recv_batch(1).unwrap().into_message().expect("one").release_first(0);
        assert_eq!(consumer.next_seq(), 5);
    }
}

fn observer(ring: &TestRing) -> Observer {
    ring.observer(Start::Oldest, Resume::OldestSafe).expect("an observer")
}

#[test]
fn a_loop_tells_of_what_comes_between_and_ends_where_the_ring_is_closed() {
    for kind in Kind::ALL {
        let (ring, mut first, mut consumer) = a_ring(kind);
        let mut observer = observer(&ring);
        publish(&mut first, 2);
        drop(first);
        ring.free_producer();
        let read = |message: Option<u64>| message.expect("not closed");
        for seq in 0..2 {
            assert_eq!(read(consumer.next_message().unwrap().map(|message| message.seq())), seq);
            assert_eq!(read(observer.next_message().unwrap().map(|message| message.seq())), seq);
        }
        let lost = Interruption::ProducerLost;
        assert_eq!(consumer.next_message().err(), Some(lost));
        assert_eq!(observer.next_message().err(), Some(lost));
        let mut second = ring.producer().expect("the first is gone");
        publish(&mut second, 1);
        second.close().unwrap();
        for reader in [&mut consumer.iter() as &mut dyn Iterator<Item = _>, &mut observer.iter()] {
            let message = reader.next().expect("not closed").unwrap();
            assert_eq!((message.seq, message.tag, &*message), (2, 2, &2_u64.to_ne_bytes()[..]));
            let changed = Interruption::EpochChanged { epoch: 2, first_seq: 2 };
            assert_eq!(reader.next(), Some(Err(changed)));
            assert_eq!(reader.next(), None);
        }
        assert!(consumer.next_message().unwrap().is_none());
    }
}

#[test]
fn a_draining_loop_ends_where_nothing_is_there() {
    for kind in Kind::ALL {
        let (ring, mut producer, mut consumer) = a_ring(kind);
        let mut observer = observer(&ring);
        publish(&mut producer, 3);
        let seqs = |message: Result<ringway_core::OwnedMessage, Interruption>| message.unwrap().seq;
        assert_eq!(consumer.try_iter().map(seqs).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(observer.try_iter().map(seqs).collect::<Vec<_>>(), [0, 1, 2]);
        publish(&mut producer, SLOTS);
        assert_eq!(consumer.try_iter().map(seqs).collect::<Vec<_>>().len() as u64, SLOTS);
        publish(&mut producer, 1);
        // The observer lost one, and says so between the others.
        assert_eq!(observer.try_iter().next(), Some(Err(Interruption::Lagged(1))));
        assert_eq!(observer.try_iter().map(seqs).collect::<Vec<_>>().len() as u64, SLOTS);
        assert!(matches!(consumer.try_recv().unwrap(), Outcome::Message(_)));
    }
}

#[test]
fn a_consumer_that_holds_messages_waits_for_one_more() {
    for kind in Kind::ALL {
        for wait in [Wait::Spin, Wait::Yield, Wait::Park] {
            let (_ring, mut producer, mut consumer) = a_ring(kind);
            consumer.set_wait(wait);
            publish(&mut producer, 1);
            peek(&consumer, 0);
            assert!(consumer.peek_timeout(Duration::from_micros(1)).unwrap().is_timed_out());
            std::thread::scope(|scope| {
                scope.spawn(|| publish(&mut producer, 1));
                let one_more = consumer.peek_timeout(PATIENCE).unwrap().into_message().expect("it comes");
                assert_eq!((one_more.seq(), &*one_more), (1, &1_u64.to_ne_bytes()[..]));
            });
            assert_eq!(consumer.next_seq(), 0, "nothing is released");
            publish(&mut producer, SLOTS - 2);
            for seq in 2..SLOTS {
                peek(&consumer, seq);
            }
            assert!(consumer.peek_timeout(PATIENCE).unwrap().is_empty(), "at once: none can come");
            consumer.release_through(0).unwrap();
            producer.close().unwrap();
            assert!(consumer.peek_timeout(PATIENCE).unwrap().is_closed());
        }
    }
}

#[test]
fn a_copy_that_is_read_too_late_is_another_message_s_and_its_memory_is_there() {
    let (_ring, mut producer, mut consumer) = a_ring(Kind::Copied);
    publish(&mut producer, 3);
    let first = consumer.peek().unwrap().into_message().expect("one").as_ptr().addr();
    consumer.release_through(0).unwrap();
    assert_eq!(consumer.peek().unwrap().into_message().expect("two").as_ptr().addr(), first);
    assert_ne!(consumer.peek().unwrap().into_message().expect("three").as_ptr().addr(), first);
    assert_eq!(&*consumer.peeked(1).unwrap(), 1_u64.to_ne_bytes());
}
