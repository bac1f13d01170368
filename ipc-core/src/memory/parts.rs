//! Where the parts of a slot lie: its stamp, its length and tag, and its payload.
//!
//! # Safety
//!
//! As for the other views: see `mapped.rs`. A slot that begins with a header is at least as long as that.

#![allow(unsafe_code)]

use core::ptr::NonNull;

use crate::format::layout;
use crate::ordering::sync::AtomicU64;

/// Where the parts of one slot lie.
pub(crate) trait Parts: Copy {
    fn stamp(self) -> NonNull<AtomicU64>;
    /// `None` if messages have one length, and no tag.
    fn len_and_tag(self) -> Option<NonNull<AtomicU64>>;
    fn payload(self) -> NonNull<AtomicU64>;
}

/// The parts of a slot that begins with a header, which is found at its address.
#[derive(Clone, Copy)]
pub(crate) struct Headed(pub(super) NonNull<AtomicU64>);

/// The parts of a slot, whatever the stride.
#[derive(Clone, Copy)]
pub(crate) struct AnyParts {
    pub(super) stamp: NonNull<AtomicU64>,
    pub(super) payload: NonNull<AtomicU64>,
    pub(super) headed: bool,
}

impl Parts for Headed {
    #[inline(always)]
    fn stamp(self) -> NonNull<AtomicU64> {
        // SAFETY: a slot is at least as long as its header.
        unsafe { self.0.add(layout::slot::STAMP) }
    }

    #[inline(always)]
    fn len_and_tag(self) -> Option<NonNull<AtomicU64>> {
        // SAFETY: as above.
        Some(unsafe { self.0.add(layout::slot::LEN_AND_TAG) })
    }

    #[inline(always)]
    fn payload(self) -> NonNull<AtomicU64> {
        // SAFETY: as above.
        unsafe { self.0.add(layout::slot::HEADER_WORDS) }
    }
}

impl Parts for AnyParts {
    #[inline(always)]
    fn stamp(self) -> NonNull<AtomicU64> {
        self.stamp
    }

    #[inline(always)]
    fn len_and_tag(self) -> Option<NonNull<AtomicU64>> {
        // SAFETY: a header begins with the stamp, and is two words long.
        self.headed.then(|| unsafe { self.stamp.add(layout::slot::LEN_AND_TAG) })
    }

    #[inline(always)]
    fn payload(self) -> NonNull<AtomicU64> {
        self.payload
    }
}
