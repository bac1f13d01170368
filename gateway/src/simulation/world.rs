//! The rings, both gateways, the link between them, and the events of a test.

use std::ops::{Deref, DerefMut};
use std::time::{Duration, Instant};

use ringway::file::FileRing;
use ringway::{Config, Producer, PublishError, Ring};
use tempfile::TempDir;

use super::side::Side;
use crate::export::hold::{Held, Hold};
use crate::gate::Gate;
use crate::names::Name;
use crate::pace::{self, Forgotten, Heard};
use crate::policy::Policy;
use crate::source::Reader;

pub(super) const SLOTS: u64 = 16;
pub(super) const FIRST: u64 = 1000;

#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    Produce(u8),
    Send,
    Beat,
    /// The source writes the record of its sinks.
    Record,
    /// The frame at this place of the link arrives. Any but the first overtakes others.
    Deliver(u8),
    /// The same, but the sink's thread has no turn yet.
    Come(u8),
    /// The same while the sink's thread is writing.
    ComeToBusy(u8),
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
    /// The source and all sinks at once.
    KillAll,
    Succeed,
    /// The next events concern the other sink.
    Turn,
}

pub(super) struct World {
    policy: Policy,
    pub(super) now: Instant,
    pub(super) ring: FileRing,
    pub(super) producer: Producer,
    source: Option<(Reader, Held)>,
    sides: Vec<Side>,
    /// Index of the sink that events concern.
    at: usize,
    _directory: TempDir,
}

/// The sink that events concern.
impl Deref for World {
    type Target = Side;

    fn deref(&self) -> &Side {
        &self.sides[self.at]
    }
}

impl DerefMut for World {
    fn deref_mut(&mut self) -> &mut Side {
        &mut self.sides[self.at]
    }
}

pub(super) fn message(seq: u64) -> (Vec<u8>, u32) {
    let length = (seq.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58) as usize % 49;
    (vec![seq as u8; length], seq as u32)
}

impl World {
    /// Makes a source with one sink that it hasn't heard.
    pub(super) fn new(policy: Policy) -> Self {
        Self::with_sinks(policy, 1)
    }

    /// Makes a source with this number of sinks.
    pub(super) fn with_sinks(policy: Policy, sinks: usize) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = Config::new().slots(SLOTS).first_seq(FIRST);
        let ring = ringway::file::create(directory.path().join("ring"), &config).unwrap();
        let mut producer = ring.producer().unwrap();
        producer.require_readers(policy == Policy::Reliable);
        let now = Instant::now();
        let side = |n: usize| Side::new(directory.path().join(format!("mirror{n}")), policy, &ring, now);
        let sides = (0..sinks).map(side).collect();
        let mut world =
            Self { policy, now, producer, source: None, sides, at: 0, ring, _directory: directory };
        world.start_source();
        world
    }

    /// Has the source hear all its sinks.
    pub(super) fn introduce(&mut self) {
        for at in 0..self.sides.len() {
            self.at = at;
            self.ack();
            self.deliver_ack();
        }
        self.at = 0;
    }

    pub(super) fn start_source(&mut self) {
        let reader = Reader::new(&self.ring).unwrap();
        let limits = pace::Limits {
            policy: self.policy,
            slots: SLOTS,
            window: SLOTS / 4,
            in_flight: 400,
            sinks: self.sides.len(),
            forget_after: None,
        };
        let name = Name::new("desk/quotes").unwrap();
        let hold = match self.policy == Policy::Reliable {
            true => Hold::Own(Gate::close(&self.ring).unwrap()),
            false => Hold::None,
        };
        self.source = Some((reader, Held::new(limits, &self.ring, &name, hold, self.now).unwrap()));
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
            self.sides.iter_mut().for_each(|side| side.link.push_back(frame.bytes.clone()));
            sent = true;
        }
        held.release(reader.head().unwrap(), self.now).unwrap();
        sent
    }

    /// Has the source record its sinks.
    pub(super) fn record(&mut self) {
        let Some((_, held)) = &mut self.source else { return };
        if let Some(sinks) = held.unrecorded() {
            held.writer(&sinks).unwrap()().unwrap();
            held.is_recorded(sinks);
        }
    }

    pub(super) fn beat(&mut self) {
        if let Some((reader, held)) = &mut self.source
            && held.pace.position().is_some()
        {
            let beat = reader.heartbeat().unwrap();
            self.sides.iter_mut().for_each(|side| side.link.push_back(beat.clone()));
        }
    }

    pub(super) fn deliver(&mut self, at: u8) {
        self.come(at, false);
        let now = self.now;
        self.turn(now);
    }

    pub(super) fn come(&mut self, at: u8, is_busy: bool) {
        let (at, now) = (at as usize % self.link.len().max(1), self.now);
        if let Some(frame) = self.link.remove(at) {
            self.deref_mut().come(frame, is_busy, now);
        }
    }

    pub(super) fn ack(&mut self) {
        let now = self.now;
        self.deref_mut().ack(now);
    }

    pub(super) fn deliver_ack(&mut self) {
        let Some(ack) = self.acks.pop_front() else { return };
        let id = self.writer().mirror.id();
        if let Some((reader, held)) = &mut self.source {
            let head = reader.head().unwrap();
            let heard = held.pace.heard(&id, &ack, head, self.now);
            assert!(!matches!(heard, Heard::Refused(_)), "{heard:?}");
            held.release(head, self.now).unwrap();
        }
    }

    pub(super) fn answer(&mut self) {
        let (now, Some(range)) = (self.now, self.questions.pop_front()) else { return };
        if self.source.is_some() {
            let mut reader = Reader::new(&self.ring).unwrap();
            reader.go_to(range.from).unwrap();
            let frame = reader.next_before(range.to).unwrap();
            if let Some(frame) = frame {
                self.come_asked(frame.bytes);
                self.turn(now);
            }
        }
        self.answered(now);
    }

    pub(super) fn happen(&mut self, event: Event) {
        match event {
            Event::Produce(count) => self.produce(count % 12),
            Event::Send => {
                self.send();
            }
            Event::Beat => self.beat(),
            Event::Record => self.record(),
            Event::Deliver(at) => self.deliver(at),
            Event::Come(at) => self.come(at, false),
            Event::ComeToBusy(at) => self.come(at, true),
            Event::Lose(at) => {
                let at = at as usize % self.link.len().max(1);
                self.link.remove(at);
            }
            Event::Repeat(at) => {
                let frame = self.link.get(at as usize % self.link.len().max(1)).cloned();
                self.link.extend(frame);
            }
            Event::Ack => self.ack(),
            Event::DeliverAck => self.deliver_ack(),
            Event::LoseAck => {
                self.acks.pop_front();
            }
            Event::Ask => {
                let now = self.now;
                self.ask(now);
            }
            Event::Answer => self.answer(),
            Event::LoseAnswer => {
                self.questions.pop_front();
            }
            Event::Read(count) => self.read(count % 20),
            Event::Wait(ms) => self.now += Duration::from_millis(u64::from(ms) % 1500),
            Event::KillSink => {
                let now = self.now;
                self.start_again(now);
            }
            Event::KillSource => self.kill_source(),
            Event::KillAll => {
                self.sides.iter_mut().for_each(|side| side.start_again(self.now));
                self.kill_source();
            }
            Event::Turn => self.at = (self.at + 1) % self.sides.len(),
            Event::Succeed => {
                let requires = self.policy == Policy::Reliable;
                // One role at a time.
                let ring = self.ring.clone();
                take_over(&mut self.producer, &ring, requires);
            }
        }
    }

    fn kill_source(&mut self) {
        self.source = None;
        // The producer goes on until it comes to what the dead source held.
        self.produce(u8::MAX);
        self.start_source();
    }

    /// Has the source forget the sink that events concern.
    pub(super) fn forget(&mut self) -> Forgotten {
        let id = self.writer().mirror.id();
        let now = self.now;
        self.source.as_mut().unwrap().1.forget(&id, now)
    }

    /// Delivers everything until all mirrors have all messages.
    pub(super) fn settle(&mut self) {
        let turn = self.at;
        for _ in 0..2000 {
            while self.send() {}
            self.record();
            self.beat();
            for at in 0..self.sides.len() {
                self.at = at;
                while !self.link.is_empty() {
                    self.deliver(0);
                    self.read(100);
                }
                let now = self.now;
                self.ask(now);
                self.answer();
                self.read(100);
                self.ack();
                self.deliver_ack();
            }
            self.at = turn;
            self.now += Duration::from_millis(50);
            let head = self.producer.next_seq();
            if self.sides.iter().all(|side| side.head() == head) {
                self.sides.iter_mut().for_each(|side| side.read(100));
                return;
            }
        }
        let heads: Vec<_> = self.sides.iter().map(Side::head).collect();
        panic!("the mirrors never came to {}: {heads:?}", self.producer.next_seq());
    }

    /// Whether a source that is killed now leaves nothing that its successor can't hold.
    pub(super) fn is_covered(&self) -> bool {
        let consumers = self.producer.consumer_count().unwrap();
        self.source.as_ref().is_some_and(|(_, held)| held.is_covered(consumers))
    }

    /// Asserts that the readers of each mirror got each message, or were told that they miss it.
    pub(super) fn check_sums(&self) {
        for side in &self.sides {
            assert_eq!(FIRST + side.received + side.lagged, self.producer.next_seq());
        }
    }

    /// Messages that the readers of all mirrors were told to miss.
    pub(super) fn all_lagged(&self) -> u64 {
        self.sides.iter().map(|side| side.lagged).sum()
    }
}

fn take_over(producer: &mut Producer, ring: &FileRing, requires_readers: bool) {
    // The role is free once the handle is gone: an anonymous ring's producer takes its place meanwhile.
    let spare = ringway::anon::create(&Config::new().slots(2)).unwrap().producer().unwrap();
    drop(std::mem::replace(producer, spare));
    *producer = ring.producer().unwrap();
    producer.require_readers(requires_readers);
}
