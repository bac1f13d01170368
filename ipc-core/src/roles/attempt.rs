//! An observer's attempt at the next message: copied out, and accepted only if it is whole.

use core::time::Duration;

use crate::format::error::RecvError;
use crate::format::seq::Seq;
use crate::memory::access::AsObserver;
use crate::memory::region::Region;
use crate::memory::sleep_ticket::SleepTicket;
use crate::ordering::fault::{Fault, seeded};
use crate::protocol::doorbell::{self, Prepared};
use crate::protocol::message::{Copied, Outcome};
use crate::protocol::stamp::{self, Look, SlotHeader};
use crate::protocol::void::Voids;
use crate::protocol::wait;
use crate::roles::observer::{Observer, Resume};
use crate::roles::waitable::{Phases, Readiness, Waitable};

impl Observer {
    /// Why the next message isn't there.
    #[cold]
    #[inline(never)]
    fn event(&mut self) -> Result<Outcome<Copied>, RecvError> {
        Ok(self.why_empty()?.map_or(Outcome::Empty, Outcome::without_message))
    }

    /// The same: `None` if the ring is just empty.
    fn why_empty(&self) -> Result<Option<Outcome<()>>, RecvError> {
        let Self { region, next, why_empty, .. } = self;
        let event = why_empty.event(&region.producer_page, &region.slots, *next);
        region.fork.check_after()?;
        Ok(event?)
    }

    /// Whether the producer lives: asks the kernel.
    #[cold]
    #[inline(never)]
    fn ask(&self) -> Result<Option<Outcome<()>>, RecvError> {
        let Self { region, next, why_empty, .. } = self;
        region.fork.check()?;
        let event = why_empty.ask_kernel(&region.producer_page, &region.slots, *next, &*region.keeper);
        region.fork.check_after()?;
        Ok(event?)
    }

    #[inline]
    pub(super) fn attempt(&mut self, buffer: &mut [u8]) -> Result<Outcome<Copied>, RecvError> {
        self.region.fork.check_for::<RecvError>()?;
        let Self { region, next, why_empty, .. } = self;
        let (slot, seq) = (region.slots.at(*next), *next);
        match stamp::look(slot) {
            Look::Published => {}
            Look::NotYet if why_empty.is_open(&region.producer_page) => return Ok(Outcome::Empty),
            Look::NotYet => return self.event(),
            Look::Gone(stamp) => return self.lapped(stamp),
            Look::Void(void) => return self.void(void),
        }
        // Until the second look at the stamp nothing read here means anything, the length included: it only
        // bounds the copy.
        let header = stamp::header(slot);
        let fits = match &header {
            Ok(SlotHeader { len, .. }) if len.get() <= buffer.len() => {
                slot.copy_out(*len, buffer);
                true
            }
            _ => false,
        };
        if !stamp::unchanged(slot) {
            // Memory that is gone has no stamps either, so a copy that missed it doesn't get past here.
            region.fork.check_after()?;
            // Looked at once more, since `lapped` needs a head that is no older than the stamp (`R1`).
            return match stamp::look(slot) {
                Look::Gone(stamp) => self.lapped(stamp),
                // A stamp never goes back, nor stays as it was a moment ago.
                _ => Err(stamp::bad_stamp(seq, slot.stamp().load(), seq.next()).into()),
            };
        }
        let SlotHeader { len, tag } = header?;
        if !fits {
            return Err(RecvError::TooSmall { needed: len.get(), found: buffer.len() });
        }
        self.next = seq.next();
        self.margin = 0;
        Ok(Outcome::Message(Copied { seq: seq.get(), tag, len: len.get() }))
    }

    /// The next message's slot has the void stamp of `void`: the message is void, too, or isn't there yet.
    #[cold]
    #[inline(never)]
    fn void(&mut self, void: Seq) -> Result<Outcome<Copied>, RecvError> {
        let end = self.region.read(|region| -> Result<Seq, RecvError> {
            let Region { geometry, producer_page, slots, .. } = region;
            Ok(Voids::after(geometry, producer_page, slots, self.next, void)?.end())
        })?;
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
        let region = &self.region;
        if region.fork.check().is_err() {
            return true;
        }
        // A message that comes between the two looks of an event is found by a second one.
        for _ in 0..2 {
            if !matches!(self.why_empty.has_come(&region.producer_page, &region.slots, self.next), Ok(false))
            {
                return true;
            }
            if self.why_empty.is_open(&region.producer_page) {
                return false;
            }
            if self.why_empty.has_kept() || self.why_empty.keep(self.why_empty()) {
                return true;
            }
        }
        false
    }

    fn prepare(&mut self) -> Option<Prepared> {
        self.region.fork.check().ok()?;
        Some(doorbell::prepare_nap(&self.region))
    }

    fn last_look(&mut self, prepared: &Prepared, sure: bool, asks: bool) -> Readiness {
        if self.is_ready() {
            return Readiness::Ready;
        }
        if (self.why_empty.must_ask(prepared.value) || asks) && self.ask_kernel() {
            return Readiness::Ready;
        }
        Readiness::Sleep(doorbell::ticket(&self.region, prepared, sure))
    }

    fn ask_kernel(&mut self) -> bool {
        !self.why_empty.has_kept() && self.why_empty.keep(self.ask())
    }

    fn end_sleep(&mut self, ticket: &SleepTicket, timed_out: bool) {
        doorbell::slept(&self.region, ticket, timed_out);
    }
}

/// An observer, and where it copies to.
pub(super) struct Copying<'o, 'b> {
    pub(super) observer: &'o mut Observer,
    pub(super) buffer: &'b mut [u8],
}

impl wait::Reader for Copying<'_, '_> {
    type Got = Copied;

    #[inline]
    fn poll(&mut self) -> Result<Outcome<Copied>, RecvError> {
        self.observer.attempt(self.buffer)
    }

    fn ask(&mut self) -> Result<Option<Outcome<()>>, RecvError> {
        self.observer.ask()
    }

    #[cold]
    #[inline(never)]
    fn sleep(&mut self, time: Duration) -> Result<Outcome<Copied>, RecvError> {
        match self.observer.prepare_sleep(false) {
            Readiness::Ready => self.poll(),
            Readiness::Sleep(ticket) => {
                let timed_out = doorbell::sleep(&self.observer.region, &ticket, time);
                self.observer.slept(&ticket, timed_out);
                Ok(Outcome::Empty)
            }
        }
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
