//! The copy of a short message into a slot, for callers that don't know its length when they are compiled.
//!
//! # Safety
//! As `copy` says: whole words of shared memory, each by a relaxed store.

#![allow(unsafe_code)]

use crate::memory::copy::{SHORT, atomic, portable};
use crate::ordering::sync::Ordering;

/// Whether so many bytes are copied by [`short_in`]: a word to 8.
#[inline(always)]
pub(crate) fn is_short(len: usize) -> bool {
    (8..=8 * SHORT).contains(&len)
}

/// The same as [`copy_in`](crate::memory::copy::copy_in) for messages that are [short](is_short), in code that is small
/// though the length isn't known to the compiler. Some words are copied twice.
///
/// # Safety
/// The same as there; and `len` is short.
#[inline(always)]
pub(crate) unsafe fn short_in(dst: *mut u64, src: *const u8, len: usize) {
    debug_assert!(is_short(len));
    let words = len / 8;
    // SAFETY: in each case so many words are within `len` bytes, and so both sides are valid for them.
    unsafe {
        match len {
            32.. => first_and_last_in::<4>(dst, src, words),
            16.. => first_and_last_in::<2>(dst, src, words),
            _ => portable::word_in(dst, src, 0),
        }
    }
    let rest = len % 8;
    if rest != 0 {
        // SAFETY: the last 8 of at least 8 bytes.
        let last = unsafe { src.add(len - 8).cast::<u64>().read_unaligned() };
        let others = 64 - 8 * rest;
        let last = if cfg!(target_endian = "big") { last << others } else { last >> others };
        // SAFETY: word `words` of `dst` lies within `len` rounded up to a multiple of 8.
        unsafe { atomic(dst.add(words)) }.store(last, Ordering::Relaxed);
    }
}

/// The first `N` words, and the last, which may be the same.
///
/// # Safety
/// As for [`short_in`], of `words` words; `words` is `N` to `2 * N`.
#[inline(always)]
unsafe fn first_and_last_in<const N: usize>(dst: *mut u64, src: *const u8, words: usize) {
    for i in 0..N {
        // SAFETY: the caller's: there are `N` words at least.
        unsafe { portable::word_in(dst, src, i) };
    }
    for i in words - N..words {
        // SAFETY: as above.
        unsafe { portable::word_in(dst, src, i) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::copy::copy_in;

    #[test]
    fn a_short_copy_is_the_same_and_touches_nothing_else() {
        for len in 8..=8 * SHORT {
            let message: Vec<u8> = (0..len).map(|i| (i * 7 + 3) as u8).collect();
            let [mut one, mut other] = [[0xAAAA_AAAA_AAAA_AAAA_u64; SHORT + 2]; 2];
            // SAFETY: both have room for `len` rounded up to 8, and `message` has `len` bytes.
            unsafe {
                copy_in(one.as_mut_ptr(), message.as_ptr(), len);
                short_in(other.as_mut_ptr(), message.as_ptr(), len);
            }
            assert_eq!(one, other, "length {len}");
        }
    }
}
