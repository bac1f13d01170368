//! The reader of a source's ring: it makes frames.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ringway::file::FileRing;
use ringway::{Monitor, Observer, Outcome, Resume, Ring, SeekError, Start, State, Stats};

use crate::frame::{Builder, Condition, FRAME_BYTES, RingId};
use crate::gate::{Gate, Waited};

/// Longest time that the first message of a frame waits for more.
const GATHER_FOR: Duration = Duration::from_micros(200);
/// How long a reader looks for a message before it sleeps. To sleep and to be woken takes longer.
const LOOK_FOR: Duration = Duration::from_micros(5);
/// Messages between two looks at the clock.
const BETWEEN_LOOKS: u32 = 16;

/// A frame, ready to be sent.
#[derive(Debug)]
pub struct Outgoing {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The sequence after its last message.
    pub end: u64,
    /// Messages in the frame's range that the ring overwrote before they were read.
    pub lost: u64,
    /// Messages in the frame's range that the ring's producer skipped.
    pub skipped: u64,
    /// Number of its messages.
    pub messages: u64,
}

/// What wakes a reader for a message. An observer leaves no sign that it sleeps, and so looks once a millisecond.
#[derive(Clone, Debug)]
pub enum Waker {
    /// Nothing.
    None,
    /// The gate, which others release.
    Gate(Gate),
    /// A gate that holds nothing: it goes where the reader goes. Only beside one of another process.
    Alarm(Gate),
}

/// Reads a ring from one message on, frame after frame.
#[derive(Debug)]
pub struct Reader {
    observer: Observer,
    waker: Waker,
    monitor: Monitor,
    builder: Builder,
    /// Longest message, in bytes.
    longest: usize,
    /// The next frame continues here.
    from: u64,
    /// The gate holds what the ring has from here on.
    held: u64,
    epoch: u64,
    epoch_first: u64,
    condition: Condition,
    /// Whether the producer came, went or closed the ring since the last heartbeat.
    news: bool,
}

impl Reader {
    /// Starts at the ring's next message.
    ///
    /// # Errors
    /// If the ring gives no observer.
    pub fn new(ring: &FileRing) -> Result<Self> {
        let observer =
            ring.observer(Start::Latest, Resume::OldestSafe).context("taking an observer's role")?;
        let monitor = ring.monitor().context("looking at the ring")?;
        let from = observer.next_seq();
        let mut reader = Self {
            builder: Builder::new(ring.geometry().ring_id()),
            longest: usize::try_from(ring.geometry().payload_capacity())?,
            from,
            held: 0,
            observer,
            waker: Waker::None,
            monitor,
            epoch: 0,
            epoch_first: 0,
            condition: Condition::NoProducerYet,
            news: true,
        };
        reader.look()?;
        Ok(reader)
    }

    /// Whether a consumer wakes it.
    pub fn is_woken(&self) -> bool {
        !matches!(self.waker, Waker::None)
    }

    /// Has a consumer of this ring wake the reader, or none.
    pub fn wake_by(&mut self, waker: Waker) {
        self.waker = waker;
    }

    /// Identity of the ring.
    pub fn ring_id(&self) -> RingId {
        self.observer.geometry().ring_id()
    }

    /// The sequence at which the next frame continues.
    pub fn position(&self) -> u64 {
        self.from
    }

    /// The ring's head.
    ///
    /// # Errors
    /// If the ring is damaged.
    pub fn head(&self) -> Result<u64> {
        Ok(self.observer.head()?)
    }

    /// Whether the ring was closed at the last look.
    pub fn is_closed(&self) -> bool {
        self.condition == Condition::Closed
    }

    /// Whether the producer came, went or closed the ring since the last heartbeat.
    pub fn has_news(&self) -> bool {
        self.news
    }

    /// Continues at `seq`. The next frame tells what the ring has overwritten since as lost.
    ///
    /// # Errors
    /// If the ring is damaged.
    pub fn go_to(&mut self, seq: u64) -> Result<()> {
        let mut to = seq;
        loop {
            match self.observer.seek(to) {
                Ok(()) => break,
                Err(SeekError::Overwritten { oldest, .. }) => to = oldest,
                Err(SeekError::Unpublished { head, .. }) => {
                    self.observer.seek(head)?;
                    self.from = head;
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.from = seq;
        Ok(())
    }

    /// Takes note that the gate holds what the ring has from `seq` on. A reader that was overtaken goes on there: nearer to
    /// the ring's oldest message it would be overtaken again at once by a producer that never pauses.
    pub fn holds_from(&mut self, seq: u64) {
        self.held = seq;
    }

    /// The next frame, of so many messages at most. Waits for the first of them until `wait` has passed, and for no other.
    /// `None` if there is none, or an event came first.
    ///
    /// # Errors
    /// If the ring is damaged.
    pub fn next(&mut self, most: u64, wait: Duration) -> Result<Option<Outgoing>> {
        if let Waker::Alarm(gate) = &self.waker {
            gate.release(self.from)?;
        }
        let (Waker::Gate(gate) | Waker::Alarm(gate)) = self.waker.clone() else {
            return self.gather(u64::MAX, most, wait);
        };
        let began = Instant::now();
        loop {
            let found = self.gather(u64::MAX, most, Duration::ZERO)?;
            if found.is_some() || wait.is_zero() || most == 0 {
                return Ok(found);
            }
            if began.elapsed() >= LOOK_FOR {
                break;
            }
            std::hint::spin_loop();
        }
        match gate.wait(self.from, wait)? {
            Waited::Woken => {}
            Waited::TimedOut => return Ok(None),
            Waited::NotHere => return self.gather(u64::MAX, most, wait),
        }
        let found = self.gather(u64::MAX, most, Duration::ZERO)?;
        if found.is_none() {
            gate.heed()?;
            self.look()?;
        }
        Ok(found)
    }

    /// The next frame of messages before `limit` that are there.
    ///
    /// # Errors
    /// If the ring is damaged.
    pub fn next_before(&mut self, limit: u64) -> Result<Option<Outgoing>> {
        self.gather(limit, u64::MAX, Duration::ZERO)
    }

    fn gather(&mut self, limit: u64, most: u64, wait: Duration) -> Result<Option<Outgoing>> {
        let mut start = self.after_loss()?;
        let mut began = None;
        while self.observer.next_seq() < limit && u64::from(self.builder.count()) < most {
            let wait = if began.is_none() { wait } else { Duration::ZERO };
            match self.receive(wait)? {
                Outcome::Message(seq) => {
                    if self.builder.count() == 1 {
                        start = seq;
                    }
                }
                Outcome::Lagged(_) if self.builder.is_empty() => {
                    start = self.after_loss()?;
                    continue;
                }
                Outcome::EpochChanged { .. } | Outcome::ProducerLost | Outcome::Closed => {
                    self.look()?;
                    break;
                }
                _ => break,
            }
            let began = *began.get_or_insert_with(Instant::now);
            let late = self.builder.count().is_multiple_of(BETWEEN_LOOKS) && began.elapsed() >= GATHER_FOR;
            if self.builder.is_full(self.longest) || late {
                break;
            }
        }
        if self.builder.is_empty() {
            // The question ends at `limit`: the sink may have what was lost beyond it.
            start = start.min(limit);
        }
        if self.builder.is_empty() && start == self.from {
            return Ok(None);
        }
        if self.observer.epoch()? != self.epoch || self.condition != Condition::Live {
            self.look()?;
        }
        self.finish(start, Condition::Live).map(Some)
    }

    /// Adds the next message to the frame. Its sequence.
    fn receive(&mut self, wait: Duration) -> Result<Outcome<u64>> {
        let Self { observer, builder, longest, .. } = self;
        // The message is copied straight into the frame, unless most of the room for it would be wasted.
        if *longest <= FRAME_BYTES {
            let room = builder.room(*longest);
            let copied = match wait.is_zero() {
                true => observer.try_recv_into(room)?,
                false => observer.recv_into_timeout(room, wait)?,
            };
            return Ok(copied.map(|copied| {
                builder.add(copied.len, copied.tag);
                copied.seq
            }));
        }
        let received = match wait.is_zero() {
            true => observer.try_recv()?,
            false => observer.recv_timeout(wait)?,
        };
        Ok(received.map(|message| {
            builder.push(&message, message.tag());
            message.seq()
        }))
    }

    /// Where the observer goes on: where it is, or where the gate holds the ring if it was overtaken on the way.
    fn after_loss(&mut self) -> Result<u64> {
        let next = self.observer.next_seq();
        let half = self.observer.geometry().slots() / 2;
        // A skip of the source's producer is a loss, too, but no reason to hurry.
        if self.from < next && next < self.held && next + half < self.observer.head()? {
            match self.observer.seek(self.held) {
                // After a producer died in a batch, head may be less than what the gate was told.
                Ok(()) | Err(SeekError::Unpublished { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(self.observer.next_seq())
    }

    /// A frame without messages: where this reader is, and what has become of the producer.
    ///
    /// # Errors
    /// If the ring is damaged.
    pub fn heartbeat(&mut self) -> Result<Vec<u8>> {
        let head = self.look()?;
        self.news = false;
        // Only a reader at head tells the end.
        let condition = if self.from < head { Condition::Live } else { self.condition };
        Ok(self.builder.finish(condition, self.epoch, self.epoch_first, self.from, self.from))
    }

    /// Looks at the producer. Returns the ring's head.
    ///
    /// # Errors
    /// If the ring is damaged.
    pub fn look(&mut self) -> Result<u64> {
        let stats = self.monitor.stats()?;
        let condition = condition(&stats);
        self.news |= (condition, stats.epoch) != (self.condition, self.epoch);
        (self.condition, self.epoch, self.epoch_first) = (condition, stats.epoch, stats.first_seq);
        Ok(stats.head)
    }

    fn finish(&mut self, start: u64, condition: Condition) -> Result<Outgoing> {
        let (from, messages) = (self.from, u64::from(self.builder.count()));
        let end = start + messages;
        let (mut lost, mut skipped) = (start - from, 0);
        // The producer writes over no message of the last half lap, not even by a batch: those that aren't there were
        // skipped. For older messages the ring can't tell the two apart.
        if lost > 0 && self.observer.head()? <= from + self.observer.geometry().slots() / 2 {
            (lost, skipped) = (0, lost);
        }
        let bytes = self.builder.finish(condition, self.epoch, self.epoch_first, from, start);
        self.from = end;
        Ok(Outgoing { bytes, end, lost, skipped, messages })
    }
}

/// The state of a ring's producer.
pub fn condition(stats: &Stats) -> Condition {
    match stats.state {
        State::NoProducerYet => Condition::NoProducerYet,
        State::Closed => Condition::Closed,
        _ if stats.producer_alive => Condition::Live,
        _ => Condition::Lost,
    }
}

#[cfg(test)]
mod tests;
