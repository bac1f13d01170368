//! Short messages, which are copied in the caller's own code: into memory of the handle's own, so nothing is allocated,
//! and by a handful of moves.
//!
//! # Safety
//! A [`ShortLen`] is made only of a length that was compared with [`SHORT`].
#![allow(unsafe_code)]

#[cfg(loom)]
use crate::memory::sized::Len;

/// Bytes of the longest short message: one cache line. In a model, one word.
pub(crate) const SHORT: usize = if cfg!(loom) { 8 } else { 64 };

/// A payload length of 1 to [`SHORT`] bytes, known to fit the slots of the ring it was made for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ShortLen(usize);

impl ShortLen {
    /// `len`, as found in a slot, if it is from 1 to `longest`. Both questions in one comparison.
    ///
    /// `longest` is the ring's own bound: what its slots hold, and no more than [`SHORT`].
    #[inline(always)]
    pub(super) fn new(len: u64, longest: ShortBound) -> Option<Self> {
        if len.wrapping_sub(1) < longest.0 { Some(Self(len as usize)) } else { None }
    }

    #[inline(always)]
    pub(crate) fn get(self) -> usize {
        self.0
    }

    #[cfg(loom)]
    pub(super) fn len(self) -> Len {
        Len(self.0)
    }
}

/// The longest message that is copied in the caller's own code.
#[derive(Clone, Copy)]
pub(crate) struct ShortBound(u64);

impl ShortBound {
    /// Where messages aren't copied.
    pub(crate) const NONE: Self = Self(0);

    /// Where slots hold so many bytes.
    pub(crate) fn of(capacity: u64) -> Self {
        Self(capacity.min(SHORT as u64))
    }
}

/// Private memory for one short message, 16-aligned like a payload in an aligned slot.
#[derive(Debug, Default)]
#[repr(align(16))]
pub(crate) struct Short([u64; SHORT / 8]);

impl Short {
    /// The first `len` bytes.
    #[inline(always)]
    pub(crate) fn first(&self, len: ShortLen) -> &[u8] {
        // SAFETY: `len` is `SHORT` at most.
        unsafe { zerocopy::IntoBytes::as_bytes(&self.0).get_unchecked(..len.get()) }
    }

    /// All of it, to read.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        zerocopy::IntoBytes::as_bytes(&self.0)
    }

    /// All of it.
    #[cfg(loom)]
    pub(super) fn all(&mut self) -> &mut [u8] {
        zerocopy::IntoBytes::as_mut_bytes(&mut self.0)
    }

    /// Where it begins: valid for writes of [`SHORT`] bytes.
    #[cfg(not(loom))]
    #[inline(always)]
    pub(super) fn as_mut_ptr(&mut self) -> *mut u64 {
        self.0.as_mut_ptr()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_length_is_within_the_slots_and_within_the_handles_memory() {
        let is_short = |len, bound| ShortLen::new(len, bound).is_some();
        let lens = [0, 1, 24, 25, 64, 65, u64::MAX];
        assert_eq!(
            lens.map(|len| is_short(len, ShortBound::of(24))),
            [false, true, true, false, false, false, false]
        );
        assert_eq!(
            lens.map(|len| is_short(len, ShortBound::of(1 << 20))),
            [false, true, true, true, true, false, false]
        );
        assert_eq!(lens.map(|len| is_short(len, ShortBound::NONE)), [false; 7]);
    }
}
