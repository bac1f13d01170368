//! One producer and reliable readers.

use ringway_core::placement::ModelRing;
use ringway_core::{Consumer, Outcome, Producer, Start};

use super::{
    both, consumer, drain, message, next_message, observer, producer, publish, publish_two,
    publish_two_claimed, publish_two_in_place, receive,
};

/// Messages arrive whole, once each, in order. (`W2`/`R1`)
pub fn consume() {
    consumes(&ModelRing::new(2, 2, 1));
}

pub(super) fn consumes(ring: &ModelRing) {
    let (mut tx, rx) = (producer(ring), consumer(ring, 0, Start::Oldest));
    let writer = move || {
        publish(&mut tx);
        publish(&mut tx);
    };
    two_come_of(writer, rx);
}

/// A consumer reads beside a writer of two messages, and gets both.
fn two_come_of(writer: impl FnOnce() + 'static, mut rx: Consumer) {
    let reader = move || {
        receive(&mut rx);
        receive(&mut rx);
        rx
    };
    let ((), mut rx) = both(writer, reader);
    drain(&mut rx);
    assert_eq!(rx.next_seq(), 2);
}

/// A full ring waits for the slowest consumer, and no slot is overwritten while it is read. (`C1`/`G2`)
pub fn gate() {
    gates(&ModelRing::new(2, 1, 1), receive);
}

pub(super) fn gates(ring: &ModelRing, receive: fn(&mut Consumer) -> bool) {
    let (mut tx, mut rx) = (producer(ring), consumer(ring, 0, Start::Oldest));
    assert!(publish(&mut tx) && publish(&mut tx));
    let writer = move || {
        publish(&mut tx);
        publish(&mut tx);
        tx
    };
    let reader = move || {
        assert!(receive(&mut rx) && receive(&mut rx), "both were published before");
        rx
    };
    let (mut tx, mut rx) = both(writer, reader);
    drain(&mut rx);
    assert_eq!(rx.next_seq(), tx.next_seq());
    assert!(publish(&mut tx), "a lap is free");
}

/// A consumer that leaves frees the producer, after its last read. (`L1`/`G2`)
pub fn leave() {
    let ring = ModelRing::new(2, 1, 1);
    let (mut tx, mut rx) = (producer(&ring), consumer(&ring, 0, Start::Oldest));
    assert!(publish(&mut tx) && publish(&mut tx));
    let writer = move || {
        publish(&mut tx);
        tx
    };
    let reader = move || {
        assert!(receive(&mut rx), "it was published before");
        drop(rx);
    };
    let (mut tx, ()) = both(writer, reader);
    assert!(publish(&mut tx), "nobody is left to wait for");
}

/// A consumer that leaves without a look frees the producer at once, though its cursor hasn't moved.
pub fn leave_unread() {
    let ring = ModelRing::new(2, 1, 1);
    let (mut tx, rx) = (producer(&ring), consumer(&ring, 0, Start::Oldest));
    assert!(publish(&mut tx) && publish(&mut tx));
    let writer = move || {
        publish(&mut tx);
        tx
    };
    let (mut tx, ()) = both(writer, move || drop(rx));
    assert!(publish(&mut tx), "nobody is left to wait for");
}

/// What was peeked at stays as it is until it is released, whatever is released before it. (`C1`/`G2`)
pub fn peeked() {
    peeks(&ModelRing::new(2, 1, 1));
}

pub(super) fn peeks(ring: &ModelRing) {
    let (mut tx, mut rx) = (producer(ring), consumer(ring, 0, Start::Oldest));
    assert!(publish(&mut tx) && publish(&mut tx));
    let writer = move || {
        publish(&mut tx);
        publish(&mut tx);
        tx
    };
    let reader = move || {
        let geometry = rx.geometry().clone();
        for seq in 0..2 {
            let outcome = rx.peek().expect("a sound ring");
            let received = outcome.into_message().expect("it was published before");
            assert_eq!((received.seq(), &*received), (seq, &*message(&geometry, seq)));
        }
        rx.release_through(0).expect("it was peeked at");
        assert_eq!(&*rx.peeked(1).expect("it is held"), &*message(&geometry, 1));
        rx.release_through(1).expect("it is held");
        rx
    };
    let (mut tx, mut rx) = both(writer, reader);
    drain(&mut rx);
    assert_eq!(rx.next_seq(), tx.next_seq());
    assert!(publish(&mut tx), "a lap is free");
}

/// What head counts can be read. (`W3`/`H1`)
pub fn head() {
    let ring = ModelRing::new(4, 2, 1);
    let (mut tx, mut rx) = (producer(&ring), consumer(&ring, 0, Start::Oldest));
    let writer = move || {
        publish(&mut tx);
        publish(&mut tx);
    };
    let reader = move || {
        for _ in 0..2 {
            if rx.len().unwrap() > 0 {
                assert!(receive(&mut rx), "head counts message {}", rx.next_seq());
            }
        }
        rx
    };
    let ((), mut rx) = both(writer, reader);
    drain(&mut rx);
}

/// Batches on both sides: in order, whole, released together. (`W2`/`R1`, `C1`/`G2`)
pub fn batch() {
    let ring = ModelRing::new(4, 2, 1);
    batches(producer(&ring), consumer(&ring, 0, Start::Oldest), publish_two);
}

/// The same, of messages that are written in place.
pub fn batch_in_place() {
    let ring = ModelRing::new(4, 1, 1);
    batches(producer(&ring), consumer(&ring, 0, Start::Oldest), publish_two_in_place);
}

/// The same of batches that are claimed, of which no message is there before the commit.
pub fn batch_claimed() {
    let ring = ModelRing::new(4, 1, 1);
    batches(producer(&ring), consumer(&ring, 0, Start::Oldest), publish_two_claimed);
}

/// In fewer than 4 slots no batch would have two messages: half a lap at most is published between two scans.
pub(super) fn batches(mut tx: Producer, mut rx: Consumer, publish_two: fn(&mut Producer)) {
    publish_two(&mut tx);
    let writer = move || {
        publish_two(&mut tx);
        publish_two(&mut tx);
        tx
    };
    let reader = move || {
        for _ in 0..2 {
            let mut seq = rx.next_seq();
            let geometry = rx.geometry().clone();
            if let Outcome::Message(batch) = rx.try_recv_batch(2).unwrap() {
                for received in &batch {
                    assert_eq!((received.seq(), &*received), (seq, &*message(&geometry, seq)));
                    seq += 1;
                }
            }
            assert_eq!(rx.next_seq(), seq, "a batch releases what it held");
        }
        rx
    };
    let (tx, mut rx) = both(writer, reader);
    assert!([4, 6].contains(&tx.next_seq()), "two messages each time, or none");
    drain(&mut rx);
}

/// An abandoned claim is never delivered, and its sequence goes to the next message.
pub fn abandoned() {
    let ring = ModelRing::new(2, 2, 1);
    abandons(producer(&ring), consumer(&ring, 0, Start::Oldest));
}

pub(super) fn abandons(mut tx: Producer, rx: Consumer) {
    let writer = move || {
        let mut claim = tx.try_claim(16).unwrap();
        claim.fill(0xEE);
        drop(claim);
        let message = next_message(&tx);
        let mut claim = tx.try_claim(16).unwrap();
        claim[..message.len()].copy_from_slice(&message);
        claim.commit_len(message.len()).unwrap();
        publish(&mut tx);
    };
    two_come_of(writer, rx);
}

/// `Closed` comes after the last message, to consumers and observers. (`X1`/`E2`)
pub fn close() {
    closes(&ModelRing::new(2, 2, 1));
}

pub(super) fn closes(ring: &ModelRing) {
    let (mut tx, mut rx) = (producer(ring), consumer(ring, 0, Start::Oldest));
    let mut watcher = observer(ring, Start::Oldest);
    let writer = move || {
        publish(&mut tx);
        tx.close().unwrap();
    };
    let reader = move || {
        let mut received = 0;
        for _ in 0..2 {
            match rx.try_recv().unwrap() {
                Outcome::Message(_) => received += 1,
                Outcome::Closed => assert_eq!(received, 1, "closed before the last message"),
                _ => {}
            }
        }
        if let Outcome::Closed = watcher.try_recv().unwrap() {
            panic!("closed before the first message");
        }
    };
    both(writer, reader);
}
