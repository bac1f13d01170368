//! What a sink asks its source.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use zenoh::query::{ConsolidationMode, QueryTarget};
use zenoh::sample::Locality;
use zenoh::{Session, Wait};

use super::{ANSWER_WITHIN, PAUSE, Thread};
use crate::apply::Mirror;
use crate::arrivals::{Event, Writer};
use crate::inbox::Inbox;
use crate::meta::{JOIN, Meta};
use crate::names::{Name, hex};
use crate::packet::Packet;
use crate::session::{self, Answer, plain};
use crate::sink::Range;

/// Asks the source for its ring's description. To a sink that has no mirror yet it says where to begin, and keeps that for
/// a moment.
pub(super) fn find(session: &Session, name: &Name, has_mirror: bool) -> Result<Meta> {
    let selector = if has_mirror { name.meta() } else { format!("{}?{JOIN}", name.meta()) };
    one_of(name, &session::ask(session, &selector, ANSWER_WITHIN)?)
}

/// The only source of these answers. Two of one name are refused: a mirror that followed now one, now the other would be
/// replaced in turn.
fn one_of(name: &Name, answers: &[Answer]) -> Result<Meta> {
    let (mut found, mut unread) = (Vec::<Meta>::new(), None);
    for (_, bytes) in answers {
        match Meta::read(bytes) {
            Ok(meta) => found.push(meta),
            Err(error) => unread = Some(error),
        }
    }
    let (name, Some(first)) = (name.as_str(), found.first()) else {
        bail!(match unread {
            Some(error) => error.context("reading the source's description"),
            None => anyhow!("no source exports {}, or it can't be reached", name.as_str()),
        });
    };
    if let Some(other) = found.iter().find(|other| !other.is_of_the_same(first)) {
        let [one, other] = [first, other].map(|meta| format!("{} ({})", meta.ring_id, meta.policy.name()));
        bail!("rings {one} and {other} are exported as {name}, expected one: give each a name of its own");
    }
    Ok(found.swap_remove(0))
}

impl Thread<'_> {
    /// Whether the source has another ring now: frames of one came, while those of this one don't. Any peer can send such
    /// frames, so it is the source that is asked.
    pub(super) fn is_replaced(&mut self, silence: Duration) -> bool {
        let now = Instant::now();
        if silence < PAUSE || now < self.not_before {
            return false;
        }
        self.not_before = now + ANSWER_WITHIN;
        let answers = session::ask(self.session, &self.name.meta(), PAUSE).unwrap_or_default();
        let ids: Vec<_> = answers.iter().filter_map(|(_, bytes)| Meta::read(bytes).ok()?.id()).collect();
        !ids.is_empty() && !ids.contains(&self.source)
    }

    /// Asks for what is missing, if a question is due.
    pub(super) fn ask(&mut self, writer: &mut Writer<Packet>, now: Instant) -> Result<()> {
        let Some(Range { from, to }) = writer.sink.question(writer.mirror.head(), now) else { return Ok(()) };
        self.question += 1;
        writer.counts.questions += 1;
        let ring = hex(&self.source);
        let (key, sink) = (self.name.range(), &self.id);
        let selector = format!("{key}?from={from};to={to};ring={ring};sink={sink}");
        let (inbox, number) = (self.arrivals.inbox().clone(), self.question);
        let complete = Complete(inbox.clone(), number);
        self.session
            .get(selector)
            .allowed_destination(Locality::Remote)
            .target(QueryTarget::All)
            .consolidation(ConsolidationMode::None)
            .timeout(ANSWER_WITHIN)
            .callback(move |reply| {
                // Zenoh drops it with the callback, once the answer is complete.
                let _ = &complete;
                if let Ok(sample) = reply.result() {
                    let packet = Packet::from(sample.payload());
                    let size = packet.as_ref().len();
                    inbox.push(Event::Frame(packet, true), size);
                }
            })
            .wait()
            .map_err(|error| anyhow!("asking for messages {from} to {to}: {}", plain(&error)))
    }
}

/// Tells the thread that an answer is complete, when Zenoh drops the callback.
struct Complete(Arc<Inbox<Event<Packet>>>, u64);

impl Drop for Complete {
    fn drop(&mut self) {
        self.0.push_always(Event::Answered(self.1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Condition;
    use crate::meta::{PROTOCOL, Sent, Shape, Wakes};
    use crate::policy::Policy;

    fn answer(change: impl FnOnce(&mut Meta)) -> Answer {
        let shape = Shape {
            slots: 64,
            payload_capacity: 16,
            stride: "packed".into(),
            max_consumers: 4,
            section_align: 4096,
            message_type: None,
        };
        let mut meta = Meta {
            protocol: PROTOCOL,
            name: "desk/quotes".into(),
            ring_id: "1".repeat(32),
            shape,
            policy: Policy::Reliable,
            window: 16,
            start: 0,
            head: 10,
            epoch: 1,
            condition: Condition::Live,
            held: None,
            covered: false,
            wakes: Wakes::Polling,
            awaited: Vec::new(),
            sinks: Vec::new(),
            sent: Sent::default(),
        };
        change(&mut meta);
        (meta.name.clone(), serde_json::to_vec(&meta).unwrap())
    }

    fn found(answers: &[Answer]) -> Result<Meta, String> {
        one_of(&Name::new("desk/quotes").unwrap(), answers).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn one_source_is_found_among_answers_that_are_none() {
        let garbage = (String::new(), b"garbage".to_vec());
        // The same source twice, by two ways.
        let (one, again) = (answer(|_| {}), answer(|meta| meta.head += 1));
        assert_eq!(found(&[garbage.clone(), one, again]).unwrap().head, 10);
        assert!(found(&[]).unwrap_err().contains("no source exports desk/quotes"));
        assert!(found(&[garbage]).unwrap_err().contains("reading the source's description"));
    }

    #[test]
    fn two_sources_of_one_name_are_refused() {
        let changes: [fn(&mut Meta); 3] = [
            |meta| meta.ring_id = "2".repeat(32),
            |meta| meta.shape.slots = 128,
            |meta| meta.policy = Policy::Lossy,
        ];
        for change in changes {
            let refused = found(&[answer(|_| {}), answer(change)]).unwrap_err();
            assert!(refused.contains("expected one: give each a name of its own"), "{refused}");
        }
    }
}
