//! What a call to receive comes to.
//!
//! # Safety
//! An event is written where C asked for it, once the pointer is checked.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::ptr::null;

use ringway::{Outcome, Received};

use crate::codes::*;
use crate::error::Failure;
use crate::handle::check_pointer;

/// What a call to receive came to. Set by calls; what `kind` doesn't mention is 0.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// `RINGWAY_MESSAGE`, `RINGWAY_EMPTY` and so on: what happened.
    pub kind: i32,
    /// The message's tag.
    pub tag: u32,
    /// The message's bytes.
    pub data: *const c_void,
    /// How many.
    pub len: usize,
    /// The message's sequence, from 0 for the ring's first.
    pub seq: u64,
    /// `RINGWAY_LAGGED`: how many messages don't come.
    pub lost: u64,
    /// `RINGWAY_EPOCH_CHANGED`: the number of the new producer's incarnation.
    pub epoch: u64,
    /// `RINGWAY_EPOCH_CHANGED`: the first sequence that it published, or will.
    pub first_seq: u64,
}

/// Where C wants an event.
#[derive(Clone, Copy)]
pub(crate) struct Out(*mut Event);

impl Out {
    #[inline(always)]
    pub(crate) fn new(out: *mut Event) -> Result<Self, Failure> {
        check_pointer(out, "out")?;
        Ok(Self(out))
    }

    #[inline(always)]
    pub(crate) fn set(self, event: Event) -> Result<i32, Failure> {
        // SAFETY: not NULL, and aligned. That it leads to an event is for the caller to see to.
        unsafe { self.0.write(event) };
        Ok(0)
    }

    /// Whether the event that was set last is a message.
    pub(crate) fn is_message(self) -> bool {
        self.kind() == RINGWAY_MESSAGE
    }

    /// Whether the event that was set last says that nothing is there.
    pub(crate) fn is_empty(self) -> bool {
        self.kind() == RINGWAY_EMPTY
    }

    fn kind(self) -> i32 {
        // SAFETY: as above; it was set before.
        unsafe { (*self.0).kind }
    }
}

impl Event {
    /// Nothing but its kind.
    #[inline(always)]
    pub(crate) fn of_kind(kind: i32) -> Self {
        Self { kind, tag: 0, data: null(), len: 0, seq: 0, lost: 0, epoch: 0, first_seq: 0 }
    }

    /// A message where it lies.
    #[inline(always)]
    pub(crate) fn message(message: &Received<'_>) -> Self {
        let (data, len) = (message.as_ptr().cast(), message.len());
        Self { tag: message.tag(), data, len, seq: message.seq(), ..Self::of_kind(RINGWAY_MESSAGE) }
    }

    /// What isn't a message.
    #[cold]
    pub(crate) fn other<M>(outcome: &Outcome<M>) -> Self {
        match *outcome {
            Outcome::Empty => Self::of_kind(RINGWAY_EMPTY),
            Outcome::TimedOut => Self::of_kind(RINGWAY_TIMED_OUT),
            Outcome::Lagged(lost) => Self { lost, ..Self::of_kind(RINGWAY_LAGGED) },
            Outcome::EpochChanged { epoch, first_seq } => {
                Self { epoch, first_seq, ..Self::of_kind(RINGWAY_EPOCH_CHANGED) }
            }
            Outcome::ProducerLost => Self::of_kind(RINGWAY_PRODUCER_LOST),
            Outcome::Closed => Self::of_kind(RINGWAY_CLOSED),
            Outcome::Orphaned => Self::of_kind(RINGWAY_ORPHANED),
            Outcome::Cancelled => Self::of_kind(RINGWAY_CANCELLED),
            // A later version of the library may have more: they are for programs that know them.
            _ => Self::of_kind(RINGWAY_EMPTY),
        }
    }
}
