//! The floor of slot layouts: a ring of bare payload lines, and one word that says how far the sender has come. Its
//! messages have no stamp and no length, so they take as few lines as can be; nobody could observe it, join it, or take
//! it over.
//!
//! # Safety
//! A line is the sender's until the sender counts it, the receiver's until the receiver does: the two counts are all
//! that both access at once, as atomics. The mapping is never unmapped.

#![allow(unsafe_code)]

use std::num::NonZeroUsize;
use std::ptr::NonNull;

use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous};

use crate::control::{Control, Side, Word};
use crate::crew::{Job, Measured};
use crate::message::{Msg, Tally};
use crate::peer::Across;
use crate::work::BATCH;
use crate::work::throughput::{DONE, PHASES, measure};

/// Bytes of a cache line.
const LINE: usize = 64;

/// One by one, as it is printed.
pub const NAME: &str = "head-only ring (floor)";
/// In batches, as it is printed.
pub const BATCHES: &str = "head-only ring, batches (floor)";

/// Messages of `W` words per second from one process to another.
pub fn run<const W: usize>(job: &Job, slots: usize, batched: bool) -> anyhow::Result<Measured> {
    anyhow::ensure!(slots.is_power_of_two(), "{slots} slots");
    let stride = Msg::<W>::BYTES.next_multiple_of(LINE);
    let length = NonZeroUsize::new(slots * stride).expect("some slots");
    let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    let flags = MapFlags::MAP_SHARED | MapFlags::MAP_POPULATE;
    // SAFETY: a new mapping, where the kernel finds room; nothing unmaps it.
    let base = unsafe { mmap_anonymous(None, length, access, flags)? };
    let at = Lines::<W> { first: base.cast(), slots, stride };
    let most = if batched { BATCH as u64 } else { 1 };
    let there = move |control: &Control| {
        let at = at;
        let (mut tally, mut head) = (Tally::default(), 0);
        for phase in PHASES {
            control.meet(Side::There, phase);
            let end = control.get(Word::End);
            while tally.next < end {
                if head == tally.next {
                    head = control.await_at_least(Word::Found, tally.next + 1);
                }
                let until = head.min(tally.next + most);
                while tally.next < until {
                    // SAFETY: the sender has counted the message, and won't touch it until it is counted here.
                    tally.take(unsafe { at.get(tally.next).as_ref() });
                }
                control.set(Word::Reached, tally.next);
            }
        }
        control.meet(Side::There, DONE);
        tally.check(W)
    };
    job.two(Across::Processes, there, |control| {
        let mut room = slots as u64;
        let send = |from: u64, end: u64| {
            let mut number = from;
            while number < end {
                let until = number + most;
                if until > room {
                    room = control.await_at_least(Word::Reached, until - slots as u64) + slots as u64;
                }
                for number in number..until {
                    // SAFETY: the receiver has counted what was in the slot a lap ago.
                    unsafe { at.get(number).as_mut() }.fill(number);
                }
                control.set(Word::Found, until);
                number = until;
            }
        };
        measure(job, control, slots, W, send)
    })
}

/// The slots.
#[derive(Clone, Copy)]
struct Lines<const W: usize> {
    first: NonNull<Msg<W>>,
    slots: usize,
    stride: usize,
}

// SAFETY: what it points to is shared memory, whose slots belong to one side at a time.
unsafe impl<const W: usize> Send for Lines<W> {}

impl<const W: usize> Lines<W> {
    /// The slot of message `number`.
    #[inline(always)]
    fn get(self, number: u64) -> NonNull<Msg<W>> {
        let slot = number as usize & (self.slots - 1);
        // SAFETY: there are so many slots.
        unsafe { self.first.byte_add(slot * self.stride) }
    }
}
