//! What holds the source's producer back, and until where.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Result;
use ringway::file::FileRing;
use ringway::{Monitor, Ring};

use super::options::Export;
use super::record::{Record, Sinks};
use crate::gate::Gate;
use crate::kept::{self, Kept};
use crate::meta::Sent;
use crate::names::Name;
use crate::pace::{Forgotten, Limits, Pace};
use crate::policy::Policy;
use crate::source::{Outgoing, Reader, Waker};

/// Shortest time between two looks of the sending thread that counts as a stall.
const STALL: Duration = Duration::from_secs(1);

/// What is held, what may be sent, and what was.
pub(crate) struct Held {
    pub(crate) pace: Pace,
    pub(crate) hold: Hold,
    pub(crate) sent: Sent,
    /// New sinks that the log doesn't name yet, and the sequence that each is at.
    pub(super) came: BTreeMap<String, u64>,
    record: Option<Record>,
    /// When the sending thread looked last.
    looked: Instant,
    /// Sinks that were forgotten on request, which the log doesn't name yet.
    forgotten: Vec<String>,
}

/// What holds the source's producer back.
pub(crate) enum Hold {
    /// Nothing.
    None,
    /// A consumer of this process.
    Own(Gate),
    /// A consumer of the keeper. Until it has released as much, also the one of this process that held the ring before.
    Kept(Kept, Option<Gate>),
}

impl Hold {
    /// Holds a ring. `before` has held it until now.
    pub(super) fn of(
        export: &Export,
        ring: &FileRing,
        monitor: &Monitor,
        before: Option<Gate>,
    ) -> Result<Self> {
        match (export.policy, kept::keeper()) {
            (Policy::Lossy, _) => Ok(Self::None),
            (Policy::Reliable, Some(keeper)) => {
                let kept = Kept::hold(&export.name, keeper, monitor)?;
                let before = before.filter(|gate| gate.held() < kept.held());
                Ok(Self::Kept(kept, before))
            }
            // Held once a sink is heard.
            (Policy::History, _) => Ok(Self::None),
            (Policy::Reliable, None) => Ok(Self::Own(before.map_or_else(|| Gate::close(ring), Ok)?)),
        }
    }

    /// What wakes the reader: what holds the ring, if that is of this process. Beside a keeper it is a consumer of its own.
    /// The death of that one doesn't matter, since the keeper's lives.
    pub(super) fn waker(&self, ring: &FileRing) -> Waker {
        match self {
            Self::None => Waker::None,
            Self::Own(gate) => Waker::Gate(gate.clone()),
            Self::Kept(..) => Gate::at_head(ring).map_or(Waker::None, Waker::Alarm),
        }
    }

    /// The first message that is held.
    pub(crate) fn first(&self) -> Option<u64> {
        match self {
            Self::None => None,
            Self::Own(gate) => Some(gate.held()),
            Self::Kept(kept, before) => {
                Some(before.as_ref().map_or(kept.held(), |gate| gate.held().min(kept.held())))
            }
        }
    }

    fn release(&mut self, seq: u64) -> Result<()> {
        match self {
            Self::None => Ok(()),
            Self::Own(gate) => Ok(gate.release(seq)?),
            Self::Kept(kept, before) => {
                kept.release(seq)?;
                if let Some(gate) = before {
                    gate.release(seq)?;
                    if gate.held() >= kept.held() {
                        *before = None;
                    }
                }
                Ok(())
            }
        }
    }
}

impl Held {
    /// Starts the account of a ring that is exported as `name`, from the record that an earlier source left.
    ///
    /// # Errors
    /// If the record of its sinks can't be read.
    pub(crate) fn new(
        limits: Limits,
        ring: &FileRing,
        name: &Name,
        hold: Hold,
        now: Instant,
    ) -> Result<Self> {
        let record = (limits.policy == Policy::Reliable).then(|| Record::read(ring, name)).transpose()?;
        let mut pace = Pace::new(limits, ring.geometry().ring_id());
        if let Some(record) = &record {
            pace.wait_for(record.sinks().ids.iter().cloned(), now);
            pace.has_known(record.sinks().most);
        }
        let (came, forgotten) = (BTreeMap::new(), Vec::new());
        Ok(Self { pace, hold, sent: Sent::default(), came, record, looked: now, forgotten })
    }

    /// Says that the sending thread lives. What it stood still for longer than usual isn't its sinks' silence: a process
    /// that is stopped hears none of them.
    pub(crate) fn lives(&mut self, now: Instant) {
        let gap = now.saturating_duration_since(self.looked);
        if gap >= STALL {
            self.pace.was_deaf(gap, now);
        }
        self.looked = now;
    }

    /// Under `history`, holds the ring while a sink is heard, and only then: its producer waits for no message that is sent
    /// to nobody. Whether that has changed.
    ///
    /// # Errors
    /// If the ring gives no consumer.
    pub(crate) fn attend(&mut self, ring: &FileRing, now: Instant) -> Result<bool> {
        if self.pace.limits().policy != Policy::History {
            return Ok(false);
        }
        match (&self.hold, self.pace.room(now).is_some()) {
            (Hold::None, true) => self.hold = Hold::Own(Gate::close(ring)?),
            (Hold::Own(_), false) => self.hold = Hold::None,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// How many messages to send, from where the reader is: it is moved if every sink is further.
    pub(crate) fn room(&mut self, reader: &mut Reader, now: Instant) -> Result<u64> {
        let before = self.pace.position();
        let position = self.pace.resume(now);
        if let Some(first) = self.hold.first() {
            reader.holds_from(first);
        }
        if let Some(position) = position
            && before != Some(position)
        {
            reader.go_to(position)?;
        }
        Ok(self.pace.room(now).unwrap_or(0))
    }

    /// Records a sent frame.
    pub(crate) fn sends(&mut self, frame: &Outgoing) {
        self.pace.sent(frame.end, frame.messages, frame.bytes.len());
        let sent = &mut self.sent;
        sent.frames += 1;
        sent.messages += frame.messages;
        sent.bytes += frame.bytes.len() as u64;
        sent.lost += frame.lost;
        sent.skipped += frame.skipped;
    }

    /// Releases what nobody needs any more, when the ring's head is `head`: nothing while a sink isn't in the record, since
    /// a next source wouldn't wait for it.
    pub(crate) fn release(&mut self, head: u64, now: Instant) -> Result<()> {
        let recorded = self.record.as_ref().map(|record| &record.sinks().ids);
        if recorded.is_some_and(|ids| self.pace.sinks().keys().any(|sink| !ids.contains(sink))) {
            return Ok(());
        }
        self.pace.released(head, now).map_or(Ok(()), |seq| self.hold.release(seq))
    }

    /// Whether a source that is killed now leaves nothing that its successor can't hold, and a record of its sinks, if the
    /// ring has `consumers`. Without a keeper the source has to be the only one: beside another the producer goes on.
    pub(crate) fn is_covered(&self, consumers: usize) -> bool {
        let is_held =
            matches!(self.hold, Hold::Kept(..)) || (consumers == 1 && self.pace.covered(self.hold.first()));
        is_held && self.unrecorded().is_none()
    }

    /// Forgets a sink, unless it is heard.
    pub(crate) fn forget(&mut self, sink: &str, now: Instant) -> Forgotten {
        let forgotten = self.pace.forget_one(sink, now);
        if forgotten == Forgotten::Done {
            self.forgotten.push(sink.into());
        }
        forgotten
    }

    /// The sinks that were forgotten since the last call.
    pub(super) fn take_forgotten(&mut self) -> Vec<String> {
        std::mem::take(&mut self.forgotten)
    }

    /// The sinks, if the record beside the ring has others.
    pub(crate) fn unrecorded(&self) -> Option<Sinks> {
        let record = self.record.as_ref()?;
        let sinks = Sinks { ids: self.pace.names(), most: self.pace.most_known() };
        (*record.sinks() != sinks).then_some(sinks)
    }

    /// What writes that record. It needs no lock, and [`is_recorded`](Self::is_recorded) is to be told what it wrote.
    pub(crate) fn writer(&self, sinks: &Sinks) -> Option<impl FnOnce() -> Result<()> + use<>> {
        self.record.as_ref().map(|record| record.writer(sinks))
    }

    pub(crate) fn is_recorded(&mut self, sinks: Sinks) {
        if let Some(record) = &mut self.record {
            record.is_written(sinks);
        }
    }
}
