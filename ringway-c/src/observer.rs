//! Observers: they read without holding anything back, and are told what they missed.
//!
//! # Safety
//! Pointers are checked as `handle`, `event` and `copies` say.
#![allow(unsafe_code)]

use std::ffi::c_void;

use ringway::{Observer as Role, RecvError};

use crate::consumer::set_number;
use crate::copies::{self, Reader};
use crate::event::Event;
use crate::handle::{self, Freed, Kind};
use crate::notifier::Notifier;
use crate::options::start as read_start;
use crate::ring::{Ring, RingHandle};

/// An observer: it only reads, any number of them at once, and is told exactly how many messages it missed.
pub struct ObserverHandle(());

/// What an observer's handle holds.
pub(crate) type Observer = Reader<Role>;

static FREED: Freed<Observer> = Freed::new();

impl Kind for Observer {
    type Opaque = ObserverHandle;
    const NAME: &'static str = "observer";
    const MAGIC: u32 = 0x52_67_77_30;

    fn freed() -> &'static Freed<Self> {
        &FREED
    }
}

/// Takes an observer's role. `start` is one of `RINGWAY_START_…`, of which two take `at`; `resume`, one of
/// `RINGWAY_RESUME_…`, says where it goes on once it was overtaken.
///
/// Errors: `RINGWAY_E_OVERWRITTEN`, `RINGWAY_E_REPLACED`, `RINGWAY_E_DAMAGED`, `RINGWAY_E_NO_MEMORY`,
/// `RINGWAY_E_ARGUMENT`, `RINGWAY_E_OS`.
///
/// # Safety
/// `ring` is NULL or a handle; `out` leads to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_observer_new(
    ring: *const RingHandle,
    start: i32,
    at: u64,
    resume: i32,
    out: *mut *mut ObserverHandle,
) -> i32 {
    handle::call_shared::<Ring>(ring, |ring, _| {
        handle::make(out, || {
            let role = ring.as_ring().observer(read_start(start, at)?, copies::resume(resume)?)?;
            Ok(Reader::new(role))
        })
    })
}

/// Copies the next message to `buffer`, which has `size` bytes: `data` of `out` leads there. It may be
/// NULL if `size` is 0. The message is the caller's, and nothing is to be released.
///
/// `wait` and `timeout_ns` are as for `ringway_consumer_recv`, and so are the events. `RINGWAY_LAGGED` also comes
/// when the producer has overtaken the observer.
///
/// Errors: `RINGWAY_E_TOO_SMALL` if the message is longer: `len` of `out` says how long, and the same message comes
/// again. `RINGWAY_E_INTERRUPTED`, `RINGWAY_E_DAMAGED`, `RINGWAY_E_FORKED`, `RINGWAY_E_TRUNCATED`,
/// `RINGWAY_E_ARGUMENT`.
///
/// # Safety
/// `observer` is NULL or a handle; `buffer` has `size` bytes; `out` leads to an event.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_observer_recv(
    observer: *mut ObserverHandle,
    wait: i32,
    timeout_ns: i64,
    buffer: *mut c_void,
    size: usize,
    out: *mut Event,
) -> i32 {
    copies::recv::<Role>(observer, wait, timeout_ns, buffer, size, out)
}

/// Goes to message `seq`, back or forth.
///
/// Errors: `RINGWAY_E_OVERWRITTEN` if it is no longer kept, `RINGWAY_E_ARGUMENT` if it isn't published yet;
/// `RINGWAY_E_DAMAGED`, `RINGWAY_E_FORKED`, `RINGWAY_E_TRUNCATED`.
///
/// # Safety
/// `observer` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_observer_seek(observer: *mut ObserverHandle, seq: u64) -> i32 {
    handle::call::<Observer>(observer, |observer, _| {
        observer.role.seek(seq)?;
        Ok(0)
    })
}

/// Tells how many messages it received, how many it lost, and the sequence of the next. Each pointer may be NULL.
///
/// # Safety
/// `observer` is NULL or a handle; the others are NULL or lead to a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_observer_position(
    observer: *mut ObserverHandle,
    received: *mut u64,
    lost: *mut u64,
    next: *mut u64,
) -> i32 {
    handle::call::<Observer>(observer, |observer, _| {
        // SAFETY: by the function's contract.
        unsafe {
            set_number(received, observer.role.received());
            set_number(lost, observer.role.lost());
            set_number(next, observer.role.next_seq());
        }
        Ok(0)
    })
}

/// A descriptor for `poll`, `epoll` and their like: see `ringway_consumer_fd`. A producer doesn't know of observers, so
/// the descriptor becomes readable every millisecond, whether there is something or not.
///
/// # Safety
/// `observer` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_observer_fd(observer: *mut ObserverHandle) -> i32 {
    handle::call::<Observer>(observer, |observer, _| {
        observer.role.producer_alive().map_err(RecvError::from)?;
        Notifier::fd(&mut observer.notifier)
    })
}

/// Ends this observer's current or next wait: see `ringway_interrupt`. A signal handler or another thread may call it,
/// while the handle isn't freed. It sets no text.
///
/// # Safety
/// `observer` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_observer_interrupt(observer: *const ObserverHandle) -> i32 {
    handle::interrupt::<Observer>(observer)
}

/// Frees an observer's handle. NULL is nothing to free.
///
/// # Safety
/// `observer` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_observer_free(observer: *mut ObserverHandle) -> i32 {
    handle::free::<Observer>(observer)
}
