//! How the producer of a full ring waits for room.

use core::time::Duration;

use crate::format::error::{Full, PublishError};
use crate::format::layout::{cell, producer_page};
use crate::memory::cancel_word::Cancelling;
use crate::memory::sleep_slices;
use crate::memory::sleep_ticket::SleepTicket;
use crate::ordering::fault::{Fault, seeded};
use crate::ordering::membarrier;
use crate::protocol::doorbell::{self, Prepared};
use crate::protocol::scan::Purpose;
use crate::protocol::wait::{Limit, Pause, Waiter};
use crate::roles::producer::Producer;
use crate::roles::waitable::{Phases, Readiness, Waitable};

/// The longest that the producer sleeps before it asks whether the consumer that it waits for lives.
const SLICE: Duration = Duration::from_millis(10);
/// A consumer that has released so large a part of the ring wakes the producer: each sleep costs both sides more than
/// some messages do.
const PART: u64 = 4;

/// The largest room, in messages, that a producer waits for while its consumer reads a stream.
const MOST_AHEAD: u64 = 4096;
/// How often it looks at most, and how many pauses of the processor lie between two looks: some 50 microseconds in all.
///
/// A model looks once.
const LOOKS: u32 = if cfg!(loom) { 1 } else { 64 };
const PAUSES: u32 = 16;
/// A consumer that released fewer messages between two looks reads no stream: less than 10 million a second.
const STREAM: u64 = 8;
/// How many such looks end the wait. A consumer of batches releases many messages at once, and then none for a while.
const STILL: u32 = 2;
/// A call with less time than this doesn't wait for more than it needs.
const TIME_FOR_MORE: Duration = Duration::from_millis(1);
/// How often a handle that is about to sleep turns to the consumer that fills the ring by now.
const TRIES: u32 = 4;

impl Producer {
    /// Makes sure that the next message may be written: waits as long as `limit` says, or not at all.
    #[inline(always)]
    pub(crate) fn reserve_within(&mut self, limit: Option<Limit>) -> Result<(), PublishError> {
        match (self.reserve(), limit) {
            (Err(PublishError::Full(full)), Some(limit)) => self.wait_while_full(full, 1, limit),
            (other, _) => other,
        }
    }

    /// Makes sure that the next `needed` messages may be written, half a lap at most: waits as long as `limit` says, or
    /// not at all.
    pub(crate) fn reserve_many_within(
        &mut self,
        needed: u64,
        limit: Option<Limit>,
    ) -> Result<(), PublishError> {
        match (self.reserve_many(needed), limit) {
            (Err(PublishError::Full(full)), Some(limit)) => self.wait_while_full(full, needed, limit),
            (other, _) => other,
        }
    }

    /// Waits for room for `needed` messages.
    #[cold]
    fn wait_while_full(&mut self, full: Full, needed: u64, limit: Limit) -> Result<(), PublishError> {
        // The time counts from here.
        let limit = limit.started();
        self.scanner.clock.set_waits(true);
        // Or each side would sleep for the other.
        doorbell::wake_before_waiting(&self.region);
        if limit.leaves(TIME_FOR_MORE) {
            self.let_catch_up(&full);
        }
        if seeded(Fault::CancelTakenFirst) {
            self.cancelling.take();
        }
        let mut waiter = Waiter::new(self.wait, limit);
        let room = self.pass_time(full, needed, &mut waiter);
        self.scanner.clock.set_waits(false);
        waiter
            .ended(!matches!(room, Err(PublishError::TimedOut(_) | PublishError::Cancelled)), &mut self.wait);
        room
    }

    /// Waits as `waiter` says.
    fn pass_time(&mut self, mut full: Full, needed: u64, waiter: &mut Waiter) -> Result<(), PublishError> {
        loop {
            let pause = waiter.pause();
            // After each look that has shown no room: a call that has it publishes. A call without time doesn't wait.
            if pause != Pause::TimedOut && self.cancelling.take() {
                return Err(PublishError::Cancelled);
            }
            match pause {
                // A scan asks the kernel whether the consumer lives, every 10 ms.
                Pause::Again | Pause::CheckLiveness => {}
                Pause::Sleep(time) => {
                    let slept = waiter.sleep(|| self.sleep(&full, needed, time))?;
                    // A modelled sleeper makes no further step.
                    if cfg!(loom) && slept {
                        return Err(PublishError::TimedOut(full));
                    }
                }
                Pause::TimedOut => return Err(PublishError::TimedOut(full)),
            }
            match self.reserve_many(needed) {
                Err(PublishError::Full(still)) => full = still,
                other => return other,
            }
        }
    }

    /// Lets a consumer that reads a stream get further ahead than one message: a producer that follows it slot by slot
    /// takes from it the cache lines that it reads, and reads its cursor each time.
    ///
    /// The cursor is a hint here: whichever consumer it is of, and whatever it holds, the scan that follows says what
    /// there is.
    fn let_catch_up(&self, full: &Full) {
        let slots = self.region.geometry.slots;
        let cursor = || self.region.cells.word::<{ cell::CURSOR }>(full.cell).load();
        let enough = self.position.next.plus((slots / PART).min(MOST_AHEAD)).back(slots).get();
        let (mut last, mut still) = (cursor(), 0);
        for _ in 0..LOOKS {
            (0..PAUSES).for_each(|_| core::hint::spin_loop());
            let now = cursor();
            still = if now.wrapping_sub(last) < STREAM { still + 1 } else { 0 };
            if now >= enough || still == STILL {
                return;
            }
            last = now;
        }
    }

    /// Sleeps until the consumer that fills the ring has released a part of it and made room for `needed` messages.
    /// The sleep also ends when that consumer leaves, when `time` has passed, or by chance. Whether the call has slept:
    /// not if there is room now, or another consumer fills the ring.
    #[cold]
    fn sleep(&mut self, full: &Full, needed: u64, time: Duration) -> Result<bool, PublishError> {
        let prepared = self.say_blocked(full.cell, needed)?;
        let sure = !prepared.needs_barrier || membarrier::barrier();
        let sleeps = self.filled_by(prepared.cell, needed, Purpose::Writes)? == Some(prepared.cell);
        if sleeps {
            let ticket = self.ticket(&prepared, sure);
            let bell = self.region.cells.space_bell(prepared.cell);
            let timed_out = self.cancelling.sleep(&bell, &ticket, time);
            // A modelled sleeper makes no further step.
            if cfg!(loom) {
                return Ok(true);
            }
            self.slept(&ticket, timed_out);
        } else {
            self.say_unblocked();
        }
        Ok(sleeps)
    }

    /// Asks the consumer in `cell`, which fills the ring, to wake this producer once it has released a part of the ring
    /// and made room for `needed` messages.
    fn say_blocked(&mut self, cell: usize, needed: u64) -> Result<Prepared, PublishError> {
        // The ring may still be known to be full by a scan from before a successor came, whose page this is then.
        self.check_epoch()?;
        let next = self.position.next;
        let slots = self.region.geometry.slots;
        let value = self.region.cells.space_bell(cell).load();
        let words = &self.region.producer_page;
        // `needed` may be there before the cursor has come a lap behind head: no sequence is below 0.
        let wake_at = next.plus(needed.max(slots / PART)).back(slots);
        words.word::<{ producer_page::WAKE_AT }>().store(wake_at.get());
        words.word::<{ producer_page::BLOCKED_ON }>().store(words.blocked_on_nobody() | (cell as u64 + 1));
        let asymmetric = words.own_is_asymmetric();
        // Nothing comes of interrupting the others if that consumer isn't among them.
        let registered = || self.region.cells.word::<{ cell::REGISTERED }>(cell).load() == 1;
        let needs_barrier = asymmetric && registered();
        let slice = if asymmetric && !needs_barrier { sleep_slices::SHORT } else { SLICE };
        Ok(Prepared { value, slice, needs_barrier, cell })
    }

    /// Whether the page is this handle's: not in a forked child, and not once another producer has come.
    fn owns_page(&self) -> bool {
        self.region.fork.check().is_ok() && self.check_epoch().is_ok()
    }

    /// Takes back that this producer waits.
    fn say_unblocked(&self) {
        let (words, nobody) = (&self.region.producer_page, self.region.producer_page.blocked_on_nobody());
        let blocked_on = words.word::<{ producer_page::BLOCKED_ON }>();
        // Its cache line is the consumers', too.
        if blocked_on.load_own() != nobody {
            blocked_on.store(nobody);
        }
    }

    /// The cell that leaves no room for `needed` messages, by a new scan; `None` if there is room, or no consumer to
    /// publish to, or no patience left for the readers that leave none: the next scan says which. This producer waits for
    /// `cell`.
    fn filled_by(
        &mut self,
        cell: usize,
        needed: u64,
        purpose: Purpose,
    ) -> Result<Option<usize>, PublishError> {
        if seeded(Fault::SleepWithoutScan) {
            return Ok(Some(cell));
        }
        match self.scan_for(needed, purpose) {
            Ok(()) | Err(PublishError::NoReaders) => Ok(None),
            Err(PublishError::Full(_)) if self.scanner.take_out_of_patience() => Ok(None),
            Err(PublishError::Full(full)) => Ok(Some(full.cell)),
            Err(error) => Err(error),
        }
    }

    /// What this producer sleeps on once a scan has shown no room.
    fn ticket(&self, prepared: &Prepared, sure: bool) -> SleepTicket {
        let bell = self.region.cells.space_bell(prepared.cell);
        let value = if seeded(Fault::SpaceAfterScan) { bell.load() } else { prepared.value };
        let slice = self.region.slices.longest(prepared.slice(sure));
        // A reader that reads nothing wakes nobody when the patience ends.
        let longest = self.scanner.clock.left().map_or(slice, |left| left.min(slice));
        SleepTicket::new(&bell, value, longest).of_cell(prepared.cell)
    }

    /// What a call that publishes a message would find, if that is no room. Nobody is passed over: no message may ever be
    /// written.
    fn full(&mut self) -> Option<Full> {
        self.region.fork.check().ok()?;
        if self.position.next < self.position.limit {
            return None;
        }
        let room = self.look_for_room(1, Purpose::Waits);
        #[cfg(loom)]
        self.store_deferred_head();
        match room {
            Err(PublishError::Full(full)) if !self.scanner.take_out_of_patience() => Some(full),
            _ => None,
        }
    }

    /// No sleep would bring room: there is some, or the next call fails. It is to scan, and to find what is wrong.
    fn ready(&mut self) -> Readiness {
        self.scanner.forget();
        if self.owns_page() {
            self.say_unblocked();
        }
        Readiness::Ready
    }
}

impl Phases for Producer {
    fn is_ready(&mut self) -> bool {
        self.full().is_none()
    }

    fn prepare(&mut self) -> Option<Prepared> {
        let prepared = self.full().and_then(|full| {
            doorbell::wake_before_waiting(&self.region);
            self.say_blocked(full.cell, 1).ok()
        });
        if prepared.is_none() {
            let _ = self.ready();
        }
        prepared
    }

    /// A scan that finds no room asks the kernel whether the consumer lives, so `asks` changes nothing.
    fn last_look(&mut self, prepared: &Prepared, sure: bool, _asks: bool) -> Readiness {
        let (mut prepared, mut sure) = (*prepared, sure);
        for _ in 0..TRIES {
            let cell = match self.filled_by(prepared.cell, 1, Purpose::Waits) {
                Ok(Some(cell)) if cell == prepared.cell => {
                    return Readiness::Sleep(self.ticket(&prepared, sure));
                }
                Ok(Some(other)) => other,
                Ok(None) | Err(_) => return self.ready(),
            };
            let Ok(again) = self.say_blocked(cell, 1) else { return self.ready() };
            sure = !again.needs_barrier || membarrier::barrier();
            prepared = again;
        }
        // Consumers take turns at it. A short sleep needs no last look.
        Readiness::Sleep(self.ticket(&prepared, false))
    }

    /// Nothing: a look at a full ring asks by itself, every 10 ms.
    fn ask_kernel(&mut self) -> bool {
        false
    }

    fn end_sleep(&mut self, ticket: &SleepTicket, timed_out: bool) {
        // The page of a deposed producer is its successor's, and a forked child may have none.
        if !self.owns_page() {
            return;
        }
        if ticket.cell() < self.region.cells.count() {
            let bell = self.region.cells.space_bell(ticket.cell());
            self.region.slices.ended(timed_out && bell.load() != ticket.value());
        }
        self.scanner.clock.slept(ticket.longest());
        self.say_unblocked();
    }

    fn cancelling(&self) -> &Cancelling {
        &self.cancelling
    }
}
