//! What a source may send and release. Both follow from the acks of its sinks alone.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use crate::ack::Ack;
use crate::frame::RingId;
use crate::policy::Policy;

/// A source keeps account of this many sinks at most.
pub const MAX_SINKS: usize = 64;
/// Under `history`, a sink that has been silent this long holds back no other sink.
pub const SILENT_AFTER: Duration = Duration::from_secs(3);

/// How long a source keeps what it has for a sink that joins, until that sink's first ack.
pub const JOINED_WITHIN: Duration = Duration::from_secs(5);
/// Longest time for which sinks that join one after the other are waited for.
const JOINS_WITHIN: Duration = Duration::from_secs(10);
/// So long nothing is kept for others after a sink that didn't come: a peer that only asks must not hold the producer.
const JOIN_PAUSE: Duration = Duration::from_secs(60);

/// Settings of a source.
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
    /// Silence after which `reliable` forgets a sink; `None`: never.
    pub forget_after: Option<Duration>,
}

/// What the acks of a sink say.
#[derive(Clone, Copy, Debug)]
pub struct KnownSink {
    /// Its mirror's next sequence.
    pub next: u64,
    /// Messages that it skipped.
    pub skipped: u64,
    /// When it was heard last.
    pub heard: Instant,
}

/// The result of an ack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Heard {
    /// The sink wasn't known, or begins anew.
    NewSink,
    /// The sink was known.
    Known,
    /// The ack is refused.
    Refused(Refusal),
}

/// Why an ack is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// It names another ring.
    Ring,
    /// It names messages that weren't published.
    Sequences,
    /// The source keeps account of [`MAX_SINKS`] sinks already.
    Sinks,
}

/// The result of a request to forget a sink.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Forgotten {
    /// It holds back nothing any more.
    Done,
    /// The sink is alive: its next ack would make it known again.
    Heard,
    /// The source knows no such sink.
    Unknown,
}

/// What a source may send and release.
#[derive(Debug)]
pub struct Pace {
    limits: Limits,
    ring_id: RingId,
    sinks: BTreeMap<String, KnownSink>,
    /// Sinks that an earlier source of this ring knew and this one hasn't heard; since when it waits for them.
    awaited: BTreeMap<String, Instant>,
    /// Most sinks that were known at once, to this source or to an earlier one. Those forgotten since then count, too.
    most_known: usize,
    joining: Option<Joining>,
    /// Before this time nothing is kept for a sink that joins.
    no_join_before: Option<Instant>,
    /// What was sent beyond the slowest ack.
    sent: VecDeque<Flight>,
    sent_messages: u64,
    sent_bytes: u64,
    /// The next message to send; `None` until a sink says where it is.
    position: Option<u64>,
}

/// Sinks that were told where a new mirror begins, and weren't heard yet.
#[derive(Clone, Copy, Debug)]
struct Joining {
    sinks: usize,
    since: Instant,
    until: Instant,
}

/// A frame in flight.
#[derive(Clone, Copy, Debug)]
struct Flight {
    /// Sequence at which the frame continues. A loss may come first.
    from: u64,
    /// Number of its messages, the last of which precedes `end`.
    end: u64,
    messages: u64,
    bytes: u64,
}

impl Pace {
    /// Starts the account of a ring from which nothing was sent.
    pub fn new(limits: Limits, ring_id: RingId) -> Self {
        Self {
            limits,
            ring_id,
            sinks: BTreeMap::new(),
            awaited: BTreeMap::new(),
            most_known: 0,
            joining: None,
            no_join_before: None,
            sent: VecDeque::new(),
            sent_messages: 0,
            sent_bytes: 0,
            position: None,
        }
    }

    /// Has a `reliable` source release nothing before these sinks are heard: an earlier source of the ring knew them, and
    /// only they know where they are.
    pub fn wait_for(&mut self, sinks: impl IntoIterator<Item = String>, now: Instant) {
        if self.limits.policy == Policy::Reliable {
            self.awaited.extend(sinks.into_iter().take(MAX_SINKS).map(|sink| (sink, now)));
            self.has_known(self.awaited.len());
        }
    }

    /// Counts the sinks that an earlier source of the ring has known at once.
    pub fn has_known(&mut self, sinks: usize) {
        self.most_known = self.most_known.max(sinks);
    }

    /// Most sinks that were known at once, whether they are forgotten since or not.
    pub fn most_known(&self) -> usize {
        self.most_known
    }

    /// Has a `reliable` source release nothing for a moment, until a sink is heard that is about to join: what is held now
    /// is where its mirror begins.
    pub fn join(&mut self, now: Instant) {
        if self.limits.policy != Policy::Reliable {
            return;
        }
        if let Some(joining) = self.joining.as_mut().filter(|joining| now < joining.until) {
            joining.sinks = joining.sinks.saturating_add(1);
            joining.until = (now + JOINED_WITHIN).min(joining.since + JOINS_WITHIN);
            self.no_join_before = Some(joining.until + JOIN_PAUSE);
        } else if self.no_join_before.is_none_or(|before| now >= before) {
            self.joining = Some(Joining { sinks: 1, since: now, until: now + JOINED_WITHIN });
            self.no_join_before = Some(now + JOINED_WITHIN + JOIN_PAUSE);
        }
    }

    /// A sink that joined was heard.
    fn joined(&mut self) {
        let Some(joining) = &mut self.joining else { return };
        joining.sinks -= 1;
        if joining.sinks == 0 {
            (self.joining, self.no_join_before) = (None, None);
        }
    }

    /// The sinks that are waited for.
    pub fn awaited(&self) -> impl Iterator<Item = &String> {
        self.awaited.keys()
    }

    /// The sinks for which a later source of this ring has to wait.
    pub fn names(&self) -> BTreeSet<String> {
        self.sinks.keys().chain(self.awaited.keys()).cloned().collect()
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

    /// Records an ack. `head` is the head of the ring.
    pub fn heard(&mut self, sink: &str, ack: &Ack, head: u64, now: Instant) -> Heard {
        // A producer that died in a batch has published more than head counts.
        let most = self.position.unwrap_or(0).max(head);
        if ack.ring_id != self.ring_id {
            return Heard::Refused(Refusal::Ring);
        }
        if ack.next > most {
            return Heard::Refused(Refusal::Sequences);
        }
        let known = self.sinks.get(sink).copied();
        let was_awaited = self.awaited.contains_key(sink);
        if known.is_none() && !was_awaited && self.sinks.len() + self.awaited.len() >= MAX_SINKS {
            return Heard::Refused(Refusal::Sinks);
        }
        self.awaited.remove(sink);
        if known.is_none() && !was_awaited {
            self.joined();
        }
        self.sinks.insert(sink.into(), KnownSink { next: ack.next, skipped: ack.skipped, heard: now });
        self.has_known(self.sinks.len() + self.awaited.len());
        self.settle(now);
        let anew = known.is_none_or(|known| ack.next < known.next || self.is_silent(&known, now));
        if anew { Heard::NewSink } else { Heard::Known }
    }

    /// Whether each sink has what is before `end`, and none is waited for. Without `reliable` sinks that are silent don't
    /// count, and under `lossy` it is enough to have been sent.
    pub fn is_everywhere(&self, end: u64, now: Instant) -> bool {
        let slowest = self.slowest(now);
        let reached = match self.limits.policy {
            Policy::Lossy => slowest.and(self.position),
            Policy::Reliable | Policy::History => slowest,
        };
        self.awaited.is_empty() && reached.is_none_or(|reached| reached >= end)
    }

    /// Forgets the sinks that have been silent for too long. Returns their names.
    pub fn forget(&mut self, now: Instant) -> Vec<String> {
        let after = match (self.limits.policy, self.limits.forget_after) {
            (_, Some(after)) => after,
            (Policy::Reliable, None) => return Vec::new(),
            (Policy::History | Policy::Lossy, None) => SILENT_AFTER * 20,
        };
        let is_gone = |heard: Instant| now.saturating_duration_since(heard) >= after;
        let heard = self.sinks.iter().map(|(name, sink)| (name, sink.heard));
        let gone = heard.chain(self.awaited.iter().map(|(name, since)| (name, *since)));
        let names: Vec<_> = gone.filter(|(_, at)| is_gone(*at)).map(|(name, _)| name.clone()).collect();
        for name in &names {
            self.drop_sink(name, now);
        }
        names
    }

    /// Takes a time in which the source couldn't hear its sinks off their silence.
    pub fn was_deaf(&mut self, time: Duration, now: Instant) {
        let heard = self.sinks.values_mut().map(|sink| &mut sink.heard).chain(self.awaited.values_mut());
        heard.for_each(|heard| *heard = now.min(*heard + time));
    }

    /// Forgets one sink, unless it was heard just now.
    pub fn forget_one(&mut self, sink: &str, now: Instant) -> Forgotten {
        match self.sinks.get(sink) {
            Some(known) if !self.is_silent(known, now) => Forgotten::Heard,
            None if !self.awaited.contains_key(sink) => Forgotten::Unknown,
            _ => {
                self.drop_sink(sink, now);
                Forgotten::Done
            }
        }
    }

    fn drop_sink(&mut self, name: &str, now: Instant) {
        self.awaited.remove(name);
        self.sinks.remove(name);
        self.settle(now);
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

    /// Records a sent frame that ends before `end`: its last `messages` sequences are messages, those before are lost.
    pub fn sent(&mut self, end: u64, messages: u64, bytes: usize) {
        let from = self.position.replace(end).unwrap_or(end - messages);
        if self.limits.policy != Policy::Lossy {
            let bytes = bytes as u64;
            self.sent.push_back(Flight { from, end, messages, bytes });
            self.sent_messages += messages;
            self.sent_bytes += bytes;
        }
    }

    /// The first message that the source still needs. `head` is the head of the ring.
    pub fn released(&self, head: u64, now: Instant) -> Option<u64> {
        match self.limits.policy {
            Policy::Lossy => None,
            Policy::Reliable => {
                if !self.knows_all() || self.joining.is_some_and(|joining| now < joining.until) {
                    return None;
                }
                // A consumer that joins gets half a lap, so the half lap before the ack is what a new source can hold.
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
        let acked = self.sinks.values().map(|sink| sink.next).min();
        let (Some(held), Some(acked), true) = (held, acked, self.knows_all()) else { return false };
        self.limits.policy == Policy::Reliable && held + self.limits.slots / 2 <= acked
    }

    /// Whether each sink that counts has said where it is.
    fn knows_all(&self) -> bool {
        self.awaited.is_empty() && self.has_known_all()
    }

    /// Whether as many sinks were known at once as the source is to have.
    pub fn has_known_all(&self) -> bool {
        self.most_known >= self.limits.sinks.max(1)
    }

    fn is_silent(&self, sink: &KnownSink, now: Instant) -> bool {
        now.saturating_duration_since(sink.heard) >= SILENT_AFTER
    }

    /// The lowest ack that bounds sending: of all sinks under `reliable`, else of those that aren't silent.
    fn slowest(&self, now: Instant) -> Option<u64> {
        let minds = |sink: &&KnownSink| self.limits.policy == Policy::Reliable || !self.is_silent(sink, now);
        self.sinks.values().filter(minds).map(|sink| sink.next).min()
    }

    /// Removes from the account the frames that every sink has.
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
mod tests;
