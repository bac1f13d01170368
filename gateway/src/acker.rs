//! The acks of a sink, and when they are due.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use zenoh::pubsub::Publisher;
use zenoh::qos::CongestionControl;
use zenoh::sample::Locality;
use zenoh::{Session, Wait};

use crate::ack::Ack;
use crate::frame::RingId;
use crate::names::Name;
use crate::session::plain;

/// A written message is acked after this time at the latest.
const SOON: Duration = Duration::from_millis(5);
/// Pause between two acks of an idle sink: an ack may be lost, and the source expects to hear its sinks.
const AGAIN: Duration = Duration::from_millis(250);
/// Bytes of frames after which an ack is due.
const BYTES: usize = 256 * 1024;

/// Sends acks.
pub struct Acker {
    publisher: Publisher<'static>,
    ring_id: RingId,
    /// Messages after which an ack is due.
    stride: u64,
    state: Mutex<State>,
}

struct State {
    next: u64,
    bytes: usize,
    /// Since when a written message isn't acked.
    since: Option<Instant>,
    acked: u64,
    acked_at: Instant,
    skipped: u64,
}

impl State {
    fn reach(&mut self, next: u64) {
        if next > self.next {
            self.next = next;
            self.since.get_or_insert_with(Instant::now);
        }
    }
}

impl Acker {
    /// Starts the acks of sink `id`. `window` is that of its source.
    ///
    /// # Errors
    /// If Zenoh refuses a publisher.
    pub fn new(session: &Session, name: &Name, id: &str, ring_id: RingId, window: u64) -> Result<Self> {
        let publisher = session
            .declare_publisher(name.ack(id))
            .congestion_control(CongestionControl::Drop)
            .express(true)
            .allowed_destination(Locality::Remote)
            .wait()
            .map_err(|error| anyhow!("declaring a publisher to Zenoh: {}", plain(&error)))?;
        let state = State { next: 0, bytes: 0, since: None, acked: 0, acked_at: Instant::now(), skipped: 0 };
        Ok(Self { publisher, ring_id, stride: (window / 8).max(1), state: Mutex::new(state) })
    }

    /// Records that the mirror's head is `next`, after `bytes` more of frames. `skipped` sequences were skipped so far. Several
    /// threads may say so in any order. Returns whether the thread that acks should look: an ack is due now, or
    /// [earlier](Self::due) than before.
    pub fn progress(&self, next: u64, bytes: usize, skipped: u64) -> bool {
        let mut state = self.lock();
        let was_told = state.since.is_none();
        state.bytes += bytes;
        state.skipped = state.skipped.max(skipped);
        state.reach(next);
        (was_told && state.since.is_some()) || self.is_far(&state)
    }

    /// Acks now.
    pub fn ack(&self, next: u64) {
        self.lock().reach(next);
        self.send(Instant::now());
    }

    /// When the next ack is due.
    pub fn due(&self) -> Instant {
        let state = self.lock();
        state.since.map_or(state.acked_at + AGAIN, |since| since + SOON)
    }

    /// Acks if an ack is due.
    pub fn ack_if_due(&self, now: Instant) {
        let state = self.lock();
        let far = self.is_far(&state);
        let soon = state.since.is_some_and(|since| now.saturating_duration_since(since) >= SOON);
        let again = now.saturating_duration_since(state.acked_at) >= AGAIN;
        drop(state);
        if far || soon || again {
            self.send(now);
        }
    }

    /// Whether so much was written since the last ack that the next is due.
    fn is_far(&self, state: &State) -> bool {
        state.next.saturating_sub(state.acked) >= self.stride || state.bytes >= BYTES
    }

    fn send(&self, now: Instant) {
        let mut state = self.lock();
        let ack = Ack { ring_id: self.ring_id, next: state.next, skipped: state.skipped };
        (state.acked, state.acked_at, state.since, state.bytes) = (state.next, now, None, 0);
        drop(state);
        // A lost ack is followed by another.
        let _ = self.publisher.put(ack.bytes().to_vec()).wait();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
