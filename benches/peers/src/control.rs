//! What the two sides of a run tell each other beside what is measured.
//!
//! # Safety
//! The words are those of a shared mapping that is never unmapped, zero at first, and only accessed as atomics.

#![allow(unsafe_code)]

use std::num::NonZeroUsize;
#[allow(clippy::disallowed_types, reason = "these words belong to no ring")]
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous};

/// Polls of a word that is not for measuring, before the processor is given away between them.
const POLLS: u32 = 2_000;

/// Words on cache lines of their own, shared with forked processes and with threads.
#[derive(Clone, Copy)]
pub struct Control(&'static [Line; Word::COUNT]);

#[repr(align(128))]
#[allow(clippy::disallowed_types, reason = "as above")]
struct Line(AtomicU64);

/// What the words are for.
#[derive(Clone, Copy)]
pub enum Word {
    /// How far this side has come.
    Here,
    /// How far the other side has come.
    There,
    /// The message before which a phase ends.
    End,
    /// Where the other side has come to within a phase.
    Reached,
    /// Anything else that the other side found.
    Found,
    /// More of that.
    FoundToo,
}

impl Word {
    const COUNT: usize = 6;
}

/// Which side of a run this is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The one that measures, on the first core.
    Here,
    /// The other.
    There,
}

impl Control {
    /// Maps the words, for this process and those it forks.
    pub fn new() -> nix::Result<Self> {
        let length = const { NonZeroUsize::new(size_of::<[Line; Word::COUNT]>()).unwrap() };
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        let flags = MapFlags::MAP_SHARED | MapFlags::MAP_POPULATE;
        // SAFETY: a new mapping, where the kernel finds room; nothing unmaps it.
        let base = unsafe { mmap_anonymous(None, length, access, flags)? };
        // SAFETY: it is as long as the words, aligned to a page, zero, and stays.
        Ok(Self(unsafe { base.cast().as_ref() }))
    }

    /// A word's value.
    #[inline(always)]
    pub fn get(&self, word: Word) -> u64 {
        self.0[word as usize].0.load(Ordering::Acquire)
    }

    /// Gives a word a value.
    #[inline(always)]
    pub fn set(&self, word: Word, value: u64) {
        self.0[word as usize].0.store(value, Ordering::Release);
    }

    /// Polls a word until it is at least `least`.
    #[inline(always)]
    pub fn await_at_least(&self, word: Word, least: u64) -> u64 {
        loop {
            let value = self.get(word);
            if value >= least {
                return value;
            }
            std::hint::spin_loop();
        }
    }

    /// Waits until the other side has come to this point, too. Points are numbered from 1.
    pub fn meet(&self, side: Side, point: u64) {
        let (mine, theirs) = match side {
            Side::Here => (Word::Here, Word::There),
            Side::There => (Word::There, Word::Here),
        };
        self.set(mine, point);
        let mut polls = 0;
        while self.get(theirs) < point {
            polls += 1;
            if polls < POLLS { std::hint::spin_loop() } else { std::thread::yield_now() }
        }
    }
}
