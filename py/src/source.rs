//! A reader of the library, and what reading it yields.
//!
//! Where the ring's peers are trusted, a consumer peeks: the message stays in its slot, which a hold keeps. Elsewhere
//! it is copied, and its slot is free at once.

use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ringway::{
    BestEffortReader, Consumer, Observer, Outcome, Readiness, RecvError, Slept, Waitable, sleep_any,
};
use ringway_core::at_once;

use crate::copies::{self, Copies};
use crate::errors::Event;
use crate::fork::Slots;
use crate::gathered::Gathered;
use crate::hold::Shared;
use crate::memory::Memory;
use crate::notify::Notify;

/// The longest sleep of a reader that holds messages, which other threads may give back meanwhile.
const HOLDING_SLICE: Duration = Duration::from_millis(1);
/// How often a reader is asked again that is said to be worth it, before its descriptor is left readable.
const ROUNDS: usize = 4;

/// What one attempt to read came to.
pub enum Got<M> {
    /// A message, or several.
    Message(M),
    /// What is told instead.
    Event(Event),
    /// Nothing is there.
    Nothing,
}

/// A message.
pub struct Taken {
    pub seq: u64,
    pub tag: u32,
    pub memory: Memory,
}

/// Messages beside each other.
pub struct TakenBatch {
    pub first_seq: u64,
    pub tags: Vec<u32>,
    /// Where each message begins, and its length.
    pub places: Vec<(usize, usize)>,
    pub memory: Memory,
}

enum Handle {
    Consumer(Box<Consumer>),
    BestEffort(Box<BestEffortReader>),
    Observer(Box<Observer>),
}

/// A reader of the library.
pub struct Source {
    handle: Handle,
    in_place: bool,
    slots: u64,
    mapped: Option<Slots>,
    /// An event that ended a batch, and is still to be told.
    put_off: Option<Event>,
    /// What event loops are told by.
    notify: Option<Notify>,
}

/// What `outcome` is besides a message.
pub fn other<A, M>(outcome: Outcome<A>) -> Got<M> {
    Got::Event(match outcome {
        Outcome::Lagged(lost) => Event::Lagged(lost),
        Outcome::EpochChanged { epoch, first_seq } => Event::EpochChanged { epoch, first_seq },
        Outcome::ProducerLost => Event::ProducerLost,
        Outcome::Orphaned => Event::Orphaned,
        Outcome::Closed => Event::Closed,
        _ => return Got::Nothing,
    })
}

impl Source {
    /// A consumer.
    pub fn consumer(consumer: Consumer) -> Self {
        let in_place = consumer.in_place();
        let slots = consumer.geometry().slots();
        let handle = Handle::Consumer(Box::new(consumer));
        Self { handle, in_place, slots, mapped: None, put_off: None, notify: None }
    }

    /// A best-effort reader.
    pub fn best_effort(reader: BestEffortReader) -> Self {
        let slots = reader.geometry().slots();
        Self::copying(Handle::BestEffort(Box::new(reader)), slots)
    }

    /// An observer.
    pub fn observer(observer: Observer) -> Self {
        let slots = observer.geometry().slots();
        Self::copying(Handle::Observer(Box::new(observer)), slots)
    }

    fn copying(handle: Handle, slots: u64) -> Self {
        Self { handle, in_place: false, slots, mapped: None, put_off: None, notify: None }
    }

    /// The consumer, if it is one.
    pub fn as_consumer(&mut self) -> Option<&mut Consumer> {
        if let Handle::Consumer(consumer) = &mut self.handle { Some(consumer) } else { None }
    }

    /// The best-effort reader, if it is one.
    pub fn as_best_effort(&mut self) -> Option<&mut BestEffortReader> {
        if let Handle::BestEffort(reader) = &mut self.handle { Some(reader) } else { None }
    }

    /// The reader, if it copies each message out.
    pub fn as_copies(&mut self) -> Option<&mut dyn Copies> {
        match &mut self.handle {
            Handle::Consumer(_) => None,
            Handle::BestEffort(reader) => Some(&mut **reader),
            Handle::Observer(observer) => Some(&mut **observer),
        }
    }

    /// The observer, if it is one.
    pub fn as_observer(&mut self) -> Option<&mut Observer> {
        if let Handle::Observer(observer) = &mut self.handle { Some(observer) } else { None }
    }

    /// Gives slots back. A reader that can't any more says so when it is read.
    pub fn release_through(&mut self, seq: u64) {
        if let Handle::Consumer(consumer) = &mut self.handle {
            let _ = consumer.release_through(seq);
        }
    }

    /// The number of slots, if this consumer holds all of them, with messages and what was skipped after one: no other
    /// message can come.
    pub fn holds_all(&mut self, shared: &Shared) -> Option<u64> {
        if !self.holds_after_release(shared) {
            return None;
        }
        let Handle::Consumer(consumer) = &self.handle else { return None };
        let held = at_once::next_to_peek(consumer).saturating_sub(consumer.next_seq());
        (held >= self.slots).then_some(self.slots)
    }

    /// The next message, if it is there.
    pub fn look(&mut self, shared: &Arc<Shared>) -> Result<Got<Taken>, RecvError> {
        if let Some(event) = self.put_off.take() {
            return Ok(Got::Event(event));
        }
        match self.take(shared, Duration::ZERO)? {
            Got::Nothing => self.arm(|source| source.take(shared, Duration::ZERO)),
            got => Ok(got),
        }
    }

    /// A descriptor for event loops, readable until the reader has nothing.
    pub fn fileno(&mut self) -> io::Result<RawFd> {
        match &self.notify {
            Some(notify) => Ok(notify.fileno()),
            None => Ok(self.notify.insert(Notify::new()?).fileno()),
        }
    }

    /// Closes that descriptor.
    pub fn forget_fileno(&mut self) {
        self.notify = None;
    }

    /// Has the descriptor tell when something comes, if there is one. `look` looks once more meanwhile.
    fn arm<M>(
        &mut self,
        mut look: impl FnMut(&mut Self) -> Result<Got<M>, RecvError>,
    ) -> Result<Got<M>, RecvError> {
        let Some(mut notify) = self.notify.take() else { return Ok(Got::Nothing) };
        notify.clear();
        for _ in 0..ROUNDS {
            let armed = match &mut self.handle {
                Handle::Consumer(consumer) => notify.arm(&mut **consumer),
                Handle::BestEffort(reader) => reader.arm(&mut notify),
                Handle::Observer(observer) => Copies::arm(&mut **observer, &mut notify),
            };
            let got = if armed { Ok(Got::Nothing) } else { look(self) };
            if armed || !matches!(got, Ok(Got::Nothing)) {
                if !armed {
                    notify.raise();
                }
                self.notify = Some(notify);
                return got;
            }
        }
        notify.raise();
        self.notify = Some(notify);
        Ok(Got::Nothing)
    }

    /// Gives back what is to be, and says whether messages were held before. If none was, no slot is left to give back
    /// while the reader sleeps: what dies before this call is released by it.
    fn holds_after_release(&mut self, shared: &Shared) -> bool {
        let holds = shared.holds();
        if let Some(through) = shared.take_due() {
            self.release_through(through);
        }
        holds
    }

    /// The next message, if it comes within `time`.
    pub fn wait(&mut self, shared: &Arc<Shared>, time: Duration) -> Result<Got<Taken>, RecvError> {
        if !self.in_place {
            return self.take(shared, time);
        }
        if self.holds_after_release(shared) {
            return self.sleep_holding(shared, time, |source| source.take(shared, Duration::ZERO));
        }
        match self.sleep(time)? {
            Got::Message(()) => self.take(shared, Duration::ZERO),
            Got::Event(event) => Ok(Got::Event(event)),
            Got::Nothing => Ok(Got::Nothing),
        }
    }

    /// Waits for a consumer's next message, which isn't taken.
    fn sleep(&mut self, time: Duration) -> Result<Got<()>, RecvError> {
        let Handle::Consumer(consumer) = &mut self.handle else { return Ok(Got::Nothing) };
        Ok(match consumer.recv_raw_timeout(time)? {
            // It isn't released, and comes again.
            Outcome::Message(_) => Got::Message(()),
            event => other(event),
        })
    }

    /// The same while messages are held, some of which other threads may give back meanwhile. The library's calls begin
    /// at the oldest message that is held, so they would return at once.
    fn sleep_holding<M>(
        &mut self,
        shared: &Arc<Shared>,
        time: Duration,
        mut look: impl FnMut(&mut Self) -> Result<Got<M>, RecvError>,
    ) -> Result<Got<M>, RecvError> {
        let end = Instant::now() + time;
        loop {
            let holds = self.holds_after_release(shared);
            match look(self)? {
                Got::Nothing => {}
                got => return Ok(got),
            }
            let left = end.saturating_duration_since(Instant::now());
            let Handle::Consumer(consumer) = &mut self.handle else { return Ok(Got::Nothing) };
            match consumer.prepare_sleep(left.is_zero()) {
                Readiness::Sleep(ticket) if !left.is_zero() => {
                    let limit = if holds { left.min(HOLDING_SLICE) } else { left };
                    let slept = sleep_any(&[ticket], limit.min(ticket.longest()));
                    if matches!(slept, Slept::Denied | Slept::BadAddress) {
                        std::thread::sleep(limit.min(HOLDING_SLICE));
                    }
                    consumer.slept(&ticket, matches!(slept, Slept::TimedOut));
                }
                Readiness::Sleep(ticket) => {
                    consumer.slept(&ticket, false);
                    return Ok(Got::Nothing);
                }
                _ if left.is_zero() => return look(self),
                _ => {}
            }
        }
    }

    /// The next messages, at most `max`, if any comes within `time`.
    pub fn wait_for_batch(
        &mut self,
        shared: &Arc<Shared>,
        max: usize,
        time: Duration,
    ) -> Result<Got<TakenBatch>, RecvError> {
        let holds = self.holds_after_release(shared);
        match &mut self.handle {
            Handle::Consumer(_) if holds => {
                self.sleep_holding(shared, time, |source| source.peek_batch(shared, max))
            }
            Handle::Consumer(_) => match self.sleep(time)? {
                Got::Message(()) => self.take_batch(shared, max),
                Got::Event(event) => Ok(Got::Event(event)),
                Got::Nothing => Ok(Got::Nothing),
            },
            _ => copies::wait_for_batch(self, shared, max, time),
        }
    }

    fn take(&mut self, shared: &Arc<Shared>, time: Duration) -> Result<Got<Taken>, RecvError> {
        match &mut self.handle {
            Handle::Consumer(consumer) if self.in_place => match consumer.peek()? {
                Outcome::Message(message) => {
                    let (seq, tag, at, len) = (message.seq(), message.tag(), message.as_ptr(), message.len());
                    if self.mapped.is_none() {
                        self.mapped = Some(Slots::around(at, seq, consumer.geometry()));
                    }
                    let memory = Memory::Slots { at, len, hold: shared.hold(seq) };
                    Ok(Got::Message(Taken { seq, tag, memory }))
                }
                event => Ok(other(event)),
            },
            Handle::Consumer(consumer) => match consumer.recv_timeout(time)? {
                Outcome::Message(message) => {
                    let memory = Memory::Owned(message.to_vec());
                    Ok(Got::Message(Taken { seq: message.seq(), tag: message.tag(), memory }))
                }
                event => Ok(other(event)),
            },
            Handle::BestEffort(reader) => copies::take(&mut **reader, time),
            Handle::Observer(observer) => copies::take(&mut **observer, time),
        }
    }

    /// The next messages, at most `max`, as far as they are there.
    pub fn look_for_batch(&mut self, shared: &Arc<Shared>, max: usize) -> Result<Got<TakenBatch>, RecvError> {
        if let Some(event) = self.put_off.take() {
            return Ok(Got::Event(event));
        }
        match self.take_batch(shared, max)? {
            Got::Nothing => self.arm(|source| source.take_batch(shared, max)),
            got => Ok(got),
        }
    }

    /// The same, without the descriptor.
    pub fn take_batch(&mut self, shared: &Arc<Shared>, max: usize) -> Result<Got<TakenBatch>, RecvError> {
        // A producer that goes on meanwhile would make a batch of copies endless, with the GIL held.
        let most = max.min(self.slots as usize);
        match &mut self.handle {
            Handle::Consumer(consumer) if !self.in_place => match consumer.try_recv_batch(max)? {
                Outcome::Message(batch) => {
                    let mut gathered = Gathered::default();
                    batch.iter().for_each(|message| gathered.add(message.seq(), message.tag(), &message));
                    Ok(gathered.into_batch().map_or(Got::Nothing, Got::Message))
                }
                event => Ok(other(event)),
            },
            Handle::Consumer(_) => self.peek_batch(shared, max),
            Handle::BestEffort(reader) => copies::take_batch(&mut **reader, most, &mut self.put_off),
            Handle::Observer(observer) => copies::take_batch(&mut **observer, most, &mut self.put_off),
        }
    }

    /// The same where messages stay in their slots, up to the ring's end: those after it begin anew at its start.
    fn peek_batch(&mut self, shared: &Arc<Shared>, max: usize) -> Result<Got<TakenBatch>, RecvError> {
        let Handle::Consumer(consumer) = &self.handle else { return Ok(Got::Nothing) };
        let mut batch: Option<(u64, *const u8)> = None;
        let (mut tags, mut places) = (Vec::new(), Vec::new());
        let mut max = max;
        while places.len() < max {
            let message = match consumer.peek() {
                Ok(Outcome::Message(message)) => message,
                Ok(event) if places.is_empty() => return Ok(other(event)),
                Ok(event) => {
                    if let Got::Event::<()>(event) = other(event) {
                        self.put_off = Some(event);
                    }
                    break;
                }
                Err(error) if places.is_empty() => return Err(error),
                Err(_) => break,
            };
            let &mut (first, at) = batch.get_or_insert((message.seq(), message.as_ptr()));
            if places.is_empty() {
                // The first message after the ring's end lies at its start.
                max = max.min((self.slots - first % self.slots) as usize);
            }
            tags.push(message.tag());
            places.push((message.as_ptr() as usize - at as usize, message.len()));
        }
        let (Some((first_seq, at)), Some(&(last, last_len))) = (batch, places.last()) else {
            return Ok(Got::Nothing);
        };
        if self.mapped.is_none() {
            self.mapped = Some(Slots::around(at, first_seq, consumer.geometry()));
        }
        let hold = shared.hold(first_seq + places.len() as u64 - 1);
        let memory = Memory::Slots { at, len: last + last_len, hold };
        Ok(Got::Message(TakenBatch { first_seq, tags, places, memory }))
    }
}
