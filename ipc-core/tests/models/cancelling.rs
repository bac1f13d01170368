//! Calls that are cancelled. A cancel ends one call, and no call sleeps through it.

use loom::cell::UnsafeCell;
use std::sync::Arc;

use ringway_core::placement::ModelRing;
use ringway_core::{Canceller, Consumer, Outcome, Producer, PublishError, Start};

use super::{both, consumer, message, next_message, producer, publish};

/// What the cancelling thread does before the cancel, which the cancelled call's thread sees.
struct Reason(Arc<UnsafeCell<u32>>);

// SAFETY: loom checks each access, and fails a model in which two race.
unsafe impl Send for Reason {}

impl Reason {
    /// Two handles of one.
    fn pair() -> (Self, Self) {
        let cell = Arc::new(UnsafeCell::new(0));
        (Self(cell.clone()), Self(cell))
    }

    fn give(&self) {
        // SAFETY: loom checks it.
        self.0.with_mut(|reason| unsafe { *reason = 1 });
    }

    fn ask(&self) {
        // SAFETY: loom checks it.
        assert_eq!(self.0.with(|reason| unsafe { *reason }), 1);
    }
}

/// How a call ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ended {
    Done,
    Cancelled,
    /// It slept, or was about to: a modelled sleeper makes no further step.
    Slept,
}

fn receive(rx: &mut Consumer) -> Ended {
    let seq = rx.next_seq();
    let expected = message(rx.geometry(), seq);
    match rx.recv().expect("a sound ring") {
        Outcome::Message(guard) => {
            assert_eq!((guard.seq(), &*guard), (seq, &*expected));
            Ended::Done
        }
        Outcome::Cancelled => Ended::Cancelled,
        Outcome::TimedOut => Ended::Slept,
        other => panic!("receive: {other:?}"),
    }
}

fn publish_waiting(tx: &mut Producer) -> Ended {
    match tx.publish(&next_message(tx)) {
        Ok(_) => Ended::Done,
        Err(PublishError::Cancelled) => Ended::Cancelled,
        Err(PublishError::TimedOut(_)) => Ended::Slept,
        Err(error) => panic!("publish: {error}"),
    }
}

/// No thread sleeps on both words and is woken by neither, and no cancel is lost.
fn is_ended(ring: &ModelRing, canceller: &Canceller, ended: Ended) {
    assert!(ring.asleep() == 0 || !canceller.is_slept_on(), "a call sleeps through what happened");
    assert_eq!(canceller.is_pending(), ended != Ended::Cancelled, "a cancel ends one call");
}

/// A reader that waits doesn't sleep through a cancel, and sees what came before it. (`Q1`/`Q2`)
pub fn cancel() {
    let ring = ModelRing::new(2, 1, 1).with_sleepers();
    let (_tx, mut rx) = (producer(&ring), consumer(&ring, 0, Start::Oldest));
    let (canceller, (reason, known)) = (rx.canceller(), Reason::pair());
    let other = canceller.clone();
    let cancelling = move || {
        reason.give();
        other.cancel();
    };
    let reading = move || {
        let ended = receive(&mut rx);
        assert_ne!(ended, Ended::Done, "nothing was published");
        if ended == Ended::Cancelled {
            known.ask();
        }
        ended
    };
    let ((), ended) = both(cancelling, reading);
    is_ended(&ring, &canceller, ended);
}

/// Nor does a producer that waits for room.
pub fn cancel_full() {
    let ring = ModelRing::new(2, 1, 1).with_sleepers();
    let (mut tx, _rx) = (producer(&ring), consumer(&ring, 0, Start::Oldest));
    assert!(publish(&mut tx) && publish(&mut tx));
    let canceller = tx.canceller();
    let other = canceller.clone();
    let ((), ended) = both(move || other.cancel(), move || publish_waiting(&mut tx));
    assert_ne!(ended, Ended::Done, "nothing was released");
    is_ended(&ring, &canceller, ended);
}

/// A message and a cancel that come at once: of two calls one has the message and one is cancelled, in either order,
/// unless one of them sleeps, and then it was woken.
pub fn cancel_beside_message() {
    let ring = ModelRing::new(2, 1, 1).with_sleepers();
    let (mut tx, mut rx) = (producer(&ring), consumer(&ring, 0, Start::Oldest));
    let canceller = rx.canceller();
    let other = canceller.clone();
    let cancelling = loom::thread::spawn(move || other.cancel());
    let reading = move || {
        let first = receive(&mut rx);
        let second = if first == Ended::Slept { first } else { receive(&mut rx) };
        [first, second]
    };
    let writing = move || {
        publish(&mut tx);
        tx
    };
    let (_tx, ended) = both(writing, reading);
    cancelling.join().unwrap();
    match ended {
        [Ended::Done, Ended::Cancelled] | [Ended::Cancelled, Ended::Done] => {
            assert!(!canceller.is_pending(), "a cancel ends one call");
        }
        [_, Ended::Slept] => {
            let cancelled = ended[0] == Ended::Cancelled;
            assert_eq!(canceller.is_pending(), !cancelled, "a cancel ends one call");
            assert!(ring.asleep() == 0 || !canceller.is_slept_on(), "a call sleeps through what happened");
        }
        other => panic!("a cancel ends one call, and a message comes once: {other:?}"),
    }
}
