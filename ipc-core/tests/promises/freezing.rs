//! Copies of a ring that goes on meanwhile.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use ringway_core::placement::Freeze;
use ringway_core::{AttachError, Config, Outcome, Producer, RecvError, Resume, Ring, Start, State, Stride};

use crate::common::{HEAD, Kind, TestRing};

const SLOTS: u64 = 8;

fn a_ring(stride: Stride) -> TestRing {
    Kind::Copied.ring(&Config::new().slots(SLOTS).payload_capacity(16).stride(stride))
}

fn publish(producer: &mut Producer, count: u64) {
    for _ in 0..count {
        let message = [producer.next_seq().to_ne_bytes(); 2].concat();
        producer.try_publish(&message).unwrap();
    }
}

/// What a reader of the copy gets from message `start` on: messages, and how it ends.
fn read(copy: &TestRing, start: u64) -> (Vec<u64>, u64, Result<bool, RecvError>) {
    let mut observer = copy.observer(Start::At(start), Resume::OldestSafe).unwrap();
    let mut messages = Vec::new();
    let end = loop {
        match observer.try_recv() {
            Ok(Outcome::Message(message)) => {
                assert_eq!(message[..], [message.seq().to_ne_bytes(); 2].concat());
                messages.push(message.seq());
            }
            Ok(Outcome::Lagged(_)) => {}
            Ok(Outcome::Closed) => break Ok(true),
            Ok(Outcome::Empty) => break Ok(false),
            Ok(other) => panic!("expected a message, got {other:?}"),
            Err(error) => break Err(error),
        }
    };
    (messages, observer.lost(), end)
}

#[test]
fn a_copy_holds_what_was_not_overwritten_meanwhile_and_nothing_torn() {
    for stride in [Stride::Aligned, Stride::Packed, Stride::Line, Stride::Split] {
        for (before, first_half, second_half) in interleavings() {
            let ring = a_ring(stride);
            let mut producer = ring.producer().unwrap();
            publish(&mut producer, before);
            let freeze = Freeze::begin(&ring.region(None)).unwrap();
            let copy = ring.blank();
            // Each message is half copied before the producer goes on.
            publish(&mut producer, first_half);
            copy.copy_half(&ring, true);
            publish(&mut producer, second_half);
            copy.copy_half(&ring, false);
            producer.close().unwrap();

            let kept = freeze.settle(&ring.region(None), &copy.region(None)).unwrap();
            let overwritten = (before + first_half + second_half).saturating_sub(SLOTS);
            assert_eq!(kept, overwritten.min(before)..before);
            // The ring was open when the copy was begun.
            assert_eq!(read(&copy, kept.start), (kept.clone().collect(), 0, Ok(false)));
            let oldest = before.saturating_sub(SLOTS);
            // A reader that starts where nothing is whole loses what was overwritten, and finds no damage.
            let start = copy.observer(Start::Oldest, Resume::OldestSafe).unwrap().start();
            let (messages, lost, end) = read(&copy, start);
            assert!(start >= oldest && end == Ok(false));
            assert_eq!(messages.len() as u64 + lost, before - start);
            let stats = copy.stats().unwrap();
            assert_eq!((stats.head, stats.state, stats.epoch), (before, State::Open, 1));
        }
    }
}

/// How many messages are published before the copy, and in each half of it.
fn interleavings() -> impl Iterator<Item = (u64, u64, u64)> {
    let many = [0, 1, 5, SLOTS, SLOTS + 1, 3 * SLOTS + 3];
    many.into_iter().flat_map(move |a| many.into_iter().flat_map(move |b| many.map(move |c| (a, b, c))))
}

#[test]
fn a_copy_of_a_closed_ring_is_closed() {
    let ring = a_ring(Stride::Aligned);
    let mut producer = ring.producer().unwrap();
    publish(&mut producer, 11);
    producer.close().unwrap();
    let freeze = Freeze::begin(&ring.region(None)).unwrap();
    let copy = ring.blank();
    copy.copy_half(&ring, false);
    copy.copy_half(&ring, true);
    assert_eq!(freeze.settle(&ring.region(None), &copy.region(None)).unwrap(), 3..11);
    assert_eq!(read(&copy, 3), ((3..11).collect(), 0, Ok(true)));
}

#[test]
fn a_copy_tells_of_the_epoch_in_which_it_was_begun() {
    let ring = a_ring(Stride::Aligned);
    publish(&mut ring.producer().unwrap(), 3);
    publish(&mut ring.producer().unwrap(), 2);
    let freeze = Freeze::begin(&ring.region(None)).unwrap();
    // The second of these has the word of the epoch in which the copy was begun.
    publish(&mut ring.producer().unwrap(), 2);
    publish(&mut ring.producer().unwrap(), 1);
    let copy = ring.blank();
    copy.copy_half(&ring, true);
    copy.copy_half(&ring, false);
    assert_eq!(freeze.settle(&ring.region(None), &copy.region(None)).unwrap(), 0..5);
    let stats = copy.stats().unwrap();
    assert_eq!((stats.epoch, stats.first_seq, stats.head), (2, 3, 5));
}

#[test]
fn a_copy_has_head_and_state_of_one_epoch_while_producers_come_and_go() {
    let ring = a_ring(Stride::Aligned);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Relaxed) {
                let mut producer = ring.producer().unwrap();
                publish(&mut producer, 1);
                producer.close().unwrap();
            }
        });
        let looks = || {
            for _ in 0..10_000 {
                let freeze = Freeze::begin(&ring.region(None))?;
                let copy = ring.blank();
                freeze.settle(&ring.region(None), &copy.region(None))?;
                let stats = copy.stats()?;
                let published = stats.head.wrapping_sub(stats.first_seq);
                let least = u64::from(stats.state == State::Closed);
                let of_epoch = (least..=1).contains(&published);
                if !of_epoch || stats.first_seq != stats.epoch.saturating_sub(1) {
                    return Ok(Some(stats));
                }
            }
            Ok::<_, AttachError>(None)
        };
        let found = looks();
        stop.store(true, Relaxed);
        assert_eq!(found.unwrap(), None);
    });
}

#[test]
fn a_copy_counts_what_a_dead_producer_published_of_a_batch() {
    let ring = a_ring(Stride::Aligned);
    publish(&mut ring.producer().unwrap(), 11);
    ring.page(HEAD).store(8, Relaxed);
    let freeze = Freeze::begin(&ring.region(None)).unwrap();
    let copy = ring.blank();
    copy.copy_half(&ring, false);
    copy.copy_half(&ring, true);
    assert_eq!(freeze.settle(&ring.region(None), &copy.region(None)).unwrap(), 3..11);
    assert_eq!(read(&copy, 3), ((3..11).collect(), 0, Ok(false)));
}

#[test]
fn a_copy_is_refused_of_a_damaged_or_lost_ring() {
    let ring = a_ring(Stride::Aligned);
    publish(&mut ring.producer().unwrap(), 1);
    let freeze = Freeze::begin(&ring.region(None)).unwrap();
    let copy = ring.blank();
    ring.truncate();
    let settled = freeze.settle(&ring.region(None), &copy.region(None));
    assert!(matches!(settled, Err(AttachError::Truncated(_))));
    assert!(matches!(Freeze::begin(&ring.region(None)), Err(AttachError::Truncated(_))));

    let ring = a_ring(Stride::Aligned);
    ring.page(HEAD).store(u64::MAX, Relaxed);
    assert!(
        matches!(Freeze::begin(&ring.region(None)), Err(AttachError::Damaged(damaged)) if damaged.what == "head")
    );
}
