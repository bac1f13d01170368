//! What comes for a sink, and who writes it: a frame that just continues the mirror is written by the thread of Zenoh's that
//! receives it, and anything else by the sink's thread.
//!
//! Zenoh's thread waits for nothing. It writes only if the writer is free, the mirror has room, and nothing waits in the
//! inbox. The sink's thread takes from the inbox only while it has the writer, so what waits there is always written first.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use anyhow::{Result, anyhow};

use crate::apply::{self, Counts, Mirror};
use crate::frame::{self, Expected, FrameError, RingId};
use crate::inbox::Inbox;
use crate::mirror::{MirrorError, RingMirror};
use crate::sink::Sink;

/// An event for the sink's thread.
#[derive(Debug)]
pub enum Event<P> {
    /// A frame, and whether it is part of an answer.
    Frame(P, bool),
    /// The answer to this question is complete.
    Answered(u64),
    /// The source appeared.
    SourceCame,
    /// The mirror couldn't be written.
    Failed(MirrorError),
}

/// A sink with its mirror. `P` is a frame as it came.
#[derive(Debug)]
pub struct Writer<P> {
    /// What is made of frames.
    pub sink: Sink<P>,
    /// Where they are written.
    pub mirror: RingMirror,
    /// What was counted.
    pub counts: Counts,
    /// What frames must be like.
    pub expected: Expected,
}

impl<P: AsRef<[u8]>> Writer<P> {
    /// Whether the sink has something to write that came before what waits in the inbox.
    pub fn is_held_up(&self) -> bool {
        self.sink.parked_bytes() > 0 && self.sink.has_next(self.mirror.head())
    }

    /// Writes what the mirror had no room for.
    ///
    /// # Errors
    /// As for [`apply::go_on`].
    pub fn go_on(&mut self) -> Result<(), MirrorError> {
        apply::go_on(&mut self.sink, &mut self.mirror, &mut self.counts, &self.expected)
    }

    /// Offers a frame, and whether it is part of an answer, to the sink.
    ///
    /// # Errors
    /// As for [`apply::take`].
    pub fn take(&mut self, frame: (P, bool), now: Instant) -> Result<Option<FrameError>, MirrorError> {
        apply::take(&mut self.sink, &mut self.mirror, &mut self.counts, &self.expected, frame, now)
    }

    /// Has the mirror's producer do what the source's does. What the mirror has no room for is written first.
    ///
    /// # Errors
    /// As for [`apply::follow`].
    pub fn follow(&mut self, now: Instant) -> Result<(), MirrorError> {
        if self.is_held_up() {
            return Ok(());
        }
        apply::follow(&mut self.sink, &mut self.mirror, &mut self.counts, now)
    }

    /// Writes a frame that just continues the mirror, without waiting.
    fn take_next(&mut self, bytes: &[u8], now: Instant) -> Result<bool, MirrorError> {
        self.mirror.be_hasty();
        apply::take_next(&mut self.sink, &mut self.mirror, &mut self.counts, &self.expected, bytes, now)
    }
}

/// What became of a frame that came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Came {
    /// It is in the mirror.
    Written {
        /// The mirror's head after it.
        head: u64,
        /// Sequences skipped so far.
        skipped: u64,
    },
    /// It is the sink's thread's.
    Later,
}

/// A writer that several threads share, and the inbox of the sink's thread.
#[derive(Debug)]
pub struct Arrivals<P> {
    inbox: Arc<Inbox<Event<P>>>,
    writer: Mutex<Writer<P>>,
    ring_id: RingId,
    /// When a frame of the source's ring came last that isn't in the mirror yet.
    arrived: Mutex<Instant>,
}

impl<P: AsRef<[u8]>> Arrivals<P> {
    /// Shares a writer, with an inbox for so many bytes.
    pub fn new(writer: Writer<P>, inbox_bytes: usize, now: Instant) -> Self {
        let ring_id = writer.expected.ring_id;
        let inbox = Arc::new(Inbox::new(inbox_bytes));
        Self { inbox, writer: Mutex::new(writer), ring_id, arrived: Mutex::new(now) }
    }

    /// The inbox.
    pub fn inbox(&self) -> &Arc<Inbox<Event<P>>> {
        &self.inbox
    }

    /// The writer. Waits for it.
    ///
    /// # Errors
    /// If a thread panicked while it wrote: what was written isn't known.
    pub fn lock(&self) -> Result<MutexGuard<'_, Writer<P>>> {
        self.writer.lock().map_err(|_| anyhow!("writing a frame panicked, so the mirror is opened again"))
    }

    /// When a frame of the source's ring came last that wasn't written at once.
    pub fn arrived(&self) -> Instant {
        *self.arrived.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a frame that came, if it just continues the mirror, or has the sink's thread handle it: `keep` makes of it what
    /// waits. Never waits for the writer nor for room in the mirror.
    pub fn came(&self, bytes: &[u8], keep: impl FnOnce() -> P, now: Instant) -> Came {
        // If writing panicked, the sink's thread begins anew. The guard is held until the frame is in the inbox: whatever comes
        // meanwhile comes after it.
        let mut writer = self.writer.try_lock().ok();
        if let Some(writer) = &mut writer
            && self.inbox.is_empty()
        {
            match writer.take_next(bytes, now) {
                Ok(true) => {
                    return Came::Written { head: writer.mirror.head(), skipped: writer.counts.skipped };
                }
                Ok(false) | Err(MirrorError::Full) => {}
                // One at most: the role is left, so no other frame is written here.
                Err(error) => self.inbox.push_always(Event::Failed(error)),
            }
        }
        // Only a frame of the source's ring shows that the source is there.
        if frame::ring_of(bytes) == Some(self.ring_id) {
            *self.arrived.lock().unwrap_or_else(PoisonError::into_inner) = now;
        }
        // A frame that doesn't fit is missing, so the sink asks for it again.
        self.inbox.push(Event::Frame(keep(), false), bytes.len());
        Came::Later
    }

    /// Leaves the mirror. Frames that still come aren't written.
    pub fn end(&self) {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner).mirror.leave();
    }
}

#[cfg(test)]
mod tests;
