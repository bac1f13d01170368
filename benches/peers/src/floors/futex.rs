//! The floor of waking each other in the kernel: two futex words, each waited on by one side.
//!
//! # Safety
//! The words are those of a shared mapping that is never unmapped, zero at first, and only accessed as atomics; the
//! kernel is given their addresses.

#![allow(unsafe_code)]

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous};

use crate::control::{Control, Side, Word};
use crate::crew::{Job, Measured};
use crate::peer::Across;
use crate::work::as_many_as_fit;
use crate::work::round_trip::{LEAST, MOST, WARM_UP, figures, histogram};

#[repr(align(128))]
struct Bell(AtomicU32);

struct Pair {
    ping: Bell,
    pong: Bell,
}

/// As it is printed.
pub const NAME: &str = "two futexes (floor)";

/// Round trips in which each side sleeps until the other wakes it.
pub fn run(job: &Job) -> anyhow::Result<Measured> {
    let length = const { NonZeroUsize::new(size_of::<Pair>()).unwrap() };
    let (access, flags) = (ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, MapFlags::MAP_SHARED);
    // SAFETY: a new mapping, where the kernel finds room; nothing unmaps it.
    let base = unsafe { mmap_anonymous(None, length, access, flags)? };
    // SAFETY: it is as long as the pair, aligned to a page, zero, and stays.
    let Pair { ping, pong }: &'static Pair = unsafe { base.cast().as_ref() };
    let there = |control: &Control| {
        let mut trip = 0;
        for phase in [1, 2] {
            control.meet(Side::There, phase);
            let end = control.get(Word::End);
            while u64::from(trip) < end {
                ping.wait_past(trip);
                trip += 1;
                pong.ring(trip);
            }
        }
        Ok(())
    };
    job.two(Across::Processes, there, |control| {
        let mut trip = 0;
        let mut trips = |end: u64| {
            let mut times = histogram();
            while u64::from(trip) < end {
                let began = Instant::now();
                ping.ring(trip + 1);
                pong.wait_past(trip);
                times.saturating_record(began.elapsed().as_nanos() as u64);
                trip += 1;
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

impl Bell {
    fn ring(&self, value: u32) {
        self.0.store(value, Ordering::Release);
        // SAFETY: the word is mapped and stays; waking nobody is no error.
        unsafe { libc::syscall(libc::SYS_futex, self.0.as_ptr(), libc::FUTEX_WAKE, 1) };
    }

    fn wait_past(&self, value: u32) {
        while self.0.load(Ordering::Acquire) == value {
            // SAFETY: as above; the kernel compares the word itself before it lets this process sleep.
            unsafe {
                let forever = std::ptr::null::<libc::timespec>();
                libc::syscall(libc::SYS_futex, self.0.as_ptr(), libc::FUTEX_WAIT, value, forever)
            };
        }
    }
}
