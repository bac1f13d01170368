//! The floor: a number passed through two bare cache lines.
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
use std::time::Instant;

use crossbeam_utils::Backoff;
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous};

use super::echo::SLICE;
use crate::options::WaitChoice;

/// How often the clock is read, in polls. The rings' own waits are made the same way.
const POLLS_PER_CLOCK: u32 = 64;
/// Bytes between the two lines: the hardware prefetches lines in pairs.
const APART: usize = 128;

/// Pairs of lines that there are. How long a line takes to another core depends on where on the chip its
/// address is kept, by a third and more; the rings' messages go over many lines, so the floor does too.
const PAIRS: usize = 256;

/// Pairs of words, each word on a line of its own.
pub(super) struct Lines {
    base: NonNull<c_void>,
}

/// Two lines.
#[derive(Clone, Copy)]
pub(super) struct Pair {
    /// Written by the measuring process.
    pub(super) ping: Line,
    /// Written by the echoing process.
    pub(super) pong: Line,
}

/// A word that one process writes and the other polls.
#[derive(Clone, Copy)]
#[allow(clippy::disallowed_types, reason = "as above")]
pub(super) struct Line(&'static AtomicU64);

impl Lines {
    /// Maps the lines, for this process and those it forks.
    pub(super) fn new() -> nix::Result<Self> {
        let length = const { NonZeroUsize::new(PAIRS * 2 * APART).unwrap() };
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        let flags = MapFlags::MAP_SHARED | MapFlags::MAP_POPULATE;
        // SAFETY: a new mapping, where the kernel finds room.
        let base = unsafe { mmap_anonymous(None, length, access, flags)? };
        Ok(Self { base })
    }

    /// Pair number `index`, counted round and round.
    pub(super) fn pair(&self, index: u64) -> Pair {
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
    pub(super) fn pass(self, number: u64) {
        self.0.store(number, Ordering::Release);
    }

    /// Waits for `number`. After each [`SLICE`] without it `check` says whether to go on; its argument is the
    /// number of slices.
    #[inline(always)]
    pub(super) fn wait_for(
        self,
        number: u64,
        wait: WaitChoice,
        mut check: impl FnMut(u32) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let backoff = Backoff::new();
        let (mut polls, mut slices, mut since) = (0_u32, 0, None);
        while self.0.load(Ordering::Acquire) != number {
            polls = polls.wrapping_add(1);
            if polls.is_multiple_of(POLLS_PER_CLOCK) || backoff.is_completed() {
                let now = Instant::now();
                let since = since.get_or_insert(now);
                if now.duration_since(*since) >= SLICE {
                    *since = now;
                    slices += 1;
                    check(slices)?;
                }
            }
            match wait {
                WaitChoice::Spin => core::hint::spin_loop(),
                // The floor is as fast as it gets: it never sleeps.
                WaitChoice::Yield | WaitChoice::Park => backoff.snooze(),
            }
        }
        Ok(())
    }
}
