//! Cancels of calls that wait: none is missed, whichever way the call waits, whether another thread or a signal handler
//! makes it, and each ends one call at most. No message is lost.
//!
//! No sleep ends by itself here: a call that sleeps through a cancel sleeps until the test's alarm. `RINGWAY_CANCELS` sets
//! the number of cancels and of messages.

#![allow(unsafe_code, reason = "a function of libc's is replaced, and handlers are installed")]
#![allow(clippy::disallowed_types, reason = "private to the process")]

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use nix::sys::pthread::{Pthread, pthread_kill, pthread_self};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use ringway::{
    Canceller, Consumer, Outcome, Producer, PublishError, RecvError, Resume, Ring, Start, Wait, WaitSet,
};
use testkit::child::apart;
use testkit::sleepers::{SLOTS, config, start, until_process_sleeps};
use testkit::{Kind, Post, TestRing, denial, named, role, suite};

/// Cancels and messages of a test, where nothing else is asked for.
const CANCELS: u64 = 300;
/// So many clock readings of a call are met with a cancel: more than it makes before its first sleep.
const READINGS: u64 = 12;

fn main() {
    suite::run(
        named![
            a_cancel_ends_each_call_that_sleeps,
            a_cancel_ends_the_sleep_of_a_set,
            a_handlers_cancel_just_before_a_readers_sleep_ends_it,
            a_handlers_cancel_just_before_a_producers_sleep_ends_it,
            a_cancel_beside_messages_ends_one_call_and_loses_none,
            a_cancel_beside_messages_of_another_process_loses_none,
            a_cancel_of_a_full_rings_producer_ends_one_call_and_publishes_each_message_once,
            cancels_of_signal_handlers_each_end_one_call,
            cancels_are_noticed_where_the_kernel_denies_the_sleep_on_two_words,
            a_cancel_in_a_forked_child_ends_no_call_of_the_parent,
        ],
        named![sender],
    );
}

fn cancels() -> u64 {
    std::env::var("RINGWAY_CANCELS").map_or(CANCELS, |count| count.parse().expect("a number of cancels"))
}

/// The canceller that a signal handler uses, and how often it did.
static CANCELLER: OnceLock<Canceller> = OnceLock::new();
static HANDLED: AtomicU64 = AtomicU64::new(0);
/// How far this process's clock is ahead of the kernel's, in seconds: the kernel is told deadlines a day too late.
static AHEAD: AtomicI64 = AtomicI64::new(0);
/// After so many readings of the clock a cancel is made. 0: none.
static CANCEL_AT: AtomicU64 = AtomicU64::new(0);

fn sleep_without_end() {
    AHEAD.store(86_400, Ordering::Relaxed);
}

/// In the place of libc's: see `AHEAD`. A call reads the clock last of all before it asks the kernel to let it sleep. So a
/// cancel in here is one that a signal handler makes between the call's last look and its sleep.
#[unsafe(no_mangle)]
extern "C" fn clock_gettime(clock: libc::clockid_t, time: *mut libc::timespec) -> libc::c_int {
    // SAFETY: the caller's pointer, for the call that it means.
    let outcome = unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) };
    if outcome == 0 && clock == libc::CLOCK_MONOTONIC {
        // SAFETY: the kernel has just written there.
        unsafe { (*time).tv_sec += AHEAD.load(Ordering::Relaxed) };
        let left = CANCEL_AT.load(Ordering::Relaxed);
        if left > 0 {
            CANCEL_AT.store(left - 1, Ordering::Relaxed);
            if left == 1 {
                on_signal(0);
            }
        }
    }
    if outcome == 0 { 0 } else { -1 }
}

extern "C" fn on_signal(_signal: libc::c_int) {
    if let Some(canceller) = CANCELLER.get() {
        canceller.cancel();
    }
    HANDLED.fetch_add(1, Ordering::Relaxed);
}

fn handle_signals() {
    let action = SigAction::new(SigHandler::Handler(on_signal), SaFlags::SA_RESTART, SigSet::empty());
    // SAFETY: the handler does nothing that isn't async-signal-safe.
    unsafe { sigaction(Signal::SIGUSR1, &action) }.expect("a handler");
}

/// Has this thread make `call`, and another one cancel it once it sleeps. Whether it was cancelled.
fn cancelled_asleep(canceller: &Canceller, call: impl FnOnce() -> bool) -> bool {
    let other = canceller.clone();
    let thread = thread::spawn(move || {
        until_process_sleeps(std::process::id());
        other.cancel();
    });
    let cancelled = call();
    thread.join().unwrap();
    cancelled && !canceller.is_pending()
}

fn fill(producer: &mut Producer) {
    while producer.try_publish(b"unread").is_ok() {}
}

fn a_cancel_ends_each_call_that_sleeps(kind: Kind) {
    sleep_without_end();
    let ring = kind.ring(&config());
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer(Start::Oldest).unwrap());
    let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
    let canceller = consumer.canceller();
    let reads: [fn(&mut Consumer) -> bool; 4] = [
        |consumer| consumer.recv().unwrap().is_cancelled(),
        |consumer| consumer.recv_into(&mut [0; 101]).unwrap().is_cancelled(),
        |consumer| consumer.recv_batch(20).unwrap().is_cancelled(),
        |consumer| consumer.peek_timeout(Duration::MAX).unwrap().is_cancelled(),
    ];
    for read in reads {
        assert!(cancelled_asleep(&canceller, || read(&mut consumer)));
    }
    assert!(cancelled_asleep(&observer.canceller(), || observer.recv().unwrap().is_cancelled()));
    fill(&mut producer);
    let canceller = producer.canceller();
    let writes: [fn(&mut Producer) -> bool; 4] = [
        |producer| producer.publish(b"no room") == Err(PublishError::Cancelled),
        |producer| producer.publish_all(&["no", "room"]) == Err(PublishError::Cancelled),
        |producer| {
            producer.publish_batch(&["no", "room"]).is_err_and(|it| it.error == PublishError::Cancelled)
        },
        |producer| producer.claim(8).is_err_and(|error| error == PublishError::Cancelled),
    ];
    for write in writes {
        assert!(cancelled_asleep(&canceller, || write(&mut producer)));
        assert_eq!(producer.next_seq(), SLOTS);
    }
}

fn a_cancel_ends_the_sleep_of_a_set(kind: Kind) {
    sleep_without_end();
    let ring = kind.ring(&config());
    let _producer = ring.producer().unwrap();
    let mut consumers = [ring.consumer(Start::Oldest).unwrap(), ring.consumer(Start::Oldest).unwrap()];
    let canceller = consumers[1].canceller();
    let mut set = WaitSet::new();
    for _ in 0..3 {
        let wait = || set.wait(&mut consumers, None).is_ok_and(|ready| ready.cancelled() == [1]);
        assert!(cancelled_asleep(&canceller, wait));
    }
}

fn a_handlers_cancel_just_before_a_readers_sleep_ends_it(kind: Kind) {
    let ring = kind.ring(&config());
    let (_producer, mut consumer) = (ring.producer().unwrap(), ring.consumer(Start::Oldest).unwrap());
    let canceller = CANCELLER.get_or_init(|| consumer.canceller());
    before_each_sleep(canceller, || consumer.recv().unwrap().is_cancelled());
}

fn a_handlers_cancel_just_before_a_producers_sleep_ends_it(kind: Kind) {
    let ring = kind.ring(&config());
    let (mut producer, _consumer) = (ring.producer().unwrap(), ring.consumer(Start::Oldest).unwrap());
    fill(&mut producer);
    let canceller = CANCELLER.get_or_init(|| producer.canceller());
    before_each_sleep(canceller, || producer.publish(b"no room") == Err(PublishError::Cancelled));
}

/// Whether this process's first thread sleeps on two words.
fn process_sleeps() -> bool {
    let call = std::fs::read_to_string(format!("/proc/{}/syscall", std::process::id())).expect("a process");
    call.split(' ').next() == Some(&libc::SYS_futex_waitv.to_string())
}

/// Has a cancel come at each of the clock readings of `call` before it sleeps. A call that has got past them is cancelled
/// once it sleeps.
fn before_each_sleep(canceller: &Canceller, mut call: impl FnMut() -> bool) {
    sleep_without_end();
    for reading in 1..=READINGS {
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    // A cancel that the call has missed isn't made again: the call sleeps on.
                    if process_sleeps() && CANCEL_AT.load(Ordering::Relaxed) > 0 {
                        canceller.cancel();
                    }
                    thread::yield_now();
                }
            });
            CANCEL_AT.store(reading, Ordering::Relaxed);
            assert!(call());
            done.store(true, Ordering::Relaxed);
        });
        CANCEL_AT.store(0, Ordering::Relaxed);
        canceller.take();
    }
}

/// Receives all of so many messages, in order, and counts the calls that were cancelled until `cancels` were.
fn receive_beside_cancels(consumer: &mut Consumer, messages: u64, cancels: u64) {
    let (mut received, mut cancelled) = (0, 0);
    while received < messages || cancelled < cancels {
        consumer.set_wait(wait_of(received + cancelled));
        match consumer.recv().expect("a sound ring") {
            Outcome::Message(message) => {
                assert_eq!((message.seq(), &message[..]), (received, &received.to_ne_bytes()[..]));
                received += 1;
            }
            Outcome::Cancelled => cancelled += 1,
            event => panic!("{:?}", event.map(drop)),
        }
    }
    assert_eq!((received, cancelled), (messages, cancels));
    assert!(consumer.try_recv().expect("a sound ring").is_empty());
}

/// How the call after so many others waits: parked most often. A call that spins beside three other threads may have
/// to wait for the end of its time on the processor.
fn wait_of(calls: u64) -> Wait {
    match calls % 50 {
        0..3 => Wait::Spin,
        3..10 => Wait::Yield,
        _ => Wait::Park,
    }
}

/// Cancels so many calls, each once the one before was cancelled.
fn cancel_each(canceller: &Canceller, count: u64) {
    for _ in 0..count {
        canceller.cancel();
        while canceller.is_pending() {
            thread::yield_now();
        }
    }
}

fn a_cancel_beside_messages_ends_one_call_and_loses_none(kind: Kind) {
    sleep_without_end();
    let ring = kind.ring(&config());
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer(Start::Oldest).unwrap());
    let (canceller, count) = (consumer.canceller(), cancels());
    thread::scope(|scope| {
        scope.spawn(move || {
            for seq in 0..count {
                assert_eq!(producer.publish(&seq.to_ne_bytes()), Ok(seq));
            }
            // Its drop would be an event.
            std::mem::forget(producer);
        });
        scope.spawn(|| cancel_each(&canceller, count));
        receive_beside_cancels(&mut consumer, count, count);
    });
    assert!(!canceller.is_pending());
}

/// Publishes as many messages as it is told to.
fn sender(ring: &TestRing, post: &mut Post) {
    let mut producer = ring.producer().expect("no other producer");
    post.say("ready");
    for seq in 0..post.hear().parse().expect("a number") {
        assert_eq!(producer.publish(&u64::to_ne_bytes(seq)), Ok(seq));
    }
    post.hear();
}

fn a_cancel_beside_messages_of_another_process_loses_none(kind: Kind) {
    let ring = kind.ring(&config());
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    let mut peer = start(&ring, role!(sender));
    sleep_without_end();
    let (canceller, count) = (consumer.canceller(), cancels());
    peer.say(count);
    thread::scope(|scope| {
        scope.spawn(|| cancel_each(&canceller, count));
        receive_beside_cancels(&mut consumer, count, count);
    });
    peer.say("end");
    peer.succeed();
}

fn a_cancel_of_a_full_rings_producer_ends_one_call_and_publishes_each_message_once(kind: Kind) {
    sleep_without_end();
    let ring = kind.ring(&config());
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer(Start::Oldest).unwrap());
    let (canceller, count) = (producer.canceller(), cancels());
    let receive = |consumer: &mut Consumer, seq: u64| match consumer.recv().expect("a sound ring") {
        Outcome::Message(message) => assert_eq!(message[..], seq.to_ne_bytes()),
        event => panic!("{:?}", event.map(drop)),
    };
    thread::scope(|scope| {
        scope.spawn(|| cancel_each(&canceller, count));
        // It leaves the last messages unread, so that the calls after them are cancelled.
        let reader = scope.spawn(move || {
            (0..count).for_each(|seq| receive(&mut consumer, seq));
            consumer
        });
        let (mut published, mut cancelled) = (0, 0);
        while published < count + SLOTS || cancelled < count {
            producer.set_wait(wait_of(published + cancelled));
            match producer.publish(&u64::to_ne_bytes(published)) {
                Ok(seq) => {
                    assert_eq!(seq, published);
                    published += 1;
                }
                Err(PublishError::Cancelled) => cancelled += 1,
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!((published, cancelled), (count + SLOTS, count));
        let mut consumer = reader.join().unwrap();
        (count..count + SLOTS).for_each(|seq| receive(&mut consumer, seq));
    });
}

fn cancels_of_signal_handlers_each_end_one_call(kind: Kind) {
    sleep_without_end();
    handle_signals();
    let ring = kind.ring(&config());
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer(Start::Oldest).unwrap());
    let (canceller, count) = (CANCELLER.get_or_init(|| consumer.canceller()), cancels());
    let reader: Pthread = pthread_self();
    thread::scope(|scope| {
        scope.spawn(move || {
            for seq in 0..count {
                assert_eq!(producer.publish(&seq.to_ne_bytes()), Ok(seq));
            }
            std::mem::forget(producer);
        });
        scope.spawn(move || {
            for signal in 0..count {
                // The handler runs in the thread whose call it ends, or in this one.
                let thread = if signal % 2 == 0 { reader } else { pthread_self() };
                pthread_kill(thread, Signal::SIGUSR1).expect("a thread");
                while HANDLED.load(Ordering::Relaxed) <= signal || canceller.is_pending() {
                    thread::yield_now();
                }
            }
        });
        receive_beside_cancels(&mut consumer, count, count);
    });
    assert_eq!(HANDLED.load(Ordering::Relaxed), count);
}

fn cancels_are_noticed_where_the_kernel_denies_the_sleep_on_two_words(kind: Kind) {
    denial::deny(libc::SYS_futex_waitv);
    let ring = kind.ring(&config());
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer(Start::Oldest).unwrap());
    let (canceller, of_producer) = (consumer.canceller(), producer.canceller());
    for _ in 0..10 {
        assert!(cancelled_asleep(&canceller, || consumer.recv().unwrap().is_cancelled()));
    }
    fill(&mut producer);
    let publish = || producer.publish(b"no room") == Err(PublishError::Cancelled);
    assert!(cancelled_asleep(&of_producer, publish));
}

fn a_cancel_in_a_forked_child_ends_no_call_of_the_parent(kind: Kind) {
    let ring = kind.ring(&config());
    let _producer = ring.producer().unwrap();
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    let canceller = consumer.canceller();
    let forked = apart(|| {
        canceller.cancel();
        assert!(canceller.is_pending());
        assert!(matches!(consumer.recv(), Err(RecvError::Forked(_))));
    });
    drop(forked);
    assert!(!canceller.is_pending());
    assert!(consumer.recv_timeout(Duration::from_millis(1)).unwrap().is_timed_out());
}
