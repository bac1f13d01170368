//! How much of a batch is published, and when.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use ringway_core::{
    BatchError, Config, Consumer, Full, Observer, Outcome, Producer, PublishError, Resume, Ring, Start, Wait,
};

use crate::common::{HEAD, Kind, TestRing};
use crate::said;

const SLOTS: u64 = 8;
const MOMENT: Duration = Duration::from_nanos(1);
const TOO_LONG: PublishError = PublishError::TooLong { len: 9, capacity: 8 };

fn a_ring(kind: Kind) -> (TestRing, Producer, Consumer) {
    let ring = kind.ring(&Config::new().slots(SLOTS).payload_capacity(8));
    let mut producer = ring.producer().unwrap();
    producer.set_wait(Wait::Spin);
    let consumer = ring.consumer(Start::Oldest).unwrap();
    (ring, producer, consumer)
}

fn full(lag: u64) -> Full {
    said::full(0, lag)
}

fn numbered(count: u64) -> Vec<[u8; 8]> {
    (0..count).map(u64::to_ne_bytes).collect()
}

fn write(seq: u64, bytes: &mut [u8]) {
    bytes.copy_from_slice(&seq.to_ne_bytes());
}

/// Reads `count` messages, each of which is its sequence.
fn read(consumer: &mut Consumer, count: u64) {
    for _ in 0..count {
        let Outcome::Message(message) = consumer.try_recv().unwrap() else { panic!("it was published") };
        assert_eq!((&message[..], message.tag()), (&message.seq().to_ne_bytes()[..], 0));
    }
    assert!(matches!(consumer.try_recv(), Ok(Outcome::Empty)), "more was published");
}

fn observed(ring: &TestRing) -> Observer {
    ring.observer(Start::Latest, Resume::OldestSafe).unwrap()
}

#[test]
fn a_batch_is_published_as_far_as_there_is_room() {
    for kind in Kind::ALL {
        let (ring, mut producer, mut consumer) = a_ring(kind);
        assert_eq!(producer.try_publish_batch(&numbered(0)), Ok(0));
        assert_eq!(producer.try_publish_batch(&numbered(3)), Ok(3));
        read(&mut consumer, 3);
        assert_eq!(producer.try_publish_batch_with(11, 8, write), Ok(8));
        assert_eq!(producer.try_publish_batch_with(1, 8, write), Err(full(SLOTS).into()));
        assert_eq!(producer.try_publish_batch(&numbered(1)), Err(full(SLOTS).into()));
        assert_eq!(observed(&ring).head(), Ok(11));
        read(&mut consumer, 8);
        let sequences: Vec<_> = (11..22_u64).map(u64::to_ne_bytes).collect();
        assert_eq!(producer.try_publish_batch(&sequences), Ok(8));
        assert_eq!(producer.try_publish_batch(&sequences[8..]), Err(full(SLOTS).into()));
        read(&mut consumer, 8);
        assert_eq!((observed(&ring).head(), producer.next_seq()), (Ok(19), 19));
        assert_eq!(producer.try_publish_batch(&[&[0; 8][..], &[0; 9]]), Err(TOO_LONG));
        assert_eq!(producer.try_publish_batch_with(0, 9, write), Err(TOO_LONG));
        read(&mut consumer, 0);
    }
}

#[test]
fn a_batch_that_fits_exactly_waits_for_nothing() {
    for kind in Kind::ALL {
        let (_ring, mut producer, mut consumer) = a_ring(kind);
        assert_eq!(producer.publish_batch(&numbered(SLOTS)), Ok(()));
        // The ring is full: whatever waited now would time out.
        assert_eq!(producer.publish_batch(&numbered(0)), Ok(()));
        assert_eq!(producer.publish_batch_with(0, 8, write), Ok(()));
        assert_eq!(producer.try_publish_batch(&numbered(0)), Ok(0));
        assert_eq!(producer.try_publish_batch_with(0, 8, write), Ok(0));
        assert_eq!(producer.try_publish_all(&numbered(0)), Ok(()));
        assert_eq!(producer.try_publish_all_with(0, 8, write), Ok(()));
        read(&mut consumer, SLOTS);
        assert_eq!(producer.publish_batch_with(SLOTS as usize, 8, write), Ok(()));
        read(&mut consumer, SLOTS);
    }
}

#[test]
fn a_batch_of_several_runs_ends_with_its_last_message() {
    for kind in Kind::ALL {
        let (_ring, mut producer, mut consumer) = a_ring(kind);
        // The first run is half the slots; there is room for more than is left in the second.
        for count in SLOTS / 2 + 1..SLOTS {
            assert_eq!(producer.publish_batch_with(count as usize, 8, write), Ok(()));
            read(&mut consumer, count);
            assert_eq!(producer.try_publish_batch_with(count as usize, 8, write), Ok(count as usize));
            read(&mut consumer, count);
        }
    }
}

#[test]
fn bytes_of_a_batch_are_the_slots_own_where_peers_are_trusted_and_else_a_copy() {
    for kind in Kind::ALL {
        let (ring, mut producer, mut consumer) = a_ring(kind);
        let mut seen = 0;
        let mut look = |seq: u64, bytes: &mut [u8]| {
            assert_eq!(ring.holds(bytes), kind == Kind::InPlace);
            write(seq, bytes);
            seen += 1;
        };
        producer.publish_batch_with(2, 8, &mut look).unwrap();
        assert_eq!(producer.try_publish_batch_with(2, 8, &mut look), Ok(2));
        producer.try_publish_all_with(2, 8, &mut look).unwrap();
        assert_eq!(seen, 6);
        read(&mut consumer, 6);
        let claim = producer.claim(8).unwrap();
        assert_eq!(ring.holds(&claim), kind == Kind::InPlace);
    }
}

/// Does `work`, which panics.
fn unwound<T>(work: impl FnOnce() -> T) {
    assert!(catch_unwind(AssertUnwindSafe(work)).is_err());
}

#[test]
fn a_panic_publishes_what_was_written_before() {
    for kind in Kind::ALL {
        let (ring, mut producer, mut consumer) = a_ring(kind);
        let panics_at = |last: u64| {
            move |seq: u64, bytes: &mut [u8]| {
                if seq == last {
                    // Without the hook: nothing is printed.
                    std::panic::resume_unwind(Box::new("as intended"));
                }
                write(seq, bytes);
            }
        };
        unwound(|| producer.publish_batch_with(4, 8, panics_at(2)));
        assert_eq!((producer.next_seq(), ring.page(HEAD).load(Relaxed)), (2, 2));
        read(&mut consumer, 2);
        unwound(|| producer.try_publish_batch_with(4, 8, panics_at(3)));
        read(&mut consumer, 1);
        unwound(|| producer.try_publish_all_with(4, 8, panics_at(3)));
        read(&mut consumer, 0);
        // What was begun is overwritten.
        producer.publish_batch_with(2, 8, write).unwrap();
        read(&mut consumer, 2);
        assert_eq!(ring.page(HEAD).load(Relaxed), 5);
    }
}

/// A message that is too long from the second look on.
struct Liar {
    grows: bool,
    looks: Cell<u32>,
}

impl AsRef<[u8]> for Liar {
    fn as_ref(&self) -> &[u8] {
        self.looks.set(self.looks.get() + 1);
        if self.grows && self.looks.get() > 1 { &[0; 9] } else { &[7; 8] }
    }
}

#[test]
fn a_message_that_grows_while_it_is_published_ends_the_batch() {
    let batch = |grows: [bool; 3]| grows.map(|grows| Liar { grows, looks: Cell::new(0) });
    for kind in Kind::ALL {
        let (_ring, mut producer, mut consumer) = a_ring(kind);
        let mut arrived = |count: u64| {
            for _ in 0..count {
                assert_eq!(&*consumer.try_recv().unwrap().into_message().expect("it was published"), &[7; 8]);
            }
            assert!(matches!(consumer.try_recv(), Ok(Outcome::Empty)));
        };
        for (grows, published) in [([true, false, false], 0), ([false, false, true], 2)] {
            let error = producer.publish_batch_timeout(&batch(grows), MOMENT).unwrap_err();
            assert_eq!(error, BatchError::new(published, TOO_LONG));
            arrived(published as u64);
            assert_eq!(producer.try_publish_all(&batch(grows)), Err(TOO_LONG));
            arrived(published as u64);
            let answer = if published == 0 { Err(TOO_LONG) } else { Ok(published) };
            assert_eq!(producer.try_publish_batch(&batch(grows)), answer);
            arrived(published as u64);
        }
    }
}

/// A message that panics when it is looked at for this time.
struct Breaks {
    at: u32,
    looks: Cell<u32>,
}

impl AsRef<[u8]> for Breaks {
    fn as_ref(&self) -> &[u8] {
        self.looks.set(self.looks.get() + 1);
        assert_ne!(self.looks.get(), self.at, "as asked");
        &[7; 8]
    }
}

#[test]
fn a_batch_of_all_or_none_whose_message_panics_leaves_those_before_it_if_all_were_checked() {
    for kind in Kind::ALL {
        let (ring, mut producer, _consumer) = a_ring(kind);
        for (look, published) in [(1, 0), (2, 2)] {
            let batch = [0, 0, look].map(|at| Breaks { at, looks: Cell::new(0) });
            let before = ring.page(HEAD).load(Relaxed);
            let broken = catch_unwind(AssertUnwindSafe(|| producer.try_publish_all(&batch)));
            assert!(broken.is_err());
            assert_eq!(ring.page(HEAD).load(Relaxed), before + published);
        }
    }
}
