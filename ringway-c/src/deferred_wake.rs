//! When publishing wakes readers that sleep.
//!
//! # Safety
//! Pointers are checked as `handle` says.
#![allow(unsafe_code)]

use std::time::Duration;

use crate::handle;
use crate::producer::{Producer, ProducerHandle};

/// Says when publishing wakes readers that sleep, which is a system call of some microseconds. If `deferred` isn't 0,
/// publishing wakes nobody: `ringway_producer_wake` does. `every_ns` is the time, in nanoseconds, in which publishing
/// wakes once at most; readers look again when it is over. 0 and 0, as at first: publishing wakes each reader that
/// sleeps. A reader that isn't woken finds a message after 100 ms at most. A call that waits for room wakes the readers
/// first.
///
/// Errors: `RINGWAY_E_CLOSED`, `RINGWAY_E_DEPOSED`, `RINGWAY_E_FORKED`, `RINGWAY_E_TRUNCATED`; `RINGWAY_E_ARGUMENT` while
/// a slot is claimed.
///
/// # Safety
/// `producer` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_producer_defer_wake(
    producer: *mut ProducerHandle,
    deferred: i32,
    every_ns: u64,
) -> i32 {
    handle::call::<Producer>(producer, |producer, _| {
        let role = producer.role()?;
        role.set_wake_every(Duration::from_nanos(every_ns))?;
        role.set_deferred_wake(deferred != 0);
        Ok(0)
    })
}

/// Wakes the readers that sleep, whatever publishing has left asleep. 1 if there were any, else 0.
///
/// Errors: as for `ringway_producer_defer_wake`.
///
/// # Safety
/// `producer` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_producer_wake(producer: *mut ProducerHandle) -> i32 {
    handle::call::<Producer>(producer, |producer, _| Ok(i32::from(producer.role()?.wake()?)))
}
