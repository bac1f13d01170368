//! A standby takes over from a producer that is killed: the reader gets every message once, in order.
//!
//! A process that wants to be the producer waits for the role. The kernel frees it when its holder is gone.
//! `cargo run --example hot_standby`

#![allow(unsafe_code, reason = "forking a process is unsafe: see the SAFETY comment")]

use std::time::Duration;

use ringway::anon::{self, AnonRing, Child, fork};
use ringway::{Config, Outcome, Ring, Start};

const PATIENCE: Duration = Duration::from_secs(20);
/// How many messages the first producer publishes before it hangs, and how many there are in all.
const BY_THE_FIRST: u64 = 3;
const MESSAGES: u64 = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ring = anon::create(&Config::new().slots(64).payload_capacity(48))?;
    let mut consumer = ring.consumer(Start::Oldest)?;
    let mut first = start(&ring)?;
    let mut standby = None;
    loop {
        match consumer.recv_timeout(PATIENCE)? {
            Outcome::Message(message) => println!("{}", String::from_utf8_lossy(&message)),
            Outcome::Closed => break,
            Outcome::TimedOut => return Err("nobody publishes".into()),
            event => println!("{event:?}"),
        }
        if consumer.next_seq() == BY_THE_FIRST && standby.is_none() {
            standby = Some(start(&ring)?);
            first.kill()?;
        }
    }
    assert_eq!(consumer.next_seq(), MESSAGES);
    assert!(standby.is_some_and(|mut standby| standby.wait().is_ok_and(|status| status.success())));
    println!("checked: {MESSAGES} messages, each once and in order, though their first producer was killed");
    Ok(())
}

/// Starts a process that is the producer as soon as nobody else is.
fn start(ring: &AnonRing) -> Result<Child, Box<dyn std::error::Error>> {
    // SAFETY: no guard, claim or batch exists here, so the child uses none.
    let child = unsafe {
        fork(|| {
            let mut producer = ring.next_producer(PATIENCE).expect("the producer's role");
            let end = if producer.epoch() == 1 { BY_THE_FIRST } else { MESSAGES };
            while producer.next_seq() < end {
                let message = format!("message {} of producer {}", producer.next_seq(), producer.epoch());
                producer.publish(message.as_bytes()).expect("room");
            }
            if end < MESSAGES {
                // It hangs: nothing but its end frees the role.
                std::thread::sleep(PATIENCE);
            }
            producer.close().expect("its own ring");
            0
        })
    }?;
    Ok(child)
}
