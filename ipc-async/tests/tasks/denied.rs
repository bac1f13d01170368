//! A kernel that denies what the sleeper needs.

use core::sync::atomic::AtomicU32;
use core::task::Context;
use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use ringway::aio::Registration;
use ringway::{Ring, SleepTicket, Slept, Start, sleep_any};
use testkit::status::{self, PEAK_ADDRESSES, THREADS};
use testkit::{Kind, PATIENCE, denial};

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

pub fn short_of_memory_tasks_look_again_and_share_one_thread(kind: Kind) {
    denial::deny_with(libc::SYS_futex_waitv, libc::ENOMEM);
    let word = AtomicU32::new(0);
    let two = [SleepTicket::private(&word, 0); 2];
    assert_eq!(sleep_any(&two, Duration::MAX), Slept::Changed);

    let rings: Vec<_> = (0..8).map(|_| kind.ring(&config())).collect();
    // Each ring has one, so that its consumer has nothing to tell of.
    let mut producers: Vec<_> =
        rings.iter().map(|ring| ring.producer().expect("no other producer")).collect();
    let before = status::own(THREADS);
    let mut waits: Vec<_> = rings
        .iter()
        .map(|ring| {
            let consumer = ring.consumer(Start::Oldest).expect("a free cell");
            (consumer, Registration::new(), Arc::new(Wakes::default()))
        })
        .collect();
    for round in 1..=3 {
        for (consumer, registration, woken) in &mut waits {
            let waker = woken.clone().into();
            let mut cx = Context::from_waker(&waker);
            while registration.poll_ready(consumer, &mut cx).is_ready() {}
            woken.wait_for(round);
        }
        let more = status::own(THREADS) - before;
        assert_eq!(more, 1, "one thread sleeps for all");
    }
    for (producer, (consumer, registration, woken)) in producers.iter_mut().zip(&mut waits) {
        producer.publish(b"here").expect("there is room");
        let waker = woken.clone().into();
        let mut cx = Context::from_waker(&waker);
        let before = woken.count();
        if registration.poll_ready(consumer, &mut cx).is_pending() {
            woken.wait_for(before + 1);
        }
        assert!(consumer.try_recv().expect("a sound ring").is_message());
    }
}

pub fn without_futex_waitv_threads_with_nothing_to_do_end(kind: Kind) {
    denial::deny(libc::SYS_futex_waitv);
    let rings: Vec<_> = (0..40).map(|_| kind.ring(&config())).collect();
    let _producers: Vec<_> = rings.iter().map(|ring| ring.producer().expect("no other producer")).collect();
    let mut consumers: Vec<_> =
        rings.iter().map(|ring| ring.consumer(Start::Oldest).expect("a free cell")).collect();
    let before = status::own(THREADS);
    let woken = Arc::new(Wakes::default());
    let waker = woken.clone().into();
    let mut cx = Context::from_waker(&waker);
    // The first learns that the kernel denies it.
    let mut first = Registration::new();
    while first.poll_ready(&mut consumers[0], &mut cx).is_ready() {}
    woken.wait_for(1);
    let mut registrations = Vec::new();
    for consumer in &mut consumers {
        let mut registration = Registration::new();
        while registration.poll_ready(consumer, &mut cx).is_ready() {}
        registrations.push(registration);
    }
    let began = Instant::now();
    drop((first, registrations));
    while status::own(THREADS) > before + 16 {
        assert!(began.elapsed() < PATIENCE, "{} threads more", status::own(THREADS) - before);
        std::thread::yield_now();
    }
}

pub fn without_futex_waitv_tasks_that_give_up_leave_few_threads_asleep(kind: Kind) {
    denial::deny(libc::SYS_futex_waitv);
    let ring = kind.ring(&config());
    let mut producer = ring.producer().expect("no other producer");
    let mut consumer = ring.consumer(Start::Oldest).expect("a free cell");
    let before = status::own(THREADS);
    let woken = Arc::new(Wakes::default());
    let waker = woken.clone().into();
    let mut cx = Context::from_waker(&waker);
    for _ in 0..1000 {
        let mut registration = Registration::new();
        while registration.poll_ready(&mut consumer, &mut cx).is_ready() {}
        drop(registration);
        let more = status::own(THREADS) - before;
        // 64 asleep, 16 that are kept, and those that are about to end.
        assert!(more <= 300, "{more} threads more");
    }
    // Refused a thread or not, a task gets its message.
    let mut registration = Registration::new();
    let woken_before = woken.count();
    while registration.poll_ready(&mut consumer, &mut cx).is_ready() {}
    producer.publish(b"here").expect("there is room");
    woken.wait_for(woken_before + 1);
    assert!(consumer.try_recv().expect("a sound ring").is_message());
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
