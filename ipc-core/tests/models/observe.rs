//! One producer and unreliable readers.

use std::time::Duration;

use ringway_core::placement::ModelRing;
use ringway_core::{Observer, Outcome, Producer, Resume, Start, Wait};

use super::{
    both, claim_two, look, next_message, observer, observer_with, producer, publish, publish_two,
    publish_two_in_place, settle,
};

/// No observer accepts a mixture, and none loses count, while the producer laps it. (`W1`/`R2`, `W2`/`R1`)
pub fn observe() {
    observes(&ModelRing::new(2, 2, 1));
}

pub(super) fn observes(ring: &ModelRing) {
    let mut tx = producer(ring);
    let watcher = observer(ring, Start::Oldest);
    publish(&mut tx);
    let writer = move || {
        publish(&mut tx);
        publish(&mut tx);
    };
    observe_while(writer, watcher);
}

/// The same over more than two laps, with the other resume policy. (`R1` again: head is no older than the
/// stamp that says which message overtook)
pub fn observe_laps() {
    let ring = ModelRing::new(2, 1, 1);
    let mut tx = producer(&ring);
    let watcher = observer_with(&ring, Start::Oldest, Resume::Latest);
    let writer = move || {
        for _ in 0..5 {
            publish(&mut tx);
        }
    };
    observe_while(writer, watcher);
}

/// A batch's stamps are ahead of head: that is neither damage nor a wrong count.
pub fn observe_batch() {
    observe_batches(publish_two);
}

/// The same, of a batch that is written in place: what it writes is never accepted as the message before.
pub fn observe_batch_in_place() {
    observe_batches(publish_two_in_place);
}

/// A claimed batch marks slots ahead of what is published. An observer that meets the marks goes past no message that
/// isn't published, whether the batch is committed or given up.
pub fn observe_batch_claimed() {
    let ring = ModelRing::new(4, 1, 1);
    let mut tx = producer(&ring);
    publish_two(&mut tx);
    publish_two(&mut tx);
    let watcher = observer_with(&ring, Start::At(1), Resume::Latest);
    let writer = move || {
        for commits in [true, false] {
            claim_two(&mut tx, commits);
        }
        assert_eq!(tx.next_seq(), 6, "one batch of two was committed");
    };
    observe_while(writer, watcher);
}

/// An observer that is lapped while it asks why its message isn't there takes that for no damage. (`W3`/`H1`)
pub fn observe_waiting() {
    let ring = ModelRing::new(2, 1, 1);
    let mut tx = producer(&ring);
    let mut watcher = observer(&ring, Start::Oldest);
    watcher.set_wait(Wait::Spin);
    let writer = move || {
        for _ in 0..3 {
            publish(&mut tx);
        }
    };
    let reader = move || {
        // The shortest wait: it asks at its second turn.
        let outcome = watcher.recv_timeout(Duration::from_nanos(1)).expect("a sound ring").map(drop);
        assert!(matches!(outcome, Outcome::TimedOut | Outcome::Message(()) | Outcome::Lagged(1..)));
        watcher
    };
    let ((), watcher) = both(writer, reader);
    settle(watcher);
}

fn observe_batches(publish_two: fn(&mut Producer)) {
    // In fewer slots no batch would have two messages: half a lap at most is published between two scans.
    let ring = ModelRing::new(4, 1, 1);
    let mut tx = producer(&ring);
    let watcher = observer(&ring, Start::Oldest);
    publish_two(&mut tx);
    publish_two(&mut tx);
    let writer = move || {
        publish_two(&mut tx);
        assert_eq!(tx.next_seq(), 6, "two messages each time");
    };
    observe_while(writer, watcher);
}

/// What an abandoned claim wrote is never accepted, as the old message or as the new one.
pub fn observe_abandoned() {
    abandons(&ModelRing::new(2, 2, 1), 2);
}

/// The same of staged claims, and the one that is committed is accepted whole.
pub fn observe_staged() {
    abandons(&ModelRing::new(2, 2, 1).untrusted(), 1);
}

/// A claim is abandoned after `before` messages, and the next one committed.
fn abandons(ring: &ModelRing, before: u64) {
    let mut tx = producer(ring);
    let watcher = observer(ring, Start::Oldest);
    for _ in 0..before {
        publish(&mut tx);
    }
    let writer = move || {
        let mut claim = tx.try_claim(16).unwrap();
        claim.fill(0xEE);
        drop(claim);
        let message = next_message(&tx);
        let mut claim = tx.try_claim(message.len()).unwrap();
        claim.copy_from_slice(&message);
        claim.commit().unwrap();
    };
    observe_while(writer, watcher);
}

/// An observer looks twice beside a writer, then to the end.
pub(super) fn observe_while(writer: impl FnOnce() + 'static, mut watcher: Observer) {
    let reader = move || {
        let _ = look(&mut watcher);
        let _ = look(&mut watcher);
        watcher
    };
    let ((), watcher) = both(writer, reader);
    settle(watcher);
}
