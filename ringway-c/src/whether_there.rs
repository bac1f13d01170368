//! Whether a ring is there: waiting until it is, and asking whether it still is.
//!
//! # Safety
//! Pointers are checked as `options` and `handle` say.
#![allow(unsafe_code)]

use std::ffi::c_char;
use std::time::Duration;

use ringway::file::FileError;

use crate::codes::*;
use crate::entry::entry;
use crate::handle;
use crate::interrupt::Interrupts;
use crate::options::{Asked, Options, read_path};
use crate::ring::{Placed, Ring, RingHandle};
use crate::wait;

/// What ends the waits for rings, which have no handle yet.
static INTERRUPTS: Interrupts = Interrupts::new();

/// Opens a ring in a file as soon as there is one: see `ringway_open`. Waits for `timeout_ns` nanoseconds at most, asleep;
/// if that is negative, without end. A path that leads nowhere is waited for, and so are a ring in the making and one
/// of an earlier boot. A file that is no ring ends the wait at once.
///
/// Errors: `RINGWAY_E_TIMED_OUT`, with what the last look found; `RINGWAY_E_INTERRUPTED` after `ringway_interrupt`,
/// during this wait or since the last one of this function, within a tenth of a second; else as for `ringway_open`.
///
/// # Safety
/// As for `ringway_open`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_wait_for(
    path: *const c_char,
    options: *const Options,
    timeout_ns: i64,
    out: *mut *mut RingHandle,
) -> i32 {
    entry(|| {
        handle::make(out, || {
            let path = read_path(path)?;
            let asked = Asked::read(options)?;
            let files = asked.of_files()?;
            let mut last = None;
            let attempt = |slice| {
                let opened = if asked.has(RINGWAY_READ_ONLY) {
                    files.wait_for_read_only(path, slice)
                } else {
                    files.wait_for(path, slice)
                };
                match opened {
                    Err(FileError::TimedOut { found, .. }) => {
                        last = Some(found);
                        Ok(None)
                    }
                    opened => Ok(Some(opened?)),
                }
            };
            let opened = wait::in_slices_of(wait::LONG_SLICE, timeout_ns, &INTERRUPTS, attempt)?;
            match (opened, last) {
                (Some(ring), _) => Ok(Ring::new(Placed::File(ring), &asked)),
                (None, Some(found)) => {
                    let timeout = wait::time(timeout_ns).unwrap_or(Duration::MAX);
                    Err(FileError::TimedOut { timeout, found }.into())
                }
                // There was an attempt, which failed.
                (None, None) => Err(crate::error::Misuse::Interrupted.into()),
            }
        })
    })
}

/// Whether programs that open the ring now find this one: 1 if so, 0 if its file was removed or replaced since. A ring in
/// a memfd always is. Readers that wait are told once by `RINGWAY_ORPHANED`; a producer, or a reader that polls, asks.
///
/// # Safety
/// `ring` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_is_current(ring: *const RingHandle) -> i32 {
    handle::call_shared::<Ring>(ring, |ring, _| Ok(i32::from(ring.as_ring().is_current())))
}
