//! A file that is cut short between two loads of a message's slot.
//!
//! # Safety
//! Sections are protected page by page, all of them in one ring's allocation, and no reference to a byte of them is
//! held meanwhile. The handler of the fault makes the section accessible before it returns, or leaves the signal to
//! the system; it calls nothing but `mprotect` and `sigaction`, and writes words by atomic stores.

#![allow(unsafe_code)]
#![allow(clippy::disallowed_types, reason = "a test plays the peer that writes what it likes")]

use std::mem::zeroed;
use std::ptr::{from_ref, null_mut};
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use ipc_core::{Config, RecvError, Ring, Section, Start, Truncated, Wait};

use crate::common::{EPOCH_STATE, Kind, LARGEST_PAGE, TestRing};

/// The ring whose sections are protected.
static RING: OnceLock<TestRing> = OnceLock::new();
/// The producer page of epoch 1, closed.
const CLOSED: u64 = 1 << 2 | 2;
/// Stamp of message 0.
const PUBLISHED: u64 = 2;

/// Says what accesses a section allows whose first word is `first`.
fn protect(first: &AtomicU64, section: Section, accesses: i32) -> i32 {
    // SAFETY: the section begins and ends with a page, and is the ring's.
    unsafe { libc::mprotect(from_ref(first).cast_mut().cast(), section.length as usize, accesses) }
}

/// Whether `address` is in a section whose first word is `first`.
fn within(first: &AtomicU64, section: Section, address: usize) -> bool {
    let start = from_ref(first) as usize;
    (start..start + section.length as usize).contains(&address)
}

/// Plays the other process, and then the placement's handler of SIGBUS.
extern "C" fn on_fault(signal: i32, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    const ALL: i32 = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: the kernel says where the fault was.
    let address = unsafe { (*info).si_addr() } as usize;
    if let Some(ring) = RING.get() {
        let (page, [stamp, _]) = (ring.page(0), ring.slot(0));
        let (pages, slots) = (ring.geometry().producer_section(), ring.geometry().slots_section());
        if within(page, pages, address) {
            // The reader has looked at its slot in vain. The next look will be the one that counts.
            protect(page, pages, ALL);
            ring.page(EPOCH_STATE).store(CLOSED, Relaxed);
            protect(stamp, slots, libc::PROT_NONE);
            return;
        }
        if within(stamp, slots, address) {
            // The stamp is still the file's. The length, 0, is no longer.
            protect(stamp, slots, ALL);
            stamp.store(PUBLISHED, Relaxed);
            ring.truncate();
            return;
        }
    }
    // SAFETY: all zeros are the default action, which the instruction meets again.
    unsafe { libc::sigaction(signal, &zeroed(), null_mut()) };
}

#[test]
fn zeros_of_a_file_that_was_cut_short_are_no_message() {
    let ring = RING.get_or_init(|| {
        Kind::InPlace.ring(&Config::new().slots(2).payload_capacity(8).section_align(LARGEST_PAGE as u64))
    });
    let _producer = ring.producer().unwrap();
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    consumer.set_wait(Wait::Spin);
    // SAFETY: the handler keeps to what one may do.
    unsafe {
        let mut action: libc::sigaction = zeroed();
        action.sa_sigaction = on_fault as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO;
        assert_eq!(libc::sigaction(libc::SIGSEGV, &action, null_mut()), 0);
    }
    assert_eq!(protect(ring.page(0), ring.geometry().producer_section(), libc::PROT_NONE), 0);
    let outcome = consumer.recv_timeout(Duration::from_secs(30)).map(|outcome| outcome.map(drop));
    assert_eq!(ring.slot(0)[0].load(Relaxed), PUBLISHED, "the slot wasn't looked at again");
    assert!(matches!(outcome, Err(RecvError::Truncated(Truncated))), "{outcome:?}");
}
