//! What a sink makes of the frames that come: which it takes now, which it keeps for later, what it asks for again.
//!
//! The sink keeps no head of its own. Each call gets that of the mirror, where the data is.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::frame::{Condition, Header};

/// The shortest pause between two questions that brought nothing.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// The longest pause between two questions that brought nothing.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What a sink is told to do.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Whether it asks again for what is missing.
    pub repairs: bool,
    /// Most bytes of frames that it keeps for later.
    pub parked_bytes: usize,
    /// How long it waits for an answer.
    pub answer_within: Duration,
    /// After which silence of the source the mirror's producer leaves.
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
    /// All of it is in the mirror already.
    Repeated,
    /// The sink has kept it, since something before it is missing.
    Parked,
    /// Something before it is missing, and there is no room to keep it. It is asked for again.
    NoRoom,
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
    /// Do as before: the mirror isn't where the source says something about its producer.
    Keep,
}

/// What the source said last of its ring's producer, and where.
#[derive(Clone, Copy, Debug)]
struct Told {
    condition: Condition,
    at: u64,
    epoch: u64,
    epoch_first: u64,
}

#[derive(Debug)]
struct Question {
    range: Range,
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
    /// The source has sent what is before.
    sent: u64,
    told: Option<Told>,
    /// The source's epoch of which the mirror's producer is.
    entered: Option<u64>,
    heard: Instant,
    question: Option<Question>,
    pause: Duration,
    not_before: Instant,
}

impl<P> Sink<P> {
    /// Of a source that wasn't heard yet.
    pub fn new(limits: Limits, now: Instant) -> Self {
        Self {
            limits,
            parked: BTreeMap::new(),
            parked_bytes: 0,
            sent: 0,
            told: None,
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

    /// The source has sent what is before this sequence.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// The source was heard until now: what came took until now to be written.
    pub fn heard(&mut self, now: Instant) {
        self.heard = now;
    }

    /// How long the source has been silent.
    pub fn silence(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.heard)
    }

    /// What to do with a frame of this header, when the mirror's head is `head`. It is `size` bytes long. A frame that is
    /// kept comes again from [`next_parked`](Self::next_parked).
    pub fn offer(
        &mut self,
        head: u64,
        header: &Header,
        frame: P,
        size: usize,
        now: Instant,
    ) -> (Verdict, Option<P>) {
        self.heard = now;
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
        self.question = Some(Question { range, asked: now, head });
        Some(range)
    }

    /// The answer to the question is complete, or none will come.
    pub fn answered(&mut self, head: u64, now: Instant) {
        let Some(question) = self.question.take() else { return };
        if head > question.head {
            self.pause = FIRST_PAUSE;
        } else {
            self.not_before = now + self.pause;
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// The range that is asked for now.
    pub fn asked(&self) -> Option<Range> {
        self.question.as_ref().map(|question| question.range)
    }

    /// When the sink has to be asked again, though nothing comes.
    pub fn wake_at(&self, head: u64) -> Option<Instant> {
        self.missing(head)?;
        Some(match &self.question {
            Some(question) => question.asked + self.limits.answer_within,
            None => self.not_before,
        })
    }

    /// What is missing before the first frame that is kept, or before what the source says that it has sent.
    fn missing(&self, head: u64) -> Option<Range> {
        if !self.limits.repairs {
            return None;
        }
        let to = self.parked.first_key_value().map_or(self.sent, |(&from, _)| from);
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

    fn tell(&mut self, header: &Header) {
        let Header { condition, epoch, epoch_first, .. } = *header;
        let (at, told) = (header.end(), (header.epoch, header.end()));
        let newer = match self.told {
            None => true,
            // What is sent again says what was so when it was sent. Only a heartbeat says what is so at its end.
            Some(last) if header.is_heartbeat() => told >= (last.epoch, last.at),
            Some(last) => told > (last.epoch, last.at),
        };
        if newer {
            let condition = if header.is_heartbeat() { condition } else { Condition::Live };
            self.told = Some(Told { condition, at, epoch, epoch_first });
        }
    }

    fn park(&mut self, from: u64, frame: P, size: usize) -> Verdict {
        if self.parked.contains_key(&from) {
            return Verdict::Repeated;
        }
        // What comes first is worth more than what comes later.
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
mod tests {
    use super::*;

    fn sink(repairs: bool) -> (Sink<u32>, Instant) {
        let now = Instant::now();
        let second = Duration::from_secs(1);
        let limits =
            Limits { repairs, parked_bytes: 100, answer_within: second, link_lost_after: 5 * second };
        (Sink::new(limits, now), now)
    }

    fn header(from: u64, start: u64, count: u32) -> Header {
        let condition = Condition::Live;
        Header { condition, ring_id: [0; 16], epoch: 1, epoch_first: 0, from, start, count }
    }

    fn told(condition: Condition, epoch: u64, at: u64) -> Header {
        Header { condition, epoch, ..header(at, at, 0) }
    }

    #[test]
    fn a_frame_at_the_head_is_taken_and_one_before_it_is_not() {
        let (mut sink, now) = sink(true);
        assert_eq!(sink.offer(5, &header(5, 5, 3), 1, 10, now), (Verdict::Take { skip_to: 5 }, Some(1)));
        assert_eq!(sink.offer(8, &header(5, 5, 3), 1, 10, now), (Verdict::Repeated, None));
        assert_eq!(sink.offer(8, &header(5, 5, 6), 1, 10, now), (Verdict::Take { skip_to: 8 }, Some(1)));
    }

    #[test]
    fn a_loss_at_the_source_is_skipped() {
        let (mut sink, now) = sink(true);
        assert_eq!(sink.offer(5, &header(5, 9, 3), 1, 10, now), (Verdict::Take { skip_to: 9 }, Some(1)));
        assert_eq!(sink.offer(12, &header(12, 20, 0), 1, 10, now), (Verdict::Take { skip_to: 20 }, Some(1)));
    }

    #[test]
    fn a_gap_is_asked_for_and_what_is_behind_it_waits() {
        let (mut sink, now) = sink(true);
        assert_eq!(sink.offer(5, &header(8, 8, 2), 8, 10, now), (Verdict::Parked, None));
        assert_eq!(sink.offer(5, &header(10, 10, 2), 10, 10, now), (Verdict::Parked, None));
        assert_eq!(sink.question(5, now), Some(Range { from: 5, to: 8 }));
        assert_eq!((sink.question(5, now), sink.next_parked(5)), (None, None));
        assert_eq!(sink.offer(5, &header(5, 5, 3), 5, 10, now), (Verdict::Take { skip_to: 5 }, Some(5)));
        assert_eq!((sink.next_parked(8), sink.next_parked(10), sink.parked_bytes()), (Some(8), Some(10), 0));
        assert_eq!(sink.question(12, now), None);
    }

    #[test]
    fn a_heartbeat_shows_what_was_lost_at_the_end() {
        let (mut sink, now) = sink(true);
        sink.offer(5, &header(9, 9, 0), 0, 10, now);
        assert_eq!(sink.question(5, now), Some(Range { from: 5, to: 9 }));
    }

    #[test]
    fn a_question_without_an_answer_is_asked_again_later_and_later() {
        let (mut sink, mut now) = sink(true);
        sink.offer(5, &header(9, 9, 0), 0, 10, now);
        for _ in 0..10 {
            assert!(sink.question(5, now).is_some());
            now += Duration::from_secs(1);
            assert_eq!(sink.question(5, now), None);
            assert!(sink.wake_at(5).unwrap() > now);
            now = sink.wake_at(5).unwrap();
        }
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_first_stay() {
        let (mut sink, now) = sink(true);
        assert_eq!(sink.offer(5, &header(30, 30, 1), 30, 60, now).0, Verdict::Parked);
        assert_eq!(sink.offer(5, &header(20, 20, 1), 20, 60, now).0, Verdict::Parked);
        assert_eq!(sink.offer(5, &header(40, 40, 1), 40, 60, now).0, Verdict::NoRoom);
        assert_eq!((sink.parked_bytes(), sink.next_parked(20), sink.next_parked(99)), (60, Some(20), None));
        assert_eq!(sink.question(21, now), Some(Range { from: 21, to: 41 }));
    }

    #[test]
    fn lossy_skips_each_gap_at_once() {
        let (mut sink, now) = sink(false);
        assert_eq!(sink.offer(5, &header(8, 8, 2), 8, 10, now), (Verdict::Take { skip_to: 8 }, Some(8)));
        assert_eq!(sink.offer(10, &header(12, 12, 0), 1, 10, now), (Verdict::Take { skip_to: 12 }, Some(1)));
        assert_eq!(sink.question(12, now), None);
    }

    #[test]
    fn the_mirror_closes_only_once_it_has_all() {
        let (mut sink, now) = sink(true);
        sink.offer(5, &told(Condition::Closed, 1, 9), 0, 10, now);
        assert_eq!((sink.role(5, now), sink.role(9, now)), (Role::Keep, Role::Close));
        // What is sent again doesn't open it.
        sink.offer(5, &header(5, 5, 4), 0, 10, now);
        assert_eq!(sink.role(9, now), Role::Close);
        sink.offer(9, &told(Condition::Live, 2, 9), 0, 10, now);
        assert_eq!(sink.role(9, now), Role::Hold);
    }

    #[test]
    fn the_role_is_left_when_the_producer_or_the_link_is_lost() {
        let (mut sink, now) = sink(true);
        sink.offer(5, &told(Condition::Live, 1, 5), 0, 10, now);
        assert_eq!(sink.role(5, now), Role::Hold);
        assert_eq!(sink.role(5, now + Duration::from_secs(5)), Role::Leave);
        sink.offer(5, &told(Condition::Lost, 1, 5), 0, 10, now);
        assert_eq!(sink.role(5, now), Role::Leave);
    }

    #[test]
    fn a_successor_at_the_source_has_the_mirror_entered_where_its_epoch_begins() {
        let (mut sink, now) = sink(true);
        sink.offer(5, &told(Condition::Live, 1, 5), 0, 10, now);
        sink.entered(5);
        assert_eq!(sink.enters_at(5), None);
        sink.offer(5, &Header { epoch: 2, epoch_first: 7, ..header(5, 5, 4) }, 0, 10, now);
        assert_eq!((sink.enters_at(5), sink.enters_at(8)), (Some(7), Some(8)));
        sink.entered(7);
        assert_eq!(sink.enters_at(7), None);
    }
}
