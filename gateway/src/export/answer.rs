//! Questions of sinks, answered from the ring.

use anyhow::Result;
use ringway::Ring;
use ringway::file::FileRing;
use zenoh::Wait;
use zenoh::query::Query;

use super::shared::Shared;
use super::waiting::{LONG_SLICE, lock};
use crate::names::from_hex;
use crate::source::Reader;

/// Most bytes of frames in one answer.
pub const ANSWER_BYTES: usize = 512 * 1024;

/// Longest parameters of a question.
const QUESTION_BYTES: usize = 256;

impl Shared {
    /// Queues a question. All peers that aren't sinks count as one asker.
    pub(super) fn ask(&self, query: Query) {
        // An attachment would stay in memory with the question.
        let is_bare = query.payload().is_none() && query.attachment().is_none();
        if !is_bare || query.parameters().as_str().len() > QUESTION_BYTES {
            return self.refuse_question();
        }
        let held = lock(&self.held);
        let is_known = |sink: &&str| held.pace.sinks().contains_key(*sink);
        let asker = query.parameters().get("sink").filter(is_known).unwrap_or_default().to_string();
        drop(held);
        self.questions.push(asker, query);
    }

    /// Answers the next question, if one comes soon.
    pub(super) fn answer(&self, ring: &FileRing) -> Result<()> {
        let Some(turn) = self.questions.pop(LONG_SLICE) else { return Ok(()) };
        let query = &turn.question;
        let number = |key| query.parameters().get(key).and_then(|value| value.parse::<u64>().ok());
        let ring_id = query.parameters().get("ring").and_then(from_hex);
        let (Some(from), Some(to), Some(ring_id)) = (number("from"), number("to"), ring_id) else {
            self.refuse_question();
            return Ok(());
        };
        let head = lock(&self.observer).head()?;
        // A producer that died in a batch has published more than head counts.
        let most = lock(&self.held).pace.position().map_or(head, |position| position.max(head));
        if ring_id != ring.geometry().ring_id() || from >= to || from > most {
            self.refuse_question();
            return Ok(());
        }
        // A reader maps the ring, so it is used again.
        let reader = lock(&self.readers).pop();
        let mut reader = reader.map_or_else(|| Reader::new(ring), Ok)?;
        reader.look()?;
        reader.go_to(from)?;
        let (mut bytes, mut messages) = (0, 0);
        while bytes < ANSWER_BYTES && reader.position() < to {
            let Some(frame) = reader.next_before(to)? else { break };
            bytes += frame.bytes.len();
            messages += frame.messages;
            if query.reply(query.key_expr().clone(), frame.bytes).wait().is_err() {
                break;
            }
        }
        lock(&self.readers).push(reader);
        let mut held = lock(&self.held);
        held.sent.repairs += 1;
        held.sent.repaired += messages;
        Ok(())
    }
}
