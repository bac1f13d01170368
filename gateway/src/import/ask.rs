//! What a sink asks its source.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use zenoh::query::{ConsolidationMode, QueryTarget};
use zenoh::sample::Locality;
use zenoh::{Session, Wait};

use super::{ANSWER_WITHIN, Event, PAUSE, Thread};
use crate::apply::Mirror;
use crate::inbox::Inbox;
use crate::meta::Meta;
use crate::names::{Name, hex};
use crate::packet::Packet;
use crate::session::{self, plain};
use crate::sink::Range;

/// Asks the source for its ring's description.
pub(super) fn find(session: &Session, name: &Name) -> Result<Meta> {
    let answers = session::ask(session, &name.meta(), ANSWER_WITHIN)?;
    let (_, bytes) = answers
        .first()
        .with_context(|| format!("no source exports {}, or it can't be reached", name.as_str()))?;
    Meta::read(bytes).context("reading the source's description")
}

impl Thread<'_> {
    /// Whether the source has another ring now: frames of one came, while those of this one don't. Any peer can send such
    /// frames, so it is the source that is asked.
    pub(super) fn is_replaced(&mut self) -> bool {
        let now = Instant::now();
        if self.sink.silence(now) < PAUSE || now < self.not_before {
            return false;
        }
        self.not_before = now + ANSWER_WITHIN;
        let answers = session::ask(self.session, &self.name.meta(), PAUSE).unwrap_or_default();
        let ids: Vec<_> = answers.iter().filter_map(|(_, bytes)| Meta::read(bytes).ok()?.id()).collect();
        !ids.is_empty() && !ids.contains(&self.expected.ring_id)
    }

    /// Asks for what is missing, if it is time.
    pub(super) fn ask(&mut self, now: Instant) -> Result<()> {
        let Some(Range { from, to }) = self.sink.question(self.mirror.head(), now) else { return Ok(()) };
        self.question += 1;
        self.counts.questions += 1;
        let ring = hex(&self.expected.ring_id);
        let selector = format!("{}?from={from};to={to};ring={ring}", self.name.range());
        let (inbox, number) = (self.inbox.clone(), self.question);
        let complete = Complete(self.inbox.clone(), number);
        self.session
            .get(selector)
            .allowed_destination(Locality::Remote)
            .target(QueryTarget::All)
            .consolidation(ConsolidationMode::None)
            .timeout(ANSWER_WITHIN)
            .callback(move |reply| {
                // It goes with the callback, once the answer is complete.
                let _ = &complete;
                if let Ok(sample) = reply.result() {
                    let packet = Packet::from(sample.payload());
                    let size = packet.as_ref().len();
                    inbox.push(Event::Frame(packet), size);
                }
            })
            .wait()
            .map_err(|error| anyhow!("asking for messages {from} to {to}: {}", plain(&error)))
    }
}

/// Tells the thread that an answer is complete, when Zenoh drops the callback.
struct Complete(Arc<Inbox<Event>>, u64);

impl Drop for Complete {
    fn drop(&mut self) {
        self.0.push(Event::Answered(self.1), 0);
    }
}
