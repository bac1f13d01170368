//! Standard input, cut into messages.

use std::os::fd::AsFd;
use std::time::Duration;

use anyhow::{Context, bail};
use memchr::{memchr, memchr_iter};
use ringway::PublishError;

use super::NO_NEWLINE;
use super::framing::{Framing, PREFIX};
use super::input::{Got, Input};
use super::publisher::{Ended, Flow, Publisher};
use super::slot_io;
use crate::units::counted;

/// What is read at once.
const READ: usize = 256 << 10;
/// Most lines that are published at once: few enough for a cache.
const LINES: usize = 512;
/// How long the rest of a line that is too long is waited for, only to say how long it is.
const REST_OF_LINE: Duration = Duration::from_millis(100);

/// Goes on, or returns what ended the publishing.
macro_rules! go_on {
    ($flow:expr) => {
        if let Flow::Break(ended) = $flow {
            return Ok(ended);
        }
    };
}

impl Publisher<'_> {
    /// Publishes the input, cut as `framing` says.
    pub(super) fn take_in(&mut self, input: &mut Input<'_>, framing: Framing) -> anyhow::Result<Ended> {
        match framing {
            Framing::Lines => self.lines(input),
            Framing::Raw => self.chunks(input, None),
            Framing::Fixed(chunk) => self.chunks(input, Some(usize::try_from(chunk)?)),
            Framing::Length => self.frames(input),
        }
    }

    /// Publishes the input as it comes, or in messages of `chunk` bytes.
    fn chunks(&mut self, input: &mut Input<'_>, chunk: Option<usize>) -> anyhow::Result<Ended> {
        let capacity = self.capacity()?;
        let chunk = chunk.or_else(|| self.has_fixed_length().then_some(capacity));
        let len = chunk.unwrap_or(capacity.min(READ));
        let (tag, length) = (self.no_newline(), self.length());
        let mut buffer = Vec::new();
        loop {
            go_on!(self.due(1)?.map_continue(drop));
            let breath = self.breath();
            // Straight into the slot, if one is free now.
            let claim = match self.producer.try_claim_raw(len) {
                Ok(claim) => Some(claim),
                Err(PublishError::Full(_)) => {
                    lengthen(&mut buffer, len)?;
                    None
                }
                Err(error) => return Err(error.into()),
            };
            let mut filled = 0;
            let end = loop {
                let got = match &claim {
                    Some(claim) => input
                        .read_by(breath, |stdin| slot_io::read(stdin.as_fd(), claim, filled, len))
                        // The ring's file may have been cut short under the claim.
                        .or_else(|error| claim.check().map(|()| Err(error))?.context("can't read stdin")),
                    None => input.read(&mut buffer[filled..len], breath).context("can't read stdin"),
                };
                match got? {
                    Got::Bytes(n) => filled += n,
                    Got::End => break Some(Ended::Input),
                    Got::Stopped => break Some(Ended::Signal),
                    Got::Nothing if filled == 0 => break None,
                    Got::Nothing => continue,
                }
                if chunk.is_none() || filled == len {
                    break None;
                }
            };
            if filled > 0 && end == Some(Ended::Signal) {
                // The rest of the frame may never come: it isn't known to be one.
                self.cut = Some(("frame", self.tally.messages + 1));
            } else if filled > 0 {
                if length.is_some_and(|length| length != filled) {
                    bail!(
                        "the input ends with {}, and a message of this ring's type has {len}: all before them is published",
                        counted(filled as u64, "byte")
                    );
                }
                self.short = (chunk.is_some() && filled < len).then_some(filled as u64);
                go_on!(match claim {
                    Some(claim) => {
                        let seq = claim.commit_len_tagged(filled, tag)?;
                        self.tally.add(seq, filled);
                        self.tally.input += filled as u64;
                        self.published(1)
                    }
                    None => self.publish(&buffer[..filled], tag, 0)?,
                });
            } else {
                self.breathe();
            }
            if let Some(ended) = end {
                return Ok(ended);
            }
        }
    }

    /// Publishes the input line by line, without the newlines. A line longer than a slot goes in parts.
    fn lines(&mut self, input: &mut Input<'_>) -> anyhow::Result<Ended> {
        let capacity = self.capacity()?;
        let in_parts = self.takes_parts(capacity);
        let mut buffer = Vec::new();
        // What of the buffer holds input, and how much of that has no newline.
        let (mut filled, mut searched) = (0, 0);
        loop {
            let room = filled + READ;
            lengthen(&mut buffer, room)?;
            match input.read(&mut buffer[filled..room], self.breath()).context("can't read stdin")? {
                Got::Bytes(n) => filled += n,
                Got::End if filled == 0 => return Ok(Ended::Input),
                Got::End => {
                    if self.is_misfit(filled, capacity) {
                        self.refuse_line(counted(filled as u64, "byte"), capacity)?;
                    }
                    go_on!(self.publish(&buffer[..filled], self.no_newline(), 0)?);
                    return Ok(Ended::Input);
                }
                Got::Stopped => {
                    // The rest of the line may never come: it isn't known to be one.
                    self.cut = (filled > 0).then_some(("line", self.lines + 1));
                    return Ok(Ended::Signal);
                }
                Got::Nothing => {
                    self.breathe();
                    continue;
                }
            }
            let mut lines = Vec::with_capacity(LINES);
            let (mut start, mut misfit) = (0, None);
            for at in memchr_iter(b'\n', &buffer[searched..filled]) {
                let end = searched + at;
                if end - start > capacity && in_parts {
                    go_on!(self.publish_parts(&mut lines, &buffer[..end], &mut start, capacity)?);
                }
                let line = &buffer[start..end];
                if self.is_misfit(line.len(), capacity) {
                    misfit = Some(line.len());
                    break;
                }
                lines.push((line, 0));
                start = end + 1;
                if lines.len() == LINES {
                    go_on!(self.publish_lines(&lines)?);
                    lines.clear();
                }
            }
            if filled - start > capacity && in_parts {
                go_on!(self.publish_parts(&mut lines, &buffer[..filled], &mut start, capacity)?);
            }
            go_on!(self.publish_lines(&lines)?);
            let rest = filled - start;
            if let Some(len) = misfit {
                self.refuse_line(counted(len as u64, "byte"), capacity)?;
            } else if rest > capacity {
                let len = length_of_line(input, &mut buffer, rest)?;
                self.refuse_line(len, capacity)?;
            }
            if start > 0 {
                buffer.copy_within(start..filled, 0);
            }
            (filled, searched) = (rest, rest);
        }
    }

    /// Adds parts of the line from `start` on to `lines`, which are published as they get many, until what is left of
    /// it is a byte or more, and fits a slot.
    fn publish_parts<'b>(
        &mut self,
        lines: &mut Vec<(&'b [u8], u32)>,
        line: &'b [u8],
        start: &mut usize,
        capacity: usize,
    ) -> anyhow::Result<Flow> {
        while line.len() - *start > capacity {
            lines.push((&line[*start..*start + capacity], NO_NEWLINE));
            *start += capacity;
            if lines.len() == LINES {
                if let Flow::Break(ended) = self.publish_lines(lines)? {
                    return Ok(Flow::Break(ended));
                }
                lines.clear();
            }
        }
        Ok(Flow::Continue(()))
    }

    /// Fails for the next line.
    fn refuse_line(&self, found: String, capacity: usize) -> anyhow::Result<()> {
        let number = self.lines + 1;
        match self.length() {
            Some(length) => bail!(
                "line {number} of the input has {found}, a message of this ring's type has {length}: nothing from that \
                 line on was published"
            ),
            None => bail!(
                "line {number} of the input has {found}, this ring's slots hold {capacity}: nothing from that \
                 line on was published; make the ring with a larger --slot-size, or publish with --raw"
            ),
        }
    }

    /// Publishes the input frame by frame, without the lengths.
    fn frames(&mut self, input: &mut Input<'_>) -> anyhow::Result<Ended> {
        let capacity = self.capacity()?;
        let tag = self.no_newline();
        let mut buffer = Vec::new();
        let mut filled = 0;
        loop {
            let mut start = 0;
            // Bytes of the frame that comes next, with its length, as far as that is known.
            let next = loop {
                let rest = &buffer[start..filled];
                let Some((prefix, rest)) = rest.split_first_chunk::<PREFIX>() else { break PREFIX };
                let len = u32::from_le_bytes(*prefix) as usize;
                if self.is_misfit(len, capacity) {
                    let (number, expected) = (
                        self.tally.messages + 1,
                        match self.length() {
                            Some(length) => format!("a message of this ring's type has {length}"),
                            None => format!("this ring's slots hold {capacity}"),
                        },
                    );
                    bail!(
                        "frame {number} of the input has {}, {expected}: nothing from that frame on was published; \
                         --frame length expects each length in {PREFIX} bytes, little-endian",
                        counted(len as u64, "byte")
                    );
                }
                let Some(message) = rest.get(..len) else { break PREFIX + len };
                go_on!(self.publish(message, tag, PREFIX)?);
                start += PREFIX + len;
            };
            if start > 0 {
                buffer.copy_within(start..filled, 0);
                filled -= start;
            }
            let room = (filled + READ).max(next);
            lengthen(&mut buffer, room)?;
            match input.read(&mut buffer[filled..room], self.breath()).context("can't read stdin")? {
                Got::Bytes(n) => filled += n,
                Got::End if filled == 0 => return Ok(Ended::Input),
                Got::End => bail!(
                    "the input ends within frame {}, after {filled} of at least {}: all before it is published",
                    self.tally.messages + 1,
                    counted(next as u64, "byte")
                ),
                Got::Stopped => {
                    self.cut = (filled > 0).then_some(("frame", self.tally.messages + 1));
                    return Ok(Ended::Signal);
                }
                Got::Nothing => self.breathe(),
            }
        }
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
            Got::Bytes(n) => match memchr(b'\n', &buffer[..n]) {
                Some(at) => return Ok(counted(known + at as u64, "byte")),
                None => known += n as u64,
            },
            Got::End => return Ok(counted(known, "byte")),
            Got::Stopped | Got::Nothing => break,
        }
    }
    Ok(format!("more than {}", counted(known, "byte")))
}
