//! An observer's attempt at the next message, and where it goes on once it is lapped.

use crate::format::error::RecvError;
use crate::format::seq::Seq;
use crate::memory::access::AsObserver;
use crate::memory::cancel_word::Cancelling;
use crate::memory::region::Region;
use crate::memory::scratch::Scratch;
use crate::memory::sleep_ticket::SleepTicket;
use crate::ordering::fault::{Fault, seeded};
use crate::protocol::doorbell::{self, Prepared};
use crate::protocol::message::{Copied, Outcome, Resume};
use crate::protocol::stamp::{self, Look};
use crate::protocol::wait::WaitPolicy;
use crate::protocol::why_empty::WhyEmpty;
use crate::roles::copier::{self, Attempt, Copier};
use crate::roles::observer::Observer;
use crate::roles::waitable::{Phases, Readiness};

impl Copier for Observer {
    type As = AsObserver;

    #[inline(always)]
    fn region(&self) -> &Region<AsObserver> {
        &self.region
    }

    #[inline(always)]
    fn next(&self) -> Seq {
        self.next
    }

    #[inline(always)]
    fn notes(&self) -> &WhyEmpty {
        &self.why_empty
    }

    #[inline(always)]
    fn scratch(&mut self) -> &mut Scratch {
        &mut self.scratch
    }

    fn policy(&mut self) -> &mut WaitPolicy {
        &mut self.wait
    }

    #[inline]
    fn attempt(&mut self, buffer: &mut [u8]) -> Result<Outcome<Copied>, RecvError> {
        self.region.fork.check_for::<RecvError>()?;
        let Self { region, next, why_empty, .. } = self;
        match copier::attempt(region, region.slots.at(*next), why_empty, buffer)? {
            Attempt::Message(copied) => {
                self.next = next.next();
                self.margin = 0;
                Ok(Outcome::Message(copied))
            }
            Attempt::Empty => Ok(Outcome::Empty),
            Attempt::NotThere => self.event(),
            Attempt::Gone(stamp) => self.lapped(stamp),
            Attempt::Void(void) => self.void(void),
        }
    }
}

impl Observer {
    /// The next message's slot has the void stamp of `void`: the message is void, too, or isn't there yet.
    #[cold]
    #[inline(never)]
    fn void(&mut self, void: Seq) -> Result<Outcome<Copied>, RecvError> {
        let end = self.end_of_void(void)?;
        let skipped = end.since(self.next);
        if skipped == 0 {
            return self.event();
        }
        self.lost = self.lost.wrapping_add(skipped);
        self.next = end;
        Ok(Outcome::Lagged(skipped))
    }

    /// The producer has taken the next message's slot for a later one, whose stamp was read: where to go on,
    /// and what is lost by that.
    #[cold]
    fn lapped<M>(&mut self, stamp: u64) -> Result<Outcome<M>, RecvError> {
        let slots = self.region.geometry.slots;
        let resume = self.region.read(|region| -> Result<Seq, RecvError> {
            let head = region.producer_page.head()?;
            let later = stamp::overtaker(self.next, stamp, head, &region.geometry)?;
            let newest = head.max(end_shown_by(region, stamp, later));
            Ok(match self.resume {
                Resume::Latest => newest,
                Resume::OldestSafe => oldest(region, newest, self.margin),
            })
        })?;
        self.margin = (self.margin * 2).clamp((slots / 8).max(1), slots / 2);
        // At least the message just missed is lost.
        let resume = resume.max(self.next.next());
        let lost = resume.since(self.next);
        // It wraps only where a peer moves head to and fro while this observer seeks.
        self.lost = self.lost.wrapping_add(lost);
        self.next = resume;
        Ok(Outcome::Lagged(lost))
    }
}

impl Phases for Observer {
    fn is_ready(&mut self) -> bool {
        self.has_something()
    }

    fn prepare(&mut self) -> Option<Prepared> {
        self.region.fork.check().ok()?;
        Some(doorbell::prepare_nap(&self.region))
    }

    fn last_look(&mut self, prepared: &Prepared, sure: bool, asks: bool) -> Readiness {
        self.look_last(prepared, sure, asks)
    }

    fn ask_kernel(&mut self) -> bool {
        self.ask_for_later()
    }

    fn end_sleep(&mut self, ticket: &SleepTicket, timed_out: bool) {
        doorbell::slept(&self.region, ticket, timed_out);
    }

    fn cancelling(&self) -> &Cancelling {
        &self.cancelling
    }
}

/// Up to where all messages are published, as far as `stamp` shows: that of the slot that message `later` has taken.
fn end_shown_by(region: &Region<AsObserver>, stamp: u64, later: Seq) -> Seq {
    if stamp == later.published() || stamp == later.void() {
        return later.next();
    }
    if seeded(Fault::MarkAsEnd) {
        return later;
    }
    match stamp::look(region.slots.at(later.back(1))) {
        // A void stamp of an earlier message was there before the mark: the one between was skipped.
        Look::Published | Look::Gone(_) | Look::Void(_) => later,
        // A batch is claimed: its slots are marked before any of it is published. It is half a lap long at most.
        Look::NotYet => later.next().back(region.geometry.slots / 2),
    }
}

/// The oldest message still kept where all before `newest` are published; or later, `margin` messages from the edge of
/// the lap.
pub(super) fn oldest(region: &Region<AsObserver>, newest: Seq, margin: u64) -> Seq {
    let (edge, floor) = (region.geometry.edge(newest), region.geometry.floor(newest));
    // The slots from the edge on are marked in order, for one message or for a batch that is claimed. The producer marks
    // none from the floor on before `newest` is published.
    let (mut oldest, mut kept) = (edge, floor);
    while oldest < kept {
        let middle = oldest.plus(kept.since(oldest) / 2);
        // A void message is kept, also by the stamp of an earlier one: all between are void.
        if matches!(stamp::look(region.slots.at(middle)), Look::Published | Look::Void(_)) {
            kept = middle;
        } else {
            oldest = middle.next();
        }
    }
    oldest.max(edge.plus(margin)).min(floor)
}
