//! Producers that come and go, and what readers are told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use ringway_core::{
    AttachError, Config, Outcome, Producer, PublishError, Resume, Ring, Start, State, WakeMode,
};

use crate::common::{HEAD, Kind, TestRing};

const AN_INSTANT: Duration = Duration::from_nanos(1);

fn a_ring(kind: Kind) -> TestRing {
    kind.ring(&Config::new().slots(4).payload_capacity(8))
}

#[test]
fn a_successor_goes_on_after_the_last_message_that_was_published() {
    let ring = a_ring(Kind::Copied);
    let mut producer = ring.producer().unwrap();
    for _ in 0..9 {
        producer.try_publish(b"message").unwrap();
    }
    drop(producer);
    // It died before it had stored head: what readers may have is counted.
    for behind in 0..=4 {
        ring.page(HEAD).store(9 - behind, Relaxed);
        let producer = ring.producer().unwrap();
        assert_eq!((producer.next_seq(), producer.epoch()), (9, 2 + behind));
        assert_eq!(ring.page(HEAD).load(Relaxed), 9);
    }
    ring.page(HEAD).store(4, Relaxed);
    assert!(matches!(ring.producer(), Err(AttachError::Damaged(damaged)) if damaged.what == "stamp"));
}

#[test]
fn a_deposed_producer_writes_no_more() {
    let ring = a_ring(Kind::Copied);
    let mut first = ring.producer().unwrap();
    let _consumer = ring.consumer(Start::Latest).unwrap();
    for _ in 0..4 {
        first.try_publish(b"message").unwrap();
    }
    ring.free_producer();
    let second = ring.producer().unwrap();
    let deposed = PublishError::Deposed { own: 1, found: 2 };
    assert_eq!(first.try_publish(b"message"), Err(deposed));
    assert_eq!(first.set_wake_mode(WakeMode::Fenced), Err(deposed));
    assert_eq!(first.close(), Err(deposed));
    assert_eq!(second.next_seq(), 4);
    let observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
    assert_eq!(observer.state(), Ok(State::Open));
}

#[test]
fn a_producer_that_has_closed_the_ring_publishes_no_more_and_leaves_the_role_to_another() {
    for kind in Kind::ALL {
        let ring = a_ring(kind);
        let mut first = ring.producer().unwrap();
        first.try_publish(b"message").unwrap();
        assert!(first.room() > 0);
        assert_eq!((first.close(), first.close()), (Ok(()), Ok(())));
        assert_eq!((first.room(), first.next_seq(), first.epoch()), (0, 1, 1));
        let closed = PublishError::Closed;
        let refused = |call: fn(&mut Producer) -> Result<(), PublishError>, producer: &mut Producer| {
            assert_eq!(call(producer), Err(closed));
        };
        // Before a successor comes, and after.
        let mut second = None;
        for epoch in [1, 2] {
            refused(|producer| producer.try_publish(b"late").map(drop), &mut first);
            refused(|producer| producer.publish(b"late").map(drop), &mut first);
            refused(|producer| producer.try_claim(4).map(drop), &mut first);
            refused(|producer| producer.publish_batch(&[b"late"]).map_err(|error| error.error), &mut first);
            refused(|producer| producer.try_publish_all(&[b"late"]), &mut first);
            // Not a single message is asked for, and that is refused too.
            refused(|producer| producer.claim_batch(0, 4).map(drop), &mut first);
            refused(|producer| producer.publish_batch::<&[u8]>(&[]).map_err(|error| error.error), &mut first);
            refused(|producer| producer.try_publish_batch::<&[u8]>(&[]).map(drop), &mut first);
            refused(|producer| producer.try_publish_all::<&[u8]>(&[]), &mut first);
            refused(|producer| producer.try_publish_all_with(0, 4, |_, _| {}), &mut first);
            refused(|producer| producer.try_publish_batch_with(0, 4, |_, _| {}).map(drop), &mut first);
            refused(|producer| producer.count_room().map(drop), &mut first);
            refused(|producer| producer.wake_mode().map(drop), &mut first);
            refused(|producer| producer.set_wake_mode(WakeMode::Fenced).map(drop), &mut first);
            assert_eq!(first.close(), Ok(()));
            first.close_on_drop(true);
            let second = second.get_or_insert_with(|| ring.producer().unwrap());
            assert_eq!((second.next_seq(), second.epoch()), (1, 2));
            let consumer = ring.consumer(Start::Oldest).unwrap();
            assert_eq!((consumer.state(), consumer.epoch()), (Ok(State::Open), Ok(2)), "{epoch}");
        }
        let bell = ring.doorbell().load(Relaxed);
        drop(first);
        assert_eq!(ring.doorbell().load(Relaxed), bell, "the ring is another's");
        assert!(matches!(ring.producer(), Err(AttachError::ProducerTaken { .. })));
        assert_eq!(second.unwrap().try_publish(b"in time"), Ok(1));
    }
}

#[test]
fn readers_that_wait_are_told_once_that_the_producer_is_gone() {
    for kind in Kind::ALL {
        let ring = a_ring(kind);
        let mut producer = ring.producer().unwrap();
        let mut consumer = ring.consumer(Start::Oldest).unwrap();
        let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
        producer.try_publish(b"message").unwrap();
        drop(producer);
        assert!(matches!(consumer.recv_timeout(AN_INSTANT), Ok(Outcome::Message(_))));
        assert!(matches!(observer.recv_timeout(AN_INSTANT), Ok(Outcome::Message(_))));
        assert_eq!((consumer.producer_alive(), observer.producer_alive()), (Ok(false), Ok(false)));
        assert!(matches!(consumer.try_recv(), Ok(Outcome::Empty)));
        assert!(matches!(consumer.recv_timeout(AN_INSTANT), Ok(Outcome::ProducerLost)));
        assert!(matches!(observer.recv_timeout(AN_INSTANT), Ok(Outcome::ProducerLost)));
        assert!(matches!(consumer.recv_timeout(AN_INSTANT), Ok(Outcome::TimedOut)));
        assert!(matches!(observer.recv_timeout(AN_INSTANT), Ok(Outcome::TimedOut)));
        let mut producer = ring.producer().unwrap();
        let changed = |epoch, first| matches!((epoch, first), (2, 1));
        assert!(
            matches!(consumer.try_recv(), Ok(Outcome::EpochChanged { epoch, first_seq }) if changed(epoch, first_seq))
        );
        assert!(
            matches!(observer.try_recv(), Ok(Outcome::EpochChanged { epoch, first_seq }) if changed(epoch, first_seq))
        );
        producer.close().unwrap();
        assert_eq!((consumer.state(), observer.epoch()), (Ok(State::Closed), Ok(2)));
        assert!(matches!(consumer.recv_timeout(AN_INSTANT), Ok(Outcome::Closed)));
        assert!(matches!(observer.recv_timeout(AN_INSTANT), Ok(Outcome::Closed)));
    }
}

#[test]
fn the_wake_mode_is_what_was_chosen() {
    let ring = a_ring(Kind::Copied);
    let mut producer = ring.producer().unwrap();
    let first = producer.wake_mode().unwrap();
    assert_eq!(producer.set_wake_mode(WakeMode::Fenced), Ok(WakeMode::Fenced));
    assert_eq!(producer.wake_mode(), Ok(WakeMode::Fenced));
    assert_eq!(producer.set_wake_mode(WakeMode::Asymmetric), Ok(first));
    assert_eq!(producer.wake_mode(), Ok(first));
}

#[test]
fn a_reader_whose_time_is_up_before_it_begins_does_not_ask_the_kernel() {
    for kind in Kind::ALL {
        let ring = a_ring(kind);
        let producer = ring.producer().unwrap();
        let mut consumer = ring.consumer(Start::Oldest).unwrap();
        let mut observer = ring.observer(Start::Oldest, Resume::Latest).unwrap();
        ring.free_producer();
        std::mem::forget(producer);
        let asked = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&asked);
        ring.when_asked(move |_| told.store(true, Relaxed));
        let past = Instant::now();
        assert!(consumer.recv_timeout(Duration::ZERO).unwrap().is_timed_out());
        assert!(consumer.recv_deadline(past).unwrap().is_timed_out());
        assert!(consumer.recv_batch_deadline(2, past).unwrap().is_timed_out());
        assert!(observer.recv_timeout(Duration::ZERO).unwrap().is_timed_out());
        assert!(observer.recv_deadline(past).unwrap().is_timed_out());
        assert!(observer.recv_into_deadline(&mut [0; 8], past).unwrap().is_timed_out());
        assert!(!asked.load(Relaxed));
        // One that waits asks, and is told.
        assert!(matches!(consumer.recv_timeout(AN_INSTANT), Ok(Outcome::ProducerLost)));
        assert!(matches!(observer.recv_timeout(AN_INSTANT), Ok(Outcome::ProducerLost)));
        assert!(asked.load(Relaxed));
    }
}
