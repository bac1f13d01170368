//! A consumer that lets messages come before it reads on gets each of them, and the ring's events.

use std::thread;
use std::time::Duration;

use ringway_core::{Config, Consumer, Outcome, Producer, RecvError, Ring, Start, Stride};

use crate::common::{Kind, TestRing};

const SLOTS: u64 = 64;
const MANY: usize = 16;
/// Bounds a wait for what comes.
const PATIENCE: Duration = Duration::from_secs(30);

fn a_ring(kind: Kind) -> (TestRing, Producer, Consumer) {
    let ring = kind.ring(&Config::new().slots(SLOTS).payload_capacity(8));
    let (producer, mut consumer) = (ring.producer().unwrap(), ring.consumer(Start::Oldest).unwrap());
    consumer.set_coalescing(MANY);
    assert_eq!(consumer.coalescing(), MANY);
    (ring, producer, consumer)
}

/// Receives the next message by each of the calls that coalesce, in turn. Whether the ring was closed instead.
fn receive(consumer: &mut Consumer) -> bool {
    let seq = consumer.next_seq();
    let mut buffer = [0; 8];
    let outcome = match seq % 3 {
        0 => {
            consumer.recv_timeout(PATIENCE).map(|outcome| outcome.map(|guard| buffer.copy_from_slice(&guard)))
        }
        1 => consumer.recv_into_timeout(&mut buffer, PATIENCE).map(|outcome| outcome.map(drop)),
        _ => consumer.recv().map(|outcome| outcome.map(|guard| buffer.copy_from_slice(&guard))),
    };
    match outcome.expect("a sound ring") {
        Outcome::Message(()) => assert_eq!(u64::from_ne_bytes(buffer), seq),
        Outcome::Closed => return true,
        event => panic!("expected message {seq}, got {event:?}"),
    }
    false
}

#[test]
fn a_stream_comes_whole_and_so_do_its_last_messages() {
    for kind in Kind::ALL {
        // Ends that are as many messages as are let come, and others.
        for messages in [0, 1, MANY as u64 - 1, MANY as u64, 1000, 1003] {
            let (_ring, mut producer, mut consumer) = a_ring(kind);
            let writer = thread::spawn(move || {
                for seq in 0..messages {
                    producer.publish_timeout(&seq.to_ne_bytes(), PATIENCE).expect("room");
                }
                producer.close().unwrap();
            });
            while !receive(&mut consumer) {}
            assert_eq!(consumer.next_seq(), messages, "{kind:?}");
            writer.join().unwrap();
        }
    }
}

#[test]
fn a_message_that_no_other_follows_comes() {
    for kind in Kind::ALL {
        let (_ring, mut producer, mut consumer) = a_ring(kind);
        for seq in 0..3 * SLOTS {
            producer.try_publish(&seq.to_ne_bytes()).unwrap();
            assert!(!receive(&mut consumer));
            let none = consumer.recv_timeout(Duration::ZERO).map(|outcome| outcome.map(drop));
            assert!(matches!(none, Ok(Outcome::TimedOut)), "{none:?}");
        }
    }
}

#[test]
fn calls_that_do_not_wait_do_not_coalesce() {
    for kind in Kind::ALL {
        let (_ring, mut producer, mut consumer) = a_ring(kind);
        for seq in 0..2 * MANY as u64 {
            producer.try_publish(&seq.to_ne_bytes()).unwrap();
            assert!(matches!(consumer.try_recv(), Ok(Outcome::Message(_))));
            assert!(matches!(consumer.try_recv(), Ok(Outcome::Empty)));
        }
        // Those that wait go on to, wherever the others have come.
        producer.try_publish(&consumer.next_seq().to_ne_bytes()).unwrap();
        assert!(!receive(&mut consumer));
    }
}

/// Where a consumer coalesces next, as it prints itself: after a call that did, a burst further on.
fn next_burst(consumer: &Consumer) -> String {
    let text = format!("{consumer:?}");
    let from = text.find("Coalescing {").expect("a consumer that coalesces");
    text[from..].split('}').next().unwrap().to_owned()
}

#[test]
fn calls_that_wait_let_messages_come_and_those_whose_time_is_over_do_not() {
    type Call = fn(&mut Consumer, Duration);
    let calls: [Call; 2] = [
        |consumer, timeout| assert!(matches!(consumer.recv_timeout(timeout), Ok(Outcome::Message(_)))),
        |consumer, timeout| {
            let outcome = consumer.recv_into_timeout(&mut [0; 8], timeout);
            assert!(matches!(outcome, Ok(Outcome::Message(_))), "{outcome:?}");
        },
    ];
    for kind in Kind::ALL {
        for call in calls {
            let (_ring, mut producer, mut consumer) = a_ring(kind);
            let mut receive = |timeout| {
                producer.try_publish(&consumer.next_seq().to_ne_bytes()).unwrap();
                let before = next_burst(&consumer);
                call(&mut consumer, timeout);
                before != next_burst(&consumer)
            };
            assert!(!receive(Duration::ZERO), "{kind:?}: coalesced although there was no time");
            assert!(receive(PATIENCE), "{kind:?}: didn't coalesce");
            // The others of the burst are read without another wait.
            for _ in 1..MANY {
                assert!(!receive(PATIENCE), "{kind:?}: coalesced within a burst");
            }
            assert!(receive(PATIENCE), "{kind:?}: didn't coalesce after a burst");
        }
    }
}

#[test]
fn no_more_messages_are_let_come_than_the_ring_has_room_for() {
    let coalescing = |config: &Config, asked| {
        let ring = Kind::InPlace.ring(config);
        let mut consumer = ring.consumer(Start::Oldest).unwrap();
        assert_eq!(consumer.coalescing(), 0);
        consumer.set_coalescing(asked);
        consumer.coalescing()
    };
    let short = Config::new().slots(SLOTS).payload_capacity(8);
    assert_eq!([0, 1, 2, 16, 17, usize::MAX].map(|asked| coalescing(&short, asked)), [0, 0, 2, 16, 16, 16]);
    assert_eq!(coalescing(&Config::new().slots(4).payload_capacity(8), 64), 0);
    // 32 KiB of slots.
    let long = Config::new().slots(SLOTS).stride(Stride::Packed);
    assert_eq!(coalescing(&long.clone().payload_capacity(4096 - 16), 64), 8);
    assert_eq!(coalescing(&long.payload_capacity(1 << 16), 64), 0);
}

#[test]
fn a_typed_consumer_coalesces() -> Result<(), RecvError> {
    let ring = Kind::InPlace.ring(&Config::new().slots(SLOTS).of_type::<Number>());
    let mut consumer = ring.typed_consumer::<Number>(Start::Oldest).unwrap();
    consumer.set_coalescing(MANY);
    assert_eq!(consumer.coalescing(), MANY);
    consumer.set_coalescing(0);
    assert_eq!(consumer.coalescing(), 0);
    let mut producer = ring.typed_producer::<Number>().unwrap();
    producer.try_publish(&Number(7)).unwrap();
    assert!(matches!(consumer.recv()?, Outcome::Message(number) if number.0 == 7));
    Ok(())
}

#[derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)]
#[repr(transparent)]
struct Number(u64);

impl ringway_core::Message for Number {
    const NAME: &'static str = "test.Number.v1";
}
