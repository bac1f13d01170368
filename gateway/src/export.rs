//! A source: the threads that read a ring and send what they find.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use ringway::file::{FileRing, OpenOptions};
use ringway::{Monitor, Observer, Resume, Ring, Start};
use serde::Deserialize;
use zenoh::qos::CongestionControl;
use zenoh::query::Query;
use zenoh::sample::{Locality, Sample};
use zenoh::{Session, Wait};

use crate::ack::Ack;
use crate::gate::Gate;
use crate::host::Stop;
use crate::inbox::Inbox;
use crate::keeper::{self, Kept};
use crate::meta::{Meta, PROTOCOL, Sent, Shape, SinkMeta};
use crate::names::{Name, from_hex, hex, last_part};
use crate::pace::{Heard, Limits, Pace};
use crate::policy::Policy;
use crate::source::Reader;

/// A source says where it is so often, though nothing happens.
const BEAT: Duration = Duration::from_millis(500);
/// How long a thread waits for what can't wake it.
const SLICE: Duration = Duration::from_millis(20);
/// The same under `history` while messages pass by unsent: the producer must not wait for the gateway.
const SHORT_SLICE: Duration = Duration::from_micros(200);
/// A source looks so often whether its ring was replaced, and whether sinks are to be forgotten.
const LOOK: Duration = Duration::from_secs(1);
/// Most bytes of frames in one answer.
const ANSWER_BYTES: usize = 512 * 1024;
/// Most questions that wait for an answer. A sink whose question is dropped asks again.
const QUESTIONS: usize = 64;

/// A ring that is exported.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Export {
    /// Path of the ring.
    pub ring: PathBuf,
    /// The name under which it is mirrored.
    pub name: String,
    /// How it is mirrored.
    #[serde(default)]
    pub policy: Policy,
    /// Most messages beyond the slowest ack; a quarter of the ring's slots if it isn't said.
    pub window: Option<u64>,
    /// Most bytes beyond the slowest ack.
    #[serde(default = "in_flight")]
    pub in_flight: u64,
    /// Number of sinks without which `reliable` releases nothing.
    #[serde(default = "one")]
    pub sinks: usize,
    /// After which silence a sink is forgotten.
    #[serde(default, deserialize_with = "crate::config::some_duration")]
    pub forget_after: Option<Duration>,
}

/// What a source has in flight if it isn't told: less than what fits Zenoh's queue.
pub fn in_flight() -> u64 {
    768 * 1024
}

fn one() -> usize {
    1
}

/// What an export shows of itself.
pub type Shown = Arc<Mutex<Option<Meta>>>;

/// Why a ring isn't served any more.
enum End {
    Stopped,
    Replaced,
}

/// What the callbacks of Zenoh's share with the thread that sends.
struct Shared {
    name: Name,
    limits: Limits,
    shape: Shape,
    first_seq: u64,
    monitor: Monitor,
    /// It reads nothing but head, for the acks.
    observer: Mutex<Observer>,
    held: Mutex<Held>,
    /// An ack came.
    acked: Condvar,
    questions: Inbox<Query>,
    asked_to_beat: AtomicBool,
}

struct Held {
    pace: Pace,
    hold: Hold,
    sent: Sent,
}

/// What holds the source's producer back.
enum Hold {
    /// Nothing.
    None,
    /// A consumer of this process's.
    Own(Box<Gate>),
    /// One of its keeper's.
    Kept(Kept),
}

impl Hold {
    fn of(export: &Export, ring: &FileRing, monitor: &Monitor) -> Result<Self> {
        match (export.policy, keeper::of_this_process()) {
            (Policy::Lossy, _) => Ok(Self::None),
            (Policy::Reliable, Some(keeper)) => Ok(Self::Kept(Kept::hold(&export.name, keeper, monitor)?)),
            _ => Ok(Self::Own(Box::new(Gate::close(ring)?))),
        }
    }

    /// The first message that is held.
    fn first(&self) -> Option<u64> {
        match self {
            Self::None => None,
            Self::Own(gate) => Some(gate.held()),
            Self::Kept(kept) => Some(kept.held()),
        }
    }

    fn release(&mut self, seq: u64) -> Result<()> {
        match self {
            Self::None => Ok(()),
            Self::Own(gate) => Ok(gate.release(seq)?),
            Self::Kept(kept) => kept.release(seq),
        }
    }
}

/// Serves a ring until `stop` is set, whatever becomes of it meanwhile.
///
/// # Errors
/// If the name is none.
pub fn run(session: &Session, export: &Export, shown: &Shown, stop: &Stop) -> Result<()> {
    let name = Name::new(&export.name)?;
    let mut told = None;
    while !stop.is_set() {
        match serve(session, &name, export, shown, stop) {
            Ok(End::Stopped) => break,
            Ok(End::Replaced) => {
                eprintln!("export {}: the ring was made anew; serving the new one", export.name)
            }
            Err(error) => {
                let error = format!("{error:#}");
                if told.as_ref() != Some(&error) {
                    eprintln!("export {}: {error}; trying again without end", export.name);
                    told = Some(error);
                }
                stop.sleep(Duration::from_millis(500));
            }
        }
        *lock(shown) = None;
    }
    Ok(())
}

fn serve(session: &Session, name: &Name, export: &Export, shown: &Shown, stop: &Stop) -> Result<End> {
    let ring = open(&export.ring)?;
    let shared = Arc::new(Shared::new(name.clone(), export, &ring)?);
    let mut reader = Reader::new(&ring)?;
    let failed = |error| anyhow!("declaring the ring to Zenoh: {error}");

    let of = shared.clone();
    let _acks = session
        .declare_subscriber(name.ack("*"))
        .allowed_origin(Locality::Remote)
        .callback(move |sample| of.hear(&sample))
        .wait()
        .map_err(failed)?;
    let of = shared.clone();
    let _metas = session
        .declare_queryable(name.meta())
        .allowed_origin(Locality::Remote)
        .callback(move |query| of.describe(&query))
        .wait()
        .map_err(failed)?;
    let of = shared.clone();
    let _ranges = session
        .declare_queryable(name.range())
        .allowed_origin(Locality::Remote)
        .callback(move |query| {
            of.questions.push(query, 1);
        })
        .wait()
        .map_err(failed)?;
    let _token = session.liveliness().declare_token(name.source_token()).wait().map_err(failed)?;
    eprintln!(
        "export {}: {} of ring {}, {}",
        name.as_str(),
        export.ring.display(),
        hex(&reader.ring_id()),
        shared.limits.policy.name()
    );

    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let answering = scope.spawn(|| {
            while !over.load(Ordering::Relaxed) && !stop.is_set() {
                shared.answer(&ring)?;
            }
            anyhow::Ok(())
        });
        let ended = shared.send(session, &ring, &mut reader, shown, stop, || answering.is_finished());
        over.store(true, Ordering::Relaxed);
        let answered = answering.join().map_err(|_| anyhow!("the thread that answers panicked"))?;
        answered.context("answering questions")?;
        ended
    })
}

fn open(path: &Path) -> Result<FileRing> {
    OpenOptions::new().open(path).context("opening the ring to export")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn new(name: Name, export: &Export, ring: &FileRing) -> Result<Self> {
        let slots = ring.geometry().slots();
        let limits = Limits {
            policy: export.policy,
            slots,
            window: export.window.unwrap_or(slots / 4).clamp(1, slots),
            in_flight: export.in_flight.max(1),
            sinks: export.sinks,
            forget_after: export.forget_after,
        };
        let shape = Shape::of(ring.geometry())?;
        let monitor = ring.monitor().context("looking at the ring")?;
        let hold = Hold::of(export, ring, &monitor)?;
        let pace = Pace::new(limits.clone(), ring.geometry().ring_id());
        let observer = ring.observer(Start::Latest, Resume::Latest).context("taking an observer's role")?;
        let held = Mutex::new(Held { pace, hold, sent: Sent::default() });
        Ok(Self {
            name,
            limits,
            shape,
            first_seq: ring.geometry().first_seq(),
            monitor,
            observer: Mutex::new(observer),
            held,
            acked: Condvar::new(),
            questions: Inbox::new(QUESTIONS),
            asked_to_beat: AtomicBool::new(false),
        })
    }

    /// Takes note of an ack, and releases what nobody needs any more.
    fn hear(&self, sample: &Sample) {
        let sink = last_part(sample.key_expr().as_str());
        let ack = Ack::read(&sample.payload().to_bytes()).filter(|_| from_hex(sink).is_some());
        let Ok(head) = lock(&self.observer).head() else { return };
        let now = Instant::now();
        let mut held = lock(&self.held);
        let heard = ack.map_or(Heard::Refused, |ack| held.pace.heard(sink, &ack, head, now));
        match heard {
            Heard::Refused => held.sent.refused += 1,
            Heard::NewSink => {
                let next = held.pace.sinks()[sink].next;
                eprintln!("export {}: sink {sink} is at message {next}", self.name.as_str());
                self.asked_to_beat.store(true, Ordering::Relaxed);
            }
            Heard::Known => {}
        }
        // An error is one that the thread that sends comes upon, too.
        let _ = held.release(head, now);
        drop(held);
        self.acked.notify_all();
    }

    fn describe(&self, query: &Query) {
        let description = self.meta().map(|meta| serde_json::to_vec(&meta));
        if let Ok(Ok(bytes)) = description {
            let _ = query.reply(self.name.meta(), bytes).wait();
        }
    }

    fn meta(&self) -> Result<Meta> {
        let stats = self.monitor.stats()?;
        let now = Instant::now();
        let held = lock(&self.held);
        let first_held = held.hold.first();
        let sink_meta = |(id, sink): (&String, &crate::pace::KnownSink)| SinkMeta {
            id: id.clone(),
            next: sink.next,
            lag: stats.head.saturating_sub(sink.next),
            skipped: sink.skipped,
            silent_ms: now.saturating_duration_since(sink.heard).as_millis() as u64,
        };
        let start = match self.limits.policy {
            Policy::Lossy => stats.head,
            Policy::History => stats.head.saturating_sub(self.limits.slots),
            Policy::Reliable => first_held.unwrap_or(stats.head),
        };
        Ok(Meta {
            protocol: PROTOCOL,
            name: self.name.as_str().into(),
            ring_id: hex(&held.pace.ring_id()),
            shape: self.shape.clone(),
            policy: self.limits.policy,
            window: self.limits.window,
            start: start.max(self.first_seq),
            head: stats.head,
            epoch: stats.epoch,
            condition: crate::source::condition(&stats),
            held: first_held,
            covered: held.pace.covered(first_held) || matches!(held.hold, Hold::Kept(_)),
            sinks: held.pace.sinks().iter().map(sink_meta).collect(),
            sent: held.sent,
        })
    }

    /// Answers one question, or waits a moment for one.
    fn answer(&self, ring: &FileRing) -> Result<()> {
        let Some(query) = self.questions.pop(SLICE) else { return Ok(()) };
        let number = |key| query.parameters().get(key).and_then(|value| value.parse::<u64>().ok());
        let ring_id = query.parameters().get("ring").and_then(from_hex);
        let (Some(from), Some(to), Some(ring_id)) = (number("from"), number("to"), ring_id) else {
            lock(&self.held).sent.refused += 1;
            return Ok(());
        };
        let mut reader = Reader::new(ring)?;
        if ring_id != reader.ring_id() || from >= to || from > reader.head()? {
            lock(&self.held).sent.refused += 1;
            return Ok(());
        }
        reader.go_to(from)?;
        let (mut bytes, mut messages) = (0, 0);
        while bytes < ANSWER_BYTES && reader.position() < to {
            let Some(frame) = reader.next(to, Duration::ZERO)? else { break };
            bytes += frame.bytes.len();
            messages += frame.messages;
            if query.reply(query.key_expr().clone(), frame.bytes).wait().is_err() {
                break;
            }
        }
        let mut held = lock(&self.held);
        held.sent.repairs += 1;
        held.sent.repaired += messages;
        Ok(())
    }

    /// Sends what the window admits, until the ring is replaced or `stop` is set.
    fn send(
        &self,
        session: &Session,
        ring: &FileRing,
        reader: &mut Reader,
        shown: &Shown,
        stop: &Stop,
        is_over: impl Fn() -> bool,
    ) -> Result<End> {
        // Under `reliable` the window bounds what waits. The others lose rather than have the producer wait.
        let congestion = match self.limits.policy {
            Policy::Reliable => CongestionControl::Block,
            Policy::History | Policy::Lossy => CongestionControl::Drop,
        };
        let publisher = session
            .declare_publisher(self.name.data())
            .congestion_control(congestion)
            .express(true)
            .allowed_destination(Locality::Remote)
            .wait()
            .map_err(|error| anyhow!("declaring a publisher to Zenoh: {error}"))?;
        let put = |bytes: Vec<u8>| publisher.put(bytes).wait().map_err(|error| anyhow!("sending: {error}"));
        let (mut next_beat, mut next_look) = (Instant::now(), Instant::now());
        let mut passed = 0;
        loop {
            let now = Instant::now();
            if stop.is_set() {
                return Ok(End::Stopped);
            }
            if is_over() {
                return Ok(End::Replaced);
            }
            if now >= next_look {
                if !ring.has_its_name()? {
                    return Ok(End::Replaced);
                }
                self.look(shown, now)?;
                next_look = now + LOOK;
            }
            let limit = self.room(reader, now)?;
            if now >= next_beat || reader.has_news() || self.asked_to_beat.swap(false, Ordering::Relaxed) {
                put(reader.heartbeat()?)?;
                next_beat = now + BEAT;
            }
            let frame = match limit {
                Some(limit) if reader.position() < limit => {
                    let wait = next_beat.saturating_duration_since(now).min(SLICE);
                    reader.next(limit, wait)?
                }
                _ => None,
            };
            let Some(frame) = frame else {
                let is_waiting = limit.is_none_or(|limit| reader.position() >= limit);
                let head = reader.head()?;
                // What waits for the ring has waited in `next`, but for a closed one.
                if is_waiting || reader.is_closed() {
                    let passes = self.limits.policy == Policy::History && head != passed;
                    self.wait_for_ack(if passes { SHORT_SLICE } else { SLICE }, reader, head)?;
                }
                passed = head;
                continue;
            };
            let mut held = lock(&self.held);
            held.pace.sent(frame.end, frame.bytes.len());
            let sent = &mut held.sent;
            sent.frames += 1;
            sent.messages += frame.messages;
            sent.bytes += frame.bytes.len() as u64;
            sent.lost += frame.lost;
            drop(held);
            put(frame.bytes)?;
            if self.limits.policy == Policy::History {
                let head = reader.head()?;
                lock(&self.held).release(head, Instant::now())?;
            }
        }
    }

    /// Where to send to, from where the reader is: it is moved if every sink is further.
    fn room(&self, reader: &mut Reader, now: Instant) -> Result<Option<u64>> {
        let mut held = lock(&self.held);
        let before = held.pace.position();
        let position = held.pace.resume(now);
        let limit = held.pace.limit(now);
        drop(held);
        if let Some(position) = position
            && before != Some(position)
        {
            reader.go_to(position)?;
        }
        Ok(position.and(limit))
    }

    fn wait_for_ack(&self, wait: Duration, reader: &Reader, head: u64) -> Result<()> {
        let mut held = lock(&self.held);
        held.release(head, Instant::now())?;
        let has_room =
            |held: &Held| held.pace.limit(Instant::now()).is_some_and(|limit| reader.position() < limit);
        if !has_room(&held) || reader.is_closed() {
            drop(self.acked.wait_timeout(held, wait).unwrap_or_else(PoisonError::into_inner));
        }
        Ok(())
    }

    fn look(&self, shown: &Shown, now: Instant) -> Result<()> {
        for sink in lock(&self.held).pace.forget(now) {
            eprintln!("export {}: sink {sink} was silent for too long, and is forgotten", self.name.as_str());
        }
        *lock(shown) = Some(self.meta()?);
        Ok(())
    }
}

impl Held {
    fn release(&mut self, head: u64, now: Instant) -> Result<()> {
        self.pace.released(head, now).map_or(Ok(()), |seq| self.hold.release(seq))
    }
}
