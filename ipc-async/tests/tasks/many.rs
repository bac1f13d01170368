//! Many rings on one runtime.

use core::future::ready;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use ringway::aio::{AsyncConsumer, AsyncObserver};
use ringway::{Config, Outcome, Resume, Ring, Start};
use testkit::{Kind, TestRing};
use tokio::runtime::Runtime;

use crate::{current_thread, runtimes};

/// More than two threads sleep for.
const RINGS: usize = 300;
/// How many messages each ring gets.
const EACH: u64 = 100;

/// A small ring.
fn small() -> Config {
    Config::new().slots(4).payload_capacity(8).max_consumers(1)
}

/// How many calls are cancelled for each message: more than a million in all.
const CANCELLED_EACH: u64 = 250;

/// Processor time that this process has taken.
pub fn used() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("this process's use");
    let time = usage.user_time() + usage.system_time();
    Duration::from_micros(time.num_microseconds().try_into().expect("no negative time"))
}

async fn read(mut consumer: AsyncConsumer) -> u64 {
    let mut expected = 0;
    loop {
        match consumer
            .recv_with(|bytes, seq, _| (u64::from_ne_bytes(bytes.try_into().expect("8 bytes")), seq))
            .await
        {
            Ok(Outcome::Message((number, seq))) => {
                assert_eq!((number, seq), (expected, expected));
                expected += 1;
            }
            Ok(Outcome::Closed) => return expected,
            other => panic!("expected message {expected}, got {other:?}"),
        }
    }
}

/// Reads as [`read`] does, and cancels calls all the while. Returns how many calls were cancelled, too.
async fn read_and_cancel(mut consumer: AsyncConsumer) -> (u64, u64) {
    let (mut expected, mut cancelled) = (0, 0);
    loop {
        let look = |bytes: &[u8], seq, _| (u64::from_ne_bytes(bytes.try_into().expect("8 bytes")), seq);
        tokio::select! {
            biased;
            outcome = consumer.recv_with(look) => match outcome {
                Ok(Outcome::Message(found)) => {
                    assert_eq!(found, (expected, expected));
                    expected += 1;
                }
                Ok(Outcome::Closed) => return (expected, cancelled),
                other => panic!("expected message {expected}, got {other:?}"),
            },
            () = ready(()) => {
                cancelled += 1;
                // As many for each message; then the task waits for the next.
                if cancelled % CANCELLED_EACH == 0 {
                    let outcome = consumer.recv_with(look).await.expect("a sound ring");
                    let Outcome::Message(found) = outcome else { return (expected, cancelled) };
                    assert_eq!(found, (expected, expected));
                    expected += 1;
                }
            }
        }
    }
}

pub fn three_hundred_rings_lose_nothing(kind: Kind) {
    let rings: Vec<_> = (0..RINGS).map(|_| kind.ring(&small())).collect();
    let consumers: Vec<_> =
        rings.iter().map(|ring| ring.consumer(Start::Oldest).expect("a free cell")).collect();
    // One process publishes to all of them.
    let mut peer = testkit::child::apart(|| {
        let mut producers: Vec<_> =
            rings.iter().map(|ring| ring.producer().expect("no other producer")).collect();
        for number in 0..EACH {
            for producer in &mut producers {
                assert_eq!(producer.publish(&number.to_ne_bytes()), Ok(number));
            }
        }
        for producer in &mut producers {
            producer.close().expect("this process's own ring to close");
        }
    });
    let [one_thread, threads] = runtimes();
    let runtime = if kind == Kind::File { one_thread } else { threads };
    let consumers = consumers.into_iter().map(AsyncConsumer::new);
    let tasks: Vec<_> = consumers.map(|consumer| runtime.spawn(read_and_cancel(consumer))).collect();
    let mut all = 0;
    runtime.block_on(async {
        for task in tasks {
            let (received, cancelled) = task.await.expect("no panic");
            assert_eq!(received, EACH);
            all += cancelled;
        }
    });
    assert!(all >= 1_000_000, "{all} calls were cancelled");
    assert!(peer.wait().expect("a child").success());
}

/// Processor time and the time that went by, of tasks that wait for `RINGS` rings on which nothing happens.
fn idle(kind: Kind, start: impl Fn(&TestRing, &Runtime)) -> (Duration, Duration) {
    let rings: Vec<_> = (0..RINGS).map(|_| kind.ring(&small())).collect();
    let runtime = current_thread();
    for ring in &rings {
        start(ring, &runtime);
    }
    runtime.block_on(tokio::task::yield_now());
    let (before, began) = (used(), Instant::now());
    runtime.block_on(async { tokio::time::sleep(Duration::from_millis(500)).await });
    (used() - before, began.elapsed())
}

pub fn idle_tasks_take_no_processor_time(kind: Kind) {
    let (used, passed) = idle(kind, |ring, runtime| {
        drop(runtime.spawn(read(AsyncConsumer::new(ring.consumer(Start::Oldest).expect("a free cell")))));
    });
    println!("{RINGS} idle consumers took {used:?} of the processor in {passed:?}");
    // A thread that never sleeps takes all of it.
    assert!(used < passed / 2, "{used:?} in {passed:?}");
}

pub fn idle_observing_tasks_leave_the_processor_to_others(kind: Kind) {
    let (used, passed) = idle(kind, |ring, runtime| {
        let observer = ring.observer(Start::Oldest, Resume::OldestSafe).expect("an observer");
        let mut observer = AsyncObserver::new(observer);
        drop(runtime.spawn(async move { drop(observer.recv().await.expect("a sound ring")) }));
    });
    println!("{RINGS} idle observers took {used:?} of the processor in {passed:?}");
    // Each task looks every millisecond, which takes most of a core where nothing is optimised. Threads that never
    // sleep take more than that.
    assert!(used < passed * 9 / 5, "{used:?} in {passed:?}");
}
