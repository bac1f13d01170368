//! Calls that are cancelled: which call a cancel ends, and that it takes nothing.

use std::time::Duration;

use ringway_core::{
    BatchError, Canceller, Config, Consumer, Interruption, Outcome, Producer, PublishError, RecvError,
    Resume, Ring, Start, Wait, WaitSet, Waitable,
};

use crate::common::{Kind, TestRing};

const SLOTS: u64 = 8;
/// Bounds waits that a cancel ends.
const PATIENCE: Duration = Duration::from_secs(30);
const WAITS: [Wait; 3] = [Wait::Spin, Wait::Yield, Wait::Park];

fn a_ring(kind: Kind) -> (TestRing, Producer, Consumer) {
    let ring = kind.ring(&Config::new().slots(SLOTS).payload_capacity(8).first_seq(0));
    let producer = ring.producer().expect("no other producer");
    let consumer = ring.consumer(Start::Oldest).expect("a free cell");
    (ring, producer, consumer)
}

fn publish(producer: &mut Producer, count: u64) {
    for _ in 0..count {
        producer.try_publish(&producer.next_seq().to_ne_bytes()).expect("room");
    }
}

/// Cancels, and checks that `call` is cancelled, and that it uses the cancel up.
fn ends<H>(handle: &mut H, canceller: &Canceller, call: impl Fn(&mut H) -> bool) {
    canceller.cancel();
    canceller.cancel();
    assert!(canceller.is_pending());
    assert!(call(handle), "it would have waited");
    assert!(!canceller.is_pending(), "several cancels count as one");
}

fn cancelled<R>(published: Result<R, PublishError>) -> bool {
    matches!(published, Err(PublishError::Cancelled))
}

#[test]
fn a_cancel_ends_each_call_of_a_consumer_that_would_wait() {
    for (kind, wait) in Kind::ALL.into_iter().flat_map(|kind| WAITS.map(|wait| (kind, wait))) {
        let (_ring, mut producer, mut consumer) = a_ring(kind);
        consumer.set_wait(wait);
        let canceller = consumer.canceller();
        let calls: [fn(&mut Consumer) -> bool; 9] = [
            |consumer| consumer.recv().unwrap().is_cancelled(),
            |consumer| consumer.recv_timeout(PATIENCE).unwrap().is_cancelled(),
            |consumer| consumer.recv_into(&mut [0; 8]).unwrap().is_cancelled(),
            |consumer| consumer.recv_batch(4).unwrap().is_cancelled(),
            |consumer| consumer.recv_batch_timeout(100, PATIENCE).unwrap().is_cancelled(),
            |consumer| consumer.peek_timeout(PATIENCE).unwrap().is_cancelled(),
            |consumer| consumer.next_message().is_err_and(|told| told == Interruption::Cancelled),
            |consumer| matches!(consumer.iter().next(), Some(Err(Interruption::Cancelled))),
            |consumer| {
                consumer.set_coalescing(2);
                let outcome = consumer.recv().unwrap();
                outcome.is_cancelled()
            },
        ];
        for call in calls {
            ends(&mut consumer, &canceller, call);
        }
        // Nothing was released.
        publish(&mut producer, 1);
        assert_eq!((consumer.next_seq(), consumer.len()), (0, Ok(1)));
        assert_eq!(consumer.recv().unwrap().into_message().map(|message| message.seq()), Some(0));
    }
}

#[test]
fn a_cancel_ends_each_call_that_copies_and_would_wait() {
    for wait in WAITS {
        let (ring, mut producer, _consumer) = a_ring(Kind::Copied);
        let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
        observer.set_wait(wait);
        let canceller = observer.canceller();
        ends(&mut observer, &canceller, |observer| observer.recv().unwrap().is_cancelled());
        ends(&mut observer, &canceller, |observer| observer.recv_into(&mut [0; 8]).unwrap().is_cancelled());
        let mut reader = ring.best_effort_reader(Start::Oldest).unwrap();
        reader.set_wait(wait);
        let canceller = reader.canceller();
        ends(&mut reader, &canceller, |reader| reader.recv().unwrap().is_cancelled());
        publish(&mut producer, 1);
        assert!(observer.recv().unwrap().is_message() && reader.recv().unwrap().is_message());
    }
}

#[test]
fn a_cancel_ends_each_call_of_a_producer_that_would_wait_and_publishes_nothing() {
    for (kind, wait) in Kind::ALL.into_iter().flat_map(|kind| WAITS.map(|wait| (kind, wait))) {
        let (_ring, mut producer, mut consumer) = a_ring(kind);
        publish(&mut producer, SLOTS);
        producer.set_wait(wait);
        let canceller = producer.canceller();
        let calls: [fn(&mut Producer) -> bool; 8] = [
            |producer| cancelled(producer.publish(b"no room")),
            |producer| cancelled(producer.publish_timeout(b"no room", PATIENCE)),
            |producer| cancelled(producer.publish_tagged(b"no room", 1)),
            |producer| cancelled(producer.publish_all(&["no", "room"])),
            |producer| cancelled(producer.claim(8).map(drop)),
            |producer| cancelled(producer.claim_batch(2, 8).map(drop)),
            |producer| cancelled(producer.skip_to(SLOTS + 1)),
            |producer| cancelled(producer.publish_batch(&["no", "room"]).map_err(|failed| failed.error)),
        ];
        for call in calls {
            ends(&mut producer, &canceller, call);
            assert_eq!(producer.next_seq(), SLOTS);
        }
        // It claims room for none of those.
        drop(consumer.try_recv().unwrap());
        assert_eq!(producer.publish(b"room"), Ok(SLOTS));
    }
}

#[test]
fn a_cancelled_batch_says_how_much_was_published() {
    let (_ring, mut producer, _consumer) = a_ring(Kind::Copied);
    publish(&mut producer, SLOTS - 2);
    let canceller = producer.canceller();
    canceller.cancel();
    let failed = BatchError::new(2, PublishError::Cancelled);
    assert_eq!(producer.publish_batch(&["a", "b", "c"]), Err(failed));
    canceller.cancel();
    assert_eq!(
        producer.publish_batch_with(1, 8, |_, _| ()),
        Err(BatchError::new(0, PublishError::Cancelled))
    );
}

#[test]
fn a_call_that_has_its_message_or_room_leaves_the_cancel_for_the_next() {
    let (_ring, mut producer, mut consumer) = a_ring(Kind::InPlace);
    let (of_reader, of_writer) = (consumer.canceller(), producer.canceller());
    of_writer.cancel();
    for _ in 0..SLOTS {
        producer.publish(&[0; 8]).unwrap();
    }
    of_reader.cancel();
    for seq in 0..SLOTS {
        assert_eq!(consumer.recv().unwrap().into_message().map(|message| message.seq()), Some(seq));
    }
    assert!(of_reader.is_pending() && of_writer.is_pending());
    assert!(consumer.recv().unwrap().is_cancelled());
    publish(&mut producer, SLOTS);
    assert_eq!(producer.publish(&[0; 8]), Err(PublishError::Cancelled));
    // An event is as good as a message.
    let (_ring, mut producer, mut consumer) = a_ring(Kind::InPlace);
    let canceller = consumer.canceller();
    producer.close().unwrap();
    canceller.cancel();
    assert!(consumer.recv().unwrap().is_closed() && canceller.is_pending());
}

#[test]
fn a_call_that_does_not_wait_uses_no_cancel_up() {
    let (ring, mut producer, mut consumer) = a_ring(Kind::InPlace);
    let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
    let cancellers = [consumer.canceller(), observer.canceller(), producer.canceller()];
    cancellers.iter().for_each(Canceller::cancel);
    assert!(consumer.try_recv().unwrap().is_empty());
    assert!(consumer.recv_timeout(Duration::ZERO).unwrap().is_timed_out());
    assert!(consumer.peek().unwrap().is_empty());
    assert!(observer.try_recv().unwrap().is_empty());
    assert!(observer.recv_timeout(Duration::ZERO).unwrap().is_timed_out());
    assert!(!consumer.prepare_sleep(false).is_ready() && !observer.prepare_sleep(false).is_ready());
    publish(&mut producer, SLOTS);
    assert!(matches!(producer.try_publish(b"no room"), Err(PublishError::Full(_))));
    assert!(matches!(producer.publish_timeout(b"no room", Duration::ZERO), Err(PublishError::TimedOut(_))));
    assert!(cancellers.iter().all(Canceller::is_pending));
}

#[test]
fn a_cancel_can_be_taken_back() {
    let (_ring, _producer, mut consumer) = a_ring(Kind::InPlace);
    let canceller = consumer.canceller();
    canceller.cancel();
    assert!(canceller.take() && !canceller.take());
    assert!(consumer.recv_timeout(Duration::from_nanos(1)).unwrap().is_timed_out());
}

#[test]
fn all_cancellers_of_a_handle_are_one_and_outlive_it() {
    let (ring, _producer, mut consumer) = a_ring(Kind::InPlace);
    let (one, other) = (consumer.canceller(), consumer.canceller());
    one.clone().cancel();
    assert!(other.is_pending() && consumer.recv().unwrap().is_cancelled());
    drop(consumer);
    other.cancel();
    assert!(one.is_pending());
    // Of another handle it is another.
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    assert!(!consumer.canceller().is_pending());
}

#[test]
fn a_forked_childs_call_fails_and_uses_no_cancel_up() {
    let (ring, _producer, mut consumer) = a_ring(Kind::InPlace);
    let canceller = consumer.canceller();
    canceller.cancel();
    ring.in_a_child(|| assert!(matches!(consumer.recv(), Err(RecvError::Forked(_)))));
    assert!(consumer.recv().unwrap().is_cancelled());
}

#[test]
fn a_set_is_ended_by_its_handles_cancels_if_none_is_ready() {
    let rings = [a_ring(Kind::Copied), a_ring(Kind::Copied), a_ring(Kind::Copied)];
    let (mut producers, mut consumers) = (Vec::new(), Vec::new());
    for (_, producer, consumer) in rings {
        producers.push(producer);
        consumers.push(consumer);
    }
    let cancellers: Vec<_> = consumers.iter_mut().map(Consumer::canceller).collect();
    let mut set = WaitSet::new();
    cancellers[1..].iter().for_each(Canceller::cancel);
    publish(&mut producers[0], 1);
    let ready = set.wait(&mut consumers, None).unwrap();
    assert_eq!((ready.indices(), ready.cancelled()), (&[0][..], &[][..]));
    assert!(consumers[0].try_recv().unwrap().is_message());
    // A wait without time takes none.
    assert!(set.wait(&mut consumers, Some(Duration::ZERO)).unwrap().is_timed_out());
    let ready = set.wait(&mut consumers, None).unwrap();
    assert_eq!((ready.indices(), ready.cancelled()), (&[][..], &[1, 2][..]));
    assert!(!ready.is_timed_out() && !ready.is_woken());
    assert!(!cancellers.iter().any(Canceller::is_pending));
    assert!(set.wait(&mut consumers, Some(Duration::from_nanos(1))).unwrap().is_timed_out());
}

#[test]
fn an_outcome_of_a_cancelled_call_says_so_whatever_its_type() {
    let cancelled: Outcome<u8> = Outcome::Cancelled;
    assert!(cancelled.is_cancelled() && !cancelled.is_timed_out());
    assert!(cancelled.map(u64::from).is_cancelled());
}
