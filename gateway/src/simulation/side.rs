//! One sink of the source: its mirror, the mirror's reader, and what is on the link.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ringway::file::FileRing;
use ringway::{Consumer, Outcome, Ring, Start};

use super::world::{FIRST, message};
use crate::ack::Ack;
use crate::apply::{self, Counts, Mirror};
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
    pub(super) sink: Option<(Sink<Vec<u8>>, RingMirror)>,
    pub(super) counts: Counts,
    pub(super) reader: Consumer,
    pub(super) received: u64,
    pub(super) lagged: u64,
}

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
            sink: Some((Sink::new(sink_limits(policy), now), mirror)),
            counts: Counts::default(),
            reader,
            received: 0,
            lagged: 0,
        }
    }

    /// Kills the sink, and starts another.
    pub(super) fn start_again(&mut self, now: Instant) {
        self.sink = None;
        let mirror = open_mirror(&self.path, &self.source);
        self.sink = Some((Sink::new(sink_limits(self.policy), now), mirror));
    }

    pub(super) fn head(&self) -> Option<u64> {
        self.sink.as_ref().map(|(_, mirror)| mirror.head())
    }

    pub(super) fn take(&mut self, frame: Vec<u8>, is_asked: bool, now: Instant) {
        self.go_on();
        let Some((sink, mirror)) = &mut self.sink else { return };
        let expected = mirror.expected();
        match apply::take(sink, mirror, &mut self.counts, &expected, (frame, is_asked), now) {
            Ok(refused) => assert_eq!(refused, None),
            Err(MirrorError::Full) => {}
            Err(error) => panic!("{error}"),
        }
        apply::follow(sink, mirror, &mut self.counts, now).unwrap();
    }

    /// Writes what the mirror had no room for.
    fn go_on(&mut self) {
        let Some((sink, mirror)) = &mut self.sink else { return };
        let expected = mirror.expected();
        match apply::go_on(sink, mirror, &mut self.counts, &expected) {
            Ok(()) | Err(MirrorError::Full) => {}
            Err(error) => panic!("{error}"),
        }
    }

    pub(super) fn ack(&mut self) {
        self.go_on();
        if let Some(next) = self.head() {
            self.acks.push_back(Ack { ring_id: self.source.geometry().ring_id(), next, skipped: 0 });
        }
    }

    pub(super) fn ask(&mut self, now: Instant) {
        if let Some((sink, mirror)) = &mut self.sink
            && let Some(range) = sink.question(mirror.head(), now)
        {
            self.asked += 1;
            self.questions.push_back(range);
        }
    }

    pub(super) fn answered(&mut self, now: Instant) {
        if let Some((sink, mirror)) = &mut self.sink {
            sink.answered(mirror.head(), now);
        }
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
        let expected = self.sink.as_ref().unwrap().1.expected();
        let count = |frame: &Vec<u8>| u64::from(Frame::check(frame, &expected).unwrap().header().count);
        self.link.iter().map(count).sum()
    }

    /// Bytes of frames that the sink keeps for later.
    pub(super) fn parked(&self) -> usize {
        self.sink.as_ref().map_or(0, |(sink, _)| sink.parked_bytes())
    }
}

fn open_mirror(path: &std::path::Path, ring: &FileRing) -> RingMirror {
    let shape = Shape::of(ring.geometry()).unwrap();
    let source = ring.geometry().ring_id();
    let wanted =
        Wanted { path, source, shape: &shape, start: FIRST, replace: false, mode: 0o600, max_bytes: 1 << 30 };
    RingMirror::open(&wanted).unwrap()
}
