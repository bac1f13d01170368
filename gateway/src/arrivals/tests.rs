//! What is written at once, and what waits.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use ringway::{Config, Producer, Ring};
use tempfile::TempDir;

use super::*;
use crate::frame::{Builder, Condition};
use crate::meta::Shape;
use crate::mirror::Wanted;
use crate::sink::Limits;
use crate::source::Reader;

const SLOTS: u64 = 16;

struct World {
    producer: Producer,
    reader: Reader,
    arrivals: Arrivals<Vec<u8>>,
    now: Instant,
    _directory: TempDir,
}

impl World {
    /// A mirror whose producer has entered, with one message.
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let ring = ringway::file::create(
            directory.path().join("ring"),
            &Config::new().slots(4 * SLOTS).first_seq(0),
        );
        let ring = ring.unwrap();
        let shape = Shape { slots: SLOTS, ..Shape::of(ring.geometry()).unwrap() };
        let mirror = RingMirror::open(&Wanted {
            path: &directory.path().join("mirror"),
            source: ring.geometry().ring_id(),
            shape: &shape,
            start: 0,
            replace: false,
            mode: 0o600,
            max_bytes: 1 << 30,
        });
        let (mirror, now) = (mirror.unwrap(), Instant::now());
        let second = Duration::from_secs(1);
        let limits =
            Limits { repairs: true, parked_bytes: 10_000, answer_within: second, link_lost_after: second };
        let (sink, expected) = (Sink::new(limits, now), mirror.expected());
        let arrivals =
            Arrivals::new(Writer { sink, mirror, counts: Counts::default(), expected }, 100_000, now);
        let producer = ring.producer().unwrap();
        let mut world =
            Self { producer, reader: Reader::new(&ring).unwrap(), arrivals, now, _directory: directory };
        let first = world.frame(1);
        assert_eq!(world.came(&first), Came::Later, "nobody has entered");
        world.turn();
        assert_eq!(world.head(), 1);
        world
    }

    /// The next frame of the source, of so many messages.
    fn frame(&mut self, count: u64) -> Vec<u8> {
        for _ in 0..count {
            self.producer.try_publish(b"message").unwrap();
        }
        self.reader.next(count, Duration::ZERO).unwrap().unwrap().bytes
    }

    fn came(&self, frame: &[u8]) -> Came {
        self.arrivals.came(frame, || frame.to_vec(), self.now)
    }

    /// Has the sink's thread take what waits.
    fn turn(&mut self) {
        let mut writer = self.arrivals.lock().unwrap();
        while let Some(event) = self.arrivals.inbox().pop(Duration::ZERO) {
            let Event::Frame(frame, is_asked) = event else { panic!("{event:?}") };
            let _ = writer.take((frame, is_asked), self.now);
        }
    }

    fn head(&self) -> u64 {
        self.arrivals.lock().unwrap().mirror.head()
    }

    fn waits(&self) -> bool {
        !self.arrivals.inbox().is_empty()
    }
}

#[test]
fn a_frame_that_continues_the_mirror_is_written_at_once() {
    let mut world = World::new();
    for head in [4, 7] {
        let frame = world.frame(3);
        assert_eq!(world.came(&frame), Came::Written { head, skipped: 0 });
        assert_eq!(world.arrivals.lock().unwrap().counts.received, head);
    }
    assert!(!world.waits());
}

#[test]
fn nothing_is_applied_ahead_of_what_waits() {
    let mut world = World::new();
    let beat = world.reader.heartbeat().unwrap();
    let frames = [world.frame(2), world.frame(2)];
    assert_eq!(world.came(&beat), Came::Later, "it tells what the producer is to do");
    // Each continues the mirror, but for what waits.
    assert_eq!((world.came(&frames[0]), world.head()), (Came::Later, 1));
    assert_eq!((world.came(&frames[1]), world.head()), (Came::Later, 1));
    world.turn();
    assert_eq!(world.head(), 5);
    let next = world.frame(1);
    assert_eq!(world.came(&next), Came::Written { head: 6, skipped: 0 });
}

#[test]
fn a_frame_that_comes_while_the_mirror_is_written_waits_for_nobody() {
    let mut world = World::new();
    let frame = world.frame(2);
    let writer = world.arrivals.lock().unwrap();
    assert_eq!(world.came(&frame), Came::Later);
    drop(writer);
    world.turn();
    assert_eq!(world.head(), 3);
}

#[test]
fn a_gap_a_repetition_and_what_is_behind_a_kept_frame_are_the_threads() {
    let mut world = World::new();
    let [missing, behind] = [world.frame(2), world.frame(2)];
    assert_eq!((world.came(&behind), world.head()), (Came::Later, 1));
    world.turn();
    assert_eq!(world.came(&missing), Came::Later, "what is kept comes right after it");
    world.turn();
    assert_eq!(world.head(), 5);
    assert_eq!(world.came(&missing), Came::Later);
    world.turn();
    let writer = world.arrivals.lock().unwrap();
    assert_eq!((writer.counts.repeated, writer.counts.received), (1, 5));
}

#[test]
fn of_a_frame_for_which_the_mirror_has_no_room_the_rest_waits() {
    let mut world = World::new();
    let mut consumer = {
        let writer = world.arrivals.lock().unwrap();
        writer.mirror.ring().consumer(ringway::Start::At(0)).unwrap()
    };
    let [frame, next] = [world.frame(SLOTS + 2), world.frame(3)];
    assert_eq!((world.came(&frame), world.head()), (Came::Later, SLOTS));
    assert_eq!((world.came(&next), world.head()), (Came::Later, SLOTS));
    while consumer.try_recv().unwrap().into_message().is_some() {}
    world.turn();
    assert_eq!(world.head(), SLOTS + 6);
    assert_eq!(world.arrivals.lock().unwrap().counts.received, SLOTS + 6);
}

#[test]
fn a_successor_at_the_source_has_the_thread_enter() {
    let mut world = World::new();
    let spare = ringway::anon::create(&Config::new().slots(2)).unwrap().producer().unwrap();
    drop(std::mem::replace(&mut world.producer, spare));
    world.producer = ringway::file::open(world._directory.path().join("ring")).unwrap().producer().unwrap();
    let frame = world.frame(2);
    assert_eq!((world.came(&frame), world.head()), (Came::Later, 1));
    world.turn();
    assert_eq!((world.head(), world.arrivals.lock().unwrap().counts.entered), (3, 2));
    let next = world.frame(1);
    assert_eq!(world.came(&next), Came::Written { head: 4, skipped: 0 });
}

#[test]
fn garbage_and_frames_of_another_ring_are_refused_by_the_thread() {
    let mut world = World::new();
    let frame = world.frame(2);
    let mut other = frame.clone();
    other[20] ^= 1;
    for bad in [&b"garbage"[..], &frame[..frame.len() - 1], &other] {
        assert_eq!((world.came(bad), world.head()), (Came::Later, 1));
        world.turn();
    }
    assert_eq!(world.arrivals.lock().unwrap().counts.refused, 3);
    assert_eq!(world.came(&frame), Came::Written { head: 3, skipped: 0 });
}

#[test]
fn a_mirror_that_cant_be_written_is_reported_to_the_thread_once() {
    let world = World::new();
    let mut writer = world.arrivals.lock().unwrap();
    // The ring refuses a message that was taken for one of its own.
    writer.expected.payload_capacity += 1;
    let mut builder = Builder::new(writer.expected.ring_id);
    builder.push(&vec![0; writer.expected.payload_capacity as usize], 0);
    let frame = builder.finish(Condition::Live, 1, 0, 1, 1);
    drop(writer);
    (0..2).for_each(|_| assert_eq!(world.came(&frame), Came::Later));
    let events: Vec<_> = std::iter::from_fn(|| world.arrivals.inbox().pop(Duration::ZERO)).collect();
    assert!(matches!(&events[..], [Event::Failed(_), Event::Frame(..), Event::Frame(..)]), "{events:?}");
    assert!(!world.arrivals.lock().unwrap().mirror.is_entered());
}

#[test]
fn a_panic_while_a_frame_is_written_is_known_to_the_thread() {
    let mut world = World::new();
    let frame = world.frame(1);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _writer = world.arrivals.lock().unwrap();
        panic!("the test's");
    }));
    assert!(panicked.is_err());
    assert_eq!(world.came(&frame), Came::Later);
    assert!(world.arrivals.lock().unwrap_err().to_string().contains("panicked"));
    world.arrivals.end();
}

#[test]
fn nothing_is_written_after_the_end() {
    let mut world = World::new();
    let frame = world.frame(1);
    world.arrivals.end();
    assert_eq!((world.came(&frame), world.head()), (Came::Later, 1));
}
