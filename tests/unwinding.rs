//! Panics with a ring in hand: nothing half-done is published, and nothing is held back for ever.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use ringway::{Config, Consumer, Outcome, Producer, PublishError, Ring, Start};
use testkit::suite::next;
use testkit::{Kind, PATIENCE, named, suite};

const SLOTS: u64 = 4;

fn main() {
    suite::run(
        named![
            a_panic_in_a_claim_publishes_nothing,
            a_panic_in_a_claimed_batch_publishes_nothing,
            a_panic_in_a_batch_publishes_what_came_before,
            a_panic_in_a_batch_written_in_place_does_so_too,
            a_panic_over_a_message_releases_it,
            a_panic_over_a_batch_releases_it,
            a_panic_that_drops_the_handles_frees_their_roles,
            a_panic_closes_nothing,
        ],
        &[],
    );
}

fn handles(kind: Kind) -> (impl Ring, Producer, Consumer) {
    let ring = kind.ring(&Config::new().slots(SLOTS).payload_capacity(64).max_consumers(1));
    let (producer, consumer) = (ring.producer().unwrap(), ring.consumer(Start::Oldest).unwrap());
    (ring, producer, consumer)
}

/// Panics, without the hook's words about it.
fn unwind(words: &'static str) -> ! {
    resume_unwind(Box::new(words))
}

/// Runs `work`, which must panic with these words.
fn panics_with(words: &str, work: impl FnOnce()) {
    let panic = catch_unwind(AssertUnwindSafe(work)).expect_err("it panics");
    assert_eq!(panic.downcast_ref::<&str>(), Some(&words));
}

fn a_panic_closes_nothing(kind: Kind) {
    let (_ring, mut producer, mut consumer) = handles(kind);
    panics_with("between two messages", || {
        producer.close_on_drop(true);
        let _producer = producer;
        unwind("between two messages");
    });
    assert!(matches!(consumer.recv_timeout(PATIENCE), Ok(Outcome::ProducerLost)));
}

fn a_panic_in_a_claim_publishes_nothing(kind: Kind) {
    let (_ring, mut producer, mut consumer) = handles(kind);
    panics_with("half-way", || {
        let mut claim = producer.claim(8).unwrap();
        claim.copy_from_slice(b"unsigned");
        unwind("half-way");
    });
    assert!(matches!(consumer.try_recv().unwrap(), Outcome::Empty));
    assert_eq!(producer.publish(b"signed").unwrap(), 0);
    next(&mut consumer, |seq, _, message| assert_eq!((seq, message), (0, &b"signed"[..])));
}

fn a_panic_in_a_claimed_batch_publishes_nothing(kind: Kind) {
    let (_ring, mut producer, mut consumer) = handles(kind);
    panics_with("half-way", || {
        let mut batch = producer.claim_batch(2, 8).unwrap();
        batch.message(0).copy_from_slice(b"unsigned");
        unwind("half-way");
    });
    assert!(matches!(consumer.try_recv().unwrap(), Outcome::Empty));
    assert_eq!(producer.publish(b"signed").unwrap(), 0);
    next(&mut consumer, |seq, _, message| assert_eq!((seq, message), (0, &b"signed"[..])));
    assert!(matches!(consumer.try_recv().unwrap(), Outcome::Empty));
}

fn a_panic_in_a_batch_publishes_what_came_before(kind: Kind) {
    /// Bytes, the second look at which fails for the message 2.
    struct Fragile(u64, std::cell::Cell<u32>);
    impl AsRef<[u8]> for Fragile {
        fn as_ref(&self) -> &[u8] {
            self.1.set(self.1.get() + 1);
            if (self.0, self.1.get()) == (2, 2) {
                unwind("no bytes");
            }
            b"some"
        }
    }
    let (_ring, mut producer, mut consumer) = handles(kind);
    let batch: Vec<_> = (0..4).map(|n| Fragile(n, Default::default())).collect();
    panics_with("no bytes", || producer.publish_batch(&batch).unwrap());
    assert_eq!((producer.next_seq(), consumer.len().unwrap()), (2, 2));
    assert_eq!(producer.publish(b"more").unwrap(), 2);
    for expected in [&b"some"[..], b"some", b"more"] {
        next(&mut consumer, |_, _, message| assert_eq!(message, expected));
    }
}

fn a_panic_in_a_batch_written_in_place_does_so_too(kind: Kind) {
    let (_ring, mut producer, mut consumer) = handles(kind);
    let fragile = |seq, bytes: &mut [u8]| {
        bytes.copy_from_slice(b"some");
        if seq == 2 {
            unwind("no bytes");
        }
    };
    panics_with("no bytes", || producer.publish_batch_with(4, 4, fragile).unwrap());
    assert_eq!((producer.next_seq(), consumer.len().unwrap()), (2, 2));
    assert_eq!(producer.publish(b"more").unwrap(), 2);
    for expected in [&b"some"[..], b"some", b"more"] {
        next(&mut consumer, |_, _, message| assert_eq!(message, expected));
    }
}

fn fill(producer: &mut Producer) {
    while producer.try_publish(b"message").is_ok() {}
    assert!(matches!(producer.try_publish(b"message"), Err(PublishError::Full(_))));
}

fn a_panic_over_a_message_releases_it(kind: Kind) {
    let (_ring, mut producer, mut consumer) = handles(kind);
    fill(&mut producer);
    panics_with("bad news", || {
        let Outcome::Message(_message) = consumer.try_recv().unwrap() else { return };
        unwind("bad news");
    });
    assert_eq!(consumer.next_seq(), 1);
    assert_eq!(producer.try_publish(b"room again").unwrap(), SLOTS);
}

fn a_panic_over_a_batch_releases_it(kind: Kind) {
    let (_ring, mut producer, mut consumer) = handles(kind);
    fill(&mut producer);
    panics_with("bad news", || {
        let Outcome::Message(_batch) = consumer.try_recv_batch(3).unwrap() else { return };
        unwind("bad news");
    });
    assert_eq!(consumer.next_seq(), 3);
    for seq in SLOTS..SLOTS + 3 {
        assert_eq!(producer.try_publish(b"room again").unwrap(), seq);
    }
}

fn a_panic_that_drops_the_handles_frees_their_roles(kind: Kind) {
    let (ring, mut producer, mut consumer) = handles(kind);
    producer.publish(b"first").unwrap();
    panics_with("over", move || {
        let _producer = producer;
        let _message = consumer.try_recv().unwrap();
        unwind("over");
    });
    assert_eq!(ring.producer().unwrap().epoch(), 2);
    assert_eq!(ring.consumer(Start::Latest).unwrap().cell(), 0);
}
