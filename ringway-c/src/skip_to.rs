//! Leaving sequences out.
//!
//! # Safety
//! Pointers are checked as `handle` says.
#![allow(unsafe_code)]

use ringway::PublishError;

use crate::error::Failure;
use crate::handle;
use crate::interrupt::Interrupts;
use crate::producer::{Producer, ProducerHandle};

impl Producer {
    /// Skips as far as there is room, and waits for more.
    fn skip_to(&mut self, seq: u64, interrupts: &Interrupts) -> Result<(), Failure> {
        loop {
            match self.role()?.try_skip_to(seq) {
                Ok(()) => return Ok(()),
                // Each time round it gets further.
                Err(PublishError::Full(_)) if self.has_room_after_all()? => {}
                Err(error @ PublishError::Full(_)) if self.way.is_none() => return Err(error.into()),
                Err(PublishError::Full(_)) => {
                    return self.once_room(interrupts, |role, slice| role.skip_to_timeout(seq, slice));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Skips sequences, waiting for room as the producer does: the next message gets `seq`, and those before it that weren't
/// published never will be. Readers are told how many, as `RINGWAY_LAGGED`. The ring must be made with `can_skip`. What is
/// skipped takes room as messages do, but no more than a lap of it.
///
/// Errors: `RINGWAY_E_FULL`, `RINGWAY_E_TIMED_OUT`, `RINGWAY_E_INTERRUPTED`: a part may be skipped, and the same call goes
/// on. `RINGWAY_E_MISMATCH` if the ring was made without `can_skip`; `RINGWAY_E_ARGUMENT` if `seq` is before the next
/// message's, or while a slot is claimed; `RINGWAY_E_EXHAUSTED` past 2^62; `RINGWAY_E_CLOSED`, `RINGWAY_E_DEPOSED`,
/// `RINGWAY_E_NO_READERS`, `RINGWAY_E_FORKED`, `RINGWAY_E_TRUNCATED`.
///
/// # Safety
/// `producer` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_producer_skip_to(producer: *mut ProducerHandle, seq: u64) -> i32 {
    handle::call::<Producer>(producer, |producer, interrupts| {
        producer.skip_to(seq, interrupts)?;
        Ok(0)
    })
}
