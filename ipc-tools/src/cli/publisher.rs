//! The publishing half of `ringway pub`: messages into the ring, with all the patience that takes.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use anyhow::bail;
use ringway::file::{FileRing, Shown};
use ringway::{Full, PassedOver, Producer, PublishError, Wait};
use ringway_core::placement::RoleHint;
use serde::Serialize;

use super::NO_NEWLINE;
use super::meter::{Meter, TICK};
use super::pace::Pace;
use super::patience::Patience;
use super::summary::Tally;
use crate::signals::Signals;
use crate::units::counted;

/// How often it is checked whether the consumers waited for are there.
const ROLL_CALL: Duration = Duration::from_millis(1);
/// How long a silence may last without a word.
const SILENCE: Duration = Duration::from_secs(1);
/// How often it is checked whether the ring is still at its path.
const PATH: Duration = Duration::from_secs(1);
/// Fewest messages between two looks at whether there are consumers.
const LOOK: u64 = 1024;

/// What ended the publishing, errors apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Ended {
    /// The input ended.
    Input,
    /// As many messages were published as were asked for.
    Count,
    /// A signal came.
    Signal,
}

/// Whether publishing goes on.
pub(super) type Flow = ControlFlow<Ended>;

/// How messages are published.
pub(super) struct Manner {
    /// How to wait for room.
    pub(super) wait: Wait,
    /// How long to wait for best-effort readers.
    pub(super) patience: ringway::Patience,
    /// Bounds each wait.
    pub(super) timeout: Option<Duration>,
    /// Most messages.
    pub(super) most: Option<u64>,
    /// Messages a second.
    pub(super) rate: Option<f64>,
    /// Bytes of each message, if the ring's type says so.
    pub(super) length: Option<usize>,
    /// Whether stderr may have lines for people.
    pub(super) talks: bool,
    /// Whether it may have warnings that messages get lost.
    pub(super) warns: bool,
}

/// The producer, and what waiting for room takes.
pub(super) struct Publisher<'s> {
    pub(super) producer: Producer,
    signals: &'s Signals,
    patience: Patience,
    timeout: Duration,
    most: u64,
    pace: Option<Pace>,
    length: Option<usize>,
    pub(super) tally: Tally,
    /// Number of lines whose end was published.
    pub(super) lines: u64,
    /// What a signal came within: a line or a frame, and its number, counted from 1.
    pub(super) cut: Option<(&'static str, u64)>,
    /// Bytes of the last frame, if it was shorter than the others.
    pub(super) short: Option<u64>,
    /// Says once for each silence what is waited for, unless nobody wants to know.
    says: bool,
    said: bool,
    meter: Option<Meter>,
    /// When to look next whether the ring is at its path; nothing once it was said that it isn't.
    look_at_path: Option<Instant>,
    /// Whether to look for readers that were passed over: until it was said that there is one.
    look_for_passed_over: bool,
    /// How often readers of this ring had been passed over before.
    passed_over_before: u64,
    /// Number of messages at which to look for consumers; nothing once it was said that there are none.
    look_at: Option<u64>,
}

impl<'s> Publisher<'s> {
    pub(super) fn new(mut producer: Producer, signals: &'s Signals, manner: &Manner) -> Self {
        producer.set_patience(manner.patience);
        let passed_over_before = producer.times_passed_over().unwrap_or(0);
        let mut publisher = Self {
            producer,
            signals,
            patience: Patience::new(manner.wait),
            timeout: manner.timeout.unwrap_or(Duration::MAX),
            most: manner.most.unwrap_or(u64::MAX),
            pace: manner.rate.map(Pace::new),
            length: manner.length,
            tally: Tally::default(),
            lines: 0,
            cut: None,
            short: None,
            says: manner.talks,
            said: false,
            meter: Meter::new(manner.talks),
            look_at_path: manner.warns.then(Instant::now),
            look_for_passed_over: manner.warns,
            passed_over_before,
            look_at: manner.talks.then_some(1),
        };
        publisher.set_slice();
        publisher
    }

    /// The producer, and what it published.
    pub(super) fn finish(self) -> (Producer, Tally) {
        (self.producer, self.tally)
    }

    /// Waits until `n` consumers are attached to `ring`.
    pub(super) fn wait_for(&mut self, n: usize, ring: &FileRing) -> anyhow::Result<Option<Ended>> {
        let began = Instant::now();
        loop {
            let found = self.producer.consumer_count()?;
            if found >= n {
                return Ok(None);
            }
            if self.signals.stopped() {
                return Ok(Some(Ended::Signal));
            }
            if !ring.has_its_name()? {
                bail!(
                    "{} was removed or replaced, so consumers that come find another ring: start `ringway pub` again",
                    Shown(ring.path())
                );
            }
            if began.elapsed() >= self.timeout {
                let (found, waited) =
                    (counted(found as u64, "consumer"), humantime::format_duration(self.timeout));
                bail!(
                    "{found} attached after {waited}, --wait-for asks for {n}: start them, or ask for fewer"
                );
            }
            if began.elapsed() >= SILENCE {
                let asked = counted(n as u64, "consumer");
                self.say_waiting(&format_args!("{found} of {asked} attached, waiting for the others"));
            }
            self.signals.nap(ROLL_CALL)?;
        }
    }

    /// Whether all messages of the ring have one length, and no tags.
    pub(super) fn has_fixed_length(&self) -> bool {
        self.producer.geometry().stride_kind().is_fixed_length()
    }

    /// Bytes that a message can have.
    pub(super) fn capacity(&self) -> anyhow::Result<usize> {
        Ok(usize::try_from(self.producer.geometry().payload_capacity())?)
    }

    /// Bytes that each message must have, if the ring's type says so.
    pub(super) fn length(&self) -> Option<usize> {
        self.length
    }

    /// Whether a message of `len` bytes is none of this ring's.
    pub(super) fn is_misfit(&self, len: usize, capacity: usize) -> bool {
        len > capacity || self.length.is_some_and(|length| length != len)
    }

    /// Whether a line may be published in parts: where tags tell the parts from lines, and no type gives the length.
    pub(super) fn takes_parts(&self, capacity: usize) -> bool {
        capacity > 0 && self.length.is_none() && !self.has_fixed_length()
    }

    /// Tag of a message that no newline follows.
    pub(super) fn no_newline(&self) -> u32 {
        if self.has_fixed_length() { 0 } else { NO_NEWLINE }
    }

    /// How long to wait for input at most before [`breathe`](Self::breathe) is called.
    pub(super) fn breath(&self) -> Option<Duration> {
        self.meter.is_some().then_some(TICK)
    }

    /// Shows how fast it goes.
    pub(super) fn breathe(&mut self) {
        if let Some(meter) = &mut self.meter {
            meter.tick(&self.tally);
        }
    }

    /// Waits until messages are due. Returns how many of `wanted` may be published now: at least one.
    pub(super) fn due(&mut self, wanted: usize) -> anyhow::Result<ControlFlow<Ended, usize>> {
        let left = usize::try_from(self.most - self.tally.messages).unwrap_or(usize::MAX);
        if left == 0 {
            return Ok(ControlFlow::Break(Ended::Count));
        }
        loop {
            let due = match &mut self.pace {
                Some(pace) => pace.due(Instant::now()),
                None => return Ok(ControlFlow::Continue(wanted.min(left))),
            };
            if self.signals.stopped() {
                return Ok(ControlFlow::Break(Ended::Signal));
            }
            match due {
                Ok(due) => return Ok(ControlFlow::Continue(due.min(wanted).min(left))),
                Err(wait) => {
                    self.breathe();
                    self.signals.nap(wait.min(TICK))?;
                }
            }
        }
    }

    /// Takes note of published messages, and says how it goes.
    pub(super) fn published(&mut self, messages: usize) -> Flow {
        if let Some(pace) = &mut self.pace {
            pace.spend(messages);
        }
        self.breathe();
        if self.look_at.is_some_and(|at| self.tally.messages >= at) {
            self.look_for_consumers();
        }
        self.look_at_path();
        if self.look_for_passed_over && self.times_passed_over() > 0 {
            self.say_passed_over();
        }
        self.resume();
        if self.tally.messages >= self.most { Flow::Break(Ended::Count) } else { Flow::Continue(()) }
    }

    /// Says, once, that no new reader finds the ring.
    fn look_at_path(&mut self) {
        let Some(at) = self.look_at_path else { return };
        let now = Instant::now();
        if now < at {
            return;
        }
        self.look_at_path = Some(now + PATH);
        if matches!(self.producer.is_current(), Ok(false)) {
            self.look_at_path = None;
            self.say(format_args!(
                "ringway pub: warning: the ring was removed or replaced under its path: only readers that have it open \
                 get what is published (stop this pub, and start it again)"
            ));
        }
    }

    /// How often this producer passed over a best-effort reader.
    pub(super) fn times_passed_over(&self) -> u64 {
        let now = self.producer.times_passed_over().unwrap_or(self.passed_over_before);
        now.wrapping_sub(self.passed_over_before)
    }

    /// Says, once, which best-effort reader loses messages.
    fn say_passed_over(&mut self) {
        let Ok(&[PassedOver { cell, pid, uid, name, .. }, ..]) = self.producer.passed_over() else { return };
        self.look_for_passed_over = false;
        self.say(format_args!(
            "ringway pub: warning: best-effort reader {cell} ({}) left no room for as long as --patience says, and was \
             passed over: it loses messages (others may follow without a word; the summary counts them)",
            RoleHint { pid, uid, name }
        ));
    }

    /// Says, once, that no consumer reads.
    fn look_for_consumers(&mut self) {
        let lap = self.producer.geometry().slots();
        self.look_at = Some(self.tally.messages.saturating_add(lap.max(LOOK)));
        if matches!(self.producer.consumer_count(), Ok(0)) {
            self.look_at = None;
            self.say(format_args!(
                "ringway pub: warning: no consumer reads this ring, so what its {} can't hold is overwritten \
                 (observers that don't show themselves can't be seen; --wait-for N waits for consumers)",
                counted(lap, "slot")
            ));
        }
    }

    /// Publishes a message. `more` is what of the input isn't in it.
    pub(super) fn publish(&mut self, message: &[u8], tag: u32, more: usize) -> anyhow::Result<Flow> {
        if let ControlFlow::Break(ended) = self.due(1)? {
            return Ok(Flow::Break(ended));
        }
        loop {
            match self.producer.publish_tagged_timeout(message, tag, self.slice().1) {
                Ok(seq) => {
                    self.tally.add(seq, message.len());
                    self.tally.input += (message.len() + more) as u64;
                    return Ok(self.published(1));
                }
                Err(PublishError::TimedOut(full)) if self.keep_waiting(full)? => {}
                Err(PublishError::TimedOut(_)) => return Ok(Flow::Break(Ended::Signal)),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Publishes lines and parts of lines, each with its tag.
    pub(super) fn publish_lines(&mut self, mut lines: &[(&[u8], u32)]) -> anyhow::Result<Flow> {
        while !lines.is_empty() {
            let due = match self.due(lines.len())? {
                ControlFlow::Continue(due) => due,
                ControlFlow::Break(ended) => return Ok(Flow::Break(ended)),
            };
            let first = self.producer.next_seq();
            let result = self.producer.publish_batch_tagged_timeout(&lines[..due], self.slice().1);
            let published = result.as_ref().map_or_else(|error| error.published, |()| due);
            let (gone, rest) = lines.split_at(published);
            let bytes = gone.iter().map(|(line, _)| line.len() as u64).sum();
            let newlines = gone.iter().filter(|(_, tag)| tag & NO_NEWLINE == 0).count() as u64;
            self.tally.add_many(first, published as u64, bytes);
            self.tally.input += bytes + newlines;
            self.lines += newlines;
            lines = rest;
            if published > 0
                && let Flow::Break(ended) = self.published(published)
            {
                return Ok(Flow::Break(ended));
            }
            match result.map_err(|error| error.error) {
                Ok(()) => {}
                // The slice is over, although the readers have made room in it.
                Err(PublishError::TimedOut(_)) if published > 0 && !self.signals.stopped() => {}
                Err(PublishError::TimedOut(full)) if self.keep_waiting(full)? => {}
                Err(PublishError::TimedOut(_)) => return Ok(Flow::Break(Ended::Signal)),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Flow::Continue(()))
    }

    /// A slice of waiting for room is over. Returns whether to go on; a signal says no.
    fn keep_waiting(&mut self, full: Full) -> anyhow::Result<bool> {
        if self.signals.stopped() {
            return Ok(false);
        }
        let (waited, nap) = self.patience.nothing_for(self.slice().1);
        if waited >= self.timeout {
            bail!("gave up after {}: {full}", humantime::format_duration(self.timeout));
        }
        if waited >= SILENCE {
            self.say_waiting(&full);
        }
        self.look_at_path();
        self.breathe();
        if !nap.is_zero() {
            self.signals.nap(nap)?;
        }
        self.set_slice();
        Ok(true)
    }

    fn say_waiting(&mut self, what: &dyn std::fmt::Display) {
        if self.says && !self.said {
            self.say(format_args!("ringway pub: waiting: {what}"));
            self.said = true;
        }
    }

    fn say(&self, line: std::fmt::Arguments<'_>) {
        match &self.meter {
            Some(meter) => meter.aside(|| crate::say(line)),
            None => crate::say(line),
        }
    }

    fn resume(&mut self) {
        self.said = false;
        if self.patience.reset() {
            self.set_slice();
        }
    }

    fn slice(&self) -> (Wait, Duration) {
        let (wait, slice) = self.patience.slice();
        (wait, slice.min(self.timeout))
    }

    fn set_slice(&mut self) {
        self.producer.set_wait(self.slice().0);
    }
}
