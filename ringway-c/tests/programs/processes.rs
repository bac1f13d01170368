//! Rust on one side of a ring, C on the other, in two processes.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use ringway::{Config, Consumer, Outcome, Ring, Start, file};
use testkit::PATIENCE;

use crate::tools::*;

/// How many messages go from one process to the other.
const COUNT: u64 = 20_000;

/// The message of a sequence, and its tag, as tests/c/peer.c has them.
fn message(seq: u64) -> (Vec<u8>, u32) {
    (vec![(seq % 251) as u8; (seq % 48) as usize + 1], (seq % 7) as u32)
}

fn small() -> Config {
    Config::new().slots(64).payload_capacity(48).max_consumers(4)
}

/// A process in C, which is killed if the test fails.
struct Peer(Child, BufReader<ChildStdout>);

impl Peer {
    fn start(role: &str, path: &Path, count: u64) -> Self {
        let mut command: Command = run(&compiled(&of_tests("peer"), Language::C, Linked::Static));
        let mut child =
            command.arg(role).arg(path).arg(count.to_string()).stdout(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        Self(child, said)
    }

    fn expect(&mut self, line: &str) {
        let mut said = String::new();
        self.1.read_line(&mut said).unwrap();
        assert_eq!(said.trim_end(), line);
    }

    /// Waits until it has ended well. Returns the rest of what it said.
    fn end(mut self) -> String {
        let mut said = String::new();
        self.1.read_to_string(&mut said).unwrap();
        assert!(self.0.wait().unwrap().success());
        said
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Receives all messages, and checks each.
fn receive_all(mut consumer: Consumer) {
    let mut next = 0;
    loop {
        match consumer.recv_timeout(PATIENCE).unwrap() {
            Outcome::Message(found) => {
                let (bytes, tag) = message(next);
                assert_eq!((found.seq(), found.tag(), &found[..]), (next, tag, &bytes[..]));
                next += 1;
            }
            Outcome::Closed => break,
            Outcome::EpochChanged { .. } => {}
            other => panic!("message {next} was to come, not {other:?}"),
        }
    }
    assert_eq!(next, COUNT);
}

/// What C says once it has read all messages.
fn expected() -> String {
    let sum: u64 =
        (0..COUNT).map(|seq| message(seq).0.iter().map(|&byte| u64::from(byte)).sum::<u64>()).sum();
    format!("{COUNT} {sum}\n")
}

#[test]
fn what_rust_publishes_comes_to_c() {
    let rings = directory();
    let path = rings.path().join("ring");
    let ring = file::create(&path, &small()).unwrap();
    let mut peer = Peer::start("consume", &path, 0);
    peer.expect("joined");
    let mut producer = ring.producer().unwrap();
    for seq in 0..COUNT {
        let (bytes, tag) = message(seq);
        producer.publish_tagged_timeout(&bytes, tag, PATIENCE).unwrap();
    }
    producer.close().unwrap();
    assert_eq!(peer.end(), expected());
}

#[test]
fn what_c_publishes_comes_to_rust_and_to_c() {
    let rings = directory();
    let path = rings.path().join("ring");
    let ring = file::create(&path, &small()).unwrap();
    let consumer = ring.consumer(Start::Oldest).unwrap();
    let mut other = Peer::start("consume", &path, 0);
    other.expect("joined");
    let producer = Peer::start("produce", &path, COUNT);
    receive_all(consumer);
    producer.end();
    assert_eq!(other.end(), expected());
}

#[test]
fn a_consumer_that_is_killed_with_messages_in_hand_holds_nothing_back() {
    let rings = directory();
    let path = rings.path().join("ring");
    let config = small().slots(8);
    let ring = file::create(&path, &config).unwrap();
    let mut killed = Peer::start("hold", &path, 8);
    killed.expect("joined");
    let consumer = ring.consumer(Start::Oldest).unwrap();
    let reader = std::thread::spawn(move || receive_all(consumer));
    let mut producer = ring.producer().unwrap();
    let mut publish = |seq| {
        let (bytes, tag) = message(seq);
        producer.publish_tagged_timeout(&bytes, tag, PATIENCE).map(|_| ())
    };
    for seq in 0..8 {
        publish(seq).unwrap();
    }
    killed.expect("holds");
    killed.0.kill().unwrap();
    killed.0.wait().unwrap();
    for seq in 8..COUNT {
        publish(seq).unwrap();
    }
    producer.close().unwrap();
    reader.join().unwrap();
}

#[test]
fn c_holds_messages_while_the_producer_skips_and_goes_on() {
    for way in 0..3 {
        let rings = directory();
        let path = rings.path().join("ring");
        let ring = file::create(&path, &small().slots(8).first_seq(100)).unwrap();
        let mut peer = Peer::start("across", &path, way);
        peer.expect("joined");
        let mut producer = ring.producer().unwrap();
        for seq in [100, 104, 120] {
            // Of fifteen sequences, the ring has room for three before the consumer releases a message.
            producer.skip_to_timeout(seq, PATIENCE).unwrap();
            let (bytes, tag) = message(seq);
            assert_eq!(producer.publish_tagged_timeout(&bytes, tag, PATIENCE), Ok(seq));
        }
        producer.close().unwrap();
        assert_eq!(peer.end(), "");
    }
}
