//! Bare cache lines, through which two processes pass a number.
//!
//! # Safety
//!
//! The lines are words of one shared mapping, which is never unmapped: both processes have it as long as they
//! live. They are only ever accessed as atomics.

#![allow(unsafe_code)]

use std::ffi::c_void;
use std::num::NonZeroUsize;
use std::ptr::NonNull;
#[allow(
    clippy::disallowed_types,
    reason = "these words belong to no ring: they are what rings are compared to"
)]
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous};

/// Bytes between the two lines: the hardware prefetches lines in pairs.
const APART: usize = 128;

/// Pairs of lines that there are. How long a line takes to another core depends on where on the chip its
/// address is kept, by a third and more; the rings' messages go over many lines, so the floor does too.
const PAIRS: usize = 256;

/// Pairs of words, each word on a line of its own.
#[derive(Debug)]
pub struct Lines {
    base: NonNull<c_void>,
}

/// Two lines.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    /// Written by the measuring process.
    pub ping: Line,
    /// Written by the echoing process.
    pub pong: Line,
}

/// A word that one process writes and the other polls.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::disallowed_types, reason = "as above")]
pub struct Line(&'static AtomicU64);

// SAFETY: the mapping belongs to the process, not to a thread, and its words are only accessed as atomics.
unsafe impl Send for Lines {}
// SAFETY: as above.
unsafe impl Sync for Lines {}

impl Lines {
    /// Maps the lines, for this process and those it forks. They stay mapped as long as the process lives.
    ///
    /// # Errors
    /// What the system says.
    pub fn new() -> nix::Result<Self> {
        let length = const { NonZeroUsize::new(PAIRS * 2 * APART).unwrap() };
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        let flags = MapFlags::MAP_SHARED | MapFlags::MAP_POPULATE;
        // SAFETY: a new mapping, where the kernel finds room.
        let base = unsafe { mmap_anonymous(None, length, access, flags)? };
        Ok(Self { base })
    }

    /// Pair number `index`, counted round and round.
    pub fn pair(&self, index: u64) -> Pair {
        let ping = index as usize % PAIRS * 2;
        Pair { ping: self.line(ping), pong: self.line(ping + 1) }
    }

    fn line(&self, index: usize) -> Line {
        assert!(index < PAIRS * 2);
        // SAFETY: the mapping has room for all the lines, is aligned to a page and zero at first, and stays.
        Line(unsafe { self.base.byte_add(index * APART).cast().as_ref() })
    }
}

impl Line {
    /// Passes `number` on.
    #[inline(always)]
    pub fn pass(self, number: u64) {
        self.0.store(number, Ordering::Release);
    }

    /// Whether `number` has come.
    #[inline(always)]
    pub fn holds(self, number: u64) -> bool {
        self.0.load(Ordering::Acquire) == number
    }
}
