//! Cancellers: what ends a wait of another thread at once, and may outlive the handle whose wait it is.
//!
//! # Safety
//! Pointers are checked as `handle` says.
#![allow(unsafe_code)]

use ringway::Canceller;

use crate::best_effort::{BestEffort, BestEffortHandle};
use crate::consumer::{Consumer, ConsumerHandle};
use crate::handle::{self, Freed, Kind};
use crate::observer::{Observer, ObserverHandle};
use crate::producer::{Producer, ProducerHandle};

/// What ends a wait of one handle, at once.
pub struct CancellerHandle(());

static FREED: Freed<Canceller> = Freed::new();

impl Kind for Canceller {
    type Opaque = CancellerHandle;
    const NAME: &'static str = "canceller";
    const MAGIC: u32 = 0x52_67_77_60;

    fn freed() -> &'static Freed<Self> {
        &FREED
    }
}

/// Makes a canceller of a consumer. All of one handle are one. The program frees it, before the handle or after it.
///
/// # Safety
/// `consumer` is NULL or a handle; `out` leads to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_consumer_canceller(
    consumer: *mut ConsumerHandle,
    out: *mut *mut CancellerHandle,
) -> i32 {
    handle::call::<Consumer>(consumer, |consumer, _| handle::make(out, || Ok(consumer.role.canceller())))
}

/// Makes a canceller of a best-effort reader: see `ringway_consumer_canceller`.
///
/// # Safety
/// `reader` is NULL or a handle; `out` leads to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_best_effort_canceller(
    reader: *mut BestEffortHandle,
    out: *mut *mut CancellerHandle,
) -> i32 {
    handle::call::<BestEffort>(reader, |reader, _| handle::make(out, || Ok(reader.role.canceller())))
}

/// Makes a canceller of an observer: see `ringway_consumer_canceller`.
///
/// # Safety
/// `observer` is NULL or a handle; `out` leads to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_observer_canceller(
    observer: *mut ObserverHandle,
    out: *mut *mut CancellerHandle,
) -> i32 {
    handle::call::<Observer>(observer, |observer, _| handle::make(out, || Ok(observer.role.canceller())))
}

/// Makes a canceller of a producer: see `ringway_consumer_canceller`.
///
/// Errors: `RINGWAY_E_ARGUMENT` while a slot is claimed.
///
/// # Safety
/// `producer` is NULL or a handle; `out` leads to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_producer_canceller(
    producer: *mut ProducerHandle,
    out: *mut *mut CancellerHandle,
) -> i32 {
    handle::call::<Producer>(producer, |producer, _| {
        let role = producer.role()?;
        handle::make(out, || Ok(role.canceller()))
    })
}

/// Ends the wait under way of the canceller's handle within microseconds, or else the next wait, once: a reader's is the
/// event `RINGWAY_CANCELLED`, a producer's fails with `-RINGWAY_E_INTERRUPTED`. A call that has its message, or its
/// room, returns that. Nothing is lost.
///
/// A signal handler or any thread may call it, while the canceller isn't freed. It sets no text. Once the handle is
/// freed it does nothing.
///
/// # Safety
/// `canceller` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_canceller_cancel(canceller: *const CancellerHandle) -> i32 {
    handle::from_a_signal_handler::<Canceller>(canceller, Canceller::cancel)
}

/// Frees a canceller. NULL is nothing to free.
///
/// # Safety
/// `canceller` is NULL or a handle, which no other thread uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_canceller_free(canceller: *mut CancellerHandle) -> i32 {
    handle::free::<Canceller>(canceller)
}
