//! Private anonymous memory (the heap, the stacks): shared by the threads of one process, copied for its children.
//!
//! A ring inside one process is made as one over fork is: threads take the roles, and nothing but the ring is
//! shared. Ringway maps it shared all the same, so that each role gets a mapping with rights of its own.
//! The danger is private memory after a fork: what a child stores there, its parent never sees.
//! `cargo run --example private_anonymous_in_one_process`

#![allow(unsafe_code, reason = "forking a process is unsafe: see the SAFETY comment")]

use std::thread;
use std::time::Duration;

use ringway::anon::{self, fork};
use ringway::{Config, Outcome, Ring, Start};

const MESSAGES: u64 = 10_000;
const PATIENCE: Duration = Duration::from_secs(20);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    a_child_gets_a_copy()?;

    let ring = anon::create(&Config::new().slots(256))?;
    // Taken before the threads start, so that none of them misses the first message.
    let readers = [ring.consumer(Start::Oldest)?, ring.consumer(Start::Oldest)?];
    let mut producer = ring.producer()?;
    let totals = thread::scope(|scope| {
        let reading = readers.map(|mut consumer| {
            scope.spawn(move || {
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
            })
        });
        for number in 0..MESSAGES {
            producer.publish(&number.to_ne_bytes()).expect("readers that live");
        }
        producer.close().expect("its own ring");
        reading.map(|thread| thread.join().expect("a reader that ends"))
    });
    assert_eq!(totals, [MESSAGES * (MESSAGES - 1) / 2; 2]);
    println!(
        "checked: two threads got all {MESSAGES} messages; what a child stored in private memory stayed its own"
    );
    Ok(())
}

/// The same two stores in a child: one into the heap, one into a ring.
fn a_child_gets_a_copy() -> Result<(), Box<dyn std::error::Error>> {
    let ring = anon::create(&Config::new())?;
    let mut consumer = ring.consumer(Start::Oldest)?;
    let mut private = Box::new(0_u64);
    // SAFETY: no guard, claim or batch exists yet, so the child uses none.
    let mut child = unsafe {
        fork(|| {
            *private = 1;
            ring.producer().expect("a free role").publish(&private.to_ne_bytes()).expect("room");
            0
        })
    }?;
    assert!(child.wait()?.success());
    let message = consumer.try_recv()?.into_message().ok_or("the child published")?;
    assert_eq!((&message[..], *private), (&1_u64.to_ne_bytes()[..], 0));
    Ok(())
}
