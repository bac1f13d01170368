//! A copy of a ring that goes on meanwhile: which of its messages are whole, and how the others are marked.
//!
//! Copying takes time, and has no order: a page may be copied while a message in it is being overwritten. So the copy
//! isn't trusted. What was published before, and has the same stamp in the ring afterwards, can't have changed in
//! between, and is whole in the copy. The producer overwrites in order. So the slots are looked at from the newest
//! message back, and with the first that was overwritten all older ones are given up.
//!
//! Epoch, state and head are those of one moment, too: if a producer comes or goes meanwhile, all are read again.
//!
//! In the copy, whatever isn't whole is marked as being written, with the stamp that it would have if its slot's next
//! message were. Readers of the copy know what to make of that.
//!
//! # Orderings
//! Those of an observer: `H1`, `E2`, and `R1` before the copy, `R2` after it. The kernel copies in the same thread. The
//! stores to the copy need none, since nothing else knows it yet.

use core::ops::Range;

use crate::format::error::AttachError;
use crate::format::layout::producer_page::{EPOCH_STATE, HEAD};
use crate::format::seq::Seq;
use crate::memory::access::{AsCopy, AsObserver};
use crate::memory::region::Region;
use crate::protocol::producer_page::Moment;
use crate::protocol::stamp::{self, Look};

/// What was published before a ring was copied.
#[derive(Debug)]
pub struct Freeze(Moment);

impl Freeze {
    /// To be called before the ring is copied, in the thread that copies it.
    ///
    /// # Errors
    /// `Damaged`, `Truncated`, `Forked`.
    pub fn begin(ring: &Region<AsObserver>) -> Result<Self, AttachError> {
        ring.read(|ring| {
            // A producer that died in a batch has published more than head counts.
            let beyond = |head: Seq| {
                let mut end = head;
                for _ in 0..ring.slots.count() {
                    let is_there = match stamp::look(ring.slots.at(end)) {
                        Look::Published => true,
                        Look::Void(void) => void == end,
                        _ => false,
                    };
                    if end == Seq::END || !is_there {
                        break;
                    }
                    end = end.next();
                }
                end
            };
            Ok(Self(ring.producer_page.moment(beyond)?))
        })
    }

    /// Makes a ring of the copy, after the ring was copied. Returns which messages it holds: those from before the copy
    /// that weren't overwritten meanwhile.
    ///
    /// # Errors
    /// `Truncated`, `Forked`.
    pub fn settle(self, ring: &Region<AsObserver>, copy: &Region<AsCopy>) -> Result<Range<u64>, AttachError> {
        let Moment { epoch_state, first_seq, end } = self.0;
        let slots = copy.slots.count();
        let mut whole = true;
        let mut first = end;
        for back in 1..=slots {
            let next = copy.slots.at(Seq::new(end.get() + slots - back));
            if back <= end.since(ring.producer_page.first) {
                let slot = ring.slots.at(end.back(back));
                // A void stamp, be it of an earlier message, is as good: this one was skipped, and so was it in the copy.
                let is_kept = || stamp::unchanged(slot) || matches!(stamp::look(slot), Look::Void(_));
                whole = whole && is_kept();
                if whole {
                    first = slot.seq();
                    continue;
                }
            } else if next.stamp().load() == 0 {
                // Never used: that says the same, and a store would fill a hole.
                continue;
            }
            next.stamp().store(next.seq().writing());
        }
        copy.producer_page.word::<HEAD>().store(end.get());
        // The copy may have the word of a later epoch, two on.
        copy.producer_page.first_seq(epoch_state.epoch()).store(first_seq);
        copy.producer_page.word::<EPOCH_STATE>().store(epoch_state.word());
        // If either lost its memory meanwhile, zeros were looked at.
        ring.fork.check_after_for::<AttachError>()?;
        copy.fork.check_after_for::<AttachError>()?;
        Ok(first.get()..end.get())
    }
}
