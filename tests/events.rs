//! What the feature `tracing` reports: `cargo test --features tracing --test events`.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use nix::sys::signal::{Signal, raise};
use ringway::{Config, Patience, Resume, Ring, Start};
use testkit::{Kind, Post, TestRing, named, role, suite};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

fn main() {
    suite::run(
        named![
            joining_and_leaving_are_reported_with_cell_and_sequence,
            a_successor_reports_a_takeover_only_if_the_ring_was_left_open,
            a_dead_consumer_is_reported_as_retired_once,
            a_reader_that_is_passed_over_is_reported_each_time,
            publishing_and_receiving_report_nothing,
        ],
        named![reader_that_dies],
    );
}

/// Keeps what it is told, one line an event: level, message, fields.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<String>>>);

impl Kept {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            name => self.fields += &format!(" {name}={value:?}"),
        }
    }
}

impl Subscriber for Kept {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "ringway"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        unreachable!("events alone")
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line { message: String::new(), fields: String::new() };
        event.record(&mut line);
        let (what, _) = line.message.split_once(':').expect("an event's name ahead of its sentence");
        self.0.lock().unwrap().push(format!("{} {what}{}", event.metadata().level(), line.fields));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Runs `steps`, with all that they report kept.
fn keeping(steps: impl FnOnce(&Kept)) {
    let kept = Kept::default();
    tracing::subscriber::with_default(kept.clone(), || steps(&kept));
}

fn id(ring: &TestRing) -> String {
    ring.geometry().ring_id().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn joining_and_leaving_are_reported_with_cell_and_sequence(kind: Kind) {
    let ring = kind.ring(&Config::new().slots(8).max_consumers(2));
    let id = id(&ring);
    keeping(|kept| {
        let mut producer = ring.producer().unwrap();
        assert_eq!(kept.take(), [format!("INFO attach ring={id} epoch=1 next_seq=0")]);
        producer.publish(b"one").unwrap();

        let first = ring.consumer(Start::Oldest).unwrap();
        let second = ring.consumer(Start::Latest).unwrap();
        assert_eq!(
            kept.take(),
            [
                format!("INFO join ring={id} cell=0 next_seq=0"),
                format!("INFO join ring={id} cell=1 next_seq=1"),
            ]
        );
        drop(first);
        let clone = second.try_clone().unwrap();
        drop((second, clone));
        assert_eq!(
            kept.take(),
            [
                format!("INFO leave ring={id} cell=0"),
                format!("INFO join ring={id} cell=0 next_seq=1"),
                format!("INFO leave ring={id} cell=1"),
                format!("INFO leave ring={id} cell=0"),
            ]
        );
        drop(ring.observer(Start::Oldest, Resume::OldestSafe).unwrap());
        assert_eq!(kept.take(), [format!("DEBUG attach ring={id} next_seq=0")]);
        producer.close().unwrap();
        assert_eq!(kept.take(), [format!("INFO close ring={id} epoch=1 head=1")]);
    });
}

fn a_successor_reports_a_takeover_only_if_the_ring_was_left_open(kind: Kind) {
    let ring = kind.ring(&Config::new().slots(8));
    let id = id(&ring);
    keeping(|kept| {
        drop(ring.producer().unwrap());
        let mut second = ring.producer().unwrap();
        second.close().unwrap();
        drop(ring.producer().unwrap());
        assert_eq!(
            kept.take(),
            [
                format!("INFO attach ring={id} epoch=1 next_seq=0"),
                format!("INFO leave ring={id} epoch=1 head=0"),
                format!("WARN takeover ring={id} epoch=2 next_seq=0"),
                format!("INFO close ring={id} epoch=2 head=0"),
                format!("INFO attach ring={id} epoch=3 next_seq=0"),
                format!("INFO leave ring={id} epoch=3 head=0"),
            ]
        );
    });
}

fn a_dead_consumer_is_reported_as_retired_once(kind: Kind) {
    let ring = kind.ring(&Config::new().slots(4));
    let id = id(&ring);
    let mut reader = ring.start(role!(reader_that_dies));
    reader.expect("joined");
    reader.die();
    keeping(|kept| {
        let mut producer = ring.producer().unwrap();
        kept.take();
        for _ in 0..12 {
            producer.publish(b"on").unwrap();
        }
        assert_eq!(kept.take(), [format!("WARN retire ring={id} cell=0 cursor=0")]);
    });
}

fn a_reader_that_is_passed_over_is_reported_each_time(kind: Kind) {
    let ring = kind.ring(&Config::new().slots(4));
    let id = id(&ring);
    let mut reader = ring.best_effort_reader(Start::Oldest).unwrap();
    keeping(|kept| {
        let mut producer = ring.producer().unwrap();
        producer.set_patience(Patience::Lap);
        kept.take();
        for _ in 0..5 {
            producer.publish(b"on").unwrap();
        }
        assert_eq!(kept.take(), [format!("WARN pass over ring={id} cell=0 cursor=0 times=1")]);
        assert!(reader.try_recv().unwrap().is_lagged());
        kept.take();
        for _ in 0..6 {
            producer.publish(b"on").unwrap();
        }
        assert_eq!(kept.take(), [format!("WARN pass over ring={id} cell=0 cursor=3 times=2")]);
    });
}

fn reader_that_dies(ring: &TestRing, post: &mut Post) {
    let _consumer = ring.consumer(Start::Latest).unwrap();
    post.say("joined");
    raise(Signal::SIGKILL).unwrap();
}

fn publishing_and_receiving_report_nothing(kind: Kind) {
    let ring = kind.ring(&Config::new().slots(4));
    let mut producer = ring.producer().unwrap();
    let mut consumer = ring.consumer(Start::Latest).unwrap();
    keeping(|kept| {
        for _ in 0..100 {
            producer.publish(b"on").unwrap();
            assert_eq!(&consumer.next_message().unwrap().unwrap()[..], b"on");
        }
        assert_eq!(kept.take(), <[String; 0]>::default());
    });
}
