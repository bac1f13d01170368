//! The reading half of `ringway sub`: the handle, and what it has read.

use std::time::{Duration, SystemTime};

use ringway::file::FileRing;
use ringway::{BestEffortReader, Consumer, Observer, Outcome, Resume, Ring, Start, Wait};

use super::NO_NEWLINE;
use super::output::{DIRECT, Output};
use super::summary::Tally;
use super::template::Template;

/// Bytes of a batch at which it holds enough messages: few enough for a cache.
const BATCH_BYTES: usize = 128 << 10;
/// Most messages in a batch.
const BATCH_MAX: usize = 1024;

/// How long the next message of a stream of long ones may take to be waited for awake: several times what it takes to
/// copy one.
const LINGER: Duration = Duration::from_micros(50);

/// How messages are written.
#[derive(Debug)]
pub(super) enum Writing {
    /// A line each, but for those that no newline followed.
    Lines,
    /// One after another.
    Raw,
    /// With the length in front of each.
    Length,
    /// As a line that a template makes of each.
    Formatted(Template),
}

/// What a step came to.
pub(super) enum Step {
    /// Something was read, or learnt.
    Moved,
    /// There was nothing.
    Nothing,
    /// The producer is gone without closing the ring.
    ProducerLost,
    /// The ring is closed, and drained.
    Closed,
}

impl Step {
    /// What came that is no message.
    fn of_event<M>(event: Outcome<M>) -> Self {
        match event {
            // The command asks itself where its path leads, once the ring has nothing more.
            Outcome::Empty | Outcome::TimedOut | Outcome::Cancelled | Outcome::Orphaned => Step::Nothing,
            Outcome::Closed => Step::Closed,
            Outcome::ProducerLost => Step::ProducerLost,
            // A loss is in the reader's own count; a new producer's messages come like the old one's.
            _ => Step::Moved,
        }
    }
}

/// A reader of any kind, and the way its messages go.
pub(super) struct Reader<'s> {
    /// The ring that is read. It was one of several if files of that path came and went.
    ring: FileRing,
    role: Role,
    /// Number of rings read so far, and what was lost of those before this one.
    rings: u64,
    lost_before: u64,
    writing: Writing,
    /// Most messages.
    most: u64,
    /// A formatted message.
    line: Vec<u8>,
    pub(super) output: Output<'s>,
    pub(super) tally: Tally,
}

/// The role that is read in.
pub(super) enum Role {
    /// Loses nothing, and holds the producer back.
    Consumer {
        /// The handle.
        consumer: Box<Consumer>,
        /// Where it started.
        start: u64,
        /// How many messages the producer has skipped since.
        skipped: u64,
        /// How many messages the next batch takes: short ones by the hundred, long ones singly.
        batch: usize,
    },
    /// Holds nobody back.
    Observer(Box<Observer>),
    /// Holds the producer back for a while.
    BestEffort(Box<BestEffortReader>),
}

impl Role {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Role::Consumer { .. } => "consumer",
            Role::Observer(_) => "observer",
            Role::BestEffort(_) => "best-effort",
        }
    }

    pub(super) fn start(&self) -> u64 {
        match self {
            Role::Consumer { start, .. } => *start,
            Role::Observer(observer) => observer.start(),
            Role::BestEffort(reader) => reader.start(),
        }
    }

    pub(super) fn next_seq(&self) -> u64 {
        match self {
            Role::Consumer { consumer, .. } => consumer.next_seq(),
            Role::Observer(observer) => observer.next_seq(),
            Role::BestEffort(reader) => reader.next_seq(),
        }
    }

    fn lost(&self) -> u64 {
        match self {
            Role::Consumer { skipped, .. } => *skipped,
            Role::Observer(observer) => observer.lost(),
            Role::BestEffort(reader) => reader.lost(),
        }
    }
}

impl<'s> Reader<'s> {
    pub(super) fn new(
        (ring, role): (FileRing, Role),
        writing: Writing,
        most: u64,
        output: Output<'s>,
    ) -> Self {
        let (line, tally) = (Vec::new(), Tally::default());
        Self { ring, role, rings: 1, lost_before: 0, writing, most, line, output, tally }
    }

    /// Reads another ring from now on.
    pub(super) fn turn_to(&mut self, (ring, role): (FileRing, Role)) {
        self.rings += 1;
        self.lost_before = self.lost();
        (self.ring, self.role) = (ring, role);
    }

    pub(super) fn ring(&self) -> &FileRing {
        &self.ring
    }

    pub(super) fn role(&self) -> &Role {
        &self.role
    }

    /// Head, as far as it is known: what was read may be ahead of it for an instant. It is before the start where
    /// that message is still to come.
    pub(super) fn head(&self) -> anyhow::Result<u64> {
        let (start, next) = (self.role.start(), self.role.next_seq());
        Ok(match &self.role {
            Role::Observer(observer) if next > start => observer.head()?.max(next),
            Role::Observer(observer) => observer.head()?,
            Role::BestEffort(reader) if next > start => reader.head()?.max(next),
            Role::BestEffort(reader) => reader.head()?,
            Role::Consumer { consumer, .. } => match consumer.len()? {
                // A consumer counts from its own cursor, which may wait beyond head.
                0 if next == start => self.ring.observer(Start::Latest, Resume::Latest)?.head()?,
                lag => next + lag,
            },
        })
    }

    /// Whether as many messages were read as were asked for.
    pub(super) fn has_all(&self) -> bool {
        self.tally.messages >= self.most
    }

    /// Number of the producer's incarnation.
    pub(super) fn epoch(&self) -> anyhow::Result<u64> {
        Ok(match &self.role {
            Role::Consumer { consumer, .. } => consumer.epoch()?,
            Role::Observer(observer) => observer.epoch()?,
            Role::BestEffort(reader) => reader.epoch()?,
        })
    }

    /// Number of rings read so far.
    pub(super) fn rings(&self) -> u64 {
        self.rings
    }

    /// Number of messages lost, of all rings together.
    pub(super) fn lost(&self) -> u64 {
        self.lost_before + self.role.lost()
    }

    /// How long to look for the next message before anything else. Long ones go out at once, so nothing waits for that,
    /// and the producer is spared a wake for each.
    pub(super) fn linger(&self) -> Duration {
        let long = matches!((&self.writing, &self.role), (Writing::Raw, Role::Consumer { batch: 1, .. }));
        if long && self.tally.messages > 0 { LINGER } else { Duration::ZERO }
    }

    /// What was read, for the summary: without the sequences if they are those of several rings.
    pub(super) fn summed_up(&mut self) -> Tally {
        let tally = std::mem::take(&mut self.tally);
        if self.rings == 1 { tally } else { Tally { first_seq: None, last_seq: None, ..tally } }
    }

    /// Reads what there is, waiting for the first message for `timeout`, and hands it to the output.
    pub(super) fn step(&mut self, wait: Wait, timeout: Duration) -> anyhow::Result<Step> {
        let Self { role, writing, most, line, output, tally, .. } = self;
        let left = usize::try_from(*most - tally.messages).unwrap_or(usize::MAX);
        let raw = matches!(writing, Writing::Raw);
        let mut hand_on =
            |output: &mut Output<'_>, line: &mut Vec<u8>, seq: u64, tag: u32, message: &[u8]| match writing {
                Writing::Lines if tag & NO_NEWLINE == 0 => output.push(b"", message, b"\n"),
                Writing::Lines | Writing::Raw => output.push(b"", message, b""),
                Writing::Length => output.push(&(message.len() as u32).to_le_bytes(), message, b""),
                Writing::Formatted(template) => {
                    line.clear();
                    template.render(line, (seq, tag), message, SystemTime::now())?;
                    output.push_line(line, message.len())
                }
            };
        let outcome = match role {
            Role::Consumer { consumer, batch, skipped, .. } => {
                consumer.set_wait(wait);
                let mut told = |n| {
                    *skipped += n;
                    Step::Moved
                };
                if raw && *batch == 1 {
                    match consumer.recv_raw_timeout(timeout)? {
                        Outcome::Message(message) if message.len() >= DIRECT => {
                            tally.add(message.seq(), message.len());
                            output.push_slot(&message)?;
                            message.release()?;
                            return Ok(Step::Moved);
                        }
                        // It comes again, and is put together with others.
                        Outcome::Message(_) => {}
                        Outcome::Lagged(n) => return Ok(told(n)),
                        event => return Ok(Step::of_event(event)),
                    }
                }
                let outcome = consumer.recv_batch_timeout((*batch).min(left), timeout)?;
                if let Outcome::Lagged(n) = outcome {
                    return Ok(told(n));
                }
                outcome.map(|messages| {
                    let (mut bytes, mut count, mut first) = (0, 0, 0);
                    let mut handed_on = Ok(());
                    for message in &messages {
                        if count == 0 {
                            first = message.seq();
                        }
                        count += 1;
                        bytes += message.len();
                        handed_on = hand_on(output, line, message.seq(), message.tag(), &message);
                        if handed_on.is_err() {
                            break;
                        }
                    }
                    tally.add_many(first, count, bytes as u64);
                    *batch = match bytes {
                        // Long ones go singly, from where they lie.
                        _ if bytes >= DIRECT * count as usize => 1,
                        _ if bytes > BATCH_BYTES => (*batch / 2).max(1),
                        _ => (*batch * 2).min(BATCH_MAX),
                    };
                    handed_on
                })
            }
            Role::Observer(observer) => {
                observer.set_wait(wait);
                observer.recv_timeout(timeout)?.map(|message| {
                    tally.add(message.seq(), message.len());
                    hand_on(output, line, message.seq(), message.tag(), &message)
                })
            }
            Role::BestEffort(reader) => {
                reader.set_wait(wait);
                reader.recv_timeout(timeout)?.map(|message| {
                    tally.add(message.seq(), message.len());
                    hand_on(output, line, message.seq(), message.tag(), &message)
                })
            }
        };
        match outcome {
            Outcome::Message(handed_on) => handed_on.map(|()| Step::Moved),
            event => Ok(Step::of_event(event)),
        }
    }
}
