//! Sequences that are skipped: beside each kind of reader, beyond a lap, and by producers that die of it.

use ringway_core::placement::ModelRing;
use ringway_core::{Config, Consumer, Outcome, Producer, PublishError, Start, Stride};

use super::deaths::{publish as publish_signed, to_consumer_on, to_observer, to_unlapped_observer};
use super::observe::observe_while;
use super::{both, consumer, message, observer, producer, publish};

/// A ring of 2 slots whose messages have two words, and which can skip.
fn ring() -> ModelRing {
    of_stride(Stride::Aligned)
}

fn of_stride(stride: Stride) -> ModelRing {
    ModelRing::of(&Config::new().slots(2).stride(stride).payload_capacity(16).max_consumers(1).first_seq(0))
}

/// Skips so many sequences, as far as there is room.
fn skip(tx: &mut Producer, n: u64) {
    match tx.try_skip_to(tx.next_seq() + n) {
        Ok(()) | Err(PublishError::Full(_)) => {}
        Err(error) => panic!("skip: {error}"),
    }
}

/// What a consumer has been told.
#[derive(Default)]
struct Account {
    messages: Vec<u64>,
    skipped: u64,
}

impl Account {
    /// One attempt. Whether anything was told.
    fn receive(&mut self, rx: &mut Consumer) -> bool {
        let (ring, before) = (rx.geometry().clone(), rx.next_seq());
        match rx.try_recv().expect("a sound ring") {
            Outcome::Message(guard) => {
                assert_eq!((guard.seq(), &*guard), (before, &*message(&ring, before)));
                self.messages.push(before);
            }
            Outcome::Empty => return false,
            Outcome::Lagged(skipped) => self.skipped += skipped,
            other => panic!("receive: {other:?}"),
        }
        true
    }

    /// Receives until nothing comes, at a quiet point.
    fn drain(&mut self, rx: &mut Consumer) {
        // No model has as much to tell.
        for _ in 0..8 {
            if !self.receive(rx) {
                return;
            }
        }
        panic!("the consumer doesn't come to an end: {rx:?}");
    }

    /// At a quiet point: exactly these messages have come, and all others before `end` were told to be skipped.
    fn close(mut self, mut rx: Consumer, start: u64, end: u64, messages: &[u64]) {
        self.drain(&mut rx);
        assert_eq!((rx.next_seq(), &self.messages[..]), (end, messages));
        assert_eq!(self.skipped, end - start - messages.len() as u64);
    }
}

/// A consumer beside a writer.
fn account(writer: impl FnOnce() -> Producer + 'static, mut rx: Consumer) -> (Producer, Consumer, Account) {
    let reader = move || {
        let mut account = Account::default();
        account.receive(&mut rx);
        account.receive(&mut rx);
        (rx, account)
    };
    let (tx, (rx, account)) = both(writer, reader);
    (tx, rx, account)
}

fn skips(ring: &ModelRing) {
    let (mut tx, rx) = (producer(ring), consumer(ring, 0, Start::Oldest));
    publish(&mut tx);
    let writer = move || {
        skip(&mut tx, 1);
        tx
    };
    let (mut tx, mut rx, mut told) = account(writer, rx);
    told.drain(&mut rx);
    assert!(publish(&mut tx), "what was skipped was released");
    told.close(rx, 0, 3, &[0, 2]);
}

/// A consumer is told exactly what was skipped, and gets what wasn't.
pub fn skip_consumed() {
    skips(&ring());
}

/// The same where it copies messages.
pub fn skip_copied() {
    skips(&ring().untrusted());
}

/// The same in lines, which have no word of length.
pub fn skip_line() {
    skips(&of_stride(Stride::Line));
}

/// The same where consumers of a ring that can't skip go by head.
pub fn skip_split() {
    skips(&of_stride(Stride::Split));
}

/// A skip overwrites nothing that a consumer hasn't released.
pub fn skip_gated() {
    let ring = ring();
    let (mut tx, rx) = (producer(&ring), consumer(&ring, 0, Start::Oldest));
    assert!(publish(&mut tx) && publish(&mut tx));
    let writer = move || {
        skip(&mut tx, 1);
        skip(&mut tx, 1);
        tx
    };
    let (tx, rx, told) = account(writer, rx);
    told.close(rx, 0, tx.next_seq(), &[0, 1]);
}

/// A skip of more than a lap is told exactly, whatever of it a consumer comes upon.
pub fn skip_lap() {
    let ring = ring();
    let (mut tx, rx) = (producer(&ring), consumer(&ring, 0, Start::Oldest));
    let writer = move || {
        skip(&mut tx, 5);
        tx
    };
    let (mut tx, mut rx, mut told) = account(writer, rx);
    told.drain(&mut rx);
    assert!(publish(&mut tx), "what was skipped was released");
    told.close(rx, 0, 6, &[5]);
}

/// The message after a lap of void ones is taken to be void by no reader: head counts it only once it is there.
/// (`W3`/`H1`)
pub fn skip_before() {
    let ring = ring();
    let (mut tx, mut rx) = (producer(&ring), consumer(&ring, 0, Start::Oldest));
    skip(&mut tx, 2);
    let mut before = Account::default();
    assert!(before.receive(&mut rx) && rx.next_seq() == 2);
    let writer = move || {
        publish(&mut tx);
        tx
    };
    let (_tx, rx, told) = account(writer, rx);
    told.close(rx, 2, 3, &[2]);
}

/// The same of an observer.
pub fn skip_before_observed() {
    let ring = ring();
    let (mut tx, watcher) = (producer(&ring), observer(&ring, Start::At(2)));
    skip(&mut tx, 2);
    let writer = move || {
        publish(&mut tx);
    };
    let reader = move || {
        let mut watcher = watcher;
        let _ = super::look(&mut watcher);
        let _ = super::look(&mut watcher);
        watcher
    };
    let ((), mut watcher) = both(writer, reader);
    let _ = super::look(&mut watcher);
    assert_eq!((watcher.received(), watcher.lost()), (1, 0));
}

/// An observer that a skip overtakes, within a lap, keeps its accounts.
pub fn skip_observed() {
    observed(1);
}

/// The same of more than a lap.
pub fn skip_lap_observed() {
    observed(5);
}

/// An observer that several producers overtake, of which each skips a lap and publishes nothing, takes no void stamp for
/// damage: head is no older than a lap before it. (`G1`/`R1`)
pub fn skip_laps_observed() {
    let ring = ring();
    let watcher = observer(&ring, Start::At(0));
    let writer = move || {
        for _ in 0..3 {
            skip(&mut producer(&ring), 2);
        }
    };
    observe_while(writer, watcher);
}

fn observed(n: u64) {
    let ring = ring();
    let mut tx = producer(&ring);
    let watcher = observer(&ring, Start::Oldest);
    publish(&mut tx);
    let writer = move || {
        skip(&mut tx, n);
        publish(&mut tx);
    };
    observe_while(writer, watcher);
}

/// A consumer that joins during a skip gets each message from where it starts, and is told of the rest.
pub fn skip_joined() {
    let ring = ring();
    let mut tx = producer(&ring);
    assert!(publish(&mut tx) && publish(&mut tx));
    let writer = move || {
        skip(&mut tx, 3);
        tx
    };
    let reader = move || {
        let mut rx = consumer(&ring, 0, Start::Oldest);
        let (start, mut account) = (rx.next_seq(), Account::default());
        account.receive(&mut rx);
        (rx, start, account)
    };
    let (tx, (rx, start, told)) = both(writer, reader);
    let messages: Vec<u64> = (start..2).collect();
    told.close(rx, start, tx.next_seq(), &messages);
}

/// A producer dies in a skip: each sequence was skipped or wasn't, to all, and its successor gives it to no message.
pub fn death_in_skip() {
    to_consumer_on(&ring(), |tx| {
        publish_signed(tx);
        skip(tx, 1);
    });
}

/// The same of more than a lap.
pub fn death_in_long_skip() {
    to_consumer_on(&ring(), |tx| skip(tx, 3));
}

/// The same, seen by an observer.
pub fn death_in_skip_observed() {
    to_observer(&ring(), |tx| skip(tx, 3));
}

/// The same of less than a lap, seen by an observer that nothing overtakes: what it was told to be skipped comes from no
/// successor.
pub fn death_in_short_skip_observed() {
    to_unlapped_observer(&ring(), |tx| skip(tx, 1));
}
