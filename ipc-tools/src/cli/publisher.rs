//! The publishing half of `ringway pub`: lines or chunks into the ring, with all the patience that takes.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use ringway::file::{FileRing, Shown};
use ringway::{Full, Producer, PublishError, Wait};
use serde::Serialize;

use super::NO_NEWLINE;
use super::input::{Got, Input};
use super::patience::Patience;
use super::summary::Tally;
use crate::signals::Signals;
use crate::units::counted;

/// What is read at once.
const READ: usize = 64 << 10;
/// How often it is checked whether the consumers waited for are there.
const ROLL_CALL: Duration = Duration::from_millis(1);
/// How long the rest of a line that is too long is waited for, only to say how long it is.
const REST_OF_LINE: Duration = Duration::from_millis(100);

/// How long a silence may last without a word.
const SILENCE: Duration = Duration::from_secs(1);

/// What ended the publishing, errors apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Ended {
    /// The input ended.
    Input,
    /// A signal came.
    Signal,
}

/// The producer, and what waiting for room takes.
pub(super) struct Publisher<'s> {
    producer: Producer,
    signals: &'s Signals,
    patience: Patience,
    timeout: Duration,
    tally: Tally,
    /// Number of the line that a signal came within, counted from 1.
    cut: Option<u64>,
    /// Says once for each silence what is waited for, unless nobody wants to know.
    says: bool,
    said: bool,
}

impl<'s> Publisher<'s> {
    /// `wait` is how it waits for room, `timeout` bounds each wait.
    pub(super) fn new(
        producer: Producer,
        signals: &'s Signals,
        wait: Wait,
        timeout: Option<Duration>,
        says: bool,
    ) -> Self {
        let timeout = timeout.unwrap_or(Duration::MAX);
        let mut publisher = Self {
            producer,
            signals,
            patience: Patience::new(wait),
            timeout,
            tally: Tally::default(),
            cut: None,
            says,
            said: false,
        };
        publisher.set_slice();
        publisher
    }

    /// The producer, and what it published.
    pub(super) fn finish(self) -> (Producer, Tally) {
        (self.producer, self.tally)
    }

    /// Number of the line that a signal came within, counted from 1.
    pub(super) fn cut(&self) -> Option<u64> {
        self.cut
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
                self.say(&format_args!("{found} of {asked} attached, waiting for the others"));
            }
            self.signals.nap(ROLL_CALL)?;
        }
    }

    /// Publishes the input as it comes, up to `chunk` bytes a message; where all have one length, as many come first.
    pub(super) fn chunks(&mut self, input: &mut Input<'_>, chunk: Option<u64>) -> anyhow::Result<Ended> {
        let capacity = self.producer.geometry().payload_capacity();
        let fixed = self.has_fixed_length();
        let chunk = chunk.unwrap_or(if fixed { capacity } else { capacity.min(READ as u64) });
        let mut buffer = Vec::new();
        lengthen(&mut buffer, usize::try_from(chunk)?)?;
        let mut filled = 0;
        loop {
            match input.read(&mut buffer[filled..], None).context("can't read stdin")? {
                Got::Bytes(n) => {
                    filled += n;
                    if fixed && filled < buffer.len() {
                        continue;
                    }
                    if !self.publish(&buffer[..filled])? {
                        return Ok(Ended::Signal);
                    }
                    filled = 0;
                }
                // What is left is too short for a message: the ring's error says so.
                Got::End if filled > 0 => {
                    let published = self.publish(&buffer[..filled])?;
                    return Ok(if published { Ended::Input } else { Ended::Signal });
                }
                Got::End => return Ok(Ended::Input),
                Got::Stopped => return Ok(Ended::Signal),
                Got::Nothing => {}
            }
        }
    }

    /// Publishes the input line by line, without the newlines.
    pub(super) fn lines(&mut self, input: &mut Input<'_>) -> anyhow::Result<Ended> {
        let capacity = usize::try_from(self.producer.geometry().payload_capacity())?;
        let mut buffer = Vec::new();
        // What of the buffer holds input, and how much of that has no newline.
        let (mut filled, mut searched) = (0, 0);
        loop {
            let room = filled + READ;
            lengthen(&mut buffer, room)?;
            match input.read(&mut buffer[filled..room], None).context("can't read stdin")? {
                Got::Bytes(n) => filled += n,
                Got::End if filled == 0 => return Ok(Ended::Input),
                Got::End => {
                    let published = self.publish(&buffer[..filled])?;
                    return Ok(if published { Ended::Input } else { Ended::Signal });
                }
                Got::Stopped => {
                    // The rest of the line may never come: it isn't known to be one.
                    self.cut = (filled > 0).then_some(self.tally.messages + 1);
                    return Ok(Ended::Signal);
                }
                Got::Nothing => {}
            }
            let mut lines = Vec::new();
            let (mut start, mut too_long) = (0, None);
            while let Some(at) = buffer[searched..filled].iter().position(|&byte| byte == b'\n') {
                let line = &buffer[start..searched + at];
                if line.len() > capacity {
                    too_long = Some(line.len());
                    break;
                }
                lines.push(line);
                start = searched + at + 1;
                searched = start;
            }
            if !self.publish_lines(&lines)? {
                return Ok(Ended::Signal);
            }
            let rest = filled - start;
            if too_long.is_some() || rest > capacity {
                let (number, slot) = (self.tally.messages + 1, capacity);
                let len = match too_long {
                    Some(len) => counted(len as u64, "byte"),
                    None => length_of_line(input, &mut buffer, rest)?,
                };
                bail!(
                    "line {number} of the input has {len}, this ring's slots hold {slot}: nothing from that \
                       line on was published; make the ring with a larger --slot-size, or publish with --raw"
                );
            }
            if start > 0 {
                buffer.copy_within(start..filled, 0);
            }
            (filled, searched) = (rest, rest);
        }
    }

    /// Whether all messages of the ring have one length, and no tags.
    fn has_fixed_length(&self) -> bool {
        self.producer.geometry().stride_kind().is_fixed_length()
    }

    /// Publishes a message with no newline to it. Returns whether it was, rather than a signal came.
    fn publish(&mut self, message: &[u8]) -> anyhow::Result<bool> {
        let tag = if self.has_fixed_length() { 0 } else { NO_NEWLINE };
        loop {
            match self.producer.publish_tagged_timeout(message, tag, self.slice().1) {
                Ok(seq) => {
                    self.tally.add(seq, message.len());
                    self.tally.input += message.len() as u64;
                    self.resume();
                    return Ok(true);
                }
                Err(PublishError::TimedOut(full)) if self.keep_waiting(full)? => {}
                Err(PublishError::TimedOut(_)) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Publishes lines. Returns whether all of them were, rather than a signal came.
    fn publish_lines(&mut self, mut lines: &[&[u8]]) -> anyhow::Result<bool> {
        loop {
            let first = self.producer.next_seq();
            let result = self.producer.publish_batch_timeout(lines, self.slice().1);
            let (published, rest) = match &result {
                Ok(()) => (lines, &[][..]),
                Err(error) => lines.split_at(error.published),
            };
            for (seq, line) in (first..).zip(published) {
                self.tally.add(seq, line.len());
                self.tally.input += line.len() as u64 + 1;
            }
            lines = rest;
            let some = !published.is_empty();
            if some {
                self.resume();
            }
            match result.map_err(|error| error.error) {
                Ok(()) => return Ok(true),
                // The slice is over, although the readers have made room in it.
                Err(PublishError::TimedOut(_)) if some && !self.signals.stopped() => {}
                Err(PublishError::TimedOut(full)) if self.keep_waiting(full)? => {}
                Err(PublishError::TimedOut(_)) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
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
            self.say(&full);
        }
        if !nap.is_zero() {
            self.signals.nap(nap)?;
        }
        self.set_slice();
        Ok(true)
    }

    fn say(&mut self, what: &dyn std::fmt::Display) {
        if self.says && !self.said {
            crate::say(format_args!("ringway pub: waiting: {what}"));
            self.said = true;
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

/// Makes the buffer at least as long. A ring's slots may claim to hold more than there is memory.
fn lengthen(buffer: &mut Vec<u8>, len: usize) -> anyhow::Result<()> {
    let more = len.saturating_sub(buffer.len());
    if more > 0 {
        buffer.try_reserve(more).with_context(|| format!("no memory for {}", counted(len as u64, "byte")))?;
        buffer.resize(len, 0);
    }
    Ok(())
}

/// How long a line is that began with `known` bytes and no newline, as far as that can be learnt now.
fn length_of_line(input: &mut Input<'_>, buffer: &mut [u8], known: usize) -> anyhow::Result<String> {
    let mut known = known as u64;
    // An endless line has to end somewhere.
    while known < 1 << 30 {
        match input.read(buffer, Some(REST_OF_LINE))? {
            Got::Bytes(n) => match buffer[..n].iter().position(|&byte| byte == b'\n') {
                Some(at) => return Ok(counted(known + at as u64, "byte")),
                None => known += n as u64,
            },
            Got::End => return Ok(counted(known, "byte")),
            Got::Stopped | Got::Nothing => break,
        }
    }
    Ok(format!("more than {}", counted(known, "byte")))
}
