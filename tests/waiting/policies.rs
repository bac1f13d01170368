//! Whichever way a handle waits, the same things end its wait: a message, room, the time, the ring's end, a death.

use std::time::Duration;

use ringway::{Outcome, PublishError, Resume, Ring, Start, Wait, WaitSet};
use testkit::roles::{Sender, read};
use testkit::sleepers::{SLOTS, config, start, until_asleep, word};
use testkit::{Kind, PATIENCE, Peer, Post, TestRing, named, role, suite};

const POLICIES: [Wait; 7] = [
    Wait::Spin,
    Wait::Yield,
    Wait::Park,
    Wait::park_after(Duration::ZERO),
    Wait::park_after(Duration::from_micros(50)),
    Wait::park_after(Duration::MAX),
    Wait::Adaptive,
];
/// A time that is up soon: shorter and longer than a call polls before it sleeps.
const SHORT: [Duration; 2] = [Duration::from_micros(1), Duration::from_millis(2)];

fn main() {
    suite::run(
        named![
            each_policy_ends_a_readers_wait_by_message_time_loss_takeover_and_close,
            each_policy_ends_a_producers_wait_by_room_time_and_loss,
            a_consumer_that_may_sleep_wakes_for_each_message,
            each_policy_ends_a_sets_wait_by_message_and_time,
            a_clone_waits_as_its_original_does,
        ],
        named![reader, publisher, reader_on_demand, sleeper_by_policy],
    );
}

/// The policy that the other process names.
fn agreed(post: &mut Post) -> Wait {
    POLICIES[post.hear_number() as usize]
}

/// A process that plays `role` by a policy.
fn start_by(ring: &TestRing, role: testkit::peer::Role, policy: usize) -> Peer {
    let mut peer = ring.start(role);
    peer.say(policy);
    peer.expect("ready");
    peer
}

/// Says what ends the waits of a reader of each kind.
fn reader(ring: &TestRing, post: &mut Post) {
    let mut consumer = ring.consumer(Start::Oldest).expect("a free cell");
    let mut reader = ring.best_effort_reader(Start::Oldest).expect("a free cell");
    let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe).expect("an observer");
    let policy = agreed(post);
    consumer.set_wait(policy);
    reader.set_wait(policy);
    observer.set_wait(policy);
    post.say("ready");
    let mut told = |time: Duration| {
        post.say(format!("{:?}", consumer.recv_timeout(time).expect("a sound ring").map(drop)));
        post.say(format!("{:?}", reader.recv_timeout(time).expect("a sound ring").map(drop)));
        post.say(format!("{:?}", observer.recv_timeout(time).expect("a sound ring").map(drop)));
    };
    told(PATIENCE);
    SHORT.into_iter().for_each(&mut told);
    (0..3).for_each(|_| told(PATIENCE));
}

fn each_policy_ends_a_readers_wait_by_message_time_loss_takeover_and_close(kind: Kind) {
    for (number, policy) in POLICIES.into_iter().enumerate() {
        let ring = kind.ring(&config());
        let mut producer = ring.producer().unwrap();
        let mut peer = start_by(&ring, role!(reader), number);
        let mut all_say = |what: &str| {
            for reader in ["consumer", "best-effort reader", "observer"] {
                let said = peer.hear();
                assert!(said.starts_with(what), "{policy:?}, {reader}: {said}, expected {what}");
            }
        };
        producer.publish(b"here").unwrap();
        all_say("Message");
        all_say("TimedOut");
        all_say("TimedOut");
        drop(producer);
        all_say("ProducerLost");
        let mut producer = ring.producer().unwrap();
        all_say("EpochChanged");
        producer.close().unwrap();
        all_say("Closed");
        peer.succeed();
    }
}

/// Publishes into a full ring: says what ends its waits.
fn publisher(ring: &TestRing, post: &mut Post) {
    let mut sender = Sender::new(ring.producer().expect("no other producer"));
    sender.producer.set_wait(agreed(post));
    sender.send_many(SLOTS);
    post.say("ready");
    for time in SHORT {
        let outcome = sender.producer.publish_timeout(b"no room", time);
        post.say(if let Err(PublishError::TimedOut(_)) = outcome { "TimedOut" } else { "?" });
    }
    sender.send_many(1);
    post.say("published");
    post.hear();
    sender.send_many(SLOTS + 1);
    post.say("published");
    sender.close();
}

/// Joins, and reads one message.
fn reader_on_demand(ring: &TestRing, post: &mut Post) {
    let mut consumer = ring.consumer(Start::Oldest).expect("a free cell");
    post.say("ready");
    post.hear();
    read(&mut consumer, SLOTS);
    post.say("read");
    post.hear();
}

fn each_policy_ends_a_producers_wait_by_room_time_and_loss(kind: Kind) {
    for number in 0..POLICIES.len() {
        let ring = kind.ring(&config());
        let mut victim = start(&ring, role!(reader_on_demand));
        let mut peer = start_by(&ring, role!(publisher), number);
        peer.expect("TimedOut");
        peer.expect("TimedOut");
        victim.say("read");
        victim.expect("read");
        peer.expect("published");
        peer.say("fill it");
        victim.kill();
        peer.expect("published");
        peer.succeed();
    }
}

/// Says what comes.
fn sleeper_by_policy(ring: &TestRing, post: &mut Post) {
    let mut consumer = ring.consumer(Start::Oldest).expect("a free cell");
    consumer.set_wait(agreed(post));
    post.say("ready");
    while word(&mut consumer) != "Closed" {
        post.say("one");
    }
}

fn a_consumer_that_may_sleep_wakes_for_each_message(kind: Kind) {
    for (number, policy) in POLICIES.into_iter().enumerate() {
        if matches!(policy, Wait::Spin | Wait::Yield | Wait::ParkAfter(Duration::MAX)) {
            continue;
        }
        let ring = kind.ring(&config());
        let mut sender = Sender::new(ring.producer().unwrap());
        let mut peer = start_by(&ring, role!(sleeper_by_policy), number);
        for _ in 0..20 {
            until_asleep(&peer);
            sender.send().unwrap();
            peer.expect("one");
        }
        until_asleep(&peer);
        sender.close();
        peer.succeed();
    }
}

fn each_policy_ends_a_sets_wait_by_message_and_time(kind: Kind) {
    for policy in POLICIES {
        let ring = kind.ring(&config());
        let mut producer = ring.producer().unwrap();
        let mut consumers = [ring.consumer(Start::Oldest).unwrap()];
        let mut set = WaitSet::new();
        set.set_policy(policy);
        assert_eq!(set.policy(), policy);
        for time in SHORT {
            assert!(set.wait(&mut consumers, Some(time)).unwrap().is_timed_out(), "{policy:?}");
        }
        std::thread::scope(|scope| {
            let waker = set.waker();
            scope.spawn(move || waker.wake());
            assert!(set.wait(&mut consumers, None).unwrap().is_woken(), "{policy:?}");
            scope.spawn(|| producer.publish(b"here").unwrap());
            assert_eq!(set.wait(&mut consumers, None).unwrap().indices(), [0], "{policy:?}");
        });
        assert!(consumers[0].try_recv().unwrap().is_message());
    }
}

fn a_clone_waits_as_its_original_does(kind: Kind) {
    let ring = kind.ring(&config());
    let mut consumer = ring.consumer(Start::Latest).unwrap();
    for policy in POLICIES {
        consumer.set_wait(policy);
        assert_eq!(consumer.try_clone().unwrap().wait(), policy);
    }
    assert!(matches!(consumer.try_recv().unwrap(), Outcome::Empty));
}
