//! Peeking over what was skipped.

use crate::format::error::RecvError;
use crate::format::seq::Seq;
use crate::protocol::message::{Outcome, Received};
use crate::protocol::stamp::SlotHeader;
use crate::roles::consumer::Consumer;
use crate::roles::found::Found;

impl Consumer {
    /// Passes over void messages from `seq` on, whose slot has the void stamp of `void`. While nothing is held, they are
    /// released: nobody borrows from their slots.
    #[cold]
    pub(super) fn pass_void(&self, seq: Seq, void: Seq) -> Result<Outcome<Received<'_>>, RecvError> {
        self.release_told();
        let skipped = if seq == self.cursor.next() {
            self.cursor.pass_void(void)?
        } else {
            let end = self.cursor.end_of_void(seq, void)?;
            self.peeked.next.set(end);
            end.since(seq)
        };
        if skipped == 0 { self.why_not(seq) } else { Ok(Outcome::Lagged(skipped)) }
    }

    /// Passes over void messages from the next one on, whose slot has the void stamp of `void`, in a call that receives.
    /// What a peek has told of them isn't told again. What there is to tell instead: nothing if the next message is still
    /// to come.
    #[cold]
    pub(super) fn receive_over(&self, void: Seq) -> Result<Option<Outcome<SlotHeader>>, RecvError> {
        let void = match self.release_told() {
            false => void,
            true => match self.cursor.next_header()? {
                Found::Message(header) => return Ok(Some(Outcome::Message(header))),
                Found::NotYet => return Ok(None),
                Found::Void(void) => void,
            },
        };
        let skipped = self.cursor.pass_void(void)?;
        Ok((skipped > 0).then_some(Outcome::Lagged(skipped)))
    }

    /// Releases what a peek has told to be void, where no message before it is held any more. Whether there was any.
    #[cold]
    #[inline(never)]
    pub(super) fn release_told(&self) -> bool {
        let next = self.cursor.next();
        if self.next_to_peek() == next || self.cursor.region.fork.check().is_err() {
            return false;
        }
        let end = self.void_after(next);
        if end > next {
            self.cursor.release_many(end.since(next));
        }
        end > next
    }

    /// The first message from `end` on that wasn't told to be void: what was is released with the message before. Nothing
    /// was told of what is held unread.
    ///
    /// Where peers aren't trusted, what this consumer has copied tells, and nothing that they can change. Elsewhere
    /// damage is left to the call that reads on: it keeps nothing from being released.
    pub(super) fn void_after(&self, end: Seq) -> Seq {
        let (told, region) = (self.next_to_peek(), &self.cursor.region);
        if end < self.peeked.unread {
            return end;
        }
        if end >= told || !region.geometry.can_skip() {
            return end;
        }
        if !region.in_place {
            return self.peeked.next_copy(end).unwrap_or(told);
        }
        match self.cursor.header_in(region.slots.at(end)) {
            Ok(Found::Void(void)) => self.cursor.end_of_void(end, void).unwrap_or(end).min(told),
            _ => end,
        }
    }
}
