//! Roles that wait asleep, and how to tell that they do.

use std::time::Instant;

use ringway::{Config, Consumer, Outcome, Resume, Ring, Start, Wait};

use crate::peer::Role;
use crate::roles::{Sender, verify};
use crate::{PATIENCE, Peer, Post, TestRing};

/// Slots of the ring that they sleep on.
pub const SLOTS: u64 = 8;

/// The ring that they sleep on.
pub fn config() -> Config {
    Config::new().slots(SLOTS).payload_capacity(101).max_consumers(3)
}

/// Waits until a process sleeps on a futex, or on several, as far as the kernel tells.
pub fn until_asleep(peer: &Peer) {
    until_process_sleeps(peer.pid());
}

/// The same of one thread, by its number: a process has that of its first thread.
pub fn until_process_sleeps(pid: u32) {
    let began = Instant::now();
    let sleeps = [libc::SYS_futex, libc::SYS_futex_waitv].map(|call| call.to_string());
    loop {
        let call = std::fs::read_to_string(format!("/proc/{pid}/syscall")).expect("a process");
        if call.split(' ').next().is_some_and(|call| sleeps.iter().any(|sleep| sleep == call)) {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "it doesn't sleep, but: {call}");
        std::thread::yield_now();
    }
}

/// What comes next, in a word.
pub fn word(consumer: &mut Consumer) -> String {
    let capacity = consumer.geometry().payload_capacity();
    match consumer.recv_timeout(PATIENCE).expect("a sound ring") {
        Outcome::Message(message) => {
            verify(capacity, message.seq(), message.tag(), &message);
            message.seq().to_string()
        }
        event => format!("{:?}", event.map(drop)),
    }
}

/// Says what comes, until the ring is closed.
pub fn sleeper(ring: &TestRing, post: &mut Post) {
    let mut consumer = ring.consumer(Start::Oldest).expect("a free cell");
    post.say("ready");
    loop {
        let word = word(&mut consumer);
        post.say(&word);
        if word == "Closed" {
            return;
        }
    }
}

/// The same as an observer.
pub fn watcher(ring: &TestRing, post: &mut Post) {
    let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe).expect("an observer");
    let capacity = observer.geometry().payload_capacity();
    post.say("ready");
    loop {
        let word = match observer.recv_timeout(PATIENCE).expect("a sound ring") {
            Outcome::Message(message) => {
                verify(capacity, message.seq(), message.tag(), &message);
                message.seq().to_string()
            }
            event => format!("{:?}", event.map(drop)),
        };
        post.say(&word);
        if word == "Closed" {
            return;
        }
    }
}

/// Starts a process that plays `role`, and waits until it is ready.
pub fn start(ring: &TestRing, role: Role) -> Peer {
    let mut peer = ring.start(role);
    peer.expect("ready");
    peer
}

/// Publishes as many messages as it is told to, each time, and sleeps where there is no room.
pub fn publisher(ring: &TestRing, post: &mut Post) {
    let mut sender = Sender::new(ring.producer().expect("no other producer"));
    sender.producer.set_wait(Wait::Park);
    post.say("ready");
    loop {
        match post.hear().as_str() {
            "close" => break,
            count => sender.send_many(count.parse().expect("a number")),
        }
        post.say("published");
    }
    sender.close();
}
