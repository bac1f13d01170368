//! What a sink does with a frame: it takes the frame, keeps it for later, or asks for what precedes it.
//!
//! The sink has no head of its own. Each call gets the head of the mirror, where the data is.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::frame::{Condition, Header};

/// The shortest pause after a question that brought nothing.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// The longest pause after a question that brought nothing.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// A frame that skips more than this isn't believed before the source was asked. No link has a round trip in which a ring's
/// producer publishes as many.
pub const FAR: u64 = 1 << 26;
/// Number of heartbeats in a row that are believed, though they say something older than what was believed. The source says
/// where it is twice a second, and a frame that overtakes others is single.
const DOUBTS: u32 = 3;

/// Settings of a sink.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Whether the sink asks for what is missing.
    pub repairs: bool,
    /// Most bytes of frames that it keeps for later.
    pub parked_bytes: usize,
    /// How long it waits for an answer.
    pub answer_within: Duration,
    /// Silence of the source after which the mirror's producer leaves.
    pub link_lost_after: Duration,
}

/// What to do with a frame now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Skip to `skip_to`, then publish its records from that sequence on.
    Take {
        /// Sequence of the first record to publish, the frame's end if there is none.
        skip_to: u64,
    },
    /// The mirror has all of the frame already.
    Repeated,
    /// The sink keeps the frame, because something before it is missing.
    Parked,
    /// Something before the frame is missing, and there is no room to keep it. The sink asks for it again.
    NoRoom,
    /// It skips more than [`FAR`], and nobody asked for it: the source is asked whether that is so.
    Far,
}

/// Messages to ask the source for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Range {
    /// The first.
    pub from: u64,
    /// The one after the last.
    pub to: u64,
}

/// What the mirror's producer should do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Hold the role: the source's producer lives.
    Hold,
    /// Leave, without closing: the source's producer is gone, or the link is silent.
    Leave,
    /// Close the mirror: the source's ring is closed, and the mirror has all of it.
    Close,
    /// Change nothing: what the source says of its producer concerns a later sequence.
    Keep,
}

/// The last statement of the source about its producer, and the sequence that it concerns.
#[derive(Clone, Copy, Debug)]
struct Told {
    condition: Condition,
    at: u64,
    epoch: u64,
    epoch_first: u64,
}

#[derive(Debug)]
struct Question {
    asked: Instant,
    head: u64,
}

/// A sink, without its mirror and without its link. `P` is a frame as it came.
#[derive(Debug)]
pub struct Sink<P> {
    limits: Limits,
    /// Frames for later, by where they continue; how many bytes they have.
    parked: BTreeMap<u64, (P, usize)>,
    parked_bytes: usize,
    /// The sequence after the last message that the source has sent.
    sent: u64,
    /// A frame that skips too much to be believed says that the source is there.
    far: Option<u64>,
    told: Option<Told>,
    /// Heartbeats in a row that were older than `told`.
    doubts: u32,
    /// The source's epoch of which the mirror's producer is.
    entered: Option<u64>,
    heard: Instant,
    question: Option<Question>,
    pause: Duration,
    not_before: Instant,
}

impl<P> Sink<P> {
    /// Starts a sink whose source hasn't been heard.
    pub fn new(limits: Limits, now: Instant) -> Self {
        Self {
            limits,
            parked: BTreeMap::new(),
            parked_bytes: 0,
            sent: 0,
            far: None,
            told: None,
            doubts: 0,
            entered: None,
            heard: now,
            question: None,
            pause: FIRST_PAUSE,
            not_before: now,
        }
    }

    /// Bytes of frames that are kept for later.
    pub fn parked_bytes(&self) -> usize {
        self.parked_bytes
    }

    /// The sequence after the last message that the source has sent.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Records that the source was heard at `now`. Writing a frame may take a while.
    pub fn heard(&mut self, now: Instant) {
        self.heard = self.heard.max(now);
    }

    /// When the source was heard last.
    pub fn heard_at(&self) -> Instant {
        self.heard
    }

    /// How long the source has been silent.
    pub fn silence(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.heard)
    }

    /// What to do with a frame of this header, when the mirror's head is `head`. It is `size` bytes long, and `is_asked` if it
    /// is part of an answer, or was kept. A frame that is kept comes again from [`next_parked`](Self::next_parked).
    pub fn offer(
        &mut self,
        head: u64,
        header: &Header,
        frame: P,
        size: usize,
        is_asked: bool,
        now: Instant,
    ) -> (Verdict, Option<P>) {
        if !is_asked && header.start.saturating_sub(head) > FAR {
            self.far = Some(header.start);
            return (Verdict::Far, None);
        }
        self.heard = now;
        if header.is_heartbeat() {
            self.come_to(header.end(), head);
        }
        self.sent = self.sent.max(header.end());
        self.tell(header);
        if header.end() <= head {
            return (Verdict::Repeated, None);
        }
        if header.from <= head || !self.limits.repairs {
            return (Verdict::Take { skip_to: header.start.max(head) }, Some(frame));
        }
        if header.is_heartbeat() {
            return (Verdict::NoRoom, None);
        }
        (self.park(header.from, frame, size), None)
    }

    /// Whether a frame of this header just continues the mirror, whose head is `head`. Such a frame skips nothing, nothing is
    /// kept, and the mirror's producer is of the frame's epoch. If so, the frame counts as taken. If not, nothing is done, and
    /// the frame is to be offered.
    pub fn continues(&mut self, head: u64, header: &Header, now: Instant) -> bool {
        let has_its_epoch =
            self.entered == Some(header.epoch) && self.told.is_some_and(|told| told.epoch == header.epoch);
        if header.start > head || header.end() <= head || !self.parked.is_empty() || !has_its_epoch {
            return false;
        }
        self.heard(now);
        self.sent = self.sent.max(header.end());
        self.tell(header);
        true
    }

    /// A frame that was kept, and that continues at `head` or before it.
    pub fn next_parked(&mut self, head: u64) -> Option<P> {
        let first = self.parked.first_entry()?;
        if *first.key() > head {
            return None;
        }
        let (frame, size) = first.remove();
        self.parked_bytes -= size;
        Some(frame)
    }

    /// Keeps a frame that was taken and isn't in the mirror as a whole yet. It is the next of
    /// [`next_parked`](Self::next_parked), and has room even if no other had.
    pub fn keep(&mut self, from: u64, frame: P, size: usize) {
        let before = self.parked.insert(from, (frame, size));
        self.parked_bytes += size;
        self.parked_bytes -= before.map_or(0, |(_, size)| size);
    }

    /// Whether a frame that was kept continues at `head` or before it: no other comes before.
    pub fn has_next(&self, head: u64) -> bool {
        self.parked.first_key_value().is_some_and(|(&from, _)| from <= head)
    }

    /// What to ask the source for now. The answer's frames are offered as any; [`answered`](Self::answered) says that all
    /// came.
    pub fn question(&mut self, head: u64, now: Instant) -> Option<Range> {
        if let Some(question) = &self.question
            && now.saturating_duration_since(question.asked) >= self.limits.answer_within
        {
            self.answered(head, now);
        }
        let range = self.missing(head)?;
        if self.question.is_some() || now < self.not_before {
            return None;
        }
        self.question = Some(Question { asked: now, head });
        Some(range)
    }

    /// Records that the answer is complete, or that none will come.
    pub fn answered(&mut self, head: u64, now: Instant) {
        let Some(question) = self.question.take() else { return };
        self.far = None;
        if head > question.head {
            self.pause = FIRST_PAUSE;
        } else {
            self.not_before = now + self.pause;
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// When the sink has to be called again even if nothing arrives.
    pub fn wake_at(&self, head: u64) -> Option<Instant> {
        self.missing(head)?;
        Some(match &self.question {
            Some(question) => question.asked + self.limits.answer_within,
            None => self.not_before,
        })
    }

    /// What is missing before the first frame that is kept, or before what the source says that it has sent.
    fn missing(&self, head: u64) -> Option<Range> {
        let far = self.far.unwrap_or(0);
        let to = match self.parked.first_key_value() {
            _ if !self.limits.repairs => far,
            Some((&from, _)) => from,
            None => self.sent.max(far),
        };
        (to > head).then_some(Range { from: head, to })
    }

    /// What the mirror's producer should do, when its head is `head`.
    pub fn role(&self, head: u64, now: Instant) -> Role {
        if now.saturating_duration_since(self.heard) >= self.limits.link_lost_after {
            return Role::Leave;
        }
        match self.told {
            Some(told) if told.at <= head => match told.condition {
                Condition::Live => Role::Hold,
                Condition::Lost | Condition::NoProducerYet => Role::Leave,
                Condition::Closed => Role::Close,
            },
            _ => Role::Keep,
        }
    }

    /// The sequence, `head` at least, at which the mirror's producer enters again since the source's has a successor.
    pub fn enters_at(&self, head: u64) -> Option<u64> {
        let told = self.told?;
        (self.entered? < told.epoch).then_some(told.epoch_first.max(head))
    }

    /// The mirror's producer has entered, at `head`.
    pub fn entered(&mut self, head: u64) {
        let Some(told) = self.told else { return };
        // Before the epoch that was told begins, what is published is of an epoch before it.
        self.entered = Some(if told.epoch_first <= head { told.epoch } else { told.epoch.saturating_sub(1) });
    }

    /// The sequence at which the source was, as it said last.
    pub fn told_at(&self) -> Option<u64> {
        self.told.map(|told| told.at)
    }

    /// The source says that it has sent what is before `at`, and nothing else. What was kept from beyond isn't its.
    fn come_to(&mut self, at: u64, head: u64) {
        self.sent = at;
        while let Some(last) = self.parked.last_entry()
            && *last.key() > at.max(head)
        {
            let (_, size) = last.remove();
            self.parked_bytes -= size;
        }
    }

    fn tell(&mut self, header: &Header) {
        let Header { condition, epoch, epoch_first, .. } = *header;
        let (at, told) = (header.end(), (header.epoch, header.end()));
        let is_newer = match self.told {
            None => true,
            // A frame that is sent again has an old condition. Only a heartbeat says what holds at its end.
            Some(last) if header.is_heartbeat() => told >= (last.epoch, last.at),
            Some(last) => told > (last.epoch, last.at),
        };
        if !is_newer {
            self.doubts += u32::from(header.is_heartbeat());
            if self.doubts < DOUBTS {
                return;
            }
            self.entered = self.entered.map(|entered| entered.min(epoch));
        }
        self.doubts = 0;
        let condition = if header.is_heartbeat() { condition } else { Condition::Live };
        self.told = Some(Told { condition, at, epoch, epoch_first });
    }

    fn park(&mut self, from: u64, frame: P, size: usize) -> Verdict {
        if self.parked.contains_key(&from) {
            return Verdict::Repeated;
        }
        // An earlier frame is worth more than a later one.
        while self.parked_bytes + size > self.limits.parked_bytes {
            match self.parked.last_entry() {
                Some(last) if *last.key() > from => {
                    let (_, size) = last.remove();
                    self.parked_bytes -= size;
                }
                _ => return Verdict::NoRoom,
            }
        }
        self.parked.insert(from, (frame, size));
        self.parked_bytes += size;
        Verdict::Parked
    }
}

#[cfg(test)]
mod tests;
