//! The floor of throughput: dirty cache lines handed over in bulk, without a header on any of them. Some chunks are
//! written, counted in one word, read, and counted in another: as few words as can be are polled by both sides.
//!
//! # Safety
//! A chunk is the sender's until the sender counts it, the receiver's until the receiver does: the two counts are all
//! that both access at once, as atomics. The mapping is never unmapped.

#![allow(unsafe_code)]

use std::num::NonZeroUsize;
use std::ptr::NonNull;

use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous};

use crate::control::{Control, Side, Word};
use crate::crew::{Job, Measured};
use crate::message::{Msg, Tally};
use crate::peer::Across;
use crate::work::throughput::{DONE, PHASES, measure};

/// Chunks that what is in flight consists of.
const CHUNKS: usize = 8;
/// Words of a cache line.
const LINE: usize = 8;

/// As it is printed, with 64 KiB in flight.
pub const NAME_64K: &str = "bulk lines, 64 KiB (floor)";
/// As it is printed, with 1 MiB in flight.
pub const NAME_1M: &str = "bulk lines, 1 MiB (floor)";

/// Lines per second from one process to another, with so many bytes in flight.
pub fn run(job: &Job, in_flight: usize) -> anyhow::Result<Measured> {
    let length = NonZeroUsize::new(in_flight).expect("something is in flight");
    let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    let flags = MapFlags::MAP_SHARED | MapFlags::MAP_POPULATE;
    // SAFETY: a new mapping, where the kernel finds room; nothing unmaps it.
    let base = unsafe { mmap_anonymous(None, length, access, flags)? };
    let lines: NonNull<Msg<LINE>> = base.cast();
    let count = in_flight / Msg::<LINE>::BYTES;
    let chunk = (count / CHUNKS) as u64;
    let at = Lines { first: lines, count };
    let there = move |control: &Control| {
        let at = at;
        let mut tally = Tally::default();
        for phase in PHASES {
            control.meet(Side::There, phase);
            let end = control.get(Word::End);
            while tally.next < end {
                let until = (tally.next + chunk).min(end);
                control.await_at_least(Word::Found, until);
                while tally.next < until {
                    // SAFETY: the sender has counted the line, and won't touch it until it is counted here.
                    tally.take(unsafe { at.get(tally.next).as_ref() });
                }
                control.set(Word::Reached, tally.next);
            }
        }
        control.meet(Side::There, DONE);
        tally.check(LINE)
    };
    job.two(Across::Processes, there, |control| {
        let send = |from: u64, end: u64| {
            let mut number = from;
            while number < end {
                let until = (number + chunk).min(end);
                control.await_at_least(Word::Reached, until.saturating_sub(count as u64));
                for number in number..until {
                    // SAFETY: the receiver has counted what was in the line a lap ago.
                    unsafe { at.get(number).as_mut() }.fill(number);
                }
                control.set(Word::Found, until);
                number = until;
            }
        };
        measure(job, control, count, LINE, send)
    })
}

/// The lines in flight.
#[derive(Clone, Copy)]
struct Lines {
    first: NonNull<Msg<LINE>>,
    count: usize,
}

// SAFETY: what it points to is shared memory, whose lines belong to one side at a time.
unsafe impl Send for Lines {}

impl Lines {
    /// The line of message `number`.
    #[inline(always)]
    fn get(self, number: u64) -> NonNull<Msg<LINE>> {
        // SAFETY: there are so many lines.
        unsafe { self.first.add(number as usize & (self.count - 1)) }
    }
}
