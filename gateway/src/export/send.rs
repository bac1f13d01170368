//! The thread that sends what the window admits.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use zenoh::qos::CongestionControl;
use zenoh::sample::Locality;
use zenoh::{Session, Wait};

use super::served::Served;
use super::shared::{Shared, Shown};
use super::waiting::{SLICE, lock};
use crate::log::{self, Sparing};
use crate::policy::Policy;
use crate::session::plain;
use crate::source::Reader;
use crate::stop::Stop;

/// Time between two heartbeats of an idle source.
const BEAT: Duration = Duration::from_millis(500);
/// Shortest time between two heartbeats when sinks come.
const SOONEST_BEAT: Duration = Duration::from_millis(50);
/// Longest wait of `history` for an ack while messages pass by unsent: the producer must not wait for the gateway.
const SHORT_SLICE: Duration = Duration::from_micros(200);
/// Time between two looks at the ring's path and at the silence of sinks.
const LOOK: Duration = Duration::from_secs(1);

/// Why a ring isn't served any more.
pub(super) enum End {
    Stopped,
    Replaced,
}

impl Shared {
    /// Sends what the window admits, until the ring is replaced or `stop` is set.
    pub(super) fn send(
        &self,
        session: &Session,
        served: &Served,
        reader: &mut Reader,
        shown: &Shown,
        stop: &Stop,
        is_over: impl Fn() -> bool,
    ) -> Result<End> {
        // Under `reliable` the window bounds the queue. The others lose messages rather than hold the producer back.
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
            .map_err(|error| anyhow!("declaring a publisher to Zenoh: {}", plain(&error)))?;
        let put = |bytes: Vec<u8>| {
            publisher.put(bytes).wait().map_err(|error| anyhow!("sending: {}", plain(&error)))
        };
        if let Some(position) = lock(&self.held).pace.position() {
            // An earlier attempt has sent what precedes it.
            reader.go_to(position)?;
        }
        let (mut next_beat, mut next_look) = (Instant::now(), Instant::now());
        let (mut passed, mut log) = (0, Sparing::new(Instant::now()));
        loop {
            let now = Instant::now();
            if stop.is_set() {
                return Ok(End::Stopped);
            }
            if is_over() {
                return Ok(End::Replaced);
            }
            lock(&self.held).lives(now);
            if now >= next_look {
                if served.is_done(now)? {
                    return Ok(End::Replaced);
                }
                self.look(shown, now)?;
                next_look = now + LOOK;
            }
            let mut held = lock(&self.held);
            if held.attend(&served.ring, now)? {
                reader.wake_by(held.hold.waker(&served.ring));
                self.is_woken.store(reader.is_woken(), Ordering::Relaxed);
            }
            let room = held.room(reader, now)?;
            let is_held = held.hold.first().is_some();
            drop(held);
            let has_new_sink = next_beat.saturating_duration_since(now) <= BEAT - SOONEST_BEAT
                && self.asked_to_beat.swap(false, Ordering::Relaxed);
            if has_new_sink {
                self.record();
                self.tell_who_came(&mut log, now);
            }
            if now >= next_beat || reader.has_news() || has_new_sink {
                put(reader.heartbeat()?)?;
                next_beat = now + BEAT;
            }
            let frame = match room {
                1.. => {
                    let wait = next_beat.saturating_duration_since(now).min(SLICE);
                    reader.next(room, wait)?
                }
                0 => None,
            };
            let Some(frame) = frame else {
                let head = reader.head()?;
                // `next` has waited for the ring already, unless the ring is closed.
                if room == 0 || reader.is_closed() {
                    let passes = self.limits.policy == Policy::History && is_held && head != passed;
                    self.wait_for_ack(if passes { SHORT_SLICE } else { SLICE }, reader, head)?;
                }
                passed = head;
                continue;
            };
            lock(&self.held).sends(&frame);
            put(frame.bytes)?;
            if self.limits.policy == Policy::History {
                let head = reader.head()?;
                lock(&self.held).release(head, Instant::now())?;
            }
        }
    }

    fn tell_who_came(&self, log: &mut Sparing, now: Instant) {
        let came = std::mem::take(&mut lock(&self.held).came);
        for (sink, next) in came {
            log.line(now, &format!("export {}: sink {sink} is at message {next}", self.name.as_str()));
        }
    }

    fn wait_for_ack(&self, wait: Duration, reader: &Reader, head: u64) -> Result<()> {
        let mut held = lock(&self.held);
        held.release(head, Instant::now())?;
        let is_open = held.pace.room(Instant::now()).is_some_and(|room| room > 0);
        if !is_open || reader.is_closed() {
            drop(self.acked.wait_timeout(held, wait).unwrap_or_else(PoisonError::into_inner));
        }
        Ok(())
    }

    fn look(&self, shown: &Shown, now: Instant) -> Result<()> {
        // A line may take a while to write, and acks are heard meanwhile.
        let forgotten = lock(&self.held).pace.forget(now);
        for sink in forgotten {
            log::line(&format!(
                "export {}: sink {sink} was silent for too long, and is forgotten",
                self.name.as_str()
            ));
        }
        self.record();
        *lock(shown) = Some(self.meta()?);
        Ok(())
    }

    /// Writes the sinks to the record beside the ring. Before that nothing is released.
    fn record(&self) {
        let forgotten = lock(&self.held).take_forgotten();
        for sink in forgotten {
            log::line(&format!("export {}: sink {sink} is forgotten, on request", self.name.as_str()));
        }
        let held = lock(&self.held);
        let Some(sinks) = held.unrecorded() else { return };
        let Some(write) = held.writer(&sinks) else { return };
        drop(held);
        match write() {
            Ok(()) => {
                self.told_unrecorded.store(false, Ordering::Relaxed);
                let head = lock(&self.observer).head();
                let mut held = lock(&self.held);
                held.is_recorded(sinks);
                // The sending thread finds the same error.
                let _ = head.map(|head| held.release(head, Instant::now()));
            }
            Err(error) => {
                if !self.told_unrecorded.swap(true, Ordering::Relaxed) {
                    log::line(&format!(
                        "export {}: {error:#}; nothing is released before its sinks are recorded there",
                        self.name.as_str()
                    ));
                }
            }
        }
    }
}
