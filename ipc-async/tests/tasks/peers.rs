//! Peers that are killed, and handles that are gone.

use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use std::panic::panic_any;
use std::sync::Arc;
use std::task::Wake;

use ringway::aio::{AsyncProducer, Registration};
use ringway::{Ring, Start};
use testkit::roles::reader_on_demand;
use testkit::{Kind, role};

use crate::delivering::start_on_demand;
use crate::many::used;
use crate::{Wakes, config, consumer, current_thread, with_peers};

pub fn a_waiting_task_learns_that_its_producer_was_killed(kind: Kind) {
    for (runtime, ring, mut peer) in with_peers(kind, &config(), start_on_demand) {
        peer.expect("ready");
        let mut consumer = consumer(&ring);
        runtime.block_on(async {
            let (outcome, ()) =
                tokio::join!(biased; consumer.recv_with(|_, seq, _| seq), async { peer.say(1) });
            assert_eq!(outcome.expect("a sound ring").into_message(), Some(0));
            let mut peer = Some(peer);
            let kill = async { peer.take().expect("a process").kill() };
            let (outcome, ()) = tokio::join!(biased; consumer.recv(), kill);
            assert!(outcome.expect("a sound ring").is_producer_lost());
            // It is told once; a successor may come.
            let mut producer = ring.producer().expect("the role is free");
            producer.publish(b"on").expect("there is room");
            let outcome = consumer.recv().await.expect("a sound ring");
            assert_eq!(&*outcome.into_message().expect("a message"), b"on");
        });
    }
}

pub fn a_publishing_task_learns_that_its_consumer_was_killed(kind: Kind) {
    for (runtime, ring, mut peer) in with_peers(kind, &config(), |ring| ring.start(role!(reader_on_demand))) {
        peer.hear_number();
        let mut producer = AsyncProducer::new(ring.producer().expect("no other producer"));
        runtime.block_on(async {
            for _ in 0..8 {
                producer.publish(b"one").await.expect("there is room");
            }
            let kill = async { peer.kill() };
            let (published, ()) = tokio::join!(biased; producer.publish(b"more"), kill);
            assert_eq!(published, Ok(8));
        });
    }
}

/// A registration may outlive its handle's memory, and a thread sleeps on its word for a while yet.
pub fn a_handle_that_is_gone_stops_no_other(kind: Kind) {
    let rings = [kind.ring(&config()), kind.ring(&config())];
    let mut producer = rings[0].producer().expect("no other producer");
    let mut staying = consumer(&rings[0]);
    let mut left = Vec::new();
    let before = used();
    current_thread().block_on(async {
        for seq in 0..50_u64 {
            let mut gone = rings[1].consumer(Start::Oldest).expect("a free cell");
            let mut registration = Registration::new();
            let mut cx = Context::from_waker(Waker::noop());
            assert!(registration.poll_ready(&mut gone, &mut cx).is_pending());
            drop(gone);
            left.push(registration);

            let mut waiting = pin!(staying.recv());
            let waits = poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx).is_pending())).await;
            assert!(waits);
            assert_eq!(producer.publish(&seq.to_ne_bytes()), Ok(seq));
            let outcome = waiting.await.expect("a sound ring");
            assert_eq!(outcome.into_message().expect("a message")[..], seq.to_ne_bytes());
        }
    });
    // A thread that looked for the bad address without end would take all of the time.
    assert!(used() - before < Duration::from_secs(2));
}

/// Panics with itself.
struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic_any(Panics);
    }
}

impl Drop for Panics {
    fn drop(&mut self) {
        panic!("once more");
    }
}

pub fn a_waker_that_panics_stops_no_other(kind: Kind) {
    let rings = [kind.ring(&config()), kind.ring(&config())];
    let mut producers = rings.each_ref().map(|ring| ring.producer().expect("no other producer"));
    let mut consumers = rings.each_ref().map(|ring| ring.consumer(Start::Oldest).expect("a free cell"));
    let mut registrations = [Registration::new(), Registration::new()];
    let wakes = Arc::new(Wakes::default());
    let wakers = [Arc::new(Panics).into(), wakes.clone().into()];
    for ((registration, consumer), waker) in registrations.iter_mut().zip(&mut consumers).zip(&wakers) {
        assert!(registration.poll_ready(consumer, &mut Context::from_waker(waker)).is_pending());
    }
    for producer in &mut producers {
        producer.publish(b"here").expect("there is room");
    }
    wakes.wait_for(1);
    std::mem::forget(wakers);
}
