//! From a message to the task that runs.
//!
//! # Safety
//! The shared page is mapped for as long as the process runs, and holds atomics alone. The child of the process, which
//! has one thread then, ends by `_exit`.

#![allow(unsafe_code, clippy::disallowed_types, reason = "memory is shared and a process forked")]

use std::future::poll_fn;
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::num::NonZeroUsize;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous};
use nix::sys::time::TimeValLike;
use nix::time::{ClockId, clock_gettime};
use ringway::aio::AsyncConsumer;
use ringway::{Config, Outcome, Producer, Ring, Start, anon};
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc;

use crate::Figure;

/// The ways, in the order of a round.
const WAYS: [&str; 4] =
    ["ring", "futex_waitv thread and waker (floor)", "AsyncFd on an eventfd", "tokio mpsc"];
/// Rounds, and wakes of each way in a round.
const ROUNDS: usize = 25;
const WAKES: usize = 40;
/// Wakes of a round that aren't counted: the first after another way's.
const WARM: usize = 4;
/// Time between two wakes, so that everything sleeps again.
const PAUSE: Duration = Duration::from_micros(400);

/// What both processes see.
#[repr(C)]
struct Shared {
    word: AtomicU32,
    /// When the last wake of the floor or of the eventfd was sent.
    sent: AtomicU64,
}

/// Nanoseconds of the clock that both processes go by.
fn now() -> u64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC)
        .expect("a clock")
        .num_nanoseconds()
        .try_into()
        .expect("after 1970")
}

/// The times from a wake's sending to the task, of each way.
type Times = Arc<Mutex<[Vec<f64>; 4]>>;

fn note(times: &Times, way: usize, sent: u64) {
    let passed = now().saturating_sub(sent) as f64 / 1000.0;
    times.lock().expect("no panic")[way].push(passed);
}

pub fn measure() -> Vec<Figure> {
    let ring = anon::create(&Config::new().slots(1024).payload_capacity(8)).expect("a ring");
    let consumer = ring.consumer(Start::Oldest).expect("its only consumer");
    let length = NonZeroUsize::new(4096).expect("not 0");
    // SAFETY: a new mapping.
    let page = unsafe {
        mmap_anonymous(None, length, ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, MapFlags::MAP_SHARED)
    };
    // SAFETY: zeros are a `Shared`, and the page stays.
    let shared: &'static Shared = unsafe { page.expect("a page").cast().as_ref() };
    let event = EventFd::from_flags(EfdFlags::EFD_NONBLOCK).expect("an eventfd");
    let ((mut commands, command), (answer, mut answers)) = (pipe().expect("a pipe"), pipe().expect("a pipe"));
    // SAFETY: this process has one thread.
    let mut child = unsafe {
        anon::fork(|| {
            let mut producer = ring.producer().expect("its only producer");
            send_on_command(&mut producer, shared, &event, &mut commands, &mut answers);
            0
        })
    }
    .expect("a process with one thread");
    let times: Times = Arc::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(run(consumer, shared, event.into(), times.clone(), command, answer));
    child.kill().and_then(|()| child.wait()).expect("a child");
    figures(&times)
}

/// The other process: sends the wakes of a round in the way that it is told.
fn send_on_command(
    producer: &mut Producer,
    shared: &Shared,
    event: &EventFd,
    commands: &mut PipeReader,
    answers: &mut PipeWriter,
) {
    let mut way = [0];
    while commands.read_exact(&mut way).is_ok() {
        for _ in 0..WAKES {
            std::thread::sleep(PAUSE);
            match way[0] {
                0 => {
                    producer.publish(&now().to_ne_bytes()).expect("room");
                }
                1 => {
                    shared.sent.store(now(), Ordering::Relaxed);
                    shared.word.fetch_add(1, Ordering::Release);
                    // SAFETY: the kernel finds the sleepers by the address.
                    unsafe { libc::syscall(libc::SYS_futex, shared.word.as_ptr(), libc::FUTEX_WAKE, 1) };
                }
                _ => {
                    shared.sent.store(now(), Ordering::Release);
                    event.write(1).expect("an eventfd");
                }
            }
        }
        std::thread::sleep(PAUSE);
        answers.write_all(&way).expect("the other process listens");
    }
}

async fn run(
    consumer: ringway::Consumer,
    shared: &'static Shared,
    event: OwnedFd,
    times: Times,
    mut command: PipeWriter,
    mut answer: PipeReader,
) {
    tokio::spawn(by_ring(AsyncConsumer::new(consumer), times.clone()));
    tokio::spawn(by_floor(shared, times.clone()));
    tokio::spawn(by_eventfd(shared, event, times.clone()));
    let (sender, receiver) = mpsc::channel(1024);
    tokio::spawn(by_mpsc(receiver, times));
    let (done, finished) = tokio::sync::oneshot::channel();
    let driver = std::thread::spawn(move || {
        for _ in 0..ROUNDS {
            for way in 0..3_u8 {
                command.write_all(&[way]).expect("the other process listens");
                answer.read_exact(&mut [0]).expect("the other process answers");
            }
            for _ in 0..WAKES {
                std::thread::sleep(PAUSE);
                sender.blocking_send(now()).expect("the task listens");
            }
            std::thread::sleep(PAUSE);
        }
        done.send(()).expect("the runtime listens");
    });
    finished.await.expect("the driver ends");
    driver.join().expect("no panic");
}

async fn by_ring(mut consumer: AsyncConsumer, times: Times) {
    loop {
        let outcome = consumer.recv_with(|sent, _, _| u64::from_ne_bytes(sent.try_into().expect("8 bytes")));
        match outcome.await.expect("a sound ring") {
            Outcome::Message(sent) => note(&times, 0, sent),
            _ => return,
        }
    }
}

/// A thread that sleeps on the word and a control word, as the sleeper does, and wakes this task.
async fn by_floor(shared: &'static Shared, times: Times) {
    let waker: Arc<Mutex<(u32, Option<Waker>)>> = Arc::default();
    let woken = waker.clone();
    std::thread::spawn(move || {
        let (control, mut value) = (AtomicU32::new(0), 0);
        loop {
            let words = [waiter(&control, 0, libc::FUTEX_PRIVATE_FLAG), waiter(&shared.word, value, 0)];
            // SAFETY: the kernel reads the words and the array.
            unsafe { libc::syscall(libc::SYS_futex_waitv, words.as_ptr(), 2, 0, std::ptr::null::<()>(), 0) };
            if shared.word.load(Ordering::Acquire) == value {
                continue;
            }
            value = value.wrapping_add(1);
            let mut waits = woken.lock().expect("no panic");
            waits.0 = value;
            let waker = waits.1.take();
            drop(waits);
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    });
    let mut seen = 0;
    loop {
        seen = poll_fn(|cx| {
            let mut waits = waker.lock().expect("no panic");
            if waits.0 == seen {
                waits.1 = Some(cx.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(waits.0)
        })
        .await;
        note(&times, 1, shared.sent.load(Ordering::Relaxed));
    }
}

/// The kernel's `struct futex_waitv`.
fn waiter(word: &AtomicU32, value: u32, private: libc::c_int) -> [u64; 3] {
    const FUTEX_32: u64 = 2;
    [value.into(), word.as_ptr().addr() as u64, FUTEX_32 | private as u64]
}

async fn by_eventfd(shared: &'static Shared, event: OwnedFd, times: Times) {
    // SAFETY: the descriptor is this value's own, and stays open for as long.
    let event = unsafe { AsyncFd::register(event) }.expect("a descriptor that epoll takes");
    loop {
        let mut ready = event.readable().await.expect("an eventfd");
        let mut count = [0; 8];
        if nix::unistd::read(event.get_ref(), &mut count).is_ok() {
            note(&times, 2, shared.sent.load(Ordering::Acquire));
        }
        ready.clear_ready();
    }
}

async fn by_mpsc(mut receiver: mpsc::Receiver<u64>, times: Times) {
    while let Some(sent) = receiver.recv().await {
        note(&times, 3, sent);
    }
}

fn figures(times: &Times) -> Vec<Figure> {
    let mut medians = [0.0; 4];
    let mut figures = Vec::new();
    let names = [
        ("wake, ring: p50, us", "wake, ring: p90, us"),
        (
            "wake, futex_waitv thread and waker (floor): p50, us",
            "wake, futex_waitv thread and waker (floor): p90, us",
        ),
        ("wake, AsyncFd on an eventfd: p50, us", "wake, AsyncFd on an eventfd: p90, us"),
        ("wake, tokio mpsc in one process: p50, us", "wake, tokio mpsc in one process: p90, us"),
    ];
    for (way, (p50, p90)) in names.into_iter().enumerate() {
        let all = &times.lock().expect("no panic")[way];
        let rounds = all.chunks(WAKES).flat_map(|round| round.iter().skip(WARM));
        let mut sorted: Vec<f64> = rounds.copied().collect();
        assert!(sorted.len() > ROUNDS, "{}: {} wakes", WAYS[way], sorted.len());
        sorted.sort_by(f64::total_cmp);
        medians[way] = sorted[sorted.len() / 2];
        figures.extend([(p50, medians[way]), (p90, sorted[sorted.len() * 9 / 10])]);
    }
    figures.push(("wake, ring / floor (at most 1.15)", medians[0] / medians[1]));
    figures.push(("wake, ring / AsyncFd (at most 4)", medians[0] / medians[2]));
    figures
}
