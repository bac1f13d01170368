//! A kernel that denies what the sleeper needs.

use core::task::Context;
use std::sync::Arc;

use ringway::aio::Registration;
use ringway::{Ring, Start};
use testkit::status::{self, PEAK_ADDRESSES};
use testkit::{Kind, denial};

use crate::{Wakes, cancelling, config, delivering, missed, peers};

pub fn without_futex_waitv_a_task_gets_every_message(kind: Kind) {
    denial::deny(libc::SYS_futex_waitv);
    delivering::a_task_gets_every_message(kind);
}

pub fn without_futex_waitv_cancelled_calls_lose_nothing(kind: Kind) {
    denial::deny(libc::SYS_futex_waitv);
    cancelling::cancelled_calls_lose_nothing(kind);
}

pub fn without_futex_waitv_a_waiting_task_learns_that_its_producer_was_killed(kind: Kind) {
    denial::deny(libc::SYS_futex_waitv);
    peers::a_waiting_task_learns_that_its_producer_was_killed(kind);
}

pub fn without_futex_waitv_a_publishing_task_waits_for_room(kind: Kind) {
    denial::deny(libc::SYS_futex_waitv);
    delivering::a_publishing_task_waits_for_room(kind);
}

pub fn without_futex_waitv_a_message_after_a_slices_end_leaves_the_next_slice_long(kind: Kind) {
    denial::deny(libc::SYS_futex_waitv);
    missed::a_message_after_a_slices_end_leaves_the_next_slice_long(kind);
}

pub fn without_futex_waitv_a_task_that_missed_a_ring_sleeps_for_short_slices(kind: Kind) {
    denial::deny(libc::SYS_futex_waitv);
    missed::a_task_that_missed_a_ring_sleeps_for_short_slices(kind);
}

pub fn without_threads_a_task_polls_and_leaves_nothing_behind(kind: Kind) {
    denial::deny(libc::SYS_clone);
    denial::deny(libc::SYS_clone3);
    let ring = kind.ring(&config());
    let mut producer = ring.producer().expect("no other producer");
    let mut consumer = ring.consumer(Start::Oldest).expect("a free cell");
    let mut registration = Registration::new();
    let woken = Arc::new(Wakes::default());
    let waker = woken.clone().into();
    let mut cx = Context::from_waker(&waker);
    let mut before = 0;
    for poll in 1..=4000 {
        assert!(registration.poll_ready(&mut consumer, &mut cx).is_pending());
        assert_eq!(woken.count(), poll);
        if poll == 100 {
            before = status::own(PEAK_ADDRESSES);
        }
    }
    let more = status::own(PEAK_ADDRESSES) - before;
    assert!(more < 4000, "{more} KiB more: a part of each poll stays");
    producer.publish(b"here").expect("there is room");
    assert!(registration.poll_ready(&mut consumer, &mut cx).is_ready());
    assert!(consumer.try_recv().expect("a sound ring").is_message());
}
