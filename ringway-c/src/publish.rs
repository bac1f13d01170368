//! Publishing: a message, a batch, or a slot that is written in place.
//!
//! # Safety
//! Pointers are checked as `handle` says. The bytes of a message are there, as C says. A claim's bytes
//! are the caller's until it is committed or abandoned, and this library doesn't touch them meanwhile.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::time::Duration;

use ringway::{Full, PublishError};
use ringway_core::at_once::{self, Published};

use crate::consumer::set_number;
use crate::error::{Failure, Misuse};
use crate::handle::{self, check_bytes, check_pointer};
use crate::interrupt::Interrupts;
use crate::producer::{Producer, ProducerHandle};
use crate::wait::in_slices;

/// A message to be published in a batch.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct OutMessage {
    /// Its bytes. May be NULL if there are none.
    pub data: *const c_void,
    /// How many.
    pub len: usize,
    /// Its tag.
    pub tag: u32,
    /// Must be 0.
    pub reserved: u32,
}

/// The bytes of a message.
#[inline(always)]
fn bytes<'b>(data: *const c_void, len: usize) -> Result<&'b [u8], Failure> {
    if len == 0 {
        return Ok(&[]);
    }
    check_bytes(data, "data", len)?;
    // SAFETY: by the module's contract, so many bytes are there.
    Ok(unsafe { std::slice::from_raw_parts(data.cast(), len) })
}

impl Producer {
    #[inline(always)]
    fn check_length(&self, found: usize) -> Result<(), Failure> {
        match self.exactly {
            Some(expected) if found != expected => Err(Misuse::TypeLength { found, expected }.into()),
            _ => Ok(()),
        }
    }

    #[inline(always)]
    fn publish(&mut self, message: &[u8], tag: u32, interrupts: &Interrupts) -> Result<u64, Failure> {
        self.check_length(message.len())?;
        match self.role()?.try_publish_tagged(message, tag) {
            Ok(seq) => Ok(seq),
            Err(PublishError::Full(full)) => self.publish_late(message, tag, full, interrupts),
            Err(error) => Err(error.into()),
        }
    }

    #[cold]
    #[inline(never)]
    fn publish_late(
        &mut self,
        message: &[u8],
        tag: u32,
        full: Full,
        interrupts: &Interrupts,
    ) -> Result<u64, Failure> {
        if self.has_room_after_all()? {
            return Ok(self.role()?.try_publish_tagged(message, tag)?);
        }
        if self.way.is_none() {
            return Err(PublishError::Full(full).into());
        }
        self.once_room(interrupts, |role, slice| role.publish_tagged_timeout(message, tag, slice))
    }

    /// Publishes as soon as there is room.
    #[cold]
    #[inline(never)]
    pub(crate) fn once_room<R>(
        &mut self,
        interrupts: &Interrupts,
        mut publish: impl FnMut(&mut ringway::Producer, Duration) -> Result<R, PublishError>,
    ) -> Result<R, Failure> {
        let timeout_ns = self.timeout_ns;
        let role = self.role()?;
        let mut full = None;
        let done = in_slices(timeout_ns, interrupts, |slice| match publish(role, slice) {
            Err(error @ PublishError::TimedOut(_)) => {
                full = Some(error);
                Ok(None)
            }
            other => Ok(Some(other?)),
        })?;
        in_time(done, full)
    }
}

/// Publishes a message. Its sequence goes to `seq`, which may be NULL.
///
/// Errors: `RINGWAY_E_FULL`, `RINGWAY_E_TIMED_OUT`, `RINGWAY_E_INTERRUPTED`: nothing is published, and the call may be
/// made again. `RINGWAY_E_LENGTH`, `RINGWAY_E_CLOSED`, `RINGWAY_E_DEPOSED`, `RINGWAY_E_NO_READERS`,
/// `RINGWAY_E_EXHAUSTED`, `RINGWAY_E_FORKED`, `RINGWAY_E_TRUNCATED`; `RINGWAY_E_ARGUMENT` while a slot is claimed.
///
/// # Safety
/// `producer` is NULL or a handle; `data` has `len` bytes; `seq` is NULL or leads to a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_publish(
    producer: *mut ProducerHandle,
    data: *const c_void,
    len: usize,
    tag: u32,
    seq: *mut u64,
) -> i32 {
    let published = handle::shortly::<Producer, _>(producer, |producer, _| {
        let role = producer.role_at_once();
        if data.is_null() {
            handle::aside();
            return None;
        }
        if !at_once::fits_short(role, len) {
            return None;
        }
        // SAFETY: by the function's contract, so many bytes are there, and no more than a slot holds.
        at_once::publish_short(role, unsafe { std::slice::from_raw_parts(data.cast(), len) }, tag)
    });
    let Some(Some(Published { seq: published, is_awaited })) = published else {
        return publish_longer(producer, data, len, tag, seq);
    };
    // SAFETY: by the function's contract.
    unsafe { set_number(seq, published) };
    if is_awaited { wake_readers(producer) } else { 0 }
}

/// The same for messages that are longer: it has more to keep in registers.
#[inline(never)]
extern "C" fn publish_longer(
    producer: *mut ProducerHandle,
    data: *const c_void,
    len: usize,
    tag: u32,
    seq: *mut u64,
) -> i32 {
    let published = handle::shortly::<Producer, _>(producer, |producer, _| {
        let role = producer.role_at_once();
        if data.is_null() || !at_once::fits(role, len) {
            return None;
        }
        // SAFETY: by the contract of `ringway_publish`, so many bytes are there, and no more than a slot holds.
        at_once::publish(role, unsafe { std::slice::from_raw_parts(data.cast(), len) }, tag)
    });
    let Some(Some(Published { seq: published, is_awaited })) = published else {
        return publish_in_every_case(producer, data, len, tag, seq);
    };
    // SAFETY: by the contract of `ringway_publish`.
    unsafe { set_number(seq, published) };
    if is_awaited { wake_readers(producer) } else { 0 }
}

#[cold]
#[inline(never)]
extern "C" fn publish_in_every_case(
    producer: *mut ProducerHandle,
    data: *const c_void,
    len: usize,
    tag: u32,
    seq: *mut u64,
) -> i32 {
    handle::call::<Producer>(producer, |producer, interrupts| {
        let published = producer.publish(bytes(data, len)?, tag, interrupts)?;
        // SAFETY: by the contract of `ringway_publish`.
        unsafe { set_number(seq, published) };
        Ok(0)
    })
}

#[cold]
#[inline(never)]
extern "C" fn wake_readers(producer: *mut ProducerHandle) -> i32 {
    handle::call::<Producer>(producer, |producer, _| {
        at_once::wake_readers(producer.role()?);
        Ok(0)
    })
}

/// Publishes `count` messages, in order. How many were published goes to `published`, which may be NULL:
/// all, unless the call fails.
///
/// Errors: as for `ringway_publish`, of the first message that wasn't published. Those before it were. With a length or
/// a tag that can't be, none is.
///
/// # Safety
/// `producer` is NULL or a handle; `messages` leads to `count` messages, each with as many bytes as it says;
/// `published` is NULL or leads to a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_publish_batch(
    producer: *mut ProducerHandle,
    messages: *const OutMessage,
    count: usize,
    published: *mut u64,
) -> i32 {
    handle::call::<Producer>(producer, |producer, interrupts| {
        // SAFETY: by the function's contract.
        unsafe { set_number(published, 0) };
        if count == 0 {
            return Ok(0);
        }
        check_pointer(messages, "messages")?;
        check_bytes(messages, "messages", count.saturating_mul(size_of::<OutMessage>()))?;
        // SAFETY: by the function's contract, so many are there.
        let asked = unsafe { std::slice::from_raw_parts(messages, count) };
        let mut batch = Vec::new();
        batch.try_reserve_exact(count).map_err(|_| Misuse::NoMemory { count })?;
        for message in asked {
            if message.reserved != 0 {
                let found = message.reserved.into();
                return Err(Misuse::Constant { what: "reserved", found, expected: "0" }.into());
            }
            producer.check_length(message.len)?;
            batch.push((bytes(message.data, message.len)?, message.tag));
        }
        let before = producer.role()?.next_seq();
        let done = producer.publish_batch(&batch, interrupts);
        let after = producer.role()?.next_seq();
        // SAFETY: by the function's contract.
        unsafe { set_number(published, after - before) };
        done.map(|()| 0)
    })
}

impl Producer {
    fn publish_batch(&mut self, batch: &[(&[u8], u32)], interrupts: &Interrupts) -> Result<(), Failure> {
        let waits = self.way.is_some();
        let first = self.role()?.publish_batch_tagged_timeout(batch, Duration::ZERO);
        let Err(failed) = first else { return Ok(()) };
        let full = match failed.error {
            PublishError::TimedOut(full) | PublishError::Full(full) => full,
            _ => return Err(failed.into()),
        };
        self.has_room_after_all()?;
        if !waits {
            return Err(PublishError::Full(full).into());
        }
        let mut rest = &batch[failed.published..];
        self.once_room(interrupts, |role, slice| {
            let done = role.publish_batch_tagged_timeout(rest, slice);
            done.map_err(|failed| {
                rest = &rest[failed.published..];
                failed.error
            })
        })
    }
}

/// Claims the next slot for a message of `len` bytes at most, to be written in place: `data` leads to them. They hold
/// whatever was there before, so write them all. `ringway_commit` or `ringway_abandon` ends the claim; until then other
/// calls on the producer fail.
///
/// The bytes are the slot's own if the ring was opened with `RINGWAY_TRUST_PEERS`, else a private buffer, which the
/// commit copies. They must not be written after the commit.
///
/// Errors: as for `ringway_publish`; `RINGWAY_E_NO_MEMORY`.
///
/// # Safety
/// `producer` is NULL or a handle; `data` leads to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_claim(
    producer: *mut ProducerHandle,
    len: usize,
    data: *mut *mut c_void,
) -> i32 {
    handle::call::<Producer>(producer, |producer, interrupts| {
        check_pointer(data, "data")?;
        // SAFETY: by the function's contract.
        unsafe { data.write(std::ptr::null_mut()) };
        producer.check_length(len)?;
        producer.claim_slot(len, interrupts)?;
        let bytes = producer.claim.as_mut().map_or(std::ptr::null_mut(), |claim| claim.as_mut_ptr());
        // SAFETY: by the function's contract.
        unsafe { data.write(bytes.cast()) };
        Ok(0)
    })
}

impl Producer {
    #[inline(always)]
    fn claim_slot(&mut self, len: usize, interrupts: &Interrupts) -> Result<(), Failure> {
        self.role()?;
        match self.open_claim(len, None) {
            Err(PublishError::Full(full)) => {
                if self.has_room_after_all()? {
                    return Ok(self.open_claim(len, None)?);
                }
                if self.way.is_none() {
                    return Err(PublishError::Full(full).into());
                }
                self.claim_once_room(len, interrupts)
            }
            other => Ok(other?),
        }
    }

    /// Claims a slot as soon as there is room.
    #[cold]
    #[inline(never)]
    fn claim_once_room(&mut self, len: usize, interrupts: &Interrupts) -> Result<(), Failure> {
        let mut full = None;
        let claimed =
            in_slices(self.timeout_ns, interrupts, |slice| match self.open_claim(len, Some(slice)) {
                Err(error @ PublishError::TimedOut(_)) => {
                    full = Some(error);
                    Ok(None)
                }
                other => Ok(Some(other?)),
            })?;
        in_time(claimed, full)
    }
}

/// What came of waiting for room.
fn in_time<R>(done: Option<R>, full: Option<PublishError>) -> Result<R, Failure> {
    match (done, full) {
        (Some(done), _) => Ok(done),
        (None, Some(full)) => Err(full.into()),
        // There was an attempt, which failed.
        (None, None) => Err(Misuse::Interrupted.into()),
    }
}

/// Publishes the first `len` bytes of what was claimed, and ends the claim.
///
/// Errors: `RINGWAY_E_ARGUMENT` if nothing is claimed; `RINGWAY_E_LENGTH` if `len` is more than was claimed, or the tag
/// can't be; as for `ringway_publish`. The claim has ended then, too, and nothing is published.
///
/// # Safety
/// `producer` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_commit(producer: *mut ProducerHandle, len: usize, tag: u32) -> i32 {
    handle::call::<Producer>(producer, |producer, _| {
        let Some(claim) = producer.claim.take() else { return Err(Misuse::NotClaimed.into()) };
        producer.check_length(len)?;
        claim.commit_len_tagged(len, tag)?;
        Ok(0)
    })
}

/// Gives up what was claimed: nothing is published, and the sequence goes to the next message. The message that was in
/// the slot a lap ago is gone all the same.
///
/// Errors: `RINGWAY_E_ARGUMENT` if nothing is claimed.
///
/// # Safety
/// `producer` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_abandon(producer: *mut ProducerHandle) -> i32 {
    handle::call::<Producer>(producer, |producer, _| {
        producer.claim.take().map(|_| 0).ok_or_else(|| Misuse::NotClaimed.into())
    })
}
