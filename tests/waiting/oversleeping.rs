//! Random pauses, random ends: no reader that waits asleep sleeps through a message, in either wake mode, and
//! where the kernel denies membarrier.
//!
//! Where everybody is sure to be woken, no sleep ends by itself: then it takes a wake-up to go on.

mod endless;

use std::sync::mpsc;
use std::thread;

use ringway::{Producer, Resume, Ring, Start, Wait, WakeMode};
use testkit::peer::Role;
use testkit::roles::{Sender, read_to_the_end_by};
use testkit::sleepers::{SLOTS, config, sleeper, start};
use testkit::{Kind, Peer, Post, TestRing, denial, named, role, suite};

fn main() {
    suite::run(
        named![
            nobody_oversleeps_where_fences_are_spared,
            nobody_oversleeps_the_drop_of_a_producer,
            nobody_oversleeps_where_each_publish_executes_a_fence,
            nobody_oversleeps_where_membarrier_is_denied_to_all,
            nobody_oversleeps_where_membarrier_is_denied_to_the_producer,
            nobody_oversleeps_where_membarrier_is_denied_to_consumers,
            nobody_oversleeps_where_the_producer_declines_membarrier,
            nobody_oversleeps_where_consumers_decline_membarrier,
            nobody_oversleeps_where_wake_ups_are_deferred,
            nobody_oversleeps_where_another_thread_makes_the_wake_ups,
        ],
        named![endless_reader, endless_listener, sleeping_reader_denied, endless_reader_declining],
    );
}

/// Reads all there is, asleep where there is nothing.
fn sleeping_reader(ring: &TestRing, post: &mut Post) {
    let mut consumer = ring.consumer(Start::Latest).expect("a free cell");
    post.say("ready");
    post.hear();
    post.say(read_to_the_end_by(Wait::Park, &mut consumer));
}

/// The same, and its sleeps don't end by themselves.
fn endless_reader(ring: &TestRing, post: &mut Post) {
    endless::sleep_without_end();
    sleeping_reader(ring, post);
}

/// Says what comes, and its sleeps don't end by themselves.
fn endless_listener(ring: &TestRing, post: &mut Post) {
    endless::sleep_without_end();
    sleeper(ring, post);
}

/// A reader in a process that can't use membarrier: it isn't sure to be woken.
fn sleeping_reader_denied(ring: &TestRing, post: &mut Post) {
    denial::deny_membarrier();
    sleeping_reader(ring, post);
}

/// An endless sleeper in a process that isn't registered, but may call membarrier: it is sure to be woken.
fn endless_reader_declining(ring: &TestRing, post: &mut Post) {
    let TestRing::File { kind, path, .. } = ring else { return endless_reader(ring, post) };
    let mut ring = kind.open(path.clone());
    ring.decline_membarrier();
    endless_reader(&ring, post);
}

fn nobody_oversleeps_where_fences_are_spared(kind: Kind) {
    nobody_oversleeps(kind, None, role!(endless_reader), endless::sleep_without_end);
}

fn nobody_oversleeps_where_each_publish_executes_a_fence(kind: Kind) {
    nobody_oversleeps(kind, Some(WakeMode::Fenced), role!(endless_reader), endless::sleep_without_end);
}

fn nobody_oversleeps_where_membarrier_is_denied_to_all(kind: Kind) {
    denial::deny_membarrier();
    nobody_oversleeps(kind, Some(WakeMode::Fenced), role!(endless_reader), endless::sleep_without_end);
}

fn nobody_oversleeps_where_membarrier_is_denied_to_the_producer(kind: Kind) {
    nobody_oversleeps(kind, Some(WakeMode::Fenced), role!(endless_reader), || {
        denial::deny_membarrier();
        endless::sleep_without_end();
    });
}

fn nobody_oversleeps_where_membarrier_is_denied_to_consumers(kind: Kind) {
    nobody_oversleeps(kind, None, role!(sleeping_reader_denied), || {});
}

/// Pauses for up to twice as long as a reader polls before it sleeps, or thereabouts.
fn pause(random: u64) {
    for _ in 0..random % 1000 {
        std::hint::spin_loop();
    }
}

/// Marsaglia's xorshift: any generator would do.
fn next_random(mut random: u64) -> u64 {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    random
}

/// Producers that end at random moments while a reader goes to sleep: it learns of each one's end, though nobody
/// comes after it.
fn nobody_oversleeps_the_drop_of_a_producer(kind: Kind) {
    let ring = kind.ring(&config());
    let mut listener = start(&ring, role!(endless_listener));
    let mut random = 1u64;
    for round in 1..=500 {
        let producer = ring.producer().unwrap();
        random = next_random(random);
        pause(random >> 32);
        drop(producer);
        if round > 1 {
            let word = listener.hear();
            assert!(word.starts_with(&format!("EpochChanged {{ epoch: {round},")), "{word}");
        }
        listener.expect("ProducerLost");
    }
    ring.producer().unwrap().close().unwrap();
    while listener.hear() != "Closed" {}
    listener.succeed();
}

fn nobody_oversleeps_where_the_producer_declines_membarrier(kind: Kind) {
    let ring = kind.declining_ring(&config());
    nobody_oversleeps_on(&ring, None, role!(endless_reader), endless::sleep_without_end, at_once);
}

fn nobody_oversleeps_where_wake_ups_are_deferred(kind: Kind) {
    let ring = kind.ring(&config());
    let (mode, reader) = (Some(WakeMode::Fenced), role!(endless_reader));
    nobody_oversleeps_on(&ring, mode, reader, endless::sleep_without_end, |producer| {
        producer.set_deferred_wake(true);
        Box::new(|producer| {
            producer.wake().expect("this process's own ring");
        })
    });
}

fn nobody_oversleeps_where_another_thread_makes_the_wake_ups(kind: Kind) {
    let ring = kind.ring(&config());
    nobody_oversleeps_on(&ring, None, role!(endless_reader), endless::sleep_without_end, |producer| {
        producer.set_deferred_wake(true);
        let waker = producer.waker().expect("a mapping");
        let (published, heard) = mpsc::channel();
        thread::spawn(move || {
            for () in heard {
                waker.wake();
            }
        });
        Box::new(move |_| published.send(()).expect("the thread lives"))
    });
}

/// Publishing wakes.
fn at_once(_: &mut Producer) -> WakeAfter {
    Box::new(|_| {})
}

/// The producer of a ring in a file spares its fences, and relies on no consumer.
fn nobody_oversleeps_where_consumers_decline_membarrier(kind: Kind) {
    let ring = if kind == Kind::Anonymous { kind.declining_ring(&config()) } else { kind.ring(&config()) };
    nobody_oversleeps_on(&ring, None, role!(endless_reader_declining), || {}, at_once);
}

fn nobody_oversleeps(kind: Kind, mode: Option<WakeMode>, reader: Role, first: fn()) {
    nobody_oversleeps_on(&kind.ring(&config()), mode, reader, first, at_once);
}

/// What wakes the readers of what was published.
type WakeAfter = Box<dyn FnMut(&mut Producer)>;

/// A producer with pauses of random length, and readers of which some are killed, while the producer is awake:
/// those that live get every message. All sleep whenever they wait. Until all have read what there is, nothing more
/// is published, which would wake a reader that had slept through it. `first` is done before the producer is made,
/// which `choose` tells when it wakes readers.
fn nobody_oversleeps_on(
    ring: &TestRing,
    mode: Option<WakeMode>,
    reader: Role,
    first: fn(),
    choose: fn(&mut Producer) -> WakeAfter,
) {
    let mut survivor = start(ring, reader);
    let mut victims: Vec<Peer> = Vec::new();
    // Victims that are started later would be denied it, too.
    for _ in 0..2 {
        victims.push(start(ring, reader));
    }
    first();
    let mut sender = Sender::new(ring.producer().unwrap());
    sender.producer.set_wait(Wait::Park);
    if let Some(mode) = mode {
        assert_eq!(sender.producer.set_wake_mode(mode), Ok(mode));
    }
    let mut wake = choose(&mut sender.producer);
    let observer = ring.observer(Start::Latest, Resume::Latest).unwrap();
    survivor.say("go");
    victims.iter_mut().for_each(|victim| victim.say("go"));
    let mut random = 1u64;
    for round in 0..1500 {
        random = next_random(random);
        sender.send_many(random % (3 * SLOTS));
        wake(&mut sender.producer);
        while observer.consumers().expect("a sound ring").iter().any(|reader| reader.lag > 0) {
            std::thread::yield_now();
        }
        pause(random >> 32);
        if round % 500 == 250
            && let Some(victim) = victims.pop()
        {
            victim.kill();
        }
    }
    let sent = sender.producer.next_seq();
    sender.close();
    assert_eq!(survivor.hear_number(), sent);
    survivor.succeed();
}
