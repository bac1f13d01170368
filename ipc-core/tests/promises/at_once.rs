//! The short ways of the calls that pass messages: they do what the calls do, or nothing.

use ringway_core::{Config, Consumer, Outcome, Producer, Ring, Start, at_once};

use crate::common::{Kind, TestRing};

const SLOTS: u64 = 8;
const CAPACITY: usize = 200;

fn a_ring(kind: Kind) -> (TestRing, Producer, Consumer) {
    let ring = kind.ring(&Config::new().slots(SLOTS).payload_capacity(CAPACITY as u64));
    let producer = ring.producer().expect("no other producer");
    let consumer = ring.consumer(Start::Oldest).expect("a free cell");
    (ring, producer, consumer)
}

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 5 + len) as u8).collect()
}

#[test]
fn what_is_published_at_once_comes_as_if_by_the_call() {
    for kind in Kind::ALL {
        let (_ring, mut producer, mut consumer) = a_ring(kind);
        // Room isn't known of at first.
        assert!(at_once::publish(&mut producer, b"first", 1).is_none());
        producer.try_publish_tagged(b"first", 1).unwrap();
        assert!(consumer.try_recv().unwrap().is_message());
        for len in (0..=CAPACITY).chain([CAPACITY + 1]) {
            let (message, seq) = (bytes(len), producer.next_seq());
            let published = if at_once::fits_short(&producer, len) {
                assert!((8..=64).contains(&len));
                at_once::publish_short(&mut producer, &message, len as u32)
            } else {
                at_once::publish(&mut producer, &message, len as u32)
            };
            assert_eq!(at_once::fits(&producer, len), len <= CAPACITY);
            if len > CAPACITY {
                assert!(published.is_none());
                continue;
            }
            // The room that is known of ends now and then.
            match published {
                Some(published) => assert_eq!(published.seq, seq),
                None => assert_eq!(producer.try_publish_tagged(&message, len as u32), Ok(seq)),
            }
            let Outcome::Message(received) = consumer.try_recv().unwrap() else { panic!("it was published") };
            assert_eq!((received.seq(), received.tag(), &received[..]), (seq, len as u32, &message[..]));
        }
    }
}

#[test]
fn what_is_peeked_at_at_once_is_held_and_released_as_by_the_calls() {
    for kind in Kind::ALL {
        let (_ring, mut producer, mut consumer) = a_ring(kind);
        assert!(at_once::peek(&consumer).is_none());
        assert!(at_once::peek_briefly(&consumer).is_none());
        for lap in 0..3 {
            let first = lap * 3;
            for len in [48, 63, 8] {
                producer.publish_tagged(&bytes(len), len as u32).unwrap();
            }
            {
                let one = at_once::peek(&consumer).expect("a short message");
                assert_eq!((one.seq(), one.tag(), &one[..]), (first, 48, &bytes(48)[..]));
                assert!(at_once::peek(&consumer).is_none(), "one is held");
                assert!(at_once::peek_briefly(&consumer).is_none(), "one is held");
                assert_eq!(at_once::next_to_peek(&consumer), first + 1);
                let Outcome::Message(two) = consumer.peek().unwrap() else { panic!("it was published") };
                assert_eq!((two.seq(), &two[..]), (first + 1, &bytes(63)[..]));
                assert_eq!(&one[..], bytes(48), "peeking further leaves it alone");
            }
            assert_eq!(&consumer.peeked(first).unwrap()[..], bytes(48));
            assert_eq!(at_once::release(&mut consumer, first + 1), None, "it isn't the oldest");
            assert_eq!(at_once::release(&mut consumer, first + (1 << 63)), None, "it can't be");
            assert_eq!(consumer.next_seq(), first, "nothing was released");
            consumer.release_through(first + 1).unwrap();
            assert_eq!(&at_once::peek_briefly(&consumer).expect("it was published")[..], bytes(8));
            assert_eq!(at_once::release(&mut consumer, first + 2), Some(false), "nobody waits");
            assert_eq!(at_once::release(&mut consumer, first + 2), None, "it was released");
            assert_eq!(consumer.next_seq(), first + 3);
        }
    }
}

#[test]
fn a_copy_stays_while_the_ring_is_written_anew() {
    let (_ring, mut producer, mut consumer) = a_ring(Kind::Copied);
    producer.publish(&bytes(48)).unwrap();
    {
        let message = at_once::peek(&consumer).expect("a short message");
        assert_eq!(&message[..], bytes(48));
    }
    // Receiving passes what was peeked at, and the next copy takes its place.
    assert!(consumer.try_recv().unwrap().is_message());
    assert!(consumer.peeked(0).is_err());
    producer.publish(&bytes(16)).unwrap();
    assert_eq!(&at_once::peek(&consumer).expect("a short message")[..], bytes(16));
    assert_eq!(&consumer.peeked(1).unwrap()[..], bytes(16));
}
