//! The rings, both gateways and the link between them, and what may happen to each.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use ringway::file::FileRing;
use ringway::{Config, Consumer, Outcome, Producer, PublishError, Ring, Start};
use tempfile::TempDir;

use crate::ack::Ack;
use crate::apply::{self, Counts, Mirror};
use crate::export::hold::{Held, Hold};
use crate::frame::Frame;
use crate::gate::Gate;
use crate::meta::Shape;
use crate::mirror::{RingMirror, Wanted};
use crate::pace::{self, Heard};
use crate::policy::Policy;
use crate::sink::{self, Range, Sink};
use crate::source::Reader;

pub(super) const SLOTS: u64 = 16;
pub(super) const FIRST: u64 = 1000;

#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    Produce(u8),
    Send,
    Beat,
    /// The frame at this place of the link arrives: any but the first overtakes others.
    Deliver(u8),
    Lose(u8),
    Repeat(u8),
    Ack,
    DeliverAck,
    LoseAck,
    Ask,
    Answer,
    LoseAnswer,
    Read(u8),
    Wait(u16),
    KillSink,
    KillSource,
    Succeed,
}

pub(super) struct World {
    pub(super) policy: Policy,
    pub(super) now: Instant,
    pub(super) ring: FileRing,
    pub(super) producer: Producer,
    pub(super) source: Option<(Reader, Held)>,
    pub(super) link: VecDeque<Vec<u8>>,
    pub(super) acks: VecDeque<Ack>,
    pub(super) questions: VecDeque<Range>,
    pub(super) sink: Option<(Sink<Vec<u8>>, RingMirror)>,
    pub(super) counts: Counts,
    pub(super) reader: Consumer,
    pub(super) received: u64,
    pub(super) lagged: u64,
    pub(super) directory: TempDir,
    pub(super) shape: Shape,
}

fn message(seq: u64) -> (Vec<u8>, u32) {
    let length = (seq.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58) as usize % 49;
    (vec![seq as u8; length], seq as u32)
}

fn sink_limits(policy: Policy) -> sink::Limits {
    sink::Limits {
        repairs: policy.repairs(),
        parked_bytes: 1500,
        answer_within: Duration::from_millis(100),
        link_lost_after: Duration::from_secs(1),
    }
}

impl World {
    pub(super) fn new(policy: Policy) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = Config::new().slots(SLOTS).first_seq(FIRST);
        let ring = ringway::file::create(directory.path().join("ring"), &config).unwrap();
        let shape = Shape::of(ring.geometry()).unwrap();
        let mut producer = ring.producer().unwrap();
        producer.require_readers(policy == Policy::Reliable);
        let now = Instant::now();
        let mirror = open_mirror(&directory, &ring, &shape);
        let reader = mirror.ring().consumer(Start::At(FIRST)).unwrap();
        let sink = Some((Sink::new(sink_limits(policy), now), mirror));
        let mut world = Self {
            policy,
            now,
            ring,
            producer,
            source: None,
            link: VecDeque::new(),
            acks: VecDeque::new(),
            questions: VecDeque::new(),
            sink,
            counts: Counts::default(),
            reader,
            received: 0,
            lagged: 0,
            directory,
            shape,
        };
        world.start_source();
        world
    }

    pub(super) fn start_source(&mut self) {
        let reader = Reader::new(&self.ring).unwrap();
        let limits = pace::Limits {
            policy: self.policy,
            slots: SLOTS,
            window: SLOTS / 4,
            in_flight: 400,
            sinks: 1,
            forget_after: None,
        };
        let hold = match self.policy == Policy::Reliable {
            true => Hold::Own(Box::new(Gate::close(&self.ring).unwrap())),
            false => Hold::None,
        };
        self.source = Some((reader, Held::new(limits, &self.ring, hold, self.now).unwrap()));
    }

    pub(super) fn produce(&mut self, count: u8) {
        for _ in 0..count {
            let (bytes, tag) = message(self.producer.next_seq());
            match self.producer.try_publish_tagged(&bytes, tag) {
                Ok(_) => {}
                Err(PublishError::Full(_) | PublishError::NoReaders) => break,
                Err(error) => panic!("{error}"),
            }
        }
    }

    pub(super) fn send(&mut self) -> bool {
        let Some((reader, held)) = &mut self.source else { return false };
        held.attend(&self.ring, self.now).unwrap();
        let room = held.room(reader, self.now).unwrap();
        let mut sent = false;
        if room > 0
            && let Some(frame) = reader.next(room, Duration::ZERO).unwrap()
        {
            held.sends(&frame);
            self.link.push_back(frame.bytes);
            sent = true;
        }
        held.release(reader.head().unwrap(), self.now).unwrap();
        if let Some(sinks) = held.unrecorded() {
            held.writer(&sinks).unwrap()().unwrap();
            held.is_recorded(sinks);
        }
        sent
    }

    pub(super) fn beat(&mut self) {
        if let Some((reader, held)) = &mut self.source
            && held.pace.position().is_some()
        {
            self.link.push_back(reader.heartbeat().unwrap());
        }
    }

    pub(super) fn deliver(&mut self, at: u8) {
        let at = at as usize % self.link.len().max(1);
        if let Some(frame) = self.link.remove(at) {
            self.take(frame, false);
        }
    }

    pub(super) fn take(&mut self, frame: Vec<u8>, is_asked: bool) {
        self.go_on();
        let Some((sink, mirror)) = &mut self.sink else { return };
        let expected = mirror.expected();
        match apply::take(sink, mirror, &mut self.counts, &expected, (frame, is_asked), self.now) {
            Ok(refused) => assert_eq!(refused, None),
            Err(crate::mirror::MirrorError::Full) => {}
            Err(error) => panic!("{error}"),
        }
        apply::follow(sink, mirror, &mut self.counts, self.now).unwrap();
    }

    /// Writes what the mirror had no room for.
    fn go_on(&mut self) {
        let Some((sink, mirror)) = &mut self.sink else { return };
        let expected = mirror.expected();
        match apply::go_on(sink, mirror, &mut self.counts, &expected) {
            Ok(()) | Err(crate::mirror::MirrorError::Full) => {}
            Err(error) => panic!("{error}"),
        }
    }

    pub(super) fn ack(&mut self) {
        self.go_on();
        if let Some((_, mirror)) = &self.sink {
            self.acks.push_back(Ack {
                ring_id: self.ring.geometry().ring_id(),
                next: mirror.head(),
                skipped: 0,
            });
        }
    }

    pub(super) fn deliver_ack(&mut self) {
        let Some(ack) = self.acks.pop_front() else { return };
        if let Some((reader, held)) = &mut self.source {
            let Some((_, mirror)) = &self.sink else { return };
            let (id, head) = (mirror.id(), reader.head().unwrap());
            let heard = held.pace.heard(&id, &ack, head, self.now);
            assert!(!matches!(heard, Heard::Refused(_)), "{heard:?}");
        }
    }

    pub(super) fn ask(&mut self) {
        if let Some((sink, mirror)) = &mut self.sink
            && let Some(range) = sink.question(mirror.head(), self.now)
        {
            self.questions.push_back(range);
        }
    }

    pub(super) fn answer(&mut self) {
        let Some(range) = self.questions.pop_front() else { return };
        if self.source.is_some() {
            let mut reader = Reader::new(&self.ring).unwrap();
            reader.go_to(range.from).unwrap();
            let frame = reader.next_before(range.to).unwrap();
            if let Some(frame) = frame {
                self.take(frame.bytes, true);
            }
        }
        if let Some((sink, mirror)) = &mut self.sink {
            sink.answered(mirror.head(), self.now);
        }
    }

    pub(super) fn read(&mut self, count: u8) {
        for _ in 0..count {
            match self.reader.try_recv().unwrap() {
                Outcome::Message(found) => {
                    let (bytes, tag) = message(found.seq());
                    assert_eq!(
                        (found.seq(), found.tag(), &found[..]),
                        (FIRST + self.received + self.lagged, tag, &bytes[..])
                    );
                    self.received += 1;
                }
                Outcome::Lagged(n) => self.lagged += n,
                Outcome::EpochChanged { .. } => {}
                _ => break,
            }
        }
    }

    pub(super) fn happen(&mut self, event: Event) {
        match event {
            Event::Produce(count) => self.produce(count % 12),
            Event::Send => {
                self.send();
            }
            Event::Beat => self.beat(),
            Event::Deliver(at) => self.deliver(at),
            Event::Lose(at) => {
                let at = at as usize % self.link.len().max(1);
                self.link.remove(at);
            }
            Event::Repeat(at) => {
                if let Some(frame) = self.link.get(at as usize % self.link.len().max(1)) {
                    self.link.push_back(frame.clone());
                }
            }
            Event::Ack => self.ack(),
            Event::DeliverAck => self.deliver_ack(),
            Event::LoseAck => {
                self.acks.pop_front();
            }
            Event::Ask => self.ask(),
            Event::Answer => self.answer(),
            Event::LoseAnswer => {
                self.questions.pop_front();
            }
            Event::Read(count) => self.read(count % 20),
            Event::Wait(ms) => self.now += Duration::from_millis(u64::from(ms) % 1500),
            Event::KillSink => {
                self.sink = None;
                let mirror = open_mirror(&self.directory, &self.ring, &self.shape);
                self.sink = Some((Sink::new(sink_limits(self.policy), self.now), mirror));
            }
            Event::KillSource => {
                self.source = None;
                // It goes on until it comes to what the dead source held.
                self.produce(u8::MAX);
                self.start_source();
            }
            Event::Succeed => {
                let requires = self.policy == Policy::Reliable;
                // One role at a time.
                let ring = self.ring.clone();
                take_over(&mut self.producer, &ring, requires);
            }
        }
    }

    /// Lets all that is under way come to its end.
    pub(super) fn settle(&mut self) {
        for _ in 0..2000 {
            while self.send() {}
            self.beat();
            while !self.link.is_empty() {
                self.deliver(0);
                self.read(100);
            }
            self.ask();
            self.answer();
            self.read(100);
            self.ack();
            self.deliver_ack();
            self.now += Duration::from_millis(50);
            let head = self.producer.next_seq();
            if self.sink.as_ref().is_some_and(|(_, mirror)| mirror.head() == head) {
                self.read(100);
                return;
            }
        }
        panic!(
            "the mirror never came to {}: {:?}",
            self.producer.next_seq(),
            self.sink.as_ref().map(|(sink, mirror)| (sink, mirror.head()))
        );
    }

    /// Whether a source that is killed now leaves nothing that its successor can't hold.
    pub(super) fn is_covered(&self) -> bool {
        self.source.as_ref().is_some_and(|(_, held)| held.is_covered())
    }

    /// Messages in the frames on the link.
    pub(super) fn messages_in_flight(&self) -> u64 {
        let expected = self.sink.as_ref().unwrap().1.expected();
        let count = |frame: &Vec<u8>| u64::from(Frame::check(frame, &expected).unwrap().header().count);
        self.link.iter().map(count).sum()
    }

    /// Bytes of frames that the sink keeps for later.
    pub(super) fn parked(&self) -> usize {
        self.sink.as_ref().map_or(0, |(sink, _)| sink.parked_bytes())
    }

    pub(super) fn check_sums(&self) {
        assert_eq!(FIRST + self.received + self.lagged, self.producer.next_seq());
    }
}

fn take_over(producer: &mut Producer, ring: &FileRing, requires_readers: bool) {
    // The role is free once the handle is gone: an anonymous ring's producer takes its place meanwhile.
    let spare = ringway::anon::create(&Config::new().slots(2)).unwrap().producer().unwrap();
    drop(std::mem::replace(producer, spare));
    *producer = ring.producer().unwrap();
    producer.require_readers(requires_readers);
}

fn open_mirror(directory: &TempDir, ring: &FileRing, shape: &Shape) -> RingMirror {
    let path = directory.path().join("mirror");
    let source = ring.geometry().ring_id();
    let wanted =
        Wanted { path: &path, source, shape, start: FIRST, replace: false, mode: 0o600, max_bytes: 1 << 30 };
    RingMirror::open(&wanted).unwrap()
}
