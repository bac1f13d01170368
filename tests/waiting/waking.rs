//! Whatever a process sleeps for wakes it, by one system call. The sleeps here don't end by themselves.

mod endless;

use nix::sys::wait::WaitStatus;
use ringway::{Outcome, Ring, Start, Wait, WakeMode};
use testkit::peer::Role;
use testkit::roles::{Sender, read};
use testkit::sleepers::{SLOTS, config, publisher, start, until_asleep};
use testkit::tracing::{Call, Verdict};
use testkit::{Kind, PATIENCE, Peer, Post, TestRing, named, role, suite, tracing};

fn main() {
    suite::run(
        named![
            publishing_wakes_all,
            publishing_with_a_fence_wakes_all,
            committing_a_claim_wakes_all,
            a_batch_wakes_all_once,
            a_deferred_wake_wakes_all_once,
            a_waker_wakes_all_once,
            waiting_for_room_wakes_all_that_was_deferred,
            closing_wakes_all,
            dropping_wakes_all,
            taking_over_wakes_all,
            releasing_wakes_the_producer_once,
            releasing_with_a_fence_wakes_the_producer_once,
            leaving_wakes_the_producer,
        ],
        named![dozer, heir, dozing_publisher, fenced_publisher],
    );
}

/// Runs `act` in a traced child, which calls [`cue`] when `sleepers` are to go to sleep. Asserts that it wakes all
/// of them, by one system call.
fn wakes(kind: Kind, sleepers: &[Role], act: fn(&TestRing)) {
    if !tracing::possible() {
        return;
    }
    let ring = kind.ring(&config());
    let mut peers: Vec<Peer> = Vec::new();
    let mut woken = Vec::new();
    let look = |call: &Call| {
        if call.is_entry && call.number == libc::SYS_sched_yield {
            peers = sleepers.iter().map(|&role| start(&ring, role)).collect();
            for peer in &mut peers {
                // Only publishers listen.
                peer.say(SLOTS + 1);
            }
            peers.iter().for_each(until_asleep);
        } else if !call.is_entry && call.number == libc::SYS_futex {
            woken.push(call.result);
        }
        Verdict::Go
    };
    let ended = tracing::traced(|| act(&ring), look);
    assert!(matches!(ended, WaitStatus::Exited(_, 0)), "{ended:?}");
    assert_eq!(woken, [sleepers.len() as i64], "woken by each call");
}

/// From here on calls count. Returns once the others sleep.
fn cue() {
    tracing::begin();
    std::thread::yield_now();
}

fn sender(ring: &TestRing) -> Sender {
    Sender::new(ring.producer().expect("no other producer"))
}

fn publishing_wakes_all(kind: Kind) {
    wakes(kind, &[role!(dozer), role!(dozer)], |ring| {
        let mut sender = sender(ring);
        cue();
        sender.send_many(1);
        tracing::end();
    });
}

fn publishing_with_a_fence_wakes_all(kind: Kind) {
    wakes(kind, &[role!(dozer), role!(dozer)], |ring| {
        let mut sender = sender(ring);
        sender.producer.set_wake_mode(WakeMode::Fenced).expect("this process's own ring");
        cue();
        sender.send_many(1);
        tracing::end();
    });
}

fn committing_a_claim_wakes_all(kind: Kind) {
    wakes(kind, &[role!(dozer), role!(dozer)], |ring| {
        let mut sender = sender(ring);
        cue();
        sender.producer.claim(0).expect("room").commit().expect("this process's own claim");
        tracing::end();
    });
}

fn a_batch_wakes_all_once(kind: Kind) {
    wakes(kind, &[role!(dozer), role!(dozer)], |ring| {
        let mut sender = sender(ring);
        cue();
        sender.producer.publish_batch(&[b"one", b"two"]).expect("room");
        tracing::end();
    });
}

fn a_deferred_wake_wakes_all_once(kind: Kind) {
    wakes(kind, &[role!(dozer), role!(dozer)], |ring| {
        let mut sender = sender(ring);
        sender.producer.set_deferred_wake(true);
        cue();
        sender.send_many(3);
        assert!(sender.producer.wake().expect("this process's own ring"));
        assert!(!sender.producer.wake().expect("this process's own ring"));
        tracing::end();
    });
}

fn a_waker_wakes_all_once(kind: Kind) {
    wakes(kind, &[role!(dozer), role!(dozer)], |ring| {
        let mut sender = sender(ring);
        sender.producer.set_deferred_wake(true);
        let waker = sender.producer.waker().expect("a mapping");
        cue();
        sender.send_many(3);
        assert!(waker.wake() && !waker.wake());
        tracing::end();
    });
}

fn waiting_for_room_wakes_all_that_was_deferred(kind: Kind) {
    wakes(kind, &[role!(dozer), role!(dozer)], |ring| {
        let mut sender = sender(ring);
        sender.producer.set_deferred_wake(true);
        // What it calls itself would count.
        sender.producer.set_wait(Wait::Spin);
        cue();
        sender.send_many(SLOTS + 1);
        tracing::end();
    });
}

fn closing_wakes_all(kind: Kind) {
    wakes(kind, &[role!(dozer), role!(dozer)], |ring| {
        let sender = sender(ring);
        cue();
        sender.close();
        tracing::end();
    });
}

fn dropping_wakes_all(kind: Kind) {
    wakes(kind, &[role!(dozer), role!(dozer)], |ring| {
        let sender = sender(ring);
        cue();
        drop(sender);
        tracing::end();
    });
}

fn taking_over_wakes_all(kind: Kind) {
    wakes(kind, &[role!(heir), role!(heir)], |ring| {
        drop(sender(ring));
        cue();
        let _sender = sender(ring);
        tracing::end();
    });
}

/// Waits for something, whatever it is.
fn dozer(ring: &TestRing, post: &mut Post) {
    endless::sleep_without_end();
    let mut consumer = ring.consumer(Start::Oldest).expect("a free cell");
    post.say("ready");
    let _ = consumer.recv_timeout(PATIENCE).expect("a sound ring").map(drop);
    post.hear();
}

/// Waits for something, whatever it is but the loss of a producer.
fn heir(ring: &TestRing, post: &mut Post) {
    endless::sleep_without_end();
    let mut consumer = ring.consumer(Start::Oldest).expect("a free cell");
    post.say("ready");
    while let Outcome::ProducerLost = consumer.recv_timeout(PATIENCE).expect("a sound ring") {}
    post.hear();
}

/// Publishes as many messages as it is told to.
fn dozing_publisher(ring: &TestRing, post: &mut Post) {
    endless::sleep_without_end();
    publisher(ring, post);
}

/// The same in a fenced epoch, once.
fn fenced_publisher(ring: &TestRing, post: &mut Post) {
    endless::sleep_without_end();
    let mut sender = sender(ring);
    sender.producer.set_wake_mode(WakeMode::Fenced).expect("this process's own ring");
    sender.producer.set_wait(Wait::Park);
    post.say("ready");
    sender.send_many(post.hear_number());
}

fn releasing_wakes_the_producer_once(kind: Kind) {
    wakes(kind, &[role!(dozing_publisher)], release);
}

fn releasing_with_a_fence_wakes_the_producer_once(kind: Kind) {
    wakes(kind, &[role!(fenced_publisher)], release);
}

fn release(ring: &TestRing) {
    let mut consumer = ring.consumer(Start::Latest).expect("a free cell");
    cue();
    read(&mut consumer, SLOTS / 2);
    tracing::end();
}

fn leaving_wakes_the_producer(kind: Kind) {
    wakes(kind, &[role!(dozing_publisher)], |ring| {
        let consumer = ring.consumer(Start::Latest).expect("a free cell");
        cue();
        drop(consumer);
        tracing::end();
    });
}
