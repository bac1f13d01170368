//! Many rings on one runtime.

use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use ringway::aio::AsyncConsumer;
use ringway::{Config, Outcome, Ring, Start};
use testkit::Kind;

use crate::{current_thread, runtimes};

/// More than two threads sleep for.
const RINGS: usize = 300;
/// How many messages each ring gets.
const EACH: u64 = 100;

/// A small ring.
fn small() -> Config {
    Config::new().slots(4).payload_capacity(8).max_consumers(1)
}

/// Processor time that this process has taken.
fn used() -> Duration {
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

pub fn three_hundred_rings_lose_nothing(kind: Kind) {
    if kind == Kind::TrustedFile {
        return;
    }
    let rings: Vec<_> = (0..RINGS).map(|_| kind.ring(&small())).collect();
    // One process publishes to all of them.
    let consumers: Vec<_> =
        rings.iter().map(|ring| ring.consumer(Start::Oldest).expect("a free cell")).collect();
    let peer = testkit::child::apart(|| {
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
    let [_, runtime] = runtimes();
    let tasks: Vec<_> =
        consumers.into_iter().map(|consumer| runtime.spawn(read(AsyncConsumer::new(consumer)))).collect();
    runtime.block_on(async {
        for task in tasks {
            assert_eq!(task.await.expect("no panic"), EACH);
        }
    });
    let mut peer = peer;
    assert!(peer.wait().expect("a child").success());
}

pub fn idle_tasks_take_no_processor_time(kind: Kind) {
    if kind != Kind::File {
        return;
    }
    let rings: Vec<_> = (0..RINGS).map(|_| kind.ring(&small())).collect();
    let runtime = current_thread();
    for ring in &rings {
        runtime.spawn(read(AsyncConsumer::new(ring.consumer(Start::Oldest).expect("a free cell"))));
    }
    let time = Duration::from_secs(1);
    runtime.block_on(tokio::task::yield_now());
    let (before, began) = (used(), Instant::now());
    runtime.block_on(async { tokio::time::sleep(time).await });
    let (used, passed) = (used() - before, began.elapsed());
    println!("{RINGS} idle rings took {used:?} of the processor in {passed:?}");
    // A thread that never sleeps takes all of it.
    assert!(used < passed / 2, "{used:?} in {passed:?}");
}
