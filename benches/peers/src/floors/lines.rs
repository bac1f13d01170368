//! The floor of round trips: a number passed through two bare cache lines.
//!
//! # Safety
//! The lines are words of a shared mapping that is never unmapped, zero at first, and only accessed as atomics.

#![allow(unsafe_code)]

use std::num::NonZeroUsize;
#[allow(clippy::disallowed_types, reason = "these words belong to no ring")]
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Instant;

use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous};

use crate::control::{Control, Side, Word};
use crate::crew::{Job, Measured};
use crate::peer::Across;
use crate::work::as_many_as_fit;
use crate::work::round_trip::{LEAST, MOST, WARM_UP, figures, histogram};

/// Pairs of lines that there are. How long a line takes to another core depends on where on the chip its address
/// is kept; rings' messages go over many lines, so the floor does too.
const PAIRS: usize = 256;
/// Trips through a pair before the next is taken.
const STAY: u64 = 256;

#[repr(align(128))]
#[allow(clippy::disallowed_types, reason = "as above")]
struct Line(AtomicU64);

struct Pair {
    ping: Line,
    pong: Line,
}

/// As it is printed.
pub const NAME: &str = "two bare lines (floor)";

/// Round trips through two lines, each on a core's own.
pub fn run(job: &Job) -> anyhow::Result<Measured> {
    let length = const { NonZeroUsize::new(size_of::<[Pair; PAIRS]>()).unwrap() };
    let (access, flags) =
        (ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, MapFlags::MAP_SHARED | MapFlags::MAP_POPULATE);
    // SAFETY: a new mapping, where the kernel finds room; nothing unmaps it.
    let base = unsafe { mmap_anonymous(None, length, access, flags)? };
    // SAFETY: it is as long as the pairs, aligned to a page, zero, and stays.
    let pairs: &'static [Pair; PAIRS] = unsafe { base.cast().as_ref() };
    let pair = |trip: u64| &pairs[(trip / STAY) as usize % PAIRS];
    let there = |control: &Control| {
        let mut trip = 0;
        for phase in [1, 2] {
            control.meet(Side::There, phase);
            let end = control.get(Word::End);
            while trip < end {
                let Pair { ping, pong } = pair(trip);
                trip += 1;
                ping.wait_for(trip);
                pong.pass(trip);
            }
        }
        Ok(())
    };
    job.two(Across::Processes, there, |control| {
        let mut trip = 0;
        let mut trips = |end: u64| {
            let mut times = histogram();
            while trip < end {
                let Pair { ping, pong } = pair(trip);
                trip += 1;
                let began = Instant::now();
                ping.pass(trip);
                pong.wait_for(trip);
                times.saturating_record(began.elapsed().as_nanos() as u64);
            }
            times
        };
        control.set(Word::End, WARM_UP);
        control.meet(Side::Here, 1);
        let began = Instant::now();
        trips(WARM_UP);
        let count = as_many_as_fit(job.time, began.elapsed(), WARM_UP, LEAST, MOST);
        control.set(Word::End, WARM_UP + count);
        control.meet(Side::Here, 2);
        Ok(figures(&trips(WARM_UP + count)))
    })
}

impl Line {
    #[inline(always)]
    fn pass(&self, number: u64) {
        self.0.store(number, Ordering::Release);
    }

    #[inline(always)]
    fn wait_for(&self, number: u64) {
        while self.0.load(Ordering::Acquire) != number {
            std::hint::spin_loop();
        }
    }
}
