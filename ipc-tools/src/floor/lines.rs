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

/// Bytes between two lines that stay in use for a while: the hardware prefetches lines in pairs.
const APART: usize = 128;
/// Bytes between two lines of a rotation: those of a ring's slots follow each other without a gap, too.
const LINE: usize = 64;

/// Pairs of lines that two-line trips move over. How long a line takes to another core depends on where on the chip
/// its address is kept, by a third and more; the rings' messages go over many lines, so the floor does too.
const PAIRS: usize = 256;
/// Pairs of a rotation, at least. With fewer, a line is still in the other core's hands when its turn comes again.
const LEAST_ROTATION: usize = 16;

/// Pairs of words, each word on a line of its own.
///
/// # Examples
/// ```
/// use ringway_tools::floor::lines::Lines;
///
/// // As a ring of 64 slots does, each trip takes the next pair of lines.
/// let lines = Lines::rotation(64)?;
/// for trip in 0..100 {
///     let pair = lines.pair(trip);
///     pair.ping.pass(trip + 1);
///     assert!(pair.ping.holds(trip + 1) && !pair.pong.holds(trip + 1));
/// }
/// # Ok::<(), nix::Error>(())
/// ```
#[derive(Debug)]
pub struct Lines {
    base: NonNull<c_void>,
    pairs: usize,
    apart: usize,
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
    /// Lines for trips that stay on one pair for a while: what a message takes if its line is always the same.
    ///
    /// The lines are for this process and those it forks. They stay mapped as long as the process lives.
    ///
    /// # Errors
    /// What the system says.
    pub fn new() -> nix::Result<Self> {
        Self::map(PAIRS, APART)
    }

    /// Lines for trips that take the next pair each time, as a ring of so many slots takes its next slot. There are 16
    /// pairs at least.
    ///
    /// # Errors
    /// What the system says.
    pub fn rotation(slots: usize) -> nix::Result<Self> {
        Self::map(slots.max(LEAST_ROTATION), LINE)
    }

    fn map(pairs: usize, apart: usize) -> nix::Result<Self> {
        let bytes = pairs.checked_mul(2 * apart).and_then(NonZeroUsize::new).ok_or(nix::Error::ENOMEM)?;
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        let flags = MapFlags::MAP_SHARED | MapFlags::MAP_POPULATE;
        // SAFETY: a new mapping, where the kernel finds room.
        let base = unsafe { mmap_anonymous(None, bytes, access, flags)? };
        Ok(Self { base, pairs, apart })
    }

    /// How many pairs there are.
    pub fn pairs(&self) -> usize {
        self.pairs
    }

    /// Pair number `index`, counted round and round.
    #[inline(always)]
    pub fn pair(&self, index: u64) -> Pair {
        // A ring's slots are a power of two, too; a division would be part of the trip.
        let ping = if self.pairs.is_power_of_two() {
            index as usize & (self.pairs - 1)
        } else {
            index as usize % self.pairs
        };
        Pair { ping: self.line(ping), pong: self.line(self.pairs + ping) }
    }

    #[inline(always)]
    fn line(&self, index: usize) -> Line {
        debug_assert!(index < self.pairs * 2);
        // SAFETY: each index made of a pair's is below twice their number. The mapping has room for so many lines, is
        // aligned to a page and zero at first, and stays.
        Line(unsafe { self.base.byte_add(index * self.apart).cast().as_ref() })
    }
}

impl Line {
    /// Passes `number` on.
    #[inline(always)]
    pub fn pass(self, number: u64) {
        self.0.store(number, Ordering::Release);
    }

    /// Passes `number` on, and goes on once that is done: the core's later accesses don't overtake it.
    #[inline(always)]
    pub fn pass_at_once(self, number: u64) {
        self.0.swap(number, Ordering::SeqCst);
    }

    /// Whether `number` has come.
    #[inline(always)]
    pub fn holds(self, number: u64) -> bool {
        self.0.load(Ordering::Acquire) == number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All lines of all pairs.
    fn addresses(lines: &Lines) -> Vec<usize> {
        let address = |line: Line| std::ptr::from_ref(line.0).addr();
        let pairs = (0..lines.pairs() as u64).map(|index| lines.pair(index));
        pairs.flat_map(|pair| [address(pair.ping), address(pair.pong)]).collect()
    }

    #[test]
    fn a_rotation_takes_as_many_lines_as_a_ring_has_slots_and_sixteen_at_least() {
        for (slots, pairs) in [(2, 16), (16, 16), (20, 20), (1024, 1024)] {
            let lines = Lines::rotation(slots).expect("a mapping");
            assert_eq!(lines.pairs(), pairs);
            let mut all = addresses(&lines);
            all.sort();
            assert!(all.windows(2).all(|two| two[1] - two[0] == LINE), "{slots} slots");
            assert_eq!(addresses(&lines)[0], std::ptr::from_ref(lines.pair(pairs as u64).ping.0).addr());
        }
    }

    #[test]
    fn two_lines_never_come_over_together() {
        let mut all = addresses(&Lines::new().expect("a mapping"));
        all.sort();
        assert!(all.windows(2).all(|two| two[1] - two[0] >= APART));
    }
}
