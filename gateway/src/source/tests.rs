use std::process::Command;

use ringway::Config;
use tempfile::TempDir;

use super::*;
use crate::frame::{Expected, Frame};

const SLOTS: u64 = 16;
/// Bounds waits that the test itself ends.
const PATIENCE: Duration = Duration::from_secs(30);
/// Tells a process of these tests which ring it publishes to.
const VARIABLE: &str = "RINGWAY_GATEWAY_DIES_IN_A_BATCH";

fn ring() -> (TempDir, FileRing) {
    let directory = tempfile::tempdir().unwrap();
    let ring = ringway::file::create(directory.path().join("ring"), &Config::new().slots(SLOTS)).unwrap();
    (directory, ring)
}

#[test]
fn an_answer_tells_no_loss_beyond_what_was_asked_for() {
    let (_directory, ring) = ring();
    let mut producer = ring.producer().unwrap();
    for _ in 0..100 {
        producer.publish(b"message").unwrap();
    }
    let mut reader = Reader::new(&ring).unwrap();
    reader.go_to(10).unwrap();
    // Messages 10 to 20 are lost, and many more after them, of which the question isn't.
    let answer = reader.next_before(20).unwrap().unwrap();
    assert_eq!((answer.end, answer.lost, answer.messages), (20, 10, 0));
    let payload_capacity = ring.geometry().payload_capacity();
    let expected = Expected { ring_id: reader.ring_id(), payload_capacity, fixed_length: false };
    let header = *Frame::check(&answer.bytes, &expected).unwrap().header();
    assert_eq!((header.from, header.start, header.end()), (10, 20, 20));
    assert_eq!(reader.position(), 20);
    assert!(reader.next_before(20).unwrap().is_none());
}

#[test]
fn what_the_producer_skipped_isnt_lost_by_the_ring() {
    let directory = tempfile::tempdir().unwrap();
    let config = Config::new().slots(SLOTS).first_seq(0);
    let ring = ringway::file::create(directory.path().join("ring"), &config).unwrap();
    let mut producer = ring.producer().unwrap();
    let mut reader = Reader::new(&ring).unwrap();
    producer.skip_to(5).unwrap();
    producer.publish(b"message").unwrap();
    let found = reader.next(9, Duration::ZERO).unwrap().unwrap();
    assert_eq!((found.end, found.lost, found.skipped, found.messages), (6, 0, 5, 1));
    for _ in 0..100 {
        producer.publish(b"message").unwrap();
    }
    let found = reader.next(100, Duration::ZERO).unwrap().unwrap();
    assert_eq!((found.lost > 0, found.skipped), (true, 0));
}

#[test]
fn another_process_of_these_tests() {
    let Ok(path) = std::env::var(VARIABLE) else { return };
    let mut producer = ringway::file::open(path).unwrap().producer().unwrap();
    let _ = producer.publish_batch_with(3, 8, |seq, _| {
        if seq == 2 {
            std::process::abort();
        }
    });
}

/// What can wake a reader.
const WAKERS: [fn(&FileRing) -> Waker; 2] =
    [|ring| Waker::Gate(Gate::close(ring).unwrap()), |ring| Waker::Alarm(Gate::at_head(ring).unwrap())];

#[test]
fn a_reader_beside_a_batch_whose_producer_died_waits() {
    WAKERS.into_iter().for_each(waits_beside_a_dead_batch);
}

fn waits_beside_a_dead_batch(waker: fn(&FileRing) -> Waker) {
    const WAIT: Duration = Duration::from_millis(50);
    let (_directory, ring) = ring();
    let mut reader = Reader::new(&ring).unwrap();
    reader.wake_by(waker(&ring));
    let died = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "source::tests::another_process_of_these_tests"])
        .env(VARIABLE, ring.path())
        .output()
        .unwrap();
    assert!(!died.status.success());
    let frame = reader.next(SLOTS, WAIT).unwrap().unwrap();
    assert_eq!((frame.end, frame.messages, ring.stats().unwrap().head), (2, 2, 0));
    // The end of the producer is told once.
    let returned_at_once = |_: &u32| {
        let began = Instant::now();
        assert!(reader.next(SLOTS, WAIT).unwrap().is_none());
        began.elapsed() < WAIT
    };
    assert!((0..5).filter(returned_at_once).count() <= 1, "it looks at the same message again and again");
    // A successor goes on behind the batch, and wakes the reader.
    let mut producer = ring.producer().unwrap();
    producer.publish(b"message").unwrap();
    let found = std::iter::repeat_with(|| reader.next(SLOTS, WAIT).unwrap()).flatten().next();
    assert_eq!(found.unwrap().end, 3);
}

#[test]
fn what_wakes_a_reader_lets_go_of_nothing_that_the_gate_holds() {
    let (_directory, ring) = ring();
    let mut producer = ring.producer().unwrap();
    let gate = Gate::close(&ring).unwrap();
    let mut reader = Reader::new(&ring).unwrap();
    reader.wake_by(Waker::Gate(gate.clone()));
    let mut end = 0;
    for _ in 0..SLOTS {
        producer.try_publish(b"message").unwrap();
        end = reader.next(SLOTS, PATIENCE).unwrap().unwrap().end;
        assert!(reader.next(SLOTS, Duration::from_millis(1)).unwrap().is_none());
    }
    assert_eq!((end, gate.held()), (SLOTS, 0));
    assert!(producer.try_publish(b"message").is_err());
    // The one consumer of the ring.
    assert_eq!(producer.consumer_count().unwrap(), 1);
    gate.release(3).unwrap();
    assert_eq!((gate.held(), producer.count_room().unwrap()), (3, 3));
}

#[test]
fn a_reader_that_waits_is_woken_by_the_gate_while_others_release() {
    const MESSAGES: u64 = 2000;
    for waker in WAKERS {
        let (_directory, ring) = ring();
        let mut producer = ring.producer().unwrap();
        let mut reader = Reader::new(&ring).unwrap();
        let waker = waker(&ring);
        reader.wake_by(waker.clone());
        std::thread::scope(|scope| {
            scope.spawn(move || {
                for _ in 0..MESSAGES {
                    producer.publish_timeout(b"message", PATIENCE).unwrap();
                }
            });
            let began = Instant::now();
            let (mut end, mut messages) = (0, 0);
            while end < MESSAGES {
                assert!(began.elapsed() < PATIENCE * 2, "{messages} messages came");
                let Some(frame) = reader.next(SLOTS, PATIENCE).unwrap() else { continue };
                (end, messages) = (frame.end, messages + frame.messages);
                if let Waker::Gate(gate) = &waker {
                    gate.release(end).unwrap();
                }
            }
            assert_eq!(messages, MESSAGES);
        });
    }
}

#[test]
fn an_event_wakes_a_reader_once() {
    const WAIT: Duration = Duration::from_millis(50);
    for waker in WAKERS {
        let (_directory, ring) = ring();
        let mut producer = ring.producer().unwrap();
        let mut reader = Reader::new(&ring).unwrap();
        reader.wake_by(waker(&ring));
        producer.publish(b"message").unwrap();
        assert_eq!(reader.next(SLOTS, PATIENCE).unwrap().unwrap().messages, 1);
        drop(producer);
        let returned_at_once = |_: &u32| {
            let began = Instant::now();
            assert!(reader.next(SLOTS, WAIT).unwrap().is_none());
            began.elapsed() < WAIT
        };
        assert!((0..5).filter(returned_at_once).count() <= 1, "the same event wakes it again and again");
        assert!(reader.has_news());
    }
}
