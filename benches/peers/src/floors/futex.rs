//! The floor of waking each other in the kernel: two futex words, each waited on by one side.
//!
//! # Safety
//! The words are those of a shared mapping that is never unmapped, zero at first, and only accessed as atomics; the
//! kernel is given their addresses.

#![allow(unsafe_code)]

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous};

use crate::crew::{Job, Measured};
use crate::work::parked::{Ends, trips};

#[repr(align(128))]
struct Bell(AtomicU32);

struct Pair {
    ping: Bell,
    pong: Bell,
}

/// As it is printed.
pub const NAME: &str = "two futexes (floor)";

/// Round trips in which each side sleeps until the other wakes it, with nothing sent but the wake-up.
pub fn run(job: &Job) -> anyhow::Result<Measured> {
    let length = const { NonZeroUsize::new(size_of::<Pair>()).unwrap() };
    let (access, flags) = (ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, MapFlags::MAP_SHARED);
    // SAFETY: a new mapping, where the kernel finds room; nothing unmaps it.
    let base = unsafe { mmap_anonymous(None, length, access, flags)? };
    // SAFETY: it is as long as the pair, aligned to a page, zero, and stays.
    let Pair { ping, pong }: &'static Pair = unsafe { base.cast().as_ref() };
    let there = move |_: &_| Ok(Side { rings: pong, hears: ping, heard: 0 });
    trips(job, there, |_| Ok(Side { rings: ping, hears: pong, heard: 0 }))
}

/// What one side rings, what it hears, and how often it has.
struct Side {
    rings: &'static Bell,
    hears: &'static Bell,
    heard: u32,
}

impl Ends for Side {
    fn send(&mut self, number: u64) {
        self.rings.ring(number as u32 + 1);
    }

    fn receive(&mut self) {
        self.hears.wait_past(self.heard);
        self.heard += 1;
    }

    fn check(&self) -> anyhow::Result<()> {
        let last = self.hears.0.load(Ordering::Acquire);
        anyhow::ensure!(last == self.heard, "rung {last} times, heard {} times", self.heard);
        Ok(())
    }
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
