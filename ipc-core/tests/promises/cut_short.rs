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

use ringway_core::{Config, RecvError, Ring, Section, Start, Stride, Truncated, Wait};

use crate::common::{EPOCH_STATE, Kind, LARGEST_PAGE, TestRing};

/// The ring whose sections are protected.
static RING: OnceLock<TestRing> = OnceLock::new();
/// The ring that has a message whose payload begins with a page, which is protected.
static SPLIT: OnceLock<TestRing> = OnceLock::new();
/// Bytes from one of its slots to the next.
const STRIDE: usize = 48;
/// Bytes of a slot's header.
const HEADER: usize = 16;
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
    if let Some(ring) = SPLIT.get() {
        let payload = payload_on_a_page(ring);
        if (payload..payload + page_size()).contains(&address) {
            // The stamp and the length were the file's. The payload is zeros.
            protect_page(payload, ALL);
            ring.truncate();
            return;
        }
    }
    // SAFETY: all zeros are the default action, which the instruction meets again.
    unsafe { libc::sigaction(signal, &zeroed(), null_mut()) };
}

fn page_size() -> usize {
    // SAFETY: it touches no memory of this process.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) as usize }
}

/// The first slot of a ring with strides of 48 bytes whose header ends with a page: a page has 16 bytes more than a
/// multiple of the stride.
fn split_slot() -> u64 {
    ((page_size() - HEADER) / STRIDE) as u64
}

/// Where that slot's payload lies.
fn payload_on_a_page(ring: &TestRing) -> usize {
    from_ref(ring.slot(split_slot())[0]) as usize + HEADER
}

fn protect_page(start: usize, accesses: i32) {
    // SAFETY: a page of the ring's slots.
    assert_eq!(unsafe { libc::mprotect(start as *mut _, page_size(), accesses) }, 0);
}

fn handle_faults() {
    // SAFETY: the handler keeps to what one may do.
    unsafe {
        let mut action: libc::sigaction = zeroed();
        action.sa_sigaction = on_fault as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO;
        assert_eq!(libc::sigaction(libc::SIGSEGV, &action, null_mut()), 0);
    }
}

#[test]
fn a_file_that_is_cut_short_during_a_copy_gives_no_message() {
    let ring = SPLIT.get_or_init(|| {
        let config =
            Config::new().slots(1 << 11).payload_capacity((STRIDE - HEADER) as u64).stride(Stride::Packed);
        Kind::Copied.ring(&config.section_align(LARGEST_PAGE as u64))
    });
    assert_eq!((ring.geometry().stride(), payload_on_a_page(ring) % page_size()), (STRIDE as u64, 0));
    let mut producer = ring.producer().unwrap();
    for _ in 0..=split_slot() {
        producer.publish(&[7; STRIDE - HEADER]).unwrap();
    }
    let mut consumer = ring.consumer(Start::At(split_slot())).unwrap();
    handle_faults();
    protect_page(payload_on_a_page(ring), libc::PROT_NONE);
    let outcome = consumer.try_recv().map(|outcome| outcome.map(drop));
    assert!(matches!(outcome, Err(RecvError::Truncated(Truncated))), "{outcome:?}");
    assert_eq!(consumer.next_seq(), split_slot());
}

#[test]
fn zeros_of_a_file_that_was_cut_short_are_no_message() {
    let ring = RING.get_or_init(|| {
        Kind::InPlace.ring(&Config::new().slots(2).payload_capacity(8).section_align(LARGEST_PAGE as u64))
    });
    let _producer = ring.producer().unwrap();
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    consumer.set_wait(Wait::Spin);
    handle_faults();
    assert_eq!(protect(ring.page(0), ring.geometry().producer_section(), libc::PROT_NONE), 0);
    let outcome = consumer.recv_timeout(Duration::from_secs(30)).map(|outcome| outcome.map(drop));
    assert_eq!(ring.slot(0)[0].load(Relaxed), PUBLISHED, "the slot wasn't looked at again");
    assert!(matches!(outcome, Err(RecvError::Truncated(Truncated))), "{outcome:?}");
}
