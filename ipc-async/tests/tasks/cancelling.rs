//! Futures that are dropped before they have returned.

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Waker};

use ringway::aio::AsyncProducer;
use ringway::{Outcome, Ring, Start};
use testkit::roles::{sender, verify_in};
use testkit::{Kind, role};

use crate::delivering::start_on_demand;
use crate::{config, consumer, current_thread, read_to_the_end, runtimes, with_peers};

/// How often calls are cancelled.
const CANCELLED: u64 = 1_000_000;
/// How many cancellations there are for each message.
const PER_MESSAGE: u64 = 500;

pub fn cancelled_calls_lose_nothing(kind: Kind) {
    for (runtime, ring, mut peer) in with_peers(kind, &config(), start_on_demand) {
        peer.expect("ready");
        let mut consumer = consumer(&ring);
        let geometry = ring.geometry().clone();
        runtime.block_on(async {
            let (mut expected, mut asked) = (0, 0);
            let mut cancelled = 0_u64;
            let share = CANCELLED / 6;
            while cancelled < share || expected < asked {
                tokio::select! {
                    biased;
                    outcome = consumer.recv_with(|bytes, seq, tag| {
                        assert_eq!(seq, expected);
                        verify_in(&geometry, seq, tag, bytes);
                    }) => {
                        assert!(outcome.expect("a sound ring").is_message());
                        expected += 1;
                    }
                    () = core::future::ready(()) => {
                        cancelled += 1;
                        if cancelled.is_multiple_of(PER_MESSAGE) && cancelled < share {
                            peer.say(1);
                            asked += 1;
                        }
                        if cancelled.is_multiple_of(64) {
                            tokio::task::yield_now().await;
                        }
                    }
                }
            }
            assert!(expected >= share / PER_MESSAGE - 1);
        });
        peer.say("close");
        peer.succeed();
    }
}

pub fn cancelled_publishing_publishes_nothing(kind: Kind) {
    let ring = kind.ring(&config());
    let mut consumer = ring.consumer(Start::Oldest).expect("a free cell");
    let mut producer = AsyncProducer::new(ring.producer().expect("no other producer"));
    let mut cx = Context::from_waker(Waker::noop());
    current_thread().block_on(async {
        for seq in 0..8_u64 {
            assert_eq!(producer.publish(&seq.to_ne_bytes()).await, Ok(seq));
        }
        for _ in 0..1000 {
            assert!(pin!(producer.publish(b"nothing")).poll(&mut cx).is_pending());
            assert!(pin!(producer.claim(7)).poll(&mut cx).is_pending());
        }
        for seq in 0..8_u64 {
            let message = consumer.try_recv().expect("a sound ring").into_message().expect("a message");
            assert_eq!(message[..], seq.to_ne_bytes());
        }
        assert!(consumer.try_recv().expect("a sound ring").is_empty());
        assert_eq!(producer.publish(b"something").await, Ok(8));
    });
    let mut producer = producer.into_inner();
    assert_eq!(producer.publish(b"more"), Ok(9));
    assert_eq!(&*consumer.recv().expect("a sound ring").into_message().expect("a message"), b"something");
}

pub fn a_runtime_that_ends_leaves_the_rings_as_they_are(kind: Kind) {
    let ring = kind.ring(&config());
    let mut peer = ring.start(role!(sender));
    peer.expect("ready");
    for runtime in runtimes() {
        let waiting = [consumer(&ring), consumer(&ring)];
        let (sent, mut begun) = tokio::sync::mpsc::unbounded_channel();
        for consumer in waiting {
            let sent = sent.clone();
            runtime.spawn(async move {
                sent.send(()).expect("the test listens");
                read_to_the_end(consumer).await;
            });
        }
        runtime.block_on(async {
            for _ in 0..2 {
                begun.recv().await.expect("a task that runs");
            }
        });
        drop(runtime);
        // The cells are free again.
        let three = [(); 3].map(|()| ring.consumer(Start::Oldest).expect("a free cell"));
        drop(three);
    }
    let consumer = consumer(&ring);
    peer.say(100);
    assert_eq!(current_thread().block_on(read_to_the_end(consumer)), 100);
    peer.succeed();
    let mut observer = ring.observer(Start::Oldest, ringway::Resume::OldestSafe).expect("an observer");
    while !matches!(observer.recv().expect("a sound ring"), Outcome::Closed) {}
}
