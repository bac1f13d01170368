//! A process that may only read a ring can move its sleepers where no ring of the bell finds them: they wake at the end
//! of a slice, and then sleep for short ones.

#![allow(unsafe_code, reason = "mapping a file and moving sleepers are system calls")]

use std::fs::File;
use std::num::NonZeroUsize;
use std::time::Instant;

use nix::sys::mman::{MapFlags, ProtFlags, mmap};
use ringway::Ring;
use testkit::header::in_page;
use testkit::header::page::DOORBELL;
use testkit::roles::Sender;
use testkit::sleepers::{config, sleeper, start, until_asleep};
use testkit::{Kind, PATIENCE, Peer, TestRing, named, role, status, suite};

/// More sleeps than a reader whose slices are long makes within the test's patience.
const SLEEPS: u64 = 900;

fn main() {
    suite::run_on(
        &[Kind::File, Kind::TrustedFile],
        named![a_sleeper_that_missed_a_wake_sleeps_for_short_slices],
        named![sleeper],
    );
}

/// Moves all sleepers on a ring's doorbell to a word of this process's own, through a read-only mapping. Returns
/// how many.
fn move_sleepers(ring: &TestRing) -> i64 {
    let TestRing::File { path, .. } = ring else { panic!("a ring in a file") };
    let file = File::open(path).expect("a file to read");
    let at = usize::try_from(in_page(ring.geometry(), DOORBELL)).expect("a small ring");
    let length = NonZeroUsize::new(at + 4).expect("more than nothing");
    // SAFETY: a new mapping at an address of the kernel's choice, which this process never reads.
    let base = unsafe { mmap(None, length, ProtFlags::PROT_READ, MapFlags::MAP_SHARED, &file, 0) };
    let doorbell = base.expect("a mapping").as_ptr().wrapping_byte_add(at);
    // It stays where it is as long as somebody may sleep there.
    let elsewhere = Box::leak(Box::new(0u32));
    let everybody = i64::from(i32::MAX);
    // SAFETY: both words lie in mapped memory; the call changes neither.
    unsafe {
        libc::syscall(libc::SYS_futex, doorbell, libc::FUTEX_REQUEUE, 0, everybody, &raw const *elsewhere)
    }
}

/// How often a process has gone to sleep by itself.
fn sleeps(peer: &Peer) -> u64 {
    status::figure(peer.pid(), status::SLEEPS).expect("a count of switches")
}

fn a_sleeper_that_missed_a_wake_sleeps_for_short_slices(kind: Kind) {
    let ring = kind.ring(&config());
    let mut sender = Sender::new(ring.producer().unwrap());
    let mut peer = start(&ring, role!(sleeper));
    let mut seq = 0;
    // A sleeper is moved unless its slice ends just then.
    loop {
        until_asleep(&peer);
        let moved = move_sleepers(&ring);
        assert_eq!(sender.send(), Ok(seq));
        peer.expect(&seq.to_string());
        seq += 1;
        if moved == 1 {
            break;
        }
    }
    let (before, began) = (sleeps(&peer), Instant::now());
    while sleeps(&peer) < before + SLEEPS {
        assert!(began.elapsed() < PATIENCE, "{} sleeps: its slices are long", sleeps(&peer) - before);
        std::thread::yield_now();
    }
    sender.close();
    peer.expect("Closed");
    peer.succeed();
}
