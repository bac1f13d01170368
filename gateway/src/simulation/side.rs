//! One sink of the source: its mirror, the mirror's reader, and what is on the link.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::MutexGuard;
use std::time::{Duration, Instant};

use ringway::file::FileRing;
use ringway::{Consumer, Outcome, Ring, Start};

use super::world::{FIRST, message};
use crate::ack::Ack;
use crate::apply::{Counts, Mirror};
use crate::arrivals::{Arrivals, Came, Event, Writer};
use crate::frame::Frame;
use crate::meta::Shape;
use crate::mirror::{MirrorError, RingMirror, Wanted};
use crate::policy::Policy;
use crate::sink::{self, Range, Sink};

pub(crate) struct Side {
    path: PathBuf,
    policy: Policy,
    source: FileRing,
    /// Frames on the link to the sink.
    pub(super) link: VecDeque<Vec<u8>>,
    pub(super) acks: VecDeque<Ack>,
    pub(super) questions: VecDeque<Range>,
    /// How often it has asked.
    pub(super) asked: u64,
    arrivals: Arrivals<Vec<u8>>,
    /// Frames that were written as they came.
    pub(super) at_once: u64,
    pub(super) reader: Consumer,
    pub(super) received: u64,
    pub(super) lagged: u64,
}

/// More than all tests let wait.
const INBOX_BYTES: usize = 1 << 20;

fn sink_limits(policy: Policy) -> sink::Limits {
    sink::Limits {
        repairs: policy.repairs(),
        parked_bytes: 1500,
        answer_within: Duration::from_millis(100),
        link_lost_after: Duration::from_secs(1),
    }
}

impl Side {
    pub(super) fn new(path: PathBuf, policy: Policy, source: &FileRing, now: Instant) -> Self {
        let mirror = open_mirror(&path, source);
        let reader = mirror.ring().consumer(Start::At(FIRST)).unwrap();
        Self {
            path,
            policy,
            source: source.clone(),
            link: VecDeque::new(),
            acks: VecDeque::new(),
            questions: VecDeque::new(),
            asked: 0,
            arrivals: arrivals(policy, mirror, Counts::default(), now),
            at_once: 0,
            reader,
            received: 0,
            lagged: 0,
        }
    }

    /// Kills the sink, and starts another.
    pub(super) fn start_again(&mut self, now: Instant) {
        self.arrivals.end();
        let counts = self.counts();
        self.arrivals = arrivals(self.policy, open_mirror(&self.path, &self.source), counts, now);
    }

    pub(super) fn writer(&self) -> MutexGuard<'_, Writer<Vec<u8>>> {
        self.arrivals.lock().unwrap()
    }

    pub(super) fn head(&self) -> u64 {
        self.writer().mirror.head()
    }

    pub(super) fn counts(&self) -> Counts {
        self.writer().counts
    }

    /// A frame arrives, before the sink's thread has a turn. It may be just at work.
    pub(super) fn come(&mut self, frame: Vec<u8>, is_busy: bool, now: Instant) {
        let busy = is_busy.then(|| self.writer());
        let (before, waits) = (busy.is_none().then(|| self.head()), !self.arrivals.inbox().is_empty());
        let came = self.arrivals.came(&frame, || frame.clone(), now);
        drop(busy);
        if let Came::Written { head, .. } = came {
            assert!(before.is_some_and(|before| before < head) && !waits);
            self.at_once += 1;
        }
    }

    /// A frame of an answer arrives.
    pub(super) fn come_asked(&mut self, frame: Vec<u8>) {
        let size = frame.len();
        self.arrivals.inbox().push(Event::Frame(frame, true), size);
    }

    /// Has the sink's thread do what it can.
    pub(super) fn turn(&mut self, now: Instant) {
        let mut writer = self.writer();
        writer.mirror.be_hasty();
        loop {
            let written = if writer.is_held_up() {
                writer.go_on()
            } else {
                match self.arrivals.inbox().pop(Duration::ZERO) {
                    Some(Event::Frame(frame, is_asked)) => {
                        writer.take((frame, is_asked), now).map(|refused| assert_eq!(refused, None))
                    }
                    Some(event) => panic!("{event:?}"),
                    None => break,
                }
            };
            match written {
                Ok(()) => {}
                Err(MirrorError::Full) => break,
                Err(error) => panic!("{error}"),
            }
        }
        writer.follow(now).unwrap();
    }

    pub(super) fn ack(&mut self, now: Instant) {
        self.turn(now);
        let next = self.head();
        self.acks.push_back(Ack { ring_id: self.source.geometry().ring_id(), next, skipped: 0 });
    }

    pub(super) fn ask(&mut self, now: Instant) {
        let mut writer = self.writer();
        let head = writer.mirror.head();
        let question = writer.sink.question(head, now);
        drop(writer);
        self.asked += u64::from(question.is_some());
        self.questions.extend(question);
    }

    pub(super) fn answered(&mut self, now: Instant) {
        let mut writer = self.writer();
        let head = writer.mirror.head();
        writer.sink.answered(head, now);
    }

    /// Reads the mirror, and compares each message with what the source's producer published.
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

    /// Messages in the frames on the link.
    pub(super) fn messages_in_flight(&self) -> u64 {
        let expected = self.writer().expected;
        let count = |frame: &Vec<u8>| u64::from(Frame::check(frame, &expected).unwrap().header().count);
        self.link.iter().map(count).sum()
    }

    /// Bytes of frames that the sink keeps for later.
    pub(super) fn parked(&self) -> usize {
        self.writer().sink.parked_bytes()
    }
}

fn arrivals(policy: Policy, mirror: RingMirror, counts: Counts, now: Instant) -> Arrivals<Vec<u8>> {
    let (sink, expected) = (Sink::new(sink_limits(policy), now), mirror.expected());
    Arrivals::new(Writer { sink, mirror, counts, expected }, INBOX_BYTES, now)
}

fn open_mirror(path: &std::path::Path, ring: &FileRing) -> RingMirror {
    let shape = Shape::of(ring.geometry()).unwrap();
    let source = ring.geometry().ring_id();
    let wanted =
        Wanted { path, source, shape: &shape, start: FIRST, replace: false, mode: 0o600, max_bytes: 1 << 30 };
    let mut mirror = RingMirror::open(&wanted).unwrap();
    // A sink that is killed and its successor are one process here, in which the killed one's claim would stay.
    drop(mirror.take_claim());
    mirror
}
