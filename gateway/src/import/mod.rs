//! A sink: the thread that writes what a source sends.

mod ask;
mod options;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use ringway::Ring;
use ringway::file::FileRing;
use zenoh::bytes::ZBytes;
use zenoh::sample::{Locality, SampleKind};
use zenoh::{Session, Wait};

pub use self::options::{Import, max_ring_bytes};
use crate::acker::Acker;
use crate::apply::Mirror;
use crate::arrivals::{Arrivals, Came, Event, Writer};
use crate::frame::{FrameError, RingId};
use crate::log::{self, Sparing};
use crate::meta::MirrorMeta;
use crate::mirror::{MirrorError, RingMirror, Wanted};
use crate::names::{Name, hex};
use crate::origin::Origin;
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
        let began = Instant::now();
        let error = match mirror(session, &name, import, shown, stop) {
            Ok(End::Stopped) => break,
            Ok(End::OtherRing) => "the source has another ring".into(),
            Err(error) => format!("{error:#}"),
        };
        // A long attempt has succeeded: the error that ends it is told, also if it was told before.
        if began.elapsed() > FORGIVEN {
            told = None;
        }
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
    let mut meta = ask::find(session, name, import.ring.exists())?;
    // The mirror of another ring makes room for a new one, whose sink joins.
    if import.replace && Origin::read(&import.ring)?.is_some_and(|origin| origin.source != meta.ring_id) {
        meta = ask::find(session, name, false)?;
    }
    let source = meta.id().context("the source's ring has no id")?;
    let mut mirror = RingMirror::open(&Wanted {
        path: &import.ring,
        source,
        shape: &meta.shape,
        start: meta.start,
        replace: import.replace,
        mode: import.mode,
        max_bytes: import.max_ring_bytes,
    })?;
    // It ends with this attempt, even if a callback of Zenoh's still has the mirror.
    let _claim = mirror.take_claim();
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
    let acker = Acker::new(session, name, &mirror.id(), source, meta.window)?;
    let (expected, counts, now) = (mirror.expected(), lock(shown).counts, Instant::now());
    let (ring, id) = (mirror.ring().clone(), mirror.id());
    let writer = Writer { sink: Sink::new(limits, now), mirror, counts, expected };
    let mut thread = Thread {
        name,
        session,
        ring,
        id,
        source,
        arrivals: Arc::new(Arrivals::new(writer, INBOX_BYTES, now)),
        acker: Arc::new(acker),
        shown,
        question: 0,
        not_before: now,
        trouble: None,
        lacks_role: false,
        link_lost_after: import.link_lost_after,
        is_lost: false,
        log: Sparing::new(now),
    };
    let end = thread.run(stop);
    // Zenoh may still be in a callback: the role is free for the next attempt nevertheless.
    thread.arrivals.end();
    end
}

struct Thread<'t> {
    name: &'t Name,
    session: &'t Session,
    ring: FileRing,
    /// The mirror's id.
    id: String,
    /// The source's ring.
    source: RingId,
    arrivals: Arc<Arrivals<Packet>>,
    acker: Arc<Acker>,
    shown: &'t Shown,
    /// Number of the last question.
    question: u64,
    /// When the source may be asked again which ring it has.
    not_before: Instant,
    /// What was wrong last, and when.
    trouble: Option<(String, Instant)>,
    /// Whether the mirror's role couldn't be taken just now.
    lacks_role: bool,
    link_lost_after: Duration,
    /// Whether the link to the source is lost, as far as the log has told.
    is_lost: bool,
    log: Sparing,
}

impl Thread<'_> {
    fn run(&mut self, stop: &Stop) -> Result<End> {
        let failed = |error| anyhow!("declaring the mirror to Zenoh: {}", plain(&error));
        let (arrivals, acker) = (self.arrivals.clone(), self.acker.clone());
        let _frames = self
            .session
            .declare_subscriber(self.name.data())
            .allowed_origin(Locality::Remote)
            .callback(move |sample| receive(&arrivals, &acker, sample.payload()))
            .wait()
            .map_err(failed)?;
        let inbox = self.arrivals.inbox().clone();
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
        let arrivals = self.arrivals.clone();
        self.acker.ack(arrivals.lock()?.mirror.head());
        let mut next_look = Instant::now();
        let (mut asks_at, mut is_held_up) = (None, false);
        while !stop.is_set() {
            // What is held up came before what waits in the inbox.
            let is_nudged = !is_held_up && arrivals.inbox().wait(self.wait(asks_at, Instant::now()));
            // A nudge is about acks: for these alone no frame has to wait for the writer.
            if !is_nudged || Instant::now() >= next_look {
                let mut writer = arrivals.lock()?;
                let is_of_another = self.serve(&mut writer)?;
                let now = Instant::now();
                let looks = now >= next_look;
                if looks || arrivals.inbox().is_empty() {
                    self.follow(&mut writer, now);
                    self.ask(&mut writer, now)?;
                    self.acker.progress(writer.mirror.head(), 0, writer.counts.skipped);
                }
                if looks {
                    self.look(&writer, now);
                    next_look = now + LOOK;
                }
                asks_at = writer.sink.wake_at(writer.mirror.head());
                is_held_up = writer.is_held_up();
                let silence = writer.sink.silence(now);
                drop(writer);
                if is_of_another && self.is_replaced(silence) {
                    return Ok(End::OtherRing);
                }
                if std::mem::take(&mut self.lacks_role) {
                    std::thread::sleep(SLICE);
                }
                if looks && !self.ring.has_its_name()? {
                    bail!("the mirror was removed, or another file is in its place");
                }
            }
            self.acker.ack_if_due(Instant::now());
        }
        Ok(End::Stopped)
    }

    /// How long to wait for the next event.
    fn wait(&self, asks_at: Option<Instant>, now: Instant) -> Duration {
        let due = asks_at.map_or(self.acker.due(), |at| at.min(self.acker.due()));
        due.saturating_duration_since(now).clamp(Duration::from_micros(100), SLICE)
    }

    /// Handles the next event. The rest of a frame for which the mirror had no room comes first. Returns whether a frame was of
    /// another ring.
    fn serve(&mut self, writer: &mut Writer<Packet>) -> Result<bool> {
        writer.mirror.be_patient();
        if writer.is_held_up() {
            let written = writer.go_on();
            self.acker.progress(writer.mirror.head(), 0, writer.counts.skipped);
            return self.wrote(writer, written).map(|()| false);
        }
        match self.arrivals.inbox().pop(Duration::ZERO) {
            Some(Event::Frame(packet, is_asked)) => {
                let is_of_another = self.take(writer, packet, is_asked)?;
                self.ask(writer, Instant::now())?;
                return Ok(is_of_another);
            }
            Some(Event::Answered(number)) if number == self.question => {
                writer.sink.answered(writer.mirror.head(), Instant::now());
            }
            Some(Event::SourceCame) => self.acker.ack(writer.mirror.head()),
            Some(Event::Failed(error)) => return Err(error.into()),
            Some(Event::Answered(_)) | None => {}
        }
        Ok(false)
    }

    /// Offers a frame to the sink. Returns whether it was of another ring.
    fn take(&mut self, writer: &mut Writer<Packet>, packet: Packet, is_asked: bool) -> Result<bool> {
        let size = packet.as_ref().len();
        let taken = writer.take((packet, is_asked), Instant::now());
        if matches!(taken, Ok(None)) {
            writer.sink.heard(Instant::now());
        }
        self.acker.progress(writer.mirror.head(), size, writer.counts.skipped);
        match taken {
            Ok(None) => Ok(false),
            Ok(Some(FrameError::OtherRing)) => Ok(true),
            Ok(Some(error)) => {
                self.tell(format!("refused a {error}"));
                Ok(false)
            }
            Err(error) => self.wrote(writer, Err(error)).map(|()| false),
        }
    }

    /// Handles the result of a write. The sink keeps a frame that can't be written now.
    fn wrote(&mut self, writer: &mut Writer<Packet>, written: Result<(), MirrorError>) -> Result<()> {
        match written {
            Ok(()) => Ok(()),
            Err(MirrorError::Full) => {
                // Frames that come meanwhile wait in the inbox.
                writer.sink.heard(self.arrivals.arrived());
                Ok(())
            }
            Err(error @ MirrorError::Role(_)) => {
                self.tell(error.to_string());
                self.lacks_role = true;
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Has the mirror's producer do what the source's does, also while a flood of other frames comes.
    fn follow(&mut self, writer: &mut Writer<Packet>, now: Instant) {
        writer.sink.heard(self.arrivals.arrived());
        if let Err(error) = writer.follow(now) {
            self.tell(error.to_string());
        }
    }

    fn tell(&mut self, trouble: String) {
        if self.trouble.as_ref().is_none_or(|(told, _)| *told != trouble) {
            self.log.line(Instant::now(), &format!("import {}: {trouble}", self.name.as_str()));
        }
        self.trouble = Some((trouble, Instant::now()));
    }

    /// Tells when the link is lost, and when it is back.
    fn tell_link(&mut self, silence: Duration, now: Instant) {
        let is_lost = silence >= self.link_lost_after;
        if is_lost != std::mem::replace(&mut self.is_lost, is_lost) {
            let text =
                if is_lost { "nothing comes from the source: the link is lost" } else { "the link is back" };
            self.log.line(now, &format!("import {}: {text}", self.name.as_str()));
        }
    }

    fn look(&mut self, writer: &Writer<Packet>, now: Instant) {
        self.tell_link(writer.sink.silence(now), now);
        // A source is never so far behind: its ring keeps no more.
        let (head, slots) = (writer.mirror.head(), self.ring.geometry().slots());
        if let Some(at) = writer.sink.told_at().filter(|at| at + slots < head) {
            self.tell(format!(
                "the mirror is at message {head}, and the source only at {at}: another peer wrote what the source didn't; \
                 shut it out, and remove the mirror, so that it is made again"
            ));
        }
        if self.trouble.as_ref().is_some_and(|(_, at)| now.saturating_duration_since(*at) >= FORGIVEN) {
            self.trouble = None;
        }
        let mut shown = lock(self.shown);
        shown.head = head;
        shown.sent = writer.sink.sent();
        shown.silent_ms = Some(writer.sink.silence(now).as_millis() as u64);
        shown.parked_bytes = writer.sink.parked_bytes();
        shown.counts = writer.counts;
        shown.trouble = self.trouble.as_ref().map(|(trouble, _)| trouble.clone());
    }
}

/// Receives a frame, in a thread of Zenoh's: it must neither wait nor end by a panic.
fn receive(arrivals: &Arrivals<Packet>, acker: &Acker, payload: &ZBytes) {
    let received = catch_unwind(AssertUnwindSafe(|| {
        let came = arrivals.came(&payload.to_bytes(), || Packet::from(payload), Instant::now());
        matches!(came, Came::Written { head, skipped } if acker.progress(head, payload.len(), skipped))
    }));
    // After a panic the sink's thread begins anew. Else it has an ack to send, which might wait for a link.
    if received.unwrap_or(true) {
        arrivals.inbox().nudge();
    }
}
