//! Shared anonymous memory over `fork`: one producer, three consumers in children, and each gets every message.
//!
//! Shared anonymous memory (`MAP_SHARED | MAP_ANONYMOUS`) has no name: only children inherit it. Ringway keeps the
//! ring's own mapping for them, and each process takes roles of its own. A consumer that lags by a whole ring holds
//! the producer back; none loses anything.
//! The danger is what else a child inherits: a handle made before the fork says `Forked` there.
//! `cargo run --example shared_anonymous_over_fork`

#![allow(unsafe_code, reason = "forking a process is unsafe: see the SAFETY comment")]

use std::time::Duration;

use ringway::anon::{self, fork};
use ringway::{Config, Consumer, Outcome, Ring, Start};

const MESSAGES: u64 = 100_000;
const PATIENCE: Duration = Duration::from_secs(20);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ring = anon::create(&Config::new().slots(1024).payload_capacity(48).max_consumers(3))?;

    let mut children = Vec::new();
    for name in ["red", "green", "blue"] {
        // SAFETY: no guard, claim or batch exists yet, so the child uses none.
        children.push(unsafe {
            fork(|| {
                // A role belongs to the process that takes it. `At(0)` starts at the ring's first message.
                let mut consumer = ring.consumer(Start::At(0)).expect("a free cell");
                let total = total(&mut consumer);
                println!("{name} (pid {}) got {MESSAGES} messages, total {total}", std::process::id());
                assert_eq!(total, MESSAGES * (MESSAGES - 1) / 2);
                0
            })
        }?);
    }

    let mut producer = ring.producer()?;
    // Consumers that have joined are waited for; the others could miss the beginning.
    while producer.consumer_count()? < children.len() {
        std::thread::yield_now();
    }
    for number in 0..MESSAGES {
        producer.publish(&number.to_ne_bytes())?;
    }
    producer.close()?;

    for child in &mut children {
        assert!(child.wait()?.success());
    }
    println!("checked: {} children got each of {MESSAGES} messages", children.len());
    Ok(())
}

/// Reads until the ring is closed.
fn total(consumer: &mut Consumer) -> u64 {
    let mut total = 0;
    loop {
        match consumer.recv_timeout(PATIENCE).expect("a sound ring") {
            Outcome::Message(message) => {
                total += u64::from_ne_bytes((&*message).try_into().expect("8 bytes"));
            }
            Outcome::Closed => return total,
            other => panic!("expected a message, got {other:?}"),
        }
    }
}
