use std::process::Command;

use ringway::Config;
use tempfile::TempDir;

use super::*;
use crate::frame::{Expected, Frame};

const SLOTS: u64 = 16;
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

#[test]
fn a_reader_beside_a_batch_whose_producer_died_waits() {
    const WAIT: Duration = Duration::from_millis(50);
    let (_directory, ring) = ring();
    let mut reader = Reader::with_alarm(&ring).unwrap();
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
