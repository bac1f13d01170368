//! What a source may send, and what it may release: known from the acks of its sinks alone.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use crate::ack::Ack;
use crate::frame::RingId;
use crate::policy::Policy;

/// A source keeps account of this many sinks at most.
pub const MAX_SINKS: usize = 64;
/// Under `history`, a sink that wasn't heard for so long holds back no other.
pub const SILENT_AFTER: Duration = Duration::from_secs(3);

/// What a source is told to do.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How the ring is mirrored.
    pub policy: Policy,
    /// The ring's slots.
    pub slots: u64,
    /// Most messages in flight: sent beyond the slowest ack. What the ring lost isn't in flight.
    pub window: u64,
    /// Most bytes of frames beyond the slowest ack.
    pub in_flight: u64,
    /// Number of sinks without which `reliable` releases nothing.
    pub sinks: usize,
    /// After which silence `reliable` forgets a sink; `None`: never.
    pub forget_after: Option<Duration>,
}

/// A sink, as its acks tell.
#[derive(Clone, Copy, Debug)]
pub struct KnownSink {
    /// Its mirror's next sequence.
    pub next: u64,
    /// Messages that it skipped.
    pub skipped: u64,
    /// When it was heard last.
    pub heard: Instant,
}

/// What became of an ack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Heard {
    /// It is from a sink that wasn't known, or that begins anew.
    NewSink,
    /// It is from a sink that was known.
    Known,
    /// It is of another ring, of messages that there aren't, or of one sink too many.
    Refused,
}

/// What a source may send and release.
#[derive(Debug)]
pub struct Pace {
    limits: Limits,
    ring_id: RingId,
    sinks: BTreeMap<String, KnownSink>,
    /// What was sent beyond the slowest ack.
    sent: VecDeque<Flight>,
    sent_messages: u64,
    sent_bytes: u64,
    /// The next message to send; `None` until a sink says where it is.
    position: Option<u64>,
}

/// A frame in flight.
#[derive(Clone, Copy, Debug)]
struct Flight {
    /// It continues here, maybe with a loss.
    from: u64,
    /// Its last messages, so many, are those before `end`.
    end: u64,
    messages: u64,
    bytes: u64,
}

impl Pace {
    /// Of a ring from which nothing was sent yet.
    pub fn new(limits: Limits, ring_id: RingId) -> Self {
        Self {
            limits,
            ring_id,
            sinks: BTreeMap::new(),
            sent: VecDeque::new(),
            sent_messages: 0,
            sent_bytes: 0,
            position: None,
        }
    }

    /// The sinks, by their names.
    pub fn sinks(&self) -> &BTreeMap<String, KnownSink> {
        &self.sinks
    }

    /// The ring.
    pub fn ring_id(&self) -> RingId {
        self.ring_id
    }

    /// The limits.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The next message to send.
    pub fn position(&self) -> Option<u64> {
        self.position
    }

    /// Takes note of an ack, when the ring's head is `head`.
    pub fn heard(&mut self, sink: &str, ack: &Ack, head: u64, now: Instant) -> Heard {
        // After a producer died in a batch, more was sent than head counts.
        let most = self.position.unwrap_or(0).max(head);
        if ack.ring_id != self.ring_id || ack.next > most {
            return Heard::Refused;
        }
        let known = self.sinks.get(sink).copied();
        if known.is_none() && self.sinks.len() >= MAX_SINKS {
            return Heard::Refused;
        }
        self.sinks.insert(sink.into(), KnownSink { next: ack.next, skipped: ack.skipped, heard: now });
        self.settle(now);
        let anew = known.is_none_or(|known| ack.next < known.next || self.is_silent(&known, now));
        if anew { Heard::NewSink } else { Heard::Known }
    }

    /// Forgets the sinks that weren't heard for too long. Returns their names.
    pub fn forget(&mut self, now: Instant) -> Vec<String> {
        let after = match (self.limits.policy, self.limits.forget_after) {
            (_, Some(after)) => after,
            (Policy::Reliable, None) => return Vec::new(),
            (Policy::History | Policy::Lossy, None) => SILENT_AFTER * 20,
        };
        let gone = |sink: &KnownSink| now.saturating_duration_since(sink.heard) >= after;
        let names: Vec<_> =
            self.sinks.iter().filter(|(_, sink)| gone(sink)).map(|(name, _)| name.clone()).collect();
        for name in &names {
            self.sinks.remove(name);
        }
        if !names.is_empty() {
            self.settle(now);
        }
        names
    }

    /// How many messages the source may send now; `None` if there is no sink to send to.
    pub fn room(&self, now: Instant) -> Option<u64> {
        let slowest = self.slowest(now)?;
        if self.limits.policy == Policy::Lossy {
            return Some(u64::MAX);
        }
        let is_open = self.sent_bytes < self.limits.in_flight;
        Some(if is_open { self.limits.window.saturating_sub(self.in_flight(slowest)) } else { 0 })
    }

    /// Messages on their way to the slowest sink, which lacks what begins at `slowest`. What a frame tells as lost has no
    /// part in it: a window full of losses would wait for acks of nothing.
    fn in_flight(&self, slowest: u64) -> u64 {
        let Some(first) = self.sent.front() else {
            return self.position.map_or(0, |position| position.saturating_sub(slowest));
        };
        let lacks = first.messages.min(first.end.saturating_sub(slowest));
        // A sink that came back may lack what was sent long ago. The source's ring may keep it, so it counts.
        let before = first.from.saturating_sub(slowest);
        before + lacks + (self.sent_messages - first.messages)
    }

    /// Where sending goes on: at the first ack's message, or later if every sink is further already.
    pub fn resume(&mut self, now: Instant) -> Option<u64> {
        let slowest = self.slowest(now)?;
        if self.position.is_none_or(|position| position < slowest) {
            self.position = Some(slowest);
        }
        self.position
    }

    /// Takes note of a frame: what is before `end` was sent, its last `messages` as messages, the others as lost.
    pub fn sent(&mut self, end: u64, messages: u64, bytes: usize) {
        let from = self.position.replace(end).unwrap_or(end - messages);
        if self.limits.policy != Policy::Lossy {
            let bytes = bytes as u64;
            self.sent.push_back(Flight { from, end, messages, bytes });
            self.sent_messages += messages;
            self.sent_bytes += bytes;
        }
    }

    /// Up to before which message the source needs nothing any more, when the ring's head is `head`.
    pub fn released(&self, head: u64, now: Instant) -> Option<u64> {
        match self.limits.policy {
            Policy::Lossy => None,
            Policy::Reliable => {
                if self.sinks.len() < self.limits.sinks.max(1) {
                    return None;
                }
                // A consumer that joins gets half a lap. What is kept beyond the ack is what a new source finds.
                let acked = self.sinks.values().map(|sink| sink.next).min()?;
                Some(acked.saturating_sub(self.limits.slots / 2))
            }
            Policy::History => match (self.position, self.room(now)) {
                (Some(position), Some(1..)) => Some(position.min(head)),
                _ => Some(head),
            },
        }
    }

    /// Whether a source that is killed now leaves nothing that its successor can't hold, if its first held message is
    /// `held`: half a lap before the slowest ack.
    pub fn covered(&self, held: Option<u64>) -> bool {
        let all_known =
            self.limits.policy == Policy::Reliable && self.sinks.len() >= self.limits.sinks.max(1);
        let acked = self.sinks.values().map(|sink| sink.next).min();
        let (Some(held), Some(acked), true) = (held, acked, all_known) else { return false };
        held + self.limits.slots / 2 <= acked
    }

    fn is_silent(&self, sink: &KnownSink, now: Instant) -> bool {
        now.saturating_duration_since(sink.heard) >= SILENT_AFTER
    }

    /// The ack that sending has to mind. Under `reliable` that of any sink; else of those that were heard.
    fn slowest(&self, now: Instant) -> Option<u64> {
        let minds = |sink: &&KnownSink| self.limits.policy == Policy::Reliable || !self.is_silent(sink, now);
        self.sinks.values().filter(minds).map(|sink| sink.next).min()
    }

    /// Drops what every sink has from the account of what was sent.
    fn settle(&mut self, now: Instant) {
        let slowest = self.slowest(now).unwrap_or(u64::MAX);
        while let Some(&first) = self.sent.front()
            && first.end <= slowest
        {
            self.sent.pop_front();
            self.sent_messages -= first.messages;
            self.sent_bytes -= first.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RING: RingId = [1; 16];

    fn pace(policy: Policy) -> Pace {
        let limits = Limits { policy, slots: 64, window: 16, in_flight: 1000, sinks: 1, forget_after: None };
        Pace::new(limits, RING)
    }

    fn ack(next: u64) -> Ack {
        Ack { ring_id: RING, next, skipped: 0 }
    }

    /// Up to before which message the source may send, if the ring loses none.
    fn limit(pace: &Pace, now: Instant) -> Option<u64> {
        let position = pace.position().or_else(|| pace.slowest(now))?;
        Some(position.saturating_add(pace.room(now)?))
    }

    #[test]
    fn nothing_is_sent_before_a_sink_says_where_it_is() {
        let (mut pace, now) = (pace(Policy::Reliable), Instant::now());
        assert_eq!((pace.room(now), pace.resume(now), pace.released(10, now)), (None, None, None));
        assert_eq!(pace.heard("a", &ack(3), 10, now), Heard::NewSink);
        assert_eq!((pace.room(now), pace.resume(now)), (Some(16), Some(3)));
    }

    #[test]
    fn the_slowest_sink_holds_the_window() {
        let (mut pace, now) = (pace(Policy::Reliable), Instant::now());
        pace.heard("a", &ack(100), 200, now);
        pace.heard("b", &ack(90), 200, now);
        assert_eq!((limit(&pace, now), pace.released(200, now)), (Some(106), Some(58)));
        pace.heard("b", &ack(120), 200, now);
        assert_eq!((limit(&pace, now), pace.released(200, now)), (Some(116), Some(68)));
    }

    #[test]
    fn reliable_waits_for_the_number_of_sinks_that_it_was_told() {
        let (mut pace, now) = (pace(Policy::Reliable), Instant::now());
        pace.limits.sinks = 2;
        pace.heard("a", &ack(100), 200, now);
        assert_eq!(pace.released(200, now), None);
        pace.heard("b", &ack(100), 200, now);
        assert_eq!(pace.released(200, now), Some(68));
    }

    #[test]
    fn a_dead_sink_holds_a_reliable_ring_until_it_is_forgotten() {
        let (mut pace, now) = (pace(Policy::Reliable), Instant::now());
        pace.limits.forget_after = Some(Duration::from_secs(60));
        pace.heard("a", &ack(100), 200, now);
        let later = now + Duration::from_secs(59);
        pace.heard("b", &ack(150), 200, later);
        assert_eq!((pace.forget(later), limit(&pace, later)), (vec![], Some(116)));
        let later = now + Duration::from_secs(60);
        assert_eq!((pace.forget(later), limit(&pace, later)), (vec!["a".to_string()], Some(166)));
    }

    #[test]
    fn a_silent_sink_holds_back_no_other_under_history() {
        let (mut pace, now) = (pace(Policy::History), Instant::now());
        pace.heard("a", &ack(100), 200, now);
        let later = now + SILENT_AFTER;
        pace.heard("b", &ack(150), 200, later);
        assert_eq!(limit(&pace, later), Some(166));
    }

    #[test]
    fn history_releases_what_was_sent_and_all_while_the_window_is_closed() {
        let (mut pace, now) = (pace(Policy::History), Instant::now());
        assert_eq!(pace.released(50, now), Some(50));
        pace.heard("a", &ack(10), 50, now);
        pace.resume(now);
        assert_eq!(pace.released(50, now), Some(10));
        pace.sent(20, 10, 100);
        assert_eq!(pace.released(50, now), Some(20));
        pace.sent(26, 6, 100);
        assert_eq!(pace.released(50, now), Some(50));
    }

    #[test]
    fn what_the_ring_lost_takes_no_room_in_the_window() {
        let (mut pace, now) = (pace(Policy::History), Instant::now());
        pace.heard("a", &ack(10), 5000, now);
        pace.resume(now);
        // 10 to 999 are lost, and 6 messages follow.
        pace.sent(1006, 6, 100);
        assert_eq!((pace.room(now), pace.released(5000, now)), (Some(10), Some(1006)));
        pace.sent(3010, 10, 100);
        assert_eq!((pace.room(now), pace.released(5000, now)), (Some(0), Some(5000)));
        // In the midst of a frame.
        pace.heard("a", &ack(1004), 5000, now);
        assert_eq!(pace.room(now), Some(4));
        pace.heard("a", &ack(1006), 5000, now);
        assert_eq!(pace.room(now), Some(6));
        pace.heard("a", &ack(3010), 5000, now);
        assert_eq!(pace.room(now), Some(16));
    }

    #[test]
    fn a_sink_that_comes_back_without_what_was_sent_long_ago_closes_the_window_until_it_has_asked() {
        for policy in [Policy::Reliable, Policy::History] {
            let (mut pace, now) = (pace(policy), Instant::now());
            pace.heard("a", &ack(10), 100, now);
            pace.resume(now);
            pace.sent(20, 10, 100);
            pace.heard("a", &ack(20), 100, now);
            pace.sent(25, 5, 100);
            assert_eq!(pace.heard("a", &ack(0), 100, now), Heard::NewSink);
            assert_eq!(pace.room(now), Some(0));
            pace.heard("a", &ack(15), 100, now);
            assert_eq!(pace.room(now), Some(6));
        }
    }

    #[test]
    fn bytes_in_flight_close_the_window_until_they_are_acked() {
        let (mut pace, now) = (pace(Policy::Reliable), Instant::now());
        pace.heard("a", &ack(0), 50, now);
        pace.resume(now);
        pace.sent(2, 2, 600);
        assert_eq!(limit(&pace, now), Some(16));
        pace.sent(4, 2, 600);
        assert_eq!(limit(&pace, now), Some(4));
        pace.heard("a", &ack(2), 50, now);
        assert_eq!(limit(&pace, now), Some(18));
    }

    #[test]
    fn lossy_never_waits() {
        let (mut pace, now) = (pace(Policy::Lossy), Instant::now());
        pace.heard("a", &ack(0), 1000, now);
        pace.resume(now);
        pace.sent(900, 900, 1 << 20);
        assert_eq!((limit(&pace, now), pace.released(1000, now)), (Some(u64::MAX), None));
    }

    #[test]
    fn acks_of_another_ring_or_of_what_there_isnt_are_refused() {
        let (mut pace, now) = (pace(Policy::Reliable), Instant::now());
        assert_eq!(pace.heard("a", &ack(11), 10, now), Heard::Refused);
        assert_eq!(pace.heard("a", &Ack { ring_id: [2; 16], ..ack(1) }, 10, now), Heard::Refused);
        assert!(pace.sinks().is_empty());
    }

    #[test]
    fn hostile_acks_make_no_more_than_so_many_sinks() {
        let (mut pace, now) = (pace(Policy::Reliable), Instant::now());
        for sink in 0..MAX_SINKS {
            assert_eq!(pace.heard(&sink.to_string(), &ack(1), 10, now), Heard::NewSink);
        }
        assert_eq!(pace.heard("one more", &ack(1), 10, now), Heard::Refused);
    }
}
