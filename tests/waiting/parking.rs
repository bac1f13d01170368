//! A reader that waits asleep is woken by whatever it waits for, in either wake mode, whichever process dies, and
//! for free.

use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{Signal, raise};
use nix::sys::time::TimeValLike;
use nix::sys::wait::WaitStatus;
use ringway::{Outcome, Resume, Ring, Start, Wait, WakeMode};
use testkit::peer::Role;
use testkit::roles::{Sender, read};
use testkit::sleepers::{SLOTS, config, publisher, sleeper, start, until_asleep, watcher, word};
use testkit::tracing::{Call, Verdict};
use testkit::{Kind, PATIENCE, Peer, Post, TestRing, denial, named, role, suite, tracing};

const ROUNDS: u64 = 20;

fn main() {
    suite::run(
        named![
            a_sleeping_consumer_wakes_for_each_message,
            a_sleeping_observer_wakes_for_each_message,
            a_sleeping_producer_wakes_for_room,
            a_sleeping_producer_wakes_when_its_consumer_leaves,
            a_sleeping_producer_wakes_when_its_consumer_is_killed,
            sleepers_wake_when_the_ring_is_closed,
            sleepers_wake_when_another_producer_takes_over,
            a_sleeper_learns_that_its_producer_was_killed,
            a_wait_that_sleeps_ends_in_time,
            a_killed_sleeper_costs_one_system_call_at_most,
            publishing_to_nobody_makes_no_system_call,
            an_idle_sleeper_takes_no_processor_time,
            who_goes_to_sleep_has_the_others_execute_a_fence_unless_they_do,
            without_membarrier_the_ring_is_fenced,
            a_ring_can_be_fenced_and_unfenced_at_any_time,
        ],
        named![sleeper, watcher, publisher, reader_on_demand, idler, killed_publisher,],
    );
}

fn wakes_for_each_message(kind: Kind, role: Role) {
    let ring = kind.ring(&config());
    let mut sender = Sender::new(ring.producer().unwrap());
    let mut peer = start(&ring, role);
    for seq in 0..ROUNDS {
        until_asleep(&peer);
        assert_eq!(sender.send(), Ok(seq));
        peer.expect(&seq.to_string());
    }
    until_asleep(&peer);
    sender.close();
    peer.expect("Closed");
    peer.succeed();
}

fn a_sleeping_consumer_wakes_for_each_message(kind: Kind) {
    wakes_for_each_message(kind, role!(sleeper));
}

fn a_sleeping_observer_wakes_for_each_message(kind: Kind) {
    wakes_for_each_message(kind, role!(watcher));
}

fn a_sleeping_producer_wakes_for_room(kind: Kind) {
    let ring = kind.ring(&config());
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    let mut peer = start(&ring, role!(publisher));
    for _ in 0..ROUNDS {
        peer.say(SLOTS + 1);
        until_asleep(&peer);
        read(&mut consumer, SLOTS);
        peer.expect("published");
        read(&mut consumer, 1);
    }
    peer.say("close");
    peer.succeed();
    assert_eq!(word(&mut consumer), "Closed");
}

fn a_sleeping_producer_wakes_when_its_consumer_leaves(kind: Kind) {
    let ring = kind.ring(&config());
    let mut peer = start(&ring, role!(publisher));
    for _ in 0..ROUNDS {
        let consumer = ring.consumer(Start::Latest).unwrap();
        peer.say(SLOTS + 1);
        until_asleep(&peer);
        drop(consumer);
        peer.expect("published");
    }
    peer.say("close");
    peer.succeed();
}

/// Joins, and reads nothing.
fn reader_on_demand(ring: &TestRing, post: &mut Post) {
    let _consumer = ring.consumer(Start::Latest).unwrap();
    post.say("ready");
    post.hear();
}

fn a_sleeping_producer_wakes_when_its_consumer_is_killed(kind: Kind) {
    let ring = kind.ring(&config());
    let mut peer = start(&ring, role!(publisher));
    for _ in 0..3 {
        let victim = start(&ring, role!(reader_on_demand));
        peer.say(SLOTS + 1);
        until_asleep(&peer);
        victim.kill();
        peer.expect("published");
    }
    peer.say("close");
    peer.succeed();
}

fn sleepers_wake_when_the_ring_is_closed(kind: Kind) {
    let ring = kind.ring(&config());
    for _ in 0..5 {
        let mut producer = ring.producer().unwrap();
        let mut peers = [role!(sleeper), role!(sleeper), role!(watcher)].map(|role| start(&ring, role));
        peers.iter().for_each(until_asleep);
        producer.close().unwrap();
        peers.iter_mut().for_each(|peer| peer.expect("Closed"));
        peers.into_iter().for_each(Peer::succeed);
    }
}

fn sleepers_wake_when_another_producer_takes_over(kind: Kind) {
    let ring = kind.ring(&config());
    let mut producer = ring.producer().unwrap();
    let mut peers = [role!(sleeper), role!(watcher)].map(|role| start(&ring, role));
    for epoch in 2..6 {
        peers.iter().for_each(until_asleep);
        drop(producer);
        producer = ring.producer().unwrap();
        assert_eq!(producer.epoch(), epoch);
        for peer in &mut peers {
            let mut word = peer.hear();
            // It may have asked in between.
            if word == "ProducerLost" {
                word = peer.hear();
            }
            assert!(word.starts_with("EpochChanged"), "{word}");
        }
    }
    producer.close().unwrap();
    peers.iter_mut().for_each(|peer| peer.expect("Closed"));
    peers.into_iter().for_each(Peer::succeed);
}

/// Publishes a message, and kills itself when it is told to.
fn killed_publisher(ring: &TestRing, post: &mut Post) {
    let mut sender = Sender::new(ring.producer().expect("no other producer"));
    // First, so that nobody takes the message before it for the last.
    sender.send_many(1);
    post.say("ready");
    post.hear();
    raise(Signal::SIGKILL).unwrap();
}

fn a_sleeper_learns_that_its_producer_was_killed(kind: Kind) {
    let ring = kind.ring(&config());
    for _ in 0..3 {
        let mut victim = start(&ring, role!(killed_publisher));
        let mut peers = [role!(sleeper), role!(watcher)].map(|role| start(&ring, role));
        for peer in &mut peers {
            while peer.hear().parse::<u64>()
                != Ok(ring.observer(Start::Latest, Resume::Latest).unwrap().head().unwrap() - 1)
            {}
            until_asleep(peer);
        }
        victim.say("die");
        victim.die();
        peers.iter_mut().for_each(|peer| peer.expect("ProducerLost"));
        peers.into_iter().for_each(Peer::kill);
    }
}

fn a_wait_that_sleeps_ends_in_time(kind: Kind) {
    let ring = kind.ring(&config());
    let mut producer = ring.producer().unwrap();
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
    // Shorter than a slice, and several of them.
    for time in [Duration::from_nanos(1), Duration::from_millis(3), Duration::from_millis(250)] {
        let began = Instant::now();
        assert!(matches!(consumer.recv_timeout(time).unwrap(), Outcome::TimedOut));
        assert!(matches!(observer.recv_timeout(time).unwrap(), Outcome::TimedOut));
        assert!(began.elapsed() >= 2 * time);
    }
    for _ in 0..SLOTS {
        producer.publish(b"message").unwrap();
    }
    producer.set_wait(Wait::Park);
    let time = Duration::from_millis(30);
    let began = Instant::now();
    producer.publish_timeout(b"message", time).unwrap_err();
    producer.publish_deadline(b"message", began + 2 * time).unwrap_err();
    assert!(began.elapsed() >= 2 * time);
}

/// The system calls that a child makes while it publishes, after `between` has been called here.
fn calls_of_publishing(ring: &TestRing, mut between: impl FnMut()) -> Vec<i64> {
    let mut calls = Vec::new();
    let publish = || {
        let mut producer = ring.producer().expect("no other producer");
        tracing::begin();
        // Answered by `between`.
        std::thread::yield_now();
        for _ in 0..100 {
            producer.publish(b"message").expect("no consumer is attached");
        }
        tracing::end();
    };
    let look = |call: &Call| {
        if call.is_entry && call.number == libc::SYS_sched_yield {
            between();
        } else if call.is_entry {
            calls.push(call.number);
        }
        Verdict::Go
    };
    let ended = tracing::traced(publish, look);
    assert!(matches!(ended, WaitStatus::Exited(_, 0)), "{ended:?}");
    calls
}

fn a_killed_sleeper_costs_one_system_call_at_most(kind: Kind) {
    if !tracing::possible() {
        return;
    }
    let ring = kind.ring(&config());
    let calls = calls_of_publishing(&ring, || {
        let victim = start(&ring, role!(sleeper));
        until_asleep(&victim);
        victim.kill();
    });
    // One bell that nobody hears, and one question whether the consumer lives that holds the producer back.
    let (futexes, others): (Vec<i64>, Vec<i64>) = calls.iter().partition(|&&call| call == libc::SYS_futex);
    assert!(futexes.len() == 1 && others.len() <= 2, "system calls {calls:?}");
}

fn publishing_to_nobody_makes_no_system_call(kind: Kind) {
    if !tracing::possible() {
        return;
    }
    let ring = kind.ring(&config());
    let calls = calls_of_publishing(&ring, || {});
    assert!(calls.is_empty(), "system calls {calls:?}");
}

/// This process's time on a processor, in microseconds, and how often it has gone to sleep.
fn usage() -> (i64, i64) {
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("this process's usage");
    let time = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    (time, usage.voluntary_context_switches())
}

/// Waits in vain, and says how much processor time that took, in microseconds, and how many sleeps.
fn idler(ring: &TestRing, post: &mut Post) {
    let mut consumer = ring.consumer(Start::Latest).expect("a free cell");
    let (time, sleeps) = usage();
    let outcome = consumer.recv_timeout(Duration::from_secs(1)).expect("a sound ring");
    assert!(matches!(outcome, Outcome::TimedOut));
    let (time_after, sleeps_after) = usage();
    post.say(time_after - time);
    post.say(sleeps_after - sleeps);
}

fn an_idle_sleeper_takes_no_processor_time(kind: Kind) {
    let ring = kind.ring(&config());
    let _producer = ring.producer().unwrap();
    let mut attempts = Vec::new();
    // What else the machine does may be charged to a process, or send it to sleep, now and then. A consumer that polls
    // takes most of the second, or its share of a busy machine, each time.
    for _ in 0..5 {
        let mut idler = ring.start(role!(idler));
        let (taken, sleeps) = (idler.hear_number(), idler.hear_number());
        println!(
            "{kind:?}: a consumer that waits for a second takes {taken} us of processor time, {sleeps} sleeps"
        );
        idler.succeed();
        // Ten slices; membarrier may sleep once for each.
        if taken < 100_000 && sleeps <= 30 {
            return;
        }
        attempts.push((taken, sleeps));
    }
    panic!("microseconds of processor time, and sleeps, in each attempt: {attempts:?}");
}

fn who_goes_to_sleep_has_the_others_execute_a_fence_unless_they_do(kind: Kind) {
    const GLOBAL_EXPEDITED: u64 = 2;
    if !tracing::possible() {
        return;
    }
    let ring = kind.ring(&config());
    let mut producer = ring.producer().unwrap();
    for mode in [producer.wake_mode().unwrap(), WakeMode::Fenced] {
        producer.set_wake_mode(mode).unwrap();
        let mut barriers = 0;
        let mut before_sleep = Vec::new();
        let wait = || {
            let mut consumer = ring.consumer(Start::Latest).expect("a free cell");
            tracing::begin();
            let outcome = consumer.recv_timeout(PATIENCE).expect("a sound ring");
            tracing::end();
            assert!(matches!(outcome, Outcome::Message(_)));
        };
        let look = |call: &Call| {
            if call.is_entry && call.number == libc::SYS_membarrier {
                assert_eq!(call.arguments[0], GLOBAL_EXPEDITED);
                barriers += 1;
            } else if call.is_entry && call.number == libc::SYS_futex {
                before_sleep.push(std::mem::take(&mut barriers));
                // The consumer is about to sleep, and needn't any more.
                producer.publish(b"message").expect("room");
            }
            Verdict::Go
        };
        let ended = tracing::traced(wait, look);
        assert!(matches!(ended, WaitStatus::Exited(_, 0)), "{ended:?}");
        let expected = u32::from(mode == WakeMode::Asymmetric);
        assert_eq!(before_sleep, [expected]);
    }
}

fn without_membarrier_the_ring_is_fenced(kind: Kind) {
    let ring = kind.ring(&config());
    denial::deny_membarrier();
    let mut producer = ring.producer().unwrap();
    assert_eq!(producer.wake_mode(), Ok(WakeMode::Fenced));
    assert_eq!(producer.set_wake_mode(WakeMode::Asymmetric), Ok(WakeMode::Fenced));
    assert_eq!(producer.wake_mode(), Ok(WakeMode::Fenced));
}

fn a_ring_can_be_fenced_and_unfenced_at_any_time(kind: Kind) {
    let ring = kind.ring(&config());
    let mut sender = Sender::new(ring.producer().unwrap());
    let usual = sender.producer.wake_mode().unwrap();
    let mut peer = start(&ring, role!(sleeper));
    for seq in 0..ROUNDS {
        if seq % 3 == 0 {
            until_asleep(&peer);
        }
        let mode = if seq % 2 == 0 { WakeMode::Fenced } else { usual };
        assert_eq!(sender.producer.set_wake_mode(mode), Ok(mode));
        assert_eq!(sender.producer.wake_mode(), Ok(mode));
        assert_eq!(sender.send(), Ok(seq));
        peer.expect(&seq.to_string());
    }
}
