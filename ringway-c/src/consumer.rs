//! Consumers: they get every message, and hold it until they release it.
//!
//! # Safety
//! Pointers are checked as `handle` and `event` say. What an event's `data` leads to is
//! borrowed from the consumer until C releases it. The consumer outlives that: it isn't freed while it holds messages.
#![allow(unsafe_code)]

use ringway::{Consumer as Role, Outcome, Received, RecvError, Wait};
use ringway_core::at_once;

use crate::codes::*;
use crate::error::{Failure, Misuse};
use crate::event::{Event, Out};
use crate::handle::{self, Freed, Kind};
use crate::interrupt::Interrupts;
use crate::notifier::{ATTEMPTS, Notifier};
use crate::options::start as read_start;
use crate::poison::Poison;
use crate::receive;
use crate::ring::{Ring, RingHandle};
use crate::wait;

/// A consumer: it gets every message from where it started, and holds the producer back by what it hasn't released.
pub struct ConsumerHandle(());

/// What a consumer's handle holds.
pub(crate) struct Consumer {
    /// What makes the descriptor readable, if the program has asked for one. It is dropped before the role.
    notifier: Option<Box<Notifier>>,
    pub(crate) role: Role,
    /// Copies that are filled when they are released.
    pub(crate) poison: Option<Box<Poison>>,
}

static FREED: Freed<Consumer> = Freed::new();

impl Kind for Consumer {
    type Opaque = ConsumerHandle;
    const NAME: &'static str = "consumer";
    const MAGIC: u32 = 0x52_67_77_20;

    fn freed() -> &'static Freed<Self> {
        &FREED
    }

    fn goes_aside(&self) -> bool {
        self.poison.is_some()
    }

    fn check_free(&mut self) -> Result<(), Failure> {
        let (first, next) = (self.role.next_seq(), at_once::next_to_peek(&self.role));
        // In a forked child nothing can be released.
        if next <= first || self.role.producer_alive().is_err() {
            return Ok(());
        }
        Err(Misuse::Held { first, last: next - 1 }.into())
    }
}

impl Consumer {
    /// Receives into `out`.
    pub(crate) fn recv(
        &mut self,
        way: Option<Wait>,
        timeout_ns: i64,
        interrupts: &Interrupts,
        out: Out,
    ) -> Told {
        let Self { role, poison, .. } = self;
        match role.peek()? {
            Outcome::Message(message) => tell(poison, &message, out),
            Outcome::Empty => self.recv_late(way, timeout_ns, interrupts, out),
            event => out.set(Event::other(&event)),
        }
    }

    /// Nothing is there yet.
    #[inline(never)]
    fn recv_late(&mut self, way: Option<Wait>, timeout_ns: i64, interrupts: &Interrupts, out: Out) -> Told {
        let slots = self.role.geometry().slots();
        if at_once::next_to_peek(&self.role).saturating_sub(self.role.next_seq()) >= slots {
            return Err(Misuse::HoldsAll { slots }.into());
        }
        let Some(way) = way else { return self.nothing(RINGWAY_EMPTY, out) };
        self.role.set_wait(way);
        let Self { role, notifier, poison } = self;
        if let Some(notifier) = notifier {
            notifier.settle(role);
        }
        let found = wait::in_slices(timeout_ns, interrupts, |slice| match role.peek_timeout(slice)? {
            Outcome::Message(message) => tell(poison, &message, out).map(Some),
            Outcome::TimedOut => Ok(None),
            event => out.set(Event::other(&event)).map(Some),
        })?;
        found.map_or_else(|| self.nothing(RINGWAY_TIMED_OUT, out), Ok)
    }

    /// Answers that there is nothing, after a look that makes sure that the descriptor tells of what comes.
    fn nothing(&mut self, kind: i32, out: Out) -> Told {
        let Self { role, notifier: Some(notifier), poison } = self else {
            return out.set(Event::of_kind(kind));
        };
        notifier.clear();
        for _ in 0..ATTEMPTS {
            if notifier.arm(role) {
                return out.set(Event::of_kind(kind));
            }
            match role.peek()? {
                Outcome::Message(message) => return tell(poison, &message, out),
                Outcome::Empty => {}
                event => return out.set(Event::other(&event)),
            }
        }
        notifier.ring();
        out.set(Event::of_kind(kind))
    }
}

/// What a call that has told of something returns.
type Told = Result<i32, Failure>;

/// Tells of a message that was received.
fn tell(poison: &mut Option<Box<Poison>>, message: &Received<'_>, out: Out) -> Told {
    let event = Event::message(message);
    match poison {
        None => out.set(event),
        Some(poison) => tell_of_copy(poison, event, out),
    }
}

/// Tells of a message by a copy that a release fills.
#[cold]
#[inline(never)]
fn tell_of_copy(poison: &mut Poison, event: Event, out: Out) -> Told {
    out.set(poison.copy(event)?)
}

/// Takes a consumer's role, in whatever cell is free. `start` is one of `RINGWAY_START_…`, of which two take `at`.
///
/// Errors: `RINGWAY_E_TAKEN` if no cell is free, `RINGWAY_E_OVERWRITTEN`, `RINGWAY_E_READ_ONLY`,
/// `RINGWAY_E_REPLACED`, `RINGWAY_E_DAMAGED`, `RINGWAY_E_NO_MEMORY`, `RINGWAY_E_ARGUMENT`, `RINGWAY_E_OS`.
///
/// # Safety
/// `ring` is NULL or a handle; `out` leads to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_consumer_new(
    ring: *const RingHandle,
    start: i32,
    at: u64,
    out: *mut *mut ConsumerHandle,
) -> i32 {
    handle::call_shared::<Ring>(ring, |ring, _| {
        handle::make(out, || {
            let role = ring.as_ring().consumer(read_start(start, at)?)?;
            Ok(Consumer { role, poison: ring.poisons.then(Box::default), notifier: None })
        })
    })
}

/// Receives the next message, and holds it: `data` of `out` stays as it is until `ringway_consumer_release`. Several
/// messages may be held at once. What isn't released holds the producer back.
///
/// `wait` is one of `RINGWAY_WAIT_…`. A call that waits gives up after `timeout_ns` nanoseconds with the event
/// `RINGWAY_TIMED_OUT`; if that is negative, never. Without waiting, `RINGWAY_EMPTY` says that nothing is there.
/// Events come once, in place of a message.
///
/// `data` leads to the message where it lies if the ring was opened with `RINGWAY_TRUST_PEERS`, else to a private copy.
/// After the release it must not be read: the bytes are another message's then. It can be read without a crash all the
/// same until the consumer is freed. `ringway_consumer_message` tells whether a message is held.
///
/// Sequences that the producer skipped after a message that is held are told by `RINGWAY_LAGGED`, and released with that
/// message.
///
/// Errors: `RINGWAY_E_HELD` if all slots of the ring are held, with messages and what was skipped after one;
/// `RINGWAY_E_INTERRUPTED`, `RINGWAY_E_DAMAGED`, `RINGWAY_E_NO_MEMORY`, `RINGWAY_E_FORKED`, `RINGWAY_E_TRUNCATED`,
/// `RINGWAY_E_ARGUMENT`.
///
/// # Safety
/// `consumer` is NULL or a handle; `out` leads to an event.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_consumer_recv(
    consumer: *mut ConsumerHandle,
    wait: i32,
    timeout_ns: i64,
    out: *mut Event,
) -> i32 {
    receive::recv(consumer, wait, timeout_ns, out)
}

/// Receives as many messages as are there, `max` at most, and holds them. Only the first is waited for. Returns how
/// many events were set, 1 at least: all of them messages, but for the last.
///
/// Errors: those of `ringway_consumer_recv`, if the first call of it would have failed.
///
/// # Safety
/// `consumer` is NULL or a handle; `out` leads to `max` events.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_consumer_recv_batch(
    consumer: *mut ConsumerHandle,
    wait: i32,
    timeout_ns: i64,
    out: *mut Event,
    max: usize,
) -> i32 {
    handle::call::<Consumer>(consumer, |consumer, interrupts| {
        let first = Out::new(out)?;
        let max = max.min(i32::MAX as usize);
        if max == 0 {
            return Err(Misuse::NoRoom.into());
        }
        consumer.recv(wait::way(wait)?, timeout_ns, interrupts, first)?;
        let (mut last, mut count) = (first, 1);
        while last.is_message() && count < max {
            // SAFETY: by the function's contract there are `max` events, and this is one of them.
            last = Out::new(unsafe { out.add(count) })?;
            // What fails here fails again in the next call. Nothing to read is nothing to tell.
            if consumer.recv(None, 0, interrupts, last).is_err() || last.is_empty() {
                break;
            }
            count += 1;
        }
        Ok(count as i32)
    })
}

/// Tells of a message that is held: the same event that receiving it gave.
///
/// Errors: `RINGWAY_E_ARGUMENT` if message `seq` isn't held, as after its release; `RINGWAY_E_DAMAGED`,
/// `RINGWAY_E_FORKED`, `RINGWAY_E_TRUNCATED`.
///
/// # Safety
/// `consumer` is NULL or a handle; `out` leads to an event.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_consumer_message(
    consumer: *mut ConsumerHandle,
    seq: u64,
    out: *mut Event,
) -> i32 {
    handle::call::<Consumer>(consumer, |consumer, _| {
        let out = Out::new(out)?;
        let event = Event::message(&consumer.role.peeked(seq)?);
        out.set(consumer.poison.as_ref().map_or(event, |poison| poison.find(event)))
    })
}

/// Releases the messages up to and including `through_seq`: the producer may overwrite them, and their bytes must not
/// be read any more. Those after it stay held.
///
/// Errors: `RINGWAY_E_ARGUMENT` if that message isn't held: nothing is released then. `RINGWAY_E_FORKED`,
/// `RINGWAY_E_TRUNCATED`.
///
/// # Safety
/// `consumer` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_consumer_release(consumer: *mut ConsumerHandle, through_seq: u64) -> i32 {
    receive::release(consumer, through_seq)
}

/// Skips `n` messages at most, as far as they are published, without reading them. Returns in `skipped`, which may be
/// NULL, how many. No message may be held.
///
/// Errors: `RINGWAY_E_HELD`, `RINGWAY_E_DAMAGED`, `RINGWAY_E_FORKED`, `RINGWAY_E_TRUNCATED`, `RINGWAY_E_ARGUMENT`.
///
/// # Safety
/// `consumer` is NULL or a handle; `skipped` is NULL or leads to a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_consumer_skip(
    consumer: *mut ConsumerHandle,
    n: u64,
    skipped: *mut u64,
) -> i32 {
    handle::call::<Consumer>(consumer, |consumer, _| {
        consumer.check_free()?;
        let count = consumer.role.skip(n)?;
        // SAFETY: by the function's contract.
        unsafe { set_number(skipped, count) };
        Ok(0)
    })
}

/// Tells the sequence of the oldest message that isn't released, and of the next to be received. Each pointer may be
/// NULL.
///
/// # Safety
/// `consumer` is NULL or a handle; the others are NULL or lead to a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_consumer_position(
    consumer: *mut ConsumerHandle,
    oldest: *mut u64,
    next: *mut u64,
) -> i32 {
    handle::call::<Consumer>(consumer, |consumer, _| {
        let first = consumer.role.next_seq();
        // SAFETY: by the function's contract.
        unsafe {
            set_number(oldest, first);
            set_number(next, at_once::next_to_peek(&consumer.role));
        }
        Ok(0)
    })
}

/// A descriptor for `poll`, `epoll` and their like, which becomes readable once there may be something to receive. It
/// stays the handle's: it is closed with it, and not read.
///
/// Receive without waiting until `RINGWAY_EMPTY` comes: that answer (or `RINGWAY_TIMED_OUT`) arms the descriptor. Until
/// then it may not tell. It is readable now and then although nothing is there: that is when a call asks whether the
/// producer lives, and so it is told of `RINGWAY_PRODUCER_LOST`, too. A thread of the library's own, one for up to 127
/// handles, sleeps for it.
///
/// A forked child inherits the descriptor. A call on the handle leaves it alone there, and fails. What the child itself
/// reads from the descriptor is taken from the parent: close it in the child.
///
/// Errors: `RINGWAY_E_FORKED`, `RINGWAY_E_OS`, `RINGWAY_E_ARGUMENT`.
///
/// # Safety
/// `consumer` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_consumer_fd(consumer: *mut ConsumerHandle) -> i32 {
    handle::call::<Consumer>(consumer, |consumer, _| {
        consumer.role.producer_alive().map_err(RecvError::from)?;
        Notifier::fd(&mut consumer.notifier)
    })
}

/// Ends this consumer's current or next wait: see `ringway_interrupt`. A signal handler or another thread may call it,
/// while the handle isn't freed. It sets no text.
///
/// # Safety
/// `consumer` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_consumer_interrupt(consumer: *const ConsumerHandle) -> i32 {
    handle::interrupt::<Consumer>(consumer)
}

/// Leaves the ring, and frees the handle. NULL is nothing to free.
///
/// Errors: `RINGWAY_E_HELD` if it holds messages, and the text says which: release them first. `RINGWAY_E_ARGUMENT`.
///
/// # Safety
/// `consumer` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_consumer_free(consumer: *mut ConsumerHandle) -> i32 {
    handle::free::<Consumer>(consumer)
}

/// Sets a number that C may not want.
///
/// # Safety
/// `to` is NULL or leads to a number.
pub(crate) unsafe fn set_number(to: *mut u64, number: u64) {
    if !to.is_null() {
        // SAFETY: not NULL, and by the function's contract a number.
        unsafe { to.write_unaligned(number) };
    }
}
