//! Which consumer a full ring waits for, and what it says.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use ringway_core::{Config, Producer, PublishError, Resume, Ring, Start, Wait};

use crate::common::{BLOCKED_ON, CURSOR, Kind, TIMES_FULL, TestRing};
use crate::said::full;

const SLOTS: u64 = 8;
/// Bit of `blocked_on`: to be read again after a fence.
const LOOK: u64 = 1 << 63;
/// Bounds a wait that ends by itself.
const PATIENCE: Duration = Duration::from_secs(30);

fn a_ring(kind: Kind) -> (TestRing, Producer) {
    let ring = kind.ring(&Config::new().slots(SLOTS).payload_capacity(8).max_consumers(3));
    let producer = ring.producer().unwrap();
    (ring, producer)
}

#[test]
fn a_full_ring_names_the_slowest_consumer_each_time() {
    for kind in Kind::ALL {
        let (ring, mut producer) = a_ring(kind);
        let mut quick = ring.consumer(Start::Oldest).unwrap();
        let mut slow = ring.consumer(Start::Oldest).unwrap();
        for seq in 0..SLOTS {
            assert_eq!(producer.try_publish(b"message"), Ok(seq));
        }
        for _ in 0..3 {
            assert_eq!(producer.try_publish(b"message"), Err(full(0, SLOTS).into()));
        }
        // It reads on; the answer isn't the last one's.
        drop(quick.try_recv_batch(5));
        assert_eq!(producer.try_publish(b"message"), Err(full(1, SLOTS).into()));
        drop(slow.try_recv());
        assert_eq!(producer.try_publish(b"message"), Ok(SLOTS));
        assert_eq!(producer.try_publish(b"message"), Err(full(1, SLOTS).into()));
        for (wait, timeout) in
            [(Wait::Spin, 1), (Wait::Yield, 1), (Wait::Park, 1), (Wait::Park, 0), (Wait::Park, 50_000)]
        {
            producer.set_wait(wait);
            let timeout = Duration::from_nanos(timeout);
            assert_eq!(
                producer.publish_timeout(b"message", timeout),
                Err(PublishError::TimedOut(full(1, SLOTS)))
            );
        }
        drop(slow);
        // It has left: the other one is four messages back.
        for seq in SLOTS + 1..SLOTS + 5 {
            assert_eq!(producer.publish(b"message"), Ok(seq));
        }
        assert_eq!(producer.try_publish(b"message"), Err(full(0, SLOTS).into()));
    }
}

#[test]
fn how_often_a_ring_was_found_full_is_counted() {
    let (ring, mut producer) = a_ring(Kind::Copied);
    let _consumer = ring.consumer(Start::Latest).unwrap();
    for _ in 0..SLOTS {
        producer.try_publish(b"message").unwrap();
    }
    let before = ring.page(TIMES_FULL).load(Relaxed);
    producer.try_publish(b"message").unwrap_err();
    assert_eq!(ring.page(TIMES_FULL).load(Relaxed), before + 1);
}

#[test]
fn a_dead_consumer_holds_nobody_back_and_its_cell_can_be_taken() {
    for kind in Kind::ALL {
        let (ring, mut producer) = a_ring(kind);
        for round in 0..3 {
            let dead = ring.consumer(Start::Latest).unwrap();
            assert_eq!((dead.cell(), producer.consumer_count()), (0, Ok(1)));
            ring.kill(dead);
            assert_eq!(producer.consumer_count(), Ok(0));
            for _ in 0..2 * SLOTS {
                producer.try_publish(b"message").unwrap_or_else(|error| panic!("round {round}: {error}"));
            }
        }
        // Its successor isn't taken for it, though its cell was ignored.
        let mut heir = ring.consumer(Start::Latest).unwrap();
        assert_eq!((heir.cell(), producer.consumer_count()), (0, Ok(1)));
        for _ in 0..SLOTS {
            producer.try_publish(b"message").unwrap();
        }
        assert_eq!(producer.try_publish(b"message"), Err(full(0, SLOTS).into()));
        drop(heir.try_recv());
        producer.try_publish(b"message").unwrap();
    }
}

#[test]
fn all_dead_consumers_are_passed_over_in_one_call() {
    let (ring, mut producer) = a_ring(Kind::Copied);
    for consumer in [(); 3].map(|()| ring.consumer(Start::Latest).unwrap()) {
        ring.kill(consumer);
    }
    for seq in 0..3 * SLOTS {
        assert_eq!(producer.try_publish(b"message"), Ok(seq));
    }
}

#[test]
fn a_cursor_out_of_bounds_gates_like_the_nearest_one_within() {
    let (ring, mut producer) = a_ring(Kind::Copied);
    let _consumer = ring.consumer(Start::Latest).unwrap();
    for _ in 0..SLOTS / 2 {
        producer.try_publish(b"message").unwrap();
    }
    // Ahead of head: as if it had read all.
    ring.cell(0, CURSOR).store(u64::MAX, Relaxed);
    for _ in 0..2 * SLOTS {
        producer.try_publish(b"message").unwrap();
    }
    // Further back than a lap: as if it had read nothing of the last one.
    ring.cell(0, CURSOR).store(0, Relaxed);
    let refused = (0..=SLOTS).find_map(|_| producer.try_publish(b"message").err());
    assert_eq!(refused, Some(full(0, SLOTS).into()));
}

#[test]
fn a_joiner_gets_half_a_lap_and_holds_it() {
    for kind in Kind::ALL {
        let (ring, mut producer) = a_ring(kind);
        for _ in 0..3 * SLOTS + 1 {
            producer.try_publish(b"message").unwrap();
        }
        let consumer = ring.consumer(Start::Oldest).unwrap();
        let head = producer.next_seq();
        assert_eq!((consumer.next_seq(), consumer.len()), (head - SLOTS / 2, Ok(SLOTS / 2)));
        let room = (0..=SLOTS).take_while(|_| producer.try_publish(b"message").is_ok()).count();
        assert_eq!(room as u64, SLOTS / 2);
    }
}

#[test]
fn a_producer_that_is_left_without_readers_as_it_goes_to_sleep_waits_for_nobody() {
    let (ring, mut producer) = a_ring(Kind::Copied);
    let consumer = ring.consumer(Start::Latest).unwrap();
    producer.require_readers(true);
    for _ in 0..SLOTS {
        producer.try_publish(b"message").unwrap();
    }
    ring.kill_once_asked(consumer);
    // The first scan finds the consumer alive. The next one is that before a sleep.
    producer.set_wait(Wait::Park);
    assert_eq!(producer.publish_timeout(b"message", PATIENCE), Err(PublishError::NoReaders));
    // A later consumer of that cell would look at each release whether the producer is to be woken.
    let nobody = ring.page(BLOCKED_ON).load(Relaxed) & !LOOK;
    assert_eq!(nobody, 0, "the cell, plus 1, that the producer seems to wait for");
}

#[test]
fn a_dead_consumer_takes_room_from_the_producers_count_alone_until_the_ring_is_full() {
    for kind in Kind::ALL {
        let (ring, mut producer) = a_ring(kind);
        let observer = ring.observer(Start::Latest, Resume::Latest).unwrap();
        let consumer = ring.consumer(Start::Oldest).unwrap();
        for _ in 0..SLOTS - 1 {
            producer.try_publish(b"message").unwrap();
        }
        ring.kill(consumer);
        assert_eq!((producer.count_room(), observer.count_room()), (Ok(1), Ok(SLOTS)));
        producer.try_publish(b"message").unwrap();
        assert_eq!((producer.count_room(), observer.count_room()), (Ok(SLOTS), Ok(SLOTS)));
    }
}

#[test]
fn room_is_counted_without_regard_to_whether_readers_are_required() {
    for kind in Kind::ALL {
        let (ring, mut producer) = a_ring(kind);
        let observer = ring.observer(Start::Latest, Resume::Latest).unwrap();
        producer.require_readers(true);
        assert_eq!((producer.count_room(), observer.count_room()), (Ok(SLOTS), Ok(SLOTS)));
        assert_eq!(producer.try_publish(b"message"), Err(PublishError::NoReaders));
    }
}
