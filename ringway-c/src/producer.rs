//! Producers: the one writer of a ring.
//!
//! # Safety
//! Pointers are checked as `handle` says.
//!
//! The role lies in a box of its own, to which only this handle has a pointer. A claim borrows the role: while one is
//! open, `Producer::role` gives the role to nobody, and the claim is dropped before the role.
#![allow(unsafe_code)]

use std::ffi::c_char;
use std::ptr::NonNull;
use std::time::Duration;

use ringway::{AttachError, Claim, Producer as Role, PublishError, Standby, Wait};

use crate::consumer::set_number;
use crate::error::{Failure, Misuse};
use crate::handle::{self, Freed, Kind};
use crate::notifier::{ATTEMPTS, Notifier};
use crate::options::type_info;
use crate::ring::{Ring, RingHandle};
use crate::wait;

/// The producer of a ring: there is one at a time.
pub struct ProducerHandle(());

/// What a producer's handle holds.
pub(crate) struct Producer {
    /// The claim that is open.
    pub(crate) claim: Option<Claim<'static>>,
    role: NonNull<Role>,
    /// The one length of messages of the ring's type; `None` for plain bytes.
    pub(crate) exactly: Option<usize>,
    /// How calls wait for room; `None` for not at all.
    pub(crate) way: Option<Wait>,
    /// For how long.
    pub(crate) timeout_ns: i64,
    /// What makes the descriptor readable, if the program has asked for one.
    notifier: Option<Box<Notifier>>,
}

// SAFETY: a role and its claim go from thread to thread together. Nothing of them belongs to a thread.
unsafe impl Send for Producer {}

static FREED: Freed<Producer> = Freed::new();

impl Kind for Producer {
    type Opaque = ProducerHandle;
    const NAME: &'static str = "producer";
    const MAGIC: u32 = 0x52_67_77_40;

    fn freed() -> &'static Freed<Self> {
        &FREED
    }

    fn goes_aside(&self) -> bool {
        self.claim.is_some() || self.exactly.is_some()
    }
}

impl Producer {
    fn new(role: Role, exactly: Option<usize>) -> Self {
        let role = NonNull::from(Box::leak(Box::new(role)));
        Self { claim: None, role, exactly, way: Some(Wait::Park), timeout_ns: -1, notifier: None }
    }

    /// The role, while no claim is open.
    #[inline(always)]
    pub(crate) fn role(&mut self) -> Result<&mut Role, Failure> {
        if self.claim.is_some() {
            return Err(Misuse::Claimed.into());
        }
        // SAFETY: the box is this handle's, and no claim borrows it.
        Ok(unsafe { self.role.as_mut() })
    }

    /// The role of a producer that doesn't go aside.
    #[inline(always)]
    pub(crate) fn role_at_once(&mut self) -> &mut Role {
        // SAFETY: as in `role`: no claim is open.
        unsafe { self.role.as_mut() }
    }

    /// The ring is full. Whether there is room after all, once the descriptor was armed, or a wait for it ended.
    #[cold]
    #[inline(never)]
    pub(crate) fn has_room_after_all(&mut self) -> Result<bool, Failure> {
        let waits = self.way.is_some();
        let Some(mut notifier) = self.notifier.take() else { return Ok(false) };
        let role = self.role();
        let has_room = role.and_then(|role| {
            if waits {
                notifier.settle(role);
                return Ok(false);
            }
            notifier.clear();
            for _ in 0..ATTEMPTS {
                if notifier.arm(role) {
                    return Ok(false);
                }
                if role.count_room()? > 0 {
                    notifier.ring();
                    return Ok(true);
                }
            }
            notifier.ring();
            Ok(false)
        });
        self.notifier = Some(notifier);
        has_room
    }

    /// Claims the next slot, waiting so long for room. The claim is kept, and borrows the role until it ends.
    pub(crate) fn open_claim(&mut self, len: usize, slice: Option<Duration>) -> Result<(), PublishError> {
        if self.claim.is_some() {
            return Ok(());
        }
        // SAFETY: as in `role`. The claim doesn't outlive the role: it is dropped with this handle at the
        // latest, before the role.
        let role: &'static mut Role = unsafe { &mut *self.role.as_ptr() };
        self.claim = Some(match slice {
            Some(slice) => role.claim_timeout(len, slice),
            None => role.try_claim(len),
        }?);
        Ok(())
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.claim = None;
        self.notifier = None;
        // SAFETY: made by `new`, and nothing borrows it any more.
        drop(unsafe { Box::from_raw(self.role.as_ptr()) });
    }
}

/// Takes the producer's role for plain bytes. Calls wait for room without end, at first: see
/// `ringway_producer_set_wait`.
///
/// Errors: `RINGWAY_E_TAKEN` while another handle has it, in this process or another; `RINGWAY_E_MISMATCH` if the ring
/// carries a type; `RINGWAY_E_READ_ONLY`, `RINGWAY_E_REPLACED`, `RINGWAY_E_DAMAGED`, `RINGWAY_E_NO_MEMORY`,
/// `RINGWAY_E_ARGUMENT`, `RINGWAY_E_OS`.
///
/// # Safety
/// `ring` is NULL or a handle; `out` leads to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_producer_new(ring: *const RingHandle, out: *mut *mut ProducerHandle) -> i32 {
    handle::call_shared::<Ring>(ring, |ring, _| {
        handle::make(out, || Ok(Producer::new(ring.as_ring().producer()?, None)))
    })
}

/// Takes the producer's role on a ring that carries a message type, whose name, size and alignment must be as the ring
/// was made with. Each message is one value of it, and has its size. Consumers and observers need no type.
///
/// Errors: as for `ringway_producer_new`; `RINGWAY_E_MISMATCH` if the ring carries another type, or none.
///
/// # Safety
/// As for `ringway_producer_new`; `type_name` is a text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_producer_new_typed(
    ring: *const RingHandle,
    type_name: *const c_char,
    type_size: u64,
    type_align: u64,
    out: *mut *mut ProducerHandle,
) -> i32 {
    handle::call_shared::<Ring>(ring, |ring, _| {
        handle::make(out, || {
            let named = type_info(type_name, type_size, type_align)?;
            let found = ring.geometry().type_info();
            if found != Some(&named) {
                let found = found.map_or("plain bytes".into(), ToString::to_string);
                return Err(Misuse::OtherType { found, expected: named.to_string() }.into());
            }
            let role = ring.as_ring().producer_of_any_type()?;
            Ok(Producer::new(role, usize::try_from(type_size).ok()))
        })
    })
}

/// Takes the producer's role for plain bytes as soon as it is free, for a standby: when the producer closes the ring,
/// frees its handle or dies. `timeout_ns` is how long to wait; negative is without end. Only `ringway_interrupt` ends
/// the wait.
///
/// Errors: as for `ringway_producer_new`; `RINGWAY_E_TAKEN` if that is so still when the time is up;
/// `RINGWAY_E_INTERRUPTED`.
///
/// # Safety
/// As for `ringway_producer_new`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_producer_next(
    ring: *const RingHandle,
    timeout_ns: i64,
    out: *mut *mut ProducerHandle,
) -> i32 {
    handle::call_shared::<Ring>(ring, |ring, interrupts| {
        handle::make(out, || {
            let mut taken = None;
            let mut standby = Standby::new(ring.as_ring());
            let attempt = |slice| {
                if taken.is_some() && !standby.wait(slice) {
                    return Ok(None);
                }
                match standby.next_producer(Duration::ZERO) {
                    Err(
                        error @ (AttachError::ProducerTaken { .. } | AttachError::LockHeldByReader { .. }),
                    ) => {
                        taken = Some(error);
                        Ok(None)
                    }
                    other => Ok(Some(other?)),
                }
            };
            match (wait::in_slices(timeout_ns, interrupts, attempt)?, taken) {
                (Some(role), _) => Ok(Producer::new(role, None)),
                (None, Some(error)) => Err(error.into()),
                // There was an attempt, which failed.
                (None, None) => Err(Misuse::Interrupted.into()),
            }
        })
    })
}

/// Says how calls wait for room from now on: `wait` is one of `RINGWAY_WAIT_…`, `timeout_ns` for how long; negative is
/// without end. A full ring is `-RINGWAY_E_FULL` without waiting, and `-RINGWAY_E_TIMED_OUT` when the time is up.
///
/// # Safety
/// `producer` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_producer_set_wait(
    producer: *mut ProducerHandle,
    wait: i32,
    timeout_ns: i64,
) -> i32 {
    handle::call::<Producer>(producer, |producer, _| {
        let way = wait::way(wait)?;
        if let Some(way) = way {
            producer.role()?.set_wait(way);
        }
        (producer.way, producer.timeout_ns) = (way, timeout_ns);
        Ok(0)
    })
}

/// Says whether the producer requires a consumer: if `required` isn't 0, calls that find the ring without any fail with
/// `-RINGWAY_E_NO_READERS`.
///
/// # Safety
/// `producer` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_producer_require_readers(
    producer: *mut ProducerHandle,
    required: i32,
) -> i32 {
    handle::call::<Producer>(producer, |producer, _| {
        producer.role()?.require_readers(required != 0);
        Ok(0)
    })
}

/// Tells the sequence of the next message, and the number of this producer's incarnation, from 1. Each pointer may be
/// NULL.
///
/// # Safety
/// `producer` is NULL or a handle; the others are NULL or lead to a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_producer_position(
    producer: *mut ProducerHandle,
    next: *mut u64,
    epoch: *mut u64,
) -> i32 {
    handle::call::<Producer>(producer, |producer, _| {
        let role = producer.role()?;
        // SAFETY: by the function's contract.
        unsafe {
            set_number(next, role.next_seq());
            set_number(epoch, role.epoch());
        }
        Ok(0)
    })
}

/// Closes the ring: readers that have read everything see `RINGWAY_CLOSED`. The role ends, and the handle is still to
/// be freed. To close it again does nothing.
///
/// Errors: `RINGWAY_E_DEPOSED`, `RINGWAY_E_FORKED`, `RINGWAY_E_TRUNCATED`; `RINGWAY_E_ARGUMENT` while a slot is
/// claimed.
///
/// # Safety
/// `producer` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_producer_close(producer: *mut ProducerHandle) -> i32 {
    handle::call::<Producer>(producer, |producer, _| {
        producer.role()?.close()?;
        Ok(0)
    })
}

/// A descriptor for `poll`, `epoll` and their like, which becomes readable once there may be room. It stays the
/// handle's: it is closed with it, and not read.
///
/// Tell the producer not to wait (`ringway_producer_set_wait`), and publish until a call fails with `-RINGWAY_E_FULL`:
/// that answer arms the descriptor. It is readable now and then although there is no room.
///
/// Errors: `RINGWAY_E_CLOSED`, `RINGWAY_E_DEPOSED`, `RINGWAY_E_FORKED`, `RINGWAY_E_OS`, `RINGWAY_E_ARGUMENT`.
///
/// # Safety
/// `producer` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_producer_fd(producer: *mut ProducerHandle) -> i32 {
    handle::call::<Producer>(producer, |producer, _| {
        producer.role()?.count_room()?;
        Notifier::fd(&mut producer.notifier)
    })
}

/// Ends this producer's current or next wait for room: see `ringway_interrupt`. A signal handler or another thread may
/// call it, while the handle isn't freed. It sets no text.
///
/// # Safety
/// `producer` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_producer_interrupt(producer: *const ProducerHandle) -> i32 {
    handle::interrupt::<Producer>(producer)
}

/// Frees a producer's handle. A ring that wasn't closed stays open: readers see `RINGWAY_PRODUCER_LOST`, and a
/// successor may take over. A claim that is open publishes nothing. NULL is nothing to free.
///
/// # Safety
/// `producer` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_producer_free(producer: *mut ProducerHandle) -> i32 {
    handle::free::<Producer>(producer)
}
