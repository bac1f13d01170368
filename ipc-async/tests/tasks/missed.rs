//! Rings that don't end a sleep: those that come after it, and those of a thread that was moved elsewhere.
//!
//! # Safety
//! The kernel gets the addresses of a ring's word and of one that is leaked, and changes neither.

#![allow(unsafe_code, reason = "moving sleepers is a system call")]

use core::task::Context;
use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use ringway::aio::Registration;
use ringway::{Consumer, Readiness, Ring, SleepTicket, Start, Waitable};
use testkit::{Kind, PATIENCE};

use crate::{Wakes, config};

/// What a consumer that has nothing would sleep on.
fn ticket(consumer: &mut Consumer) -> SleepTicket {
    match consumer.prepare_sleep(false) {
        Readiness::Sleep(ticket) => ticket,
        ready => panic!("{ready:?}"),
    }
}

pub fn a_message_after_a_slices_end_leaves_the_next_slice_long(kind: Kind) {
    let ring = kind.ring(&config());
    let mut producer = ring.producer().expect("no other producer");
    let mut consumer = ring.consumer(Start::Oldest).expect("a free cell");
    let whole = ticket(&mut consumer).longest();
    let (mut registration, wakes) = (Registration::new(), Arc::new(Wakes::default()));
    let waker = wakes.clone().into();
    let mut cx = Context::from_waker(&waker);
    for slice in 1..=3 {
        assert!(registration.poll_ready(&mut consumer, &mut cx).is_pending());
        // Nothing else ends the wait.
        wakes.wait_for(slice);
        producer.publish(b"late").expect("there is room");
        assert!(registration.poll_ready(&mut consumer, &mut cx).is_ready());
        assert!(consumer.try_recv().expect("a sound ring").is_message());
        assert_eq!(ticket(&mut consumer).longest(), whole);
    }
}

/// Moves the thread that sleeps on a word to another one, unless its sleep has ended.
fn move_sleeper(word: usize, has_ended: impl Fn() -> bool) {
    let elsewhere = Box::leak(Box::new(0_u32));
    let began = Instant::now();
    loop {
        // SAFETY: see above.
        let moved = unsafe {
            libc::syscall(libc::SYS_futex, word, libc::FUTEX_REQUEUE, 0, 1_i64, &raw const *elsewhere)
        };
        if moved == 1 || has_ended() {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "no thread sleeps");
        std::thread::yield_now();
    }
}

pub fn a_task_that_missed_a_ring_sleeps_for_short_slices(kind: Kind) {
    let ring = kind.ring(&config());
    let mut producer = ring.producer().expect("no other producer");
    let mut consumer = ring.consumer(Start::Oldest).expect("a free cell");
    let word = ticket(&mut consumer).address();
    let (mut registration, wakes) = (Registration::new(), Arc::new(Wakes::default()));
    let waker = wakes.clone().into();
    let mut cx = Context::from_waker(&waker);
    let (began, mut woken) = (Instant::now(), 0);
    // The sleeper is moved before the message comes, unless its slice ends just then.
    while ticket(&mut consumer).longest() > Duration::from_millis(1) {
        assert!(began.elapsed() < PATIENCE, "its slices are long");
        assert!(registration.poll_ready(&mut consumer, &mut cx).is_pending());
        move_sleeper(word, || wakes.count() > woken);
        producer.publish(b"unheard").expect("there is room");
        woken += 1;
        wakes.wait_for(woken);
        assert!(registration.poll_ready(&mut consumer, &mut cx).is_ready());
        assert!(consumer.try_recv().expect("a sound ring").is_message());
    }
}
