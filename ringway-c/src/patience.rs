//! How long a producer waits for best-effort readers.
//!
//! # Safety
//! Pointers are checked as `handle` says.
#![allow(unsafe_code)]

use std::time::Duration;

use ringway::Patience;

use crate::handle;
use crate::producer::{Producer, ProducerHandle};

/// Says how long best-effort readers may hold this producer back in all, in nanoseconds, before it passes them over:
/// 100 ms at first. 0: it passes a reader over as soon as that is a lap behind. Negative: never, as for consumers.
///
/// Errors: `RINGWAY_E_ARGUMENT` while a slot is claimed.
///
/// # Safety
/// `producer` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_producer_set_patience(
    producer: *mut ProducerHandle,
    patience_ns: i64,
) -> i32 {
    handle::call::<Producer>(producer, |producer, _| {
        producer.role()?.set_patience(match u64::try_from(patience_ns) {
            Ok(0) => Patience::Lap,
            Ok(time) => Patience::Time(Duration::from_nanos(time)),
            Err(_) => Patience::Endless,
        });
        Ok(0)
    })
}
