//! The one primitive that copies payloads to and from shared memory.
//!
//! # Safety
//!
//! A payload may be overwritten while an observer copies it; the stamp's second load then discards the copy.
//! In Rust's memory model such a copy has to be made of atomic accesses: relaxed loads and stores of u64
//! words. That is what the portable version does.
//!
//! On x86_64 the same word-wise relaxed copy is written as inline assembly, because relaxed words cost two to
//! three times as much as `memcpy` above 64 bytes. An asm block is opaque to the compiler; its contract here
//! is that it stands for the word-wise relaxed copy of the portable version, which is the sense that the
//! model gives it. The hardware keeps what the protocol needs. Loads and stores of an asm block stay on
//! their side of the fences around it: x86_64 keeps loads in order, and stores in order. The stores of a string
//! instruction, too, come before any later store. Words that a racing writer changes are discarded, whatever mixture
//! was read.
//!
//! Shared memory is always accessed in whole 8-byte words: the payload area is padded to a multiple of 8.

#![allow(unsafe_code)]

use crate::ordering::sync::{AtomicU64, Ordering};

/// Up to so many words are copied into a slot one by one. The message has just been written, word by word if it is a
/// struct: a wider load would have to wait until all of those stores have left the store buffer. And where the
/// message's size is known to the compiler, it doesn't load what it has in registers.
pub(super) const SHORT: usize = 8;

/// From this length on `rep movsb` beats the SSE loop.
#[cfg(target_arch = "x86_64")]
const STRING_COPY: usize = 1536;

/// Copies `len` private bytes at `src` to the shared words at `dst`.
///
/// # Safety
/// `src` is valid for reads of `len` bytes; `dst` is 8-aligned and valid for atomic writes of `len` bytes
/// rounded up to a multiple of 8; the two don't overlap.
#[inline(always)]
pub unsafe fn copy_in(dst: *mut u64, src: *const u8, len: usize) {
    let words = len / 8;
    if words <= SHORT {
        // SAFETY: `words * 8 <= len`, so both sides are valid for that many bytes.
        unsafe { portable::few_words_in(dst, src, words) };
    } else {
        // SAFETY: `words * 8 <= len`, so both sides are valid for that many bytes.
        unsafe { words_in(dst, src, words) };
    }
    let rest = len % 8;
    if rest != 0 {
        // SAFETY: bytes `words * 8 .. len` of `src` are readable.
        let last = unsafe { load_partial(src.add(words * 8), rest) };
        // SAFETY: word `words` of `dst` lies within `len` rounded up to a multiple of 8.
        unsafe { atomic(dst.add(words)) }.store(last, Ordering::Relaxed);
    }
}

/// Copies `len` bytes from the shared words at `src` to the private bytes at `dst`.
///
/// # Safety
/// `src` is 8-aligned and valid for atomic reads of `len` bytes rounded up to a multiple of 8; `dst` is
/// valid for writes of `len` bytes; the two don't overlap.
#[inline]
pub unsafe fn copy_out(dst: *mut u8, src: *const u64, len: usize) {
    let words = len / 8;
    // SAFETY: `words * 8 <= len`, so both sides are valid for that many bytes.
    unsafe { words_out(dst, src, words) };
    let rest = len % 8;
    if rest != 0 {
        // SAFETY: word `words` of `src` lies within `len` rounded up to a multiple of 8.
        let last = unsafe { atomic(src.add(words)) }.load(Ordering::Relaxed).to_ne_bytes();
        // SAFETY: bytes `words * 8 .. len` of `dst` are writable, and `last` is private.
        unsafe { core::ptr::copy_nonoverlapping(last.as_ptr(), dst.add(words * 8), rest) };
    }
}

/// Copies 1 to [`SHORT`] words from the shared ones at `src` to the private ones at `dst`: for code that is to be small
/// wherever it is inlined.
///
/// # Safety
/// Both are 8-aligned and valid for `words` words, `src` for atomic reads and `dst` for writes; they don't overlap.
#[inline(always)]
pub(crate) unsafe fn short_out(dst: *mut u64, src: *const u64, words: usize) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the caller's.
    unsafe {
        x86_64::copy_short(dst.cast(), src.cast(), words * 8);
    }
    #[cfg(not(target_arch = "x86_64"))]
    // SAFETY: the caller's.
    unsafe {
        portable::words_out(dst.cast(), src, words);
    }
}

/// # Safety
/// `word` is 8-aligned and valid for atomic access during `'a`.
#[inline(always)]
pub(super) unsafe fn atomic<'a>(word: *const u64) -> &'a AtomicU64 {
    // SAFETY: the caller's; `AtomicU64` has the layout of `u64`.
    unsafe { &*word.cast::<AtomicU64>() }
}

/// # Safety
/// `rest` bytes at `src` are readable; `0 < rest < 8`.
#[inline(always)]
unsafe fn load_partial(src: *const u8, rest: usize) -> u64 {
    if cfg!(target_endian = "big") {
        let mut last = [0; 8];
        // SAFETY: `rest < 8` bytes are readable at `src` and fit `last`.
        unsafe { core::ptr::copy_nonoverlapping(src, last.as_mut_ptr(), rest) };
        return u64::from_ne_bytes(last);
    }
    // A few loads, which may overlap, rather than a call of `memcpy`.
    if rest >= 4 {
        // SAFETY: the first 4 of `rest` bytes, and the last 4.
        let halves = unsafe { [src, src.add(rest - 4)].map(|half| half.cast::<u32>().read_unaligned()) };
        return u64::from(halves[0]) | u64::from(halves[1]) << (8 * (rest - 4));
    }
    // SAFETY: all are less than `rest`, which is 1 to 3.
    let bytes = [0, rest / 2, rest - 1].map(|at| u64::from(unsafe { *src.add(at) }) << (8 * at));
    bytes[0] | bytes[1] | bytes[2]
}

/// # Safety
/// As for [`copy_in`], of `words * 8` bytes.
#[cfg(not(target_arch = "x86_64"))]
unsafe fn words_in(dst: *mut u64, src: *const u8, words: usize) {
    // SAFETY: the caller's, for both functions called.
    unsafe { portable::words_in(dst, src, words) }
}

/// # Safety
/// As for [`copy_out`], of `words * 8` bytes.
#[cfg(not(target_arch = "x86_64"))]
unsafe fn words_out(dst: *mut u8, src: *const u64, words: usize) {
    // SAFETY: the caller's, for both functions called.
    unsafe { portable::words_out(dst, src, words) }
}

/// # Safety
/// As for [`copy_in`], of `words * 8` bytes.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn words_in(dst: *mut u64, src: *const u8, words: usize) {
    // SAFETY: the caller's.
    unsafe { x86_64::copy_words(dst.cast(), src, words) }
}

/// # Safety
/// As for [`copy_out`], of `words * 8` bytes.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn words_out(dst: *mut u8, src: *const u64, words: usize) {
    // SAFETY: the caller's.
    unsafe { x86_64::copy_words(dst, src.cast(), words) }
}

pub(super) mod portable {
    use super::*;

    /// # Safety
    /// As for [`copy_in`], of `words * 8` bytes.
    #[cfg(any(test, not(target_arch = "x86_64")))]
    pub(super) unsafe fn words_in(dst: *mut u64, src: *const u8, words: usize) {
        for i in 0..words {
            // SAFETY: the caller's, of word `i`.
            unsafe { word_in(dst, src, i) };
        }
    }

    /// The same for few words, by a handful of jumps in place of a loop.
    ///
    /// # Safety
    /// The same, and `words` is less than 16.
    #[inline(always)]
    pub(super) unsafe fn few_words_in(dst: *mut u64, src: *const u8, words: usize) {
        for part in [8, 4, 2, 1] {
            if words & part != 0 {
                // The larger parts come first.
                let done = words & !(2 * part - 1) & 15;
                for i in done..done + part {
                    // SAFETY: the caller's: the parts that are done add up to `words` at most.
                    unsafe { word_in(dst, src, i) };
                }
            }
        }
    }

    /// # Safety
    /// As for [`words_in`], of word `i`.
    #[inline(always)]
    pub(in crate::memory) unsafe fn word_in(dst: *mut u64, src: *const u8, i: usize) {
        // SAFETY: the caller's: 8 bytes at `src + 8 i` are readable, at any alignment.
        let word = unsafe { src.add(8 * i).cast::<u64>().read_unaligned() };
        // SAFETY: the caller's: word `i` of `dst` is valid for atomic writes.
        unsafe { atomic(dst.add(i)) }.store(word, Ordering::Relaxed);
    }

    /// # Safety
    /// As for [`copy_out`], of `words * 8` bytes.
    #[cfg(any(test, not(target_arch = "x86_64")))]
    pub(super) unsafe fn words_out(dst: *mut u8, src: *const u64, words: usize) {
        for i in 0..words {
            // SAFETY: the caller's: word `i` of `src` is valid for atomic reads.
            let word = unsafe { atomic(src.add(i)) }.load(Ordering::Relaxed);
            // SAFETY: the caller's: 8 bytes at `dst + 8 i` are writable, at any alignment.
            unsafe { dst.add(8 * i).cast::<u64>().write_unaligned(word) };
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    use core::arch::asm;

    /// Copies `words` 8-byte words; `dst` and `src` at any alignment.
    ///
    /// # Safety
    /// `words * 8` bytes are readable at `src` and writable at `dst`, and the two don't overlap.
    #[inline(always)]
    pub(super) unsafe fn copy_words(dst: *mut u8, src: *const u8, words: usize) {
        let bytes = words * 8;
        if bytes >= super::STRING_COPY {
            // SAFETY: reads `bytes` bytes at `src` and writes them at `dst`, which the caller allows; the
            // ABI guarantees the direction flag clear.
            unsafe {
                asm!("rep movsb",
                    inout("rcx") bytes => _, inout("rsi") src => _, inout("rdi") dst => _,
                    options(nostack, preserves_flags));
            }
            return;
        }
        // Below, the last block of each size may overlap the one before: the same words are copied twice.
        if bytes >= 64 {
            let by_64 = bytes & !63;
            // SAFETY: reads and writes 64 bytes at each multiple of 64 below `by_64 <= bytes`.
            unsafe {
                asm!(
                    "2:",
                    "movups {a}, [{src} + {i}]",
                    "movups {b}, [{src} + {i} + 16]",
                    "movups {c}, [{src} + {i} + 32]",
                    "movups {d}, [{src} + {i} + 48]",
                    "movups [{dst} + {i}], {a}",
                    "movups [{dst} + {i} + 16], {b}",
                    "movups [{dst} + {i} + 32], {c}",
                    "movups [{dst} + {i} + 48], {d}",
                    "add {i}, 64",
                    "cmp {i}, {end}",
                    "jb 2b",
                    a = out(xmm_reg) _, b = out(xmm_reg) _, c = out(xmm_reg) _, d = out(xmm_reg) _,
                    src = in(reg) src, dst = in(reg) dst,
                    i = inout(reg) 0usize => _, end = in(reg) by_64,
                    options(nostack));
            }
            if bytes != by_64 {
                let (dst, src) = (dst.wrapping_add(bytes - 64), src.wrapping_add(bytes - 64));
                // SAFETY: the last 64 of at least 64 bytes.
                unsafe { copy_32_to_64(dst, src, 64) };
            }
        } else if bytes != 0 {
            // SAFETY: the caller's, for less than 64 bytes.
            unsafe { copy_short(dst, src, bytes) };
        }
    }

    /// Copies `bytes` bytes, in words.
    ///
    /// # Safety
    /// As for [`copy_words`]; `bytes` is a multiple of 8 from 8 to 64.
    #[inline(always)]
    pub(super) unsafe fn copy_short(dst: *mut u8, src: *const u8, bytes: usize) {
        if bytes >= 32 {
            // SAFETY: the caller's.
            unsafe { copy_32_to_64(dst, src, bytes) };
        } else if bytes >= 16 {
            // SAFETY: reads and writes the first 16 and the last 16 of at least 16 bytes.
            unsafe {
                asm!(
                    "movups {a}, [{src}]",
                    "movups {b}, [{src} + {n} - 16]",
                    "movups [{dst}], {a}",
                    "movups [{dst} + {n} - 16], {b}",
                    a = out(xmm_reg) _, b = out(xmm_reg) _,
                    src = in(reg) src, dst = in(reg) dst, n = in(reg) bytes,
                    options(nostack, preserves_flags));
            }
        } else {
            // SAFETY: reads and writes the one word there is.
            unsafe {
                asm!("movq {x}, qword ptr [{src}]", "movq qword ptr [{dst}], {x}",
                    x = out(xmm_reg) _, src = in(reg) src, dst = in(reg) dst,
                    options(nostack, preserves_flags));
            }
        }
    }

    /// Copies `bytes` bytes, as their first 32 and their last 32.
    ///
    /// # Safety
    /// As for [`copy_words`]; `32 <= bytes <= 64`.
    #[inline(always)]
    unsafe fn copy_32_to_64(dst: *mut u8, src: *const u8, bytes: usize) {
        // SAFETY: the caller's: 32 bytes each from 0 and up to `bytes`.
        unsafe {
            asm!(
                "movups {a}, [{src}]",
                "movups {b}, [{src} + 16]",
                "movups {c}, [{src} + {n} - 32]",
                "movups {d}, [{src} + {n} - 16]",
                "movups [{dst}], {a}",
                "movups [{dst} + 16], {b}",
                "movups [{dst} + {n} - 32], {c}",
                "movups [{dst} + {n} - 16], {d}",
                a = out(xmm_reg) _, b = out(xmm_reg) _, c = out(xmm_reg) _, d = out(xmm_reg) _,
                src = in(reg) src, dst = in(reg) dst, n = in(reg) bytes,
                options(nostack, preserves_flags));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(len: usize) -> Vec<u8> {
        (0..len).map(|i| (i * 7 + 3) as u8).collect()
    }

    #[test]
    fn every_length_survives_both_directions_and_touches_nothing_else() {
        for len in (0..200).chain([1535, 1536, 1537, 4096, 5001]) {
            let message = bytes(len);
            let words = len.div_ceil(8);
            let mut shared = vec![0xAAAA_AAAA_AAAA_AAAA_u64; words + 1];
            // SAFETY: `shared` has room for `len` rounded up to 8, and `message` has `len` bytes.
            unsafe { copy_in(shared.as_mut_ptr(), message.as_ptr(), len) };
            assert_eq!(shared[words], 0xAAAA_AAAA_AAAA_AAAA, "wrote past {len}");
            let mut back = vec![0x55; len + 1];
            // SAFETY: `back` has room for `len` bytes, and `shared` for `len` rounded up to 8.
            unsafe { copy_out(back.as_mut_ptr(), shared.as_ptr(), len) };
            assert_eq!((&back[..len], back[len]), (&message[..], 0x55), "length {len}");
        }
    }

    #[test]
    fn short_words_come_out_whole_and_no_other_is_touched() {
        for words in 1..=SHORT {
            let shared: Vec<u64> = (0..words as u64).map(|word| word * 3 + 1).collect();
            let mut back = [u64::MAX; SHORT + 1];
            // SAFETY: both have as many words.
            unsafe { short_out(back.as_mut_ptr(), shared.as_ptr(), words) };
            assert_eq!(back[..words], shared);
            assert!(back[words..].iter().all(|&word| word == u64::MAX), "{words} words wrote past their end");
        }
    }

    #[test]
    fn the_portable_copy_and_the_targets_own_agree() {
        for words in [0, 1, 2, 3, 17, 400] {
            let message = bytes(words * 8 + 1);
            let (mut one, mut other) = (vec![0; words], vec![0; words]);
            // SAFETY: both have `words` words, and `message` has `words * 8` bytes from its second on.
            unsafe {
                portable::words_in(one.as_mut_ptr(), message.as_ptr().add(1), words);
                words_in(other.as_mut_ptr(), message.as_ptr().add(1), words);
            }
            assert_eq!(one, other);
            let mut back = vec![0; words * 8];
            // SAFETY: `back` has `words * 8` bytes.
            unsafe { portable::words_out(back.as_mut_ptr(), one.as_ptr(), words) };
            assert_eq!(back, message[1..]);
        }
    }
}
