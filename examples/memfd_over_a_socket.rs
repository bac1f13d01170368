//! A memfd: a shared mapping of a file without a name, handed to another program over a Unix socket.
//!
//! `MemfdRing::send` passes the descriptor, and `memfd::receive` checks what comes: a sealed memfd of the right
//! owner that holds a ring. The memory is free again with its last descriptor and mapping, however they end.
//! The danger: a descriptor for writing is the right to write. Send it for observers alone with `send_read_only`.
//! `cargo run --example memfd_over_a_socket`

use std::error::Error;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use ringway::{Config, Outcome, Ring, Start, memfd};

const MESSAGES: u64 = 1000;
const PATIENCE: Duration = Duration::from_secs(20);

fn main() -> Result<(), Box<dyn Error>> {
    if std::env::args().len() > 1 {
        return produce();
    }
    let ring = memfd::MemfdOptions::new().name("example").create(&Config::new().slots(64))?;
    let mut consumer = ring.consumer(Start::Oldest)?;

    // The other end of the socket is another program's standard input.
    let (here, there) = UnixStream::pair()?;
    ring.send(&here)?;
    let mut program = Command::new(std::env::current_exe()?);
    let mut child = program.arg("produce").stdin(Stdio::from(OwnedFd::from(there))).spawn()?;
    // The consumer has what it needs.
    drop((ring, here));

    let mut received = 0;
    loop {
        match consumer.recv_timeout(PATIENCE)? {
            Outcome::Message(message) => {
                assert_eq!(message[..], received.to_string().into_bytes());
                received += 1;
            }
            Outcome::Closed => break,
            other => return Err(format!("expected a message, got {other:?}").into()),
        }
    }
    assert_eq!(received, MESSAGES);
    assert!(child.wait()?.success());
    println!("checked: {MESSAGES} messages from a program that was given a descriptor, and knows no path");
    Ok(())
}

fn produce() -> Result<(), Box<dyn Error>> {
    let ring = memfd::receive(std::io::stdin())?;
    assert_eq!(ring.to_string(), "memfd:example");
    let mut producer = ring.producer()?;
    for number in 0..MESSAGES {
        producer.publish_timeout(number.to_string().as_bytes(), PATIENCE)?;
    }
    producer.close()?;
    Ok(())
}
