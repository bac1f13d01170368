//! One thread waits for many rings, whose other sides are other processes: it sleeps through
//! nothing, and loses nothing.
//!
//! Where everybody is sure to be woken, no sleep ends by itself.

mod endless;

use std::time::Duration;

use nix::sys::wait::WaitStatus;
use ringway::{
    Config, Consumer, Forked, Outcome, PublishError, RecvError, Resume, Ring, Start, WaitSet, Waitable,
    WakeMode, anon,
};
use testkit::child::apart;
use testkit::roles::{Sender, read, verify_in};
use testkit::sleepers::{SLOTS, config, start, until_asleep, until_process_sleeps, word};
use testkit::tracing::{Call, Verdict};
use testkit::{Kind, PATIENCE, Peer, Post, TestRing, denial, named, role, suite, tracing};

const RINGS: usize = 6;
const MESSAGES: u64 = 400;
const ROUNDS: u64 = 20;
/// Bounds a wait that another process ends.
const LIMIT: Option<Duration> = Some(PATIENCE);

fn main() {
    suite::run(
        named![
            many_rings_of_many_processes_lose_nothing,
            a_set_sleeps_through_no_message,
            each_kind_of_event_wakes_a_sleeping_set,
            a_full_rings_producer_is_woken_in_a_set,
            a_waker_ends_a_sleep,
            a_killed_producer_is_noticed_by_a_sleeping_set,
            a_set_that_was_stopped_in_its_sleep_goes_on,
            a_set_goes_on_where_the_kernel_denies_its_sleep,
            a_wait_has_the_others_execute_one_fence_for_all_its_handles,
            a_child_is_told_that_its_handles_are_its_parents,
        ],
        named![
            sender,
            endless_set_counter,
            set_reader,
            endless_set_reader,
            denied_set_reader,
            set_publisher,
            victim
        ],
    );
}

/// Publishes as many messages as are agreed, asleep where there is no room, and closes the ring.
fn sender(ring: &TestRing, post: &mut Post) {
    endless::sleep_without_end();
    let mut sender = Sender::new(ring.producer().expect("no other producer"));
    post.say("ready");
    post.hear();
    sender.send_many(MESSAGES);
    sender.close();
}

fn many_rings_of_many_processes_lose_nothing(kind: Kind) {
    let rings: Vec<_> = (0..RINGS).map(|_| kind.ring(&config())).collect();
    let mut peers: Vec<Peer> = rings.iter().map(|ring| start(ring, role!(sender))).collect();
    let mut consumers: Vec<Consumer> =
        rings.iter().map(|ring| ring.consumer(Start::Oldest).unwrap()).collect();
    endless::sleep_without_end();
    peers.iter_mut().for_each(|peer| peer.say("go"));
    let (mut set, mut open) = (WaitSet::new(), RINGS);
    while open > 0 {
        let ready = set.wait(&mut consumers, LIMIT).unwrap();
        assert!(!ready.is_timed_out());
        for &index in ready.indices().iter().rev() {
            let consumer = &mut consumers[index];
            // One at a time: what is left makes the next wait short.
            let (expected, geometry) = (consumer.next_seq(), consumer.geometry().clone());
            match consumer.try_recv().expect("a sound ring") {
                Outcome::Message(message) => {
                    assert_eq!(message.seq(), expected);
                    verify_in(&geometry, message.seq(), message.tag(), &message);
                    continue;
                }
                Outcome::Closed => assert_eq!(expected, MESSAGES),
                other => panic!("{other:?}"),
            }
            drop(consumers.swap_remove(index));
            open -= 1;
        }
    }
    peers.into_iter().for_each(Peer::succeed);
}

/// Messages at random moments, each alone: a set that sleeps through one gets no other that would wake it.
fn a_set_sleeps_through_no_message(kind: Kind) {
    let ring = kind.ring(&config());
    let mut sender = Sender::new(ring.producer().unwrap());
    let observer = ring.observer(Start::Latest, Resume::Latest).unwrap();
    let mut peer = start(&ring, role!(endless_set_counter));
    let mut random = 1u64;
    for _ in 0..1500 {
        sender.send().unwrap();
        while observer.consumers().expect("a sound ring").iter().any(|reader| reader.lag > 0) {
            std::thread::yield_now();
        }
        // Marsaglia's xorshift. Up to twice as long as a set polls before it sleeps, or thereabouts.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (0..(random >> 32) % 1000).for_each(|_| std::hint::spin_loop());
    }
    let sent = sender.producer.next_seq();
    sender.close();
    assert_eq!(peer.hear_number(), sent);
    peer.succeed();
}

/// Reads by a set until the ring is closed, and says how many messages that were.
fn endless_set_counter(ring: &TestRing, post: &mut Post) {
    endless::sleep_without_end();
    let mut consumers = [ring.consumer(Start::Oldest).expect("a free cell")];
    let (mut set, mut count) = (WaitSet::new(), 0);
    post.say("ready");
    while !set.wait(&mut consumers, LIMIT).expect("few handles").is_timed_out() {
        match consumers[0].try_recv().expect("a sound ring") {
            Outcome::Message(_message) => count += 1,
            Outcome::Closed => return post.say(count),
            other => panic!("{other:?}"),
        }
    }
}

/// Says what comes by a set that has a quiet ring, too, until the ring is closed.
fn set_reader(ring: &TestRing, post: &mut Post) {
    let quiet = anon::create(&Config::new()).expect("a ring");
    let _producer = quiet.producer().expect("no other producer");
    let mut set = WaitSet::new();
    let mut consumers = [
        quiet.consumer(Start::Oldest).expect("a free cell"),
        ring.consumer(Start::Oldest).expect("a free cell"),
    ];
    post.say("ready");
    loop {
        let ready = set.wait(&mut consumers, LIMIT).expect("few handles");
        assert_eq!(ready.indices(), [1]);
        let word = word(&mut consumers[1]);
        post.say(&word);
        if word == "Closed" {
            return;
        }
    }
}

fn endless_set_reader(ring: &TestRing, post: &mut Post) {
    endless::sleep_without_end();
    set_reader(ring, post);
}

fn denied_set_reader(ring: &TestRing, post: &mut Post) {
    denial::deny(libc::SYS_futex_waitv);
    set_reader(ring, post);
}

fn each_kind_of_event_wakes_a_sleeping_set(kind: Kind) {
    let ring = kind.ring(&config());
    let mut sender = Sender::new(ring.producer().unwrap());
    let mut peer = start(&ring, role!(endless_set_reader));
    for seq in 0..ROUNDS {
        until_asleep(&peer);
        assert_eq!(sender.send(), Ok(seq));
        peer.expect(&seq.to_string());
    }
    until_asleep(&peer);
    drop(sender);
    peer.expect("ProducerLost");
    until_asleep(&peer);
    let mut producer = ring.producer().unwrap();
    assert!(peer.hear().starts_with("EpochChanged"));
    until_asleep(&peer);
    producer.close().unwrap();
    peer.expect("Closed");
    peer.succeed();
}

/// Publishes a ring's worth of messages whenever it is told to, and sleeps in a set where there is no room.
fn set_publisher(ring: &TestRing, post: &mut Post) {
    endless::sleep_without_end();
    let quiet = anon::create(&Config::new()).expect("a ring");
    let _producer = quiet.producer().expect("no other producer");
    let mut reader = quiet.consumer(Start::Oldest).expect("a free cell");
    let mut sender = Sender::new(ring.producer().expect("no other producer"));
    sender.patience = Duration::ZERO;
    let mut set = WaitSet::new();
    post.say("ready");
    while post.hear() != "close" {
        for _ in 0..SLOTS {
            while let Err(error) = sender.send() {
                assert!(matches!(error, PublishError::TimedOut(_) | PublishError::Full(_)), "{error}");
                let mut handles: [&mut dyn Waitable; 2] = [&mut reader, &mut sender.producer];
                assert_eq!(set.wait(&mut handles, LIMIT).expect("few handles").indices(), [1]);
            }
        }
        post.say("published");
    }
    sender.close();
}

fn a_full_rings_producer_is_woken_in_a_set(kind: Kind) {
    let ring = kind.ring(&config());
    let mut peer = start(&ring, role!(set_publisher));
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    peer.say("publish");
    peer.expect("published");
    for _ in 0..ROUNDS {
        peer.say("publish");
        until_asleep(&peer);
        read(&mut consumer, SLOTS);
        peer.expect("published");
    }
    // A consumer that leaves wakes it, too.
    peer.say("publish");
    until_asleep(&peer);
    drop(consumer);
    peer.expect("published");
    peer.say("close");
    peer.succeed();
}

fn a_waker_ends_a_sleep(kind: Kind) {
    endless::sleep_without_end();
    let ring = kind.ring(&config());
    let _producer = ring.producer().unwrap();
    let mut consumers = [ring.consumer(Start::Oldest).unwrap()];
    let mut set = WaitSet::new();
    for _ in 0..ROUNDS {
        let waker = set.waker();
        let thread = std::thread::spawn(move || {
            until_process_sleeps(std::process::id());
            waker.wake();
        });
        let ready = set.wait(&mut consumers, LIMIT).unwrap();
        assert!(ready.is_woken() && ready.indices().is_empty());
        thread.join().unwrap();
    }
}

/// Holds the producer's role.
fn victim(ring: &TestRing, post: &mut Post) {
    let _producer = ring.producer().expect("no other producer");
    post.say("ready");
    post.hear();
}

fn a_killed_producer_is_noticed_by_a_sleeping_set(kind: Kind) {
    let ring = kind.ring(&config());
    let victim = start(&ring, role!(victim));
    let mut peer = start(&ring, role!(set_reader));
    until_asleep(&peer);
    victim.kill();
    peer.expect("ProducerLost");
    ring.producer().unwrap().close().unwrap();
    assert!(peer.hear().starts_with("EpochChanged"));
    peer.expect("Closed");
    peer.succeed();
}

fn a_set_that_was_stopped_in_its_sleep_goes_on(kind: Kind) {
    let ring = kind.ring(&config());
    let mut sender = Sender::new(ring.producer().unwrap());
    let mut peer = start(&ring, role!(endless_set_reader));
    for seq in 0..ROUNDS {
        until_asleep(&peer);
        peer.stop();
        // It comes before the thread sleeps again, or after.
        if seq % 2 == 0 {
            peer.go_on();
            until_asleep(&peer);
        }
        assert_eq!(sender.send(), Ok(seq));
        if seq % 2 == 1 {
            peer.go_on();
        }
        peer.expect(&seq.to_string());
    }
    sender.close();
    peer.expect("Closed");
    peer.succeed();
}

fn a_set_goes_on_where_the_kernel_denies_its_sleep(kind: Kind) {
    let ring = kind.ring(&config());
    let mut sender = Sender::new(ring.producer().unwrap());
    let mut peer = start(&ring, role!(denied_set_reader));
    for seq in 0..ROUNDS {
        assert_eq!(sender.send(), Ok(seq));
        peer.expect(&seq.to_string());
    }
    drop(sender);
    peer.expect("ProducerLost");
    ring.producer().unwrap().close().unwrap();
    assert!(peer.hear().starts_with("EpochChanged"));
    peer.expect("Closed");
    peer.succeed();
}

fn a_wait_has_the_others_execute_one_fence_for_all_its_handles(kind: Kind) {
    if !tracing::possible() {
        return;
    }
    let rings: Vec<_> = (0..3).map(|_| kind.ring(&config())).collect();
    let mut producers: Vec<_> = rings.iter().map(|ring| ring.producer().unwrap()).collect();
    let asymmetric = producers.iter().filter(|it| it.wake_mode() == Ok(WakeMode::Asymmetric)).count();
    let (mut barriers, mut before_sleep) = (0, Vec::new());
    let wait = || {
        let mut consumers: Vec<_> =
            rings.iter().map(|ring| ring.consumer(Start::Latest).expect("a free cell")).collect();
        let mut set = WaitSet::new();
        tracing::begin();
        let ready = set.wait(&mut consumers, LIMIT).expect("few handles");
        tracing::end();
        assert_eq!(ready.indices(), [2]);
    };
    let look = |call: &Call| {
        if call.is_entry && call.number == libc::SYS_membarrier {
            barriers += 1;
        } else if call.is_entry && call.number == libc::SYS_futex_waitv {
            before_sleep.push(std::mem::take(&mut barriers));
            // The set is about to sleep, and needn't any more.
            producers[2].publish(b"message").expect("room");
        }
        Verdict::Go
    };
    let ended = tracing::traced(wait, look);
    assert!(matches!(ended, WaitStatus::Exited(_, 0)), "{ended:?}");
    assert_eq!(before_sleep, [usize::from(asymmetric > 0)]);
}

fn a_child_is_told_that_its_handles_are_its_parents(kind: Kind) {
    let ring = kind.ring(&config());
    let mut producer = ring.producer().unwrap();
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    let mut set = WaitSet::new();
    for _ in 0..SLOTS {
        producer.publish(b"message").unwrap();
    }
    let mut child = apart(|| {
        let mut handles: [&mut dyn Waitable; 2] = [&mut consumer, &mut producer];
        assert_eq!(set.wait(&mut handles, None).expect("few handles").indices(), [0, 1]);
        assert_eq!(consumer.try_recv().unwrap_err(), RecvError::from(Forked));
        assert_eq!(producer.try_publish(b"message"), Err(PublishError::from(Forked)));
        // It waits with a set of its own, for handles of its own.
        let mut consumer = ring.consumer(Start::Latest).expect("a free cell");
        let mut handles = [&mut consumer];
        let ready =
            WaitSet::new().wait(&mut handles, Some(Duration::from_millis(1))).map(|it| it.is_timed_out());
        assert_eq!(ready, Ok(true));
    });
    assert!(child.wait().unwrap().success());
    assert_eq!(set.wait(&mut [&mut consumer], None).unwrap().indices(), [0]);
}
