//! Consumers that join while the producer is running: each starts at a sequence, and misses nothing after it.
//!
//! `Latest` is the next message; `Oldest` reaches half a lap back; `At(n)` is message `n`, and an error that
//! names the oldest one if `n` is gone. `cargo run --example late_joiner`

#![allow(unsafe_code, reason = "forking a process is unsafe: see the SAFETY comment")]

use std::time::Duration;

use ringway::anon::{self, AnonRing, fork};
use ringway::{AttachError, Config, Consumer, Outcome, Ring, Start};

const SLOTS: u64 = 256;
const PATIENCE: Duration = Duration::from_secs(20);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ring = anon::create(&Config::new().slots(SLOTS))?;
    // SAFETY: no guard, claim or batch exists yet, so the child uses none.
    let mut child = unsafe { fork(|| publish_for_ever(&ring)) }?;

    let mut first = ring.consumer(Start::Latest)?;
    while first.next_seq() < SLOTS {
        read(&mut first)?;
    }

    // The producer waits for `first`, so it is at most a lap ahead of it, and stays where it is.
    let mut oldest = ring.consumer(Start::Oldest)?;
    println!("Latest read up to {}, Oldest starts at {}", first.next_seq(), oldest.next_seq());
    read(&mut oldest)?;

    let floor = match ring.consumer(Start::At(0)) {
        Err(AttachError::Overwritten { asked: 0, oldest }) => oldest,
        other => panic!("message 0 is long gone, but got {other:?}"),
    };
    println!("At(0) is refused: the oldest is {floor}");

    // A sequence that isn't published yet is waited for.
    drop(oldest);
    let asked = floor + SLOTS;
    let mut at = ring.consumer(Start::At(asked))?;
    while first.next_seq() < asked + 10 {
        read(&mut first)?;
    }
    for expected in asked..asked + 10 {
        assert_eq!(read(&mut at)?, expected);
    }
    println!("At({asked}) read from exactly there");
    child.kill()?;
    child.wait()?;
    println!("checked: each reader got every message from where it started");
    Ok(())
}

/// Reads the next message, which holds its own sequence.
fn read(consumer: &mut Consumer) -> Result<u64, Box<dyn std::error::Error>> {
    let expected = consumer.next_seq();
    match consumer.recv_timeout(PATIENCE)? {
        Outcome::Message(message) => {
            assert_eq!((message.seq(), &message[..]), (expected, &expected.to_ne_bytes()[..]));
            Ok(expected)
        }
        other => Err(format!("expected message {expected}, got {other:?}").into()),
    }
}

fn publish_for_ever(ring: &AnonRing) -> i32 {
    let mut producer = ring.producer().expect("nobody else publishes");
    while producer.publish_timeout(&producer.next_seq().to_ne_bytes(), PATIENCE).is_ok() {}
    1
}
