//! A sink: the thread that writes what a source sends.

mod ask;
mod options;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use ringway::Ring;
use zenoh::sample::{Locality, SampleKind};
use zenoh::{Session, Wait};

pub use self::options::{Import, max_ring_bytes};
use crate::acker::Acker;
use crate::apply::{self, Counts, Mirror};
use crate::frame::{self, Expected, FrameError};
use crate::inbox::Inbox;
use crate::log::{self, Sparing};
use crate::meta::MirrorMeta;
use crate::mirror::{MirrorError, RingMirror, Wanted};
use crate::names::{Name, hex};
use crate::packet::Packet;
use crate::session::plain;
use crate::sink::{Limits, Sink};
use crate::stop::Stop;

/// Most bytes of frames that wait for the thread.
pub const INBOX_BYTES: usize = 8 << 20;
/// Most bytes of frames that wait for what is missing before them.
pub const PARKED_BYTES: usize = 4 << 20;
/// How long a sink waits for an answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// Longest wait for an event that doesn't wake the thread.
const SLICE: Duration = Duration::from_millis(50);
/// Pause between two attempts to find the source and to open the mirror.
const PAUSE: Duration = Duration::from_millis(500);
/// Time between two updates of what `status` shows.
const LOOK: Duration = Duration::from_millis(200);
/// How long `status` shows a trouble that has passed.
const FORGIVEN: Duration = Duration::from_secs(10);

/// What an import shows of itself.
pub type Shown = Arc<Mutex<MirrorMeta>>;

/// Why writing a mirror ended.
enum End {
    Stopped,
    /// Frames of another ring come.
    OtherRing,
}

/// An event for the sink's thread.
enum Event {
    /// A frame, and whether it is part of an answer.
    Frame(Packet, bool),
    /// The answer to this question is complete.
    Answered(u64),
    /// The source appeared.
    SourceCame,
}

/// Mirrors a ring until `stop` is set. Each failure is followed by another attempt.
///
/// # Errors
/// If the name isn't valid.
pub fn run(session: &Session, import: &Import, shown: &Shown, stop: &Stop) -> Result<()> {
    let name = Name::new(&import.name)?;
    let (of, key) = (shown.clone(), name.sink_meta(&session.zid().to_string()));
    let _meta = session
        .declare_queryable(key.clone())
        .allowed_origin(Locality::Remote)
        .callback(move |query| {
            if let Ok(bytes) = serde_json::to_vec(&*lock(&of)) {
                let _ = query.reply(key.clone(), bytes).wait();
            }
        })
        .wait()
        .map_err(|error| anyhow!("declaring the mirror to Zenoh: {}", plain(&error)))?;
    let mut told = None;
    while !stop.is_set() {
        let error = match mirror(session, &name, import, shown, stop) {
            Ok(End::Stopped) => break,
            Ok(End::OtherRing) => "the source has another ring".into(),
            Err(error) => format!("{error:#}"),
        };
        if told.as_ref() != Some(&error) {
            log::line(&format!("import {}: {error}; trying again without end", import.name));
            told = Some(error.clone());
        }
        {
            let mut shown = lock(shown);
            (shown.trouble, shown.silent_ms) = (Some(error), None);
        }
        stop.sleep(PAUSE);
    }
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn mirror(session: &Session, name: &Name, import: &Import, shown: &Shown, stop: &Stop) -> Result<End> {
    let meta = ask::find(session, name, import.ring.exists())?;
    let source = meta.id().context("the source's ring has no id")?;
    let mirror = RingMirror::open(&Wanted {
        path: &import.ring,
        source,
        shape: &meta.shape,
        start: meta.start,
        replace: import.replace,
        mode: import.mode,
        max_bytes: import.max_ring_bytes,
    })?;
    {
        let mut shown = lock(shown);
        shown.mirror = Some(mirror.id());
        shown.source = Some(meta.ring_id.clone());
        shown.policy = Some(meta.policy);
        shown.trouble = None;
    }
    log::line(&format!(
        "import {}: {} mirrors ring {} from message {} on, {}",
        name.as_str(),
        import.ring.display(),
        hex(&source),
        mirror.head(),
        meta.policy.name()
    ));
    let limits = Limits {
        repairs: meta.policy.repairs(),
        parked_bytes: PARKED_BYTES,
        answer_within: ANSWER_WITHIN,
        link_lost_after: import.link_lost_after,
    };
    let expected = mirror.expected();
    let mut thread = Thread {
        name,
        session,
        expected,
        sink: Sink::new(limits, Instant::now()),
        inbox: Arc::new(Inbox::new(INBOX_BYTES)),
        acker: Arc::new(Acker::new(session, name, &mirror.id(), source, meta.window)?),
        mirror,
        shown,
        counts: lock(shown).counts,
        arrived: Arc::new(Mutex::new(Instant::now())),
        question: 0,
        not_before: Instant::now(),
        trouble: None,
        log: Sparing::new(Instant::now()),
    };
    thread.run(stop)
}

struct Thread<'t> {
    name: &'t Name,
    session: &'t Session,
    expected: Expected,
    sink: Sink<Packet>,
    mirror: RingMirror,
    inbox: Arc<Inbox<Event>>,
    acker: Arc<Acker>,
    shown: &'t Shown,
    counts: Counts,
    /// When a frame came last, whether the thread has looked at it or not.
    arrived: Arc<Mutex<Instant>>,
    /// Number of the last question.
    question: u64,
    /// When the source may be asked again which ring it has.
    not_before: Instant,
    /// What was wrong last, and when.
    trouble: Option<(String, Instant)>,
    log: Sparing,
}

impl Thread<'_> {
    fn run(&mut self, stop: &Stop) -> Result<End> {
        let failed = |error| anyhow!("declaring the mirror to Zenoh: {}", plain(&error));
        let (inbox, arrived, ring_id) = (self.inbox.clone(), self.arrived.clone(), self.expected.ring_id);
        let _frames = self
            .session
            .declare_subscriber(self.name.data())
            .allowed_origin(Locality::Remote)
            .callback(move |sample| {
                let packet = Packet::from(sample.payload());
                // Only a frame of the source's ring shows that the source is there.
                if frame::ring_of(packet.as_ref()) == Some(ring_id) {
                    *lock(&arrived) = Instant::now();
                }
                let size = packet.as_ref().len();
                // A frame that doesn't fit is missing, so the sink asks for it again.
                inbox.push(Event::Frame(packet, false), size);
            })
            .wait()
            .map_err(failed)?;
        let inbox = self.inbox.clone();
        let _sources = self
            .session
            .liveliness()
            .declare_subscriber(self.name.source_token())
            .history(true)
            .callback(move |sample| {
                if sample.kind() == SampleKind::Put {
                    inbox.push(Event::SourceCame, 1);
                }
            })
            .wait()
            .map_err(failed)?;
        self.acker.ack(self.mirror.head());
        let mut next_look = Instant::now();
        while !stop.is_set() {
            self.mirror.be_patient();
            // The rest of a frame for which the mirror had no room comes first.
            if self.is_held_up() {
                self.go_on()?;
            } else {
                match self.inbox.pop(self.wait(Instant::now())) {
                    Some(Event::Frame(packet, is_asked)) => {
                        if self.take(packet, is_asked)? && self.is_replaced() {
                            return Ok(End::OtherRing);
                        }
                        self.ask(Instant::now())?;
                    }
                    Some(Event::Answered(number)) if number == self.question => {
                        self.sink.answered(self.mirror.head(), Instant::now());
                    }
                    Some(Event::SourceCame) => self.acker.ack(self.mirror.head()),
                    Some(Event::Answered(_)) | None => {}
                }
            }
            let now = Instant::now();
            let is_idle = self.inbox.is_empty();
            if is_idle || now >= next_look {
                self.follow(now);
                self.ask(now)?;
                self.acker.progress(self.mirror.head(), 0, self.counts.skipped);
            }
            self.acker.ack_if_due(now);
            if now >= next_look {
                self.look(now)?;
                next_look = now + LOOK;
            }
        }
        Ok(End::Stopped)
    }

    /// How long to wait for the next event.
    fn wait(&self, now: Instant) -> Duration {
        let asks = self.sink.wake_at(self.mirror.head());
        let due = asks.map_or(self.acker.due(), |at| at.min(self.acker.due()));
        due.saturating_duration_since(now).clamp(Duration::from_micros(100), SLICE)
    }

    /// Whether the sink has something to write that came before what waits in the inbox.
    fn is_held_up(&self) -> bool {
        self.sink.parked_bytes() > 0 && self.sink.has_next(self.mirror.head())
    }

    /// Writes what the mirror had no room for.
    fn go_on(&mut self) -> Result<()> {
        let written = apply::go_on(&mut self.sink, &mut self.mirror, &mut self.counts, &self.expected);
        self.acker.progress(self.mirror.head(), 0, self.counts.skipped);
        self.wrote(written)
    }

    /// Offers a frame to the sink. Returns whether it was of another ring.
    fn take(&mut self, packet: Packet, is_asked: bool) -> Result<bool> {
        let size = packet.as_ref().len();
        let now = Instant::now();
        let frame = (packet, is_asked);
        let taken =
            apply::take(&mut self.sink, &mut self.mirror, &mut self.counts, &self.expected, frame, now);
        if matches!(taken, Ok(None)) {
            self.sink.heard(Instant::now());
        }
        self.acker.progress(self.mirror.head(), size, self.counts.skipped);
        match taken {
            Ok(None) => Ok(false),
            Ok(Some(FrameError::OtherRing)) => Ok(true),
            Ok(Some(error)) => {
                self.tell(format!("refused a {error}"));
                Ok(false)
            }
            Err(error) => self.wrote(Err(error)).map(|()| false),
        }
    }

    /// Handles the result of a write. The sink keeps a frame that can't be written now.
    fn wrote(&mut self, written: Result<(), MirrorError>) -> Result<()> {
        match written {
            Ok(()) => Ok(()),
            Err(MirrorError::Full) => {
                // Frames that come meanwhile wait in the inbox.
                self.sink.heard(*lock(&self.arrived));
                Ok(())
            }
            Err(error @ MirrorError::Role(_)) => {
                self.tell(error.to_string());
                std::thread::sleep(SLICE);
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Has the mirror's producer do what the source's does, also while a flood of other frames comes. What the mirror has no
    /// room for is written first.
    fn follow(&mut self, now: Instant) {
        self.sink.heard(*lock(&self.arrived));
        if self.is_held_up() {
            return;
        }
        if let Err(error) = apply::follow(&mut self.sink, &mut self.mirror, &mut self.counts, now) {
            self.tell(error.to_string());
        }
    }

    fn tell(&mut self, trouble: String) {
        if self.trouble.as_ref().is_none_or(|(told, _)| *told != trouble) {
            self.log.line(Instant::now(), &format!("import {}: {trouble}", self.name.as_str()));
        }
        self.trouble = Some((trouble, Instant::now()));
    }

    fn look(&mut self, now: Instant) -> Result<()> {
        if !self.mirror.ring().has_its_name()? {
            bail!("the mirror was removed, or another file is in its place");
        }
        // A source is never so far behind: its ring keeps no more.
        let (head, slots) = (self.mirror.head(), self.mirror.ring().geometry().slots());
        if let Some(at) = self.sink.told_at().filter(|at| at + slots < head) {
            self.tell(format!(
                "the mirror is at message {head}, and the source only at {at}: another peer wrote what the source didn't; \
                 shut it out, and remove the mirror, so that it is made anew"
            ));
        }
        if self.trouble.as_ref().is_some_and(|(_, at)| now.saturating_duration_since(*at) >= FORGIVEN) {
            self.trouble = None;
        }
        let mut shown = lock(self.shown);
        shown.head = head;
        shown.sent = self.sink.sent();
        shown.silent_ms = Some(self.sink.silence(now).as_millis() as u64);
        shown.parked_bytes = self.sink.parked_bytes();
        shown.counts = self.counts;
        shown.trouble = self.trouble.as_ref().map(|(trouble, _)| trouble.clone());
        Ok(())
    }
}
