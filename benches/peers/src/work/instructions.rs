//! Instructions per operation, counted by valgrind's callgrind: the same in every run, whatever else the machine does.

#![allow(unsafe_code, reason = "to trust the peers on a ring in a file is to promise something")]

use std::hint::black_box;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use ringway::{Config, Consumer, Outcome, Producer, Ring, Start, file};

/// Bytes of a message.
const SIZE: usize = 48;
/// Operations in the shorter of the two runs whose difference is taken, and in the longer one.
const TIMES: [u64; 2] = [1_000, 21_000];

/// What is done again and again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Operation {
    /// Publish a message and receive it.
    PublishReceive,
    /// Claim room, write, commit, and receive it.
    ClaimReceive,
    /// Look for a message where there is none.
    EmptyPoll,
}

impl Operation {
    /// All of them, as they are printed.
    pub const ALL: [(Operation, &'static str); 3] = [
        (Operation::PublishReceive, "publish + receive"),
        (Operation::ClaimReceive, "claim, commit + receive"),
        (Operation::EmptyPoll, "empty poll"),
    ];

    fn name(self) -> &'static str {
        match self {
            Operation::PublishReceive => "publish-receive",
            Operation::ClaimReceive => "claim-receive",
            Operation::EmptyPoll => "empty-poll",
        }
    }
}

/// Instructions of one operation, the loop around it and the call of a function that isn't inlined included.
pub fn count(operation: Operation) -> anyhow::Result<f64> {
    let [fewer, more] = TIMES.map(|times| collected(operation, times));
    Ok((more? - fewer?) as f64 / (TIMES[1] - TIMES[0]) as f64)
}

/// Instructions of a whole process.
fn collected(operation: Operation, times: u64) -> anyhow::Result<u64> {
    let directory = tempfile::tempdir_in("/dev/shm")?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args(["--times", &times.to_string(), "--counted", operation.name(), "--ring"])
        .arg(directory.path().join("ring"))
        .output()
        .context("valgrind isn't there")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "valgrind: {said}");
    let collected =
        said.lines().find_map(|line| line.split_once("Collected :")).context("callgrind's count")?;
    Ok(collected.1.trim().parse()?)
}

/// The process that is counted. Its ring lies in a file, since valgrind knows no `mremap` that duplicates.
pub fn counted(operation: Operation, path: &Path, times: u64) -> anyhow::Result<()> {
    let ring = file::create(path, &Config::new())?;
    // SAFETY: nobody else knows of the file.
    let ring = unsafe { ring.trust_peers() };
    let mut consumer = ring.consumer(Start::Oldest)?;
    let mut producer = ring.producer()?;
    for _ in 0..times {
        match operation {
            Operation::PublishReceive => {
                publish(&mut producer, black_box(&[7; SIZE]));
                black_box(receive(&mut consumer));
            }
            Operation::ClaimReceive => {
                claim(&mut producer, black_box(&[7; SIZE]));
                black_box(receive(&mut consumer));
            }
            Operation::EmptyPoll => empty(&mut consumer),
        }
    }
    Ok(())
}

#[inline(never)]
fn publish(producer: &mut Producer, message: &[u8; SIZE]) {
    producer.try_publish(message).expect("room");
}

#[inline(never)]
fn claim(producer: &mut Producer, message: &[u8; SIZE]) {
    let mut claim = producer.try_claim(SIZE).expect("room");
    claim.copy_from_slice(message);
    claim.commit(0).expect("this process claimed it");
}

#[inline(never)]
fn receive(consumer: &mut Consumer) -> u64 {
    match consumer.try_recv().expect("a sound ring") {
        // One word: reading the rest is the caller's business.
        Outcome::Message(message) => u64::from_ne_bytes(message[..8].try_into().expect("8 bytes")),
        other => panic!("expected a message, got {other:?}"),
    }
}

#[inline(never)]
fn empty(consumer: &mut Consumer) {
    match consumer.try_recv().expect("a sound ring") {
        Outcome::Empty => {}
        other => panic!("expected nothing, got {other:?}"),
    }
}
