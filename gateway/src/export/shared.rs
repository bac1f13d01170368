//! What the callbacks of Zenoh's share with the threads of an export.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use ringway::file::FileRing;
use ringway::{Monitor, Observer, Resume, Ring, Start};
use zenoh::Wait;
use zenoh::query::Query;
use zenoh::sample::Sample;

use super::hold::{Held, Hold};
use super::options::{Export, in_flight};
use super::questions::Questions;
use super::waiting::{LONG_SLICE, lock};
use crate::ack::Ack;
use crate::gate::Gate;
use crate::inbox::Inbox;
use crate::meta::{JOIN, Meta, PROTOCOL, Shape, SinkMeta, Wakes};
use crate::names::{Name, from_hex, hex, last_part};
use crate::pace::{Heard, KnownSink, Limits, Refusal};
use crate::policy::Policy;
use crate::source::Reader;

/// Most peers that wait for a description. A peer whose question is dropped asks again.
const TO_DESCRIBE: usize = 64;

/// What an export shows of itself.
pub type Shown = Arc<Mutex<Option<Meta>>>;

/// What the callbacks of Zenoh's share with the thread that sends.
pub(super) struct Shared {
    pub(super) name: Name,
    pub(super) limits: Limits,
    pub(super) shape: Shape,
    pub(super) first_seq: u64,
    pub(super) monitor: Monitor,
    /// Reads head, to check acks.
    pub(super) observer: Mutex<Observer>,
    pub(super) held: Mutex<Held>,
    /// Wakes the sending thread when an ack comes.
    pub(super) acked: Condvar,
    pub(super) questions: Questions<Query>,
    pub(super) to_describe: Inbox<Query>,
    pub(super) asked_to_beat: AtomicBool,
    pub(super) told_unrecorded: AtomicBool,
    /// Whether a consumer wakes the thread that sends.
    pub(super) is_woken: AtomicBool,
    /// Readers of the threads that answer questions, while they aren't used.
    pub(super) readers: Mutex<Vec<Reader>>,
}

impl Shared {
    /// What is shared for a ring, which `before` has held until now.
    pub(super) fn new(name: Name, export: &Export, ring: &FileRing, before: Option<Gate>) -> Result<Self> {
        let slots = ring.geometry().slots();
        if let Some(window) = export.window {
            ensure!(
                window <= slots,
                "{}: a window of {window} messages, expected at most the ring's {slots} slots: correct it, or leave it out",
                ring.path().display()
            );
        }
        let limits = Limits {
            policy: export.policy,
            slots,
            window: export.window.unwrap_or(slots / 4).max(1),
            in_flight: export.in_flight.unwrap_or_else(in_flight),
            sinks: export.sinks,
            forget_after: export.forget_after,
        };
        let shape = Shape::of(ring.geometry())?;
        let monitor = ring.monitor().context("looking at the ring")?;
        let hold = Hold::of(export, ring, &monitor, before)?;
        let observer = ring.observer(Start::Latest, Resume::Latest).context("taking an observer's role")?;
        let held = Mutex::new(Held::new(limits.clone(), ring, &name, hold, Instant::now())?);
        Ok(Self {
            name,
            limits,
            shape,
            first_seq: ring.geometry().first_seq(),
            monitor,
            observer: Mutex::new(observer),
            held,
            acked: Condvar::new(),
            questions: Questions::new(),
            to_describe: Inbox::of_items(TO_DESCRIBE),
            asked_to_beat: AtomicBool::new(false),
            told_unrecorded: AtomicBool::new(false),
            is_woken: AtomicBool::new(false),
            readers: Mutex::default(),
        })
    }

    /// Takes note of an ack, and releases what nobody needs any more.
    pub(super) fn hear(&self, sample: &Sample) {
        let sink = last_part(sample.key_expr().as_str());
        let ack = Ack::read(&sample.payload().to_bytes()).filter(|_| from_hex(sink).is_some());
        let Ok(head) = lock(&self.observer).head() else { return };
        let now = Instant::now();
        let mut held = lock(&self.held);
        let heard = ack.map(|ack| held.pace.heard(sink, &ack, head, now));
        let refusals = &mut held.sent.refusals;
        match heard {
            None => refusals.bytes += 1,
            Some(Heard::Refused(Refusal::Ring)) => refusals.ring += 1,
            Some(Heard::Refused(Refusal::Sequences)) => refusals.sequences += 1,
            Some(Heard::Refused(Refusal::Sinks)) => refusals.sinks += 1,
            Some(Heard::NewSink) => {
                // The sending thread writes the log: this thread is Zenoh's, and must not wait.
                let next = held.pace.sinks()[sink].next;
                held.came.insert(sink.into(), next);
                self.asked_to_beat.store(true, Ordering::Relaxed);
            }
            Some(Heard::Known) => {}
        }
        held.sent.refused += u64::from(matches!(heard, None | Some(Heard::Refused(_))));
        // The sending thread finds the same error.
        let _ = held.release(head, now);
        drop(held);
        self.acked.notify_all();
    }

    pub(super) fn refuse_question(&self) {
        let sent = &mut lock(&self.held).sent;
        sent.refused += 1;
        sent.refusals.questions += 1;
    }

    /// Answers the next request for a description. A callback of Zenoh must not do this, because it would wait for a
    /// peer that doesn't read.
    pub(super) fn describe(&self) {
        let Some(query) = self.to_describe.pop(LONG_SLICE) else { return };
        if self.is_to_forget(&query) {
            return self.forget(&query);
        }
        if query.parameters().contains_key(JOIN) {
            lock(&self.held).pace.join(Instant::now());
        }
        let description = self.meta().map(|meta| serde_json::to_vec(&meta));
        if let Ok(Ok(bytes)) = description {
            let _ = query.reply(self.name.meta(), bytes).wait();
        }
    }

    pub(super) fn meta(&self) -> Result<Meta> {
        let stats = self.monitor.stats()?;
        let now = Instant::now();
        let held = lock(&self.held);
        let first_held = held.hold.first();
        let sink_meta = |(id, sink): (&String, &KnownSink)| SinkMeta {
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
            covered: held.is_covered(stats.consumers.len()),
            wakes: if self.is_woken.load(Ordering::Relaxed) { Wakes::Consumer } else { Wakes::Polling },
            awaited: held.pace.awaited().cloned().collect(),
            sinks: held.pace.sinks().iter().map(sink_meta).collect(),
            sent: held.sent,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_of_more_messages_than_the_ring_has_slots_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ring");
        let ring = ringway::file::create(&path, &ringway::Config::new().slots(16)).unwrap();
        for (window, is_taken) in [(16, true), (17, false)] {
            let export: Export = toml::from_str(&format!(
                "ring = {path:?}\nname = \"n\"\npolicy = \"lossy\"\nwindow = {window}"
            ))
            .unwrap();
            match Shared::new(Name::new("n").unwrap(), &export, &ring, None) {
                Ok(_) => assert!(is_taken),
                Err(error) => {
                    assert!(!is_taken && error.to_string().contains("expected at most the ring's 16 slots"))
                }
            }
        }
    }
}
