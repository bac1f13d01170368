//! Best-effort readers: they hold the producer back while they keep up, and are told what they missed.
//!
//! # Safety
//! Pointers are checked as `handle`, `event` and `copies` say.
#![allow(unsafe_code)]

use std::ffi::c_void;

use ringway::{BestEffortReader as Role, RecvError};

use crate::consumer::set_number;
use crate::copies::{self, Reader};
use crate::event::Event;
use crate::handle::{self, Freed, Kind};
use crate::notifier::Notifier;
use crate::options::start as read_start;
use crate::ring::{Ring, RingHandle};

/// A best-effort reader: it gets every message while it keeps up, and holds the producer back no longer than the
/// producer's patience lasts.
pub struct BestEffortHandle(());

/// What a best-effort reader's handle holds.
pub(crate) type BestEffort = Reader<Role>;

static FREED: Freed<BestEffort> = Freed::new();

impl Kind for BestEffort {
    type Opaque = BestEffortHandle;
    const NAME: &'static str = "best_effort";
    const MAGIC: u32 = 0x52_67_77_50;

    fn freed() -> &'static Freed<Self> {
        &FREED
    }
}

/// Takes a best-effort reader's role, in whatever cell of the consumers' is free. `start` is one of `RINGWAY_START_…`, of
/// which two take `at`; `resume`, one of `RINGWAY_RESUME_…`, says where it goes on once it was passed over and
/// overtaken: `RINGWAY_RESUME_OLDEST_SAFE` is half a lap behind the producer.
///
/// Errors: `RINGWAY_E_TAKEN` if no cell is free, `RINGWAY_E_OVERWRITTEN`, `RINGWAY_E_READ_ONLY`,
/// `RINGWAY_E_REPLACED`, `RINGWAY_E_DAMAGED`, `RINGWAY_E_NO_MEMORY`, `RINGWAY_E_ARGUMENT`, `RINGWAY_E_OS`.
///
/// # Safety
/// `ring` is NULL or a handle; `out` leads to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_best_effort_new(
    ring: *const RingHandle,
    start: i32,
    at: u64,
    resume: i32,
    out: *mut *mut BestEffortHandle,
) -> i32 {
    handle::call_shared::<Ring>(ring, |ring, _| {
        handle::make(out, || {
            let resume = copies::resume(resume)?;
            let mut role = ring.as_ring().best_effort_reader(read_start(start, at)?)?;
            role.set_resume(resume);
            Ok(Reader::new(role))
        })
    })
}

/// Copies the next message to `buffer`, which has `size` bytes: `data` of `out` leads there. It may be
/// NULL if `size` is 0. The message is the caller's, and nothing is to be released.
///
/// `wait` and `timeout_ns` are as for `ringway_consumer_recv`, and so are the events. `RINGWAY_LAGGED` also comes
/// when the producer has passed the reader over: `lost` is exact, and the producer waits for it again.
///
/// Errors: as for `ringway_observer_recv`.
///
/// # Safety
/// `reader` is NULL or a handle; `buffer` has `size` bytes; `out` leads to an event.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_best_effort_recv(
    reader: *mut BestEffortHandle,
    wait: i32,
    timeout_ns: i64,
    buffer: *mut c_void,
    size: usize,
    out: *mut Event,
) -> i32 {
    copies::recv::<Role>(reader, wait, timeout_ns, buffer, size, out)
}

/// Tells how many messages it received, how many it lost, and the sequence of the next. Each pointer may be NULL.
///
/// # Safety
/// `reader` is NULL or a handle; the others are NULL or lead to a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_best_effort_position(
    reader: *mut BestEffortHandle,
    received: *mut u64,
    lost: *mut u64,
    next: *mut u64,
) -> i32 {
    handle::call::<BestEffort>(reader, |reader, _| {
        // SAFETY: by the function's contract.
        unsafe {
            set_number(received, reader.role.received());
            set_number(lost, reader.role.lost());
            set_number(next, reader.role.next_seq());
        }
        Ok(0)
    })
}

/// A descriptor for `poll`, `epoll` and their like: see `ringway_consumer_fd`.
///
/// # Safety
/// `reader` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_best_effort_fd(reader: *mut BestEffortHandle) -> i32 {
    handle::call::<BestEffort>(reader, |reader, _| {
        reader.role.producer_alive().map_err(RecvError::from)?;
        Notifier::fd(&mut reader.notifier)
    })
}

/// Ends this reader's current or next wait: see `ringway_interrupt`. A signal handler or another thread may call it,
/// while the handle isn't freed. It sets no text.
///
/// # Safety
/// `reader` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_best_effort_interrupt(reader: *const BestEffortHandle) -> i32 {
    handle::interrupt::<BestEffort>(reader)
}

/// Frees a best-effort reader's handle. NULL is nothing to free.
///
/// # Safety
/// `reader` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_best_effort_free(reader: *mut BestEffortHandle) -> i32 {
    handle::free::<BestEffort>(reader)
}
