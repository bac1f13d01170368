//! Receiving and releasing one message: the short ways, and the long ones that they jump to.
//!
//! # Safety
//! Pointers are checked as `handle` and `event` say.
#![allow(unsafe_code)]

use ringway::Received;
use ringway_core::at_once;

use crate::codes::RINGWAY_WAIT_NONE;
use crate::consumer::{Consumer, ConsumerHandle};
use crate::event::{Event, Out};
use crate::handle;
use crate::wait;

/// What `ringway_consumer_recv` does.
#[inline(always)]
pub(crate) fn recv(consumer: *mut ConsumerHandle, wait: i32, timeout_ns: i64, out: *mut Event) -> i32 {
    if !out.is_null() && out.is_aligned() && wait::is_way(wait) {
        let received = handle::shortly::<Consumer, _>(consumer, |consumer, _| {
            tell_at_once(at_once::peek(&consumer.role), out)
        });
        match received {
            Some(true) => return 0,
            Some(false) if wait != RINGWAY_WAIT_NONE => return recv_soon(consumer, wait, timeout_ns, out),
            _ => {}
        }
    }
    recv_in_every_case(consumer, wait, timeout_ns, out)
}

/// Tells of a message, if there is one, straight to where C wants the event: `out` is checked.
#[inline(always)]
fn tell_at_once(message: Option<Received<'_>>, out: *mut Event) -> bool {
    let Some(message) = message else { return false };
    // SAFETY: not NULL, aligned, and by C's word an event.
    unsafe { out.write(Event::message(&message)) };
    true
}

/// Looks again for a moment: the answer to a request comes here most often, and doesn't pass through all else that
/// waiting takes.
#[inline(never)]
extern "C" fn recv_soon(consumer: *mut ConsumerHandle, wait: i32, timeout_ns: i64, out: *mut Event) -> i32 {
    let received = handle::shortly::<Consumer, _>(consumer, |consumer, interrupts| {
        timeout_ns != 0 && !interrupts.is_raised() && tell_at_once(at_once::peek_briefly(&consumer.role), out)
    });
    if received == Some(true) { 0 } else { recv_in_every_case(consumer, wait, timeout_ns, out) }
}

#[cold]
#[inline(never)]
extern "C" fn recv_in_every_case(
    consumer: *mut ConsumerHandle,
    wait: i32,
    timeout_ns: i64,
    out: *mut Event,
) -> i32 {
    handle::call::<Consumer>(consumer, |consumer, interrupts| {
        let out = Out::new(out)?;
        let way = wait::way(wait)?;
        consumer.recv(way, timeout_ns, interrupts, out)
    })
}

/// What `ringway_consumer_release` does.
#[inline(always)]
pub(crate) fn release(consumer: *mut ConsumerHandle, through_seq: u64) -> i32 {
    let released = handle::shortly::<Consumer, _>(consumer, |consumer, _| {
        at_once::release(&mut consumer.role, through_seq)
    });
    match released {
        Some(Some(false)) => 0,
        Some(Some(true)) => wake_producer(consumer),
        _ => release_in_every_case(consumer, through_seq),
    }
}

#[cold]
#[inline(never)]
extern "C" fn wake_producer(consumer: *mut ConsumerHandle) -> i32 {
    handle::call::<Consumer>(consumer, |consumer, _| {
        at_once::wake_producer(&consumer.role);
        Ok(0)
    })
}

#[cold]
#[inline(never)]
extern "C" fn release_in_every_case(consumer: *mut ConsumerHandle, through_seq: u64) -> i32 {
    handle::call::<Consumer>(consumer, |consumer, _| {
        consumer.role.release_through(through_seq)?;
        if let Some(poison) = &mut consumer.poison {
            poison.release(through_seq);
        }
        Ok(0)
    })
}
