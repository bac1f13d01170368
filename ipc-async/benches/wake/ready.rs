//! Instructions of a message that is there, counted by valgrind's callgrind: the same in every run. The loop around
//! them and the publishing are counted for themselves, and taken off.
//!
//! # Safety
//! The rings' files lie in directories of this program's own.

#![allow(unsafe_code, reason = "to trust the peers on a ring in a file is to promise something")]

use std::hint::black_box;
use std::path::Path;
use std::pin::pin;
use std::process::Command;
use std::task::{Context, Waker};

use ringway::aio::AsyncConsumer;
use ringway::{Config, Consumer, Guard, Outcome, Producer, RecvError, Ring, Start, file};

use crate::Figure;

const SIZE: usize = 48;
/// Operations in the shorter of the two runs whose difference is taken, and in the longer one.
const RUNS: [u64; 2] = [10_000, 110_000];

/// The ways to receive, each after a publishing; the first is publishing alone.
const WAYS: [&str; 4] = ["publish", "recv", "async recv", "async recv_with"];

pub fn count_all() -> Result<Vec<Figure>, String> {
    let [publish, sync, task, with] = WAYS.map(|way| {
        let [fewer, more] = RUNS.map(|times| count(way, times));
        Ok::<f64, String>((more? - fewer?) as f64 / (RUNS[1] - RUNS[0]) as f64)
    });
    let (publish, sync, task, with) = (publish?, sync?, task?, with?);
    let [sync, task, with] = [sync, task, with].map(|pair| pair - publish);
    Ok(vec![
        ("ready, recv in a thread: instructions", sync),
        ("ready, recv in a task: instructions", task),
        ("ready, recv_with in a task: instructions", with),
        ("ready, recv: task / thread (at most 1.3)", task / sync),
        ("ready, recv_with: task / thread (at most 1.3)", with / sync),
    ])
}

/// Instructions that a whole process of so many operations takes.
fn count(way: &str, times: u64) -> Result<u64, String> {
    let directory = tempfile::tempdir_in("/dev/shm").map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().map_err(|error| error.to_string())?)
        .args(["count", way])
        .arg(directory.path().join("ring"))
        .arg(times.to_string())
        .output()
        .map_err(|error| {
            format!("valgrind doesn't run ({error}): on Debian, install the package valgrind")
        })?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("valgrind: {said}"));
    }
    let collected = said.lines().find_map(|line| line.split_once("Collected :")).ok_or("callgrind counts")?;
    collected.1.trim().parse().map_err(|_| format!("valgrind: {said}"))
}

/// The process that is counted. Its ring lies in a file, since valgrind knows no `mremap` that duplicates.
pub fn run(way: &str, path: &Path, times: u64) {
    let ring = file::create(path, &Config::new()).expect("a ring in a file");
    // SAFETY: nobody else knows of the file.
    let ring = unsafe { ring.trust_peers() };
    let consumer = ring.consumer(Start::Oldest).expect("its only consumer");
    let mut producer = ring.producer().expect("its only producer");
    match way {
        "publish" => {
            drop(consumer);
            (0..times).for_each(|_| publish(black_box(&mut producer)));
        }
        "recv" => thread(producer, consumer, times),
        "async recv" => poll(task(producer, consumer, times)),
        "async recv_with" => poll(task_with(producer, consumer, times)),
        other => panic!("no way is called {other}"),
    }
}

#[inline(always)]
fn publish(producer: &mut Producer) {
    producer.try_publish(black_box(&[7; SIZE])).expect("room");
}

/// One word: reading the rest is the caller's business.
#[inline(always)]
fn first(outcome: Result<Outcome<Guard<'_>>, RecvError>) -> u64 {
    match outcome.expect("a sound ring") {
        Outcome::Message(message) => word(&message),
        other => panic!("expected a message, got {other:?}"),
    }
}

#[inline(always)]
fn word(message: &[u8]) -> u64 {
    u64::from_ne_bytes(message[..8].try_into().expect("8 bytes"))
}

#[inline(never)]
fn thread(mut producer: Producer, mut consumer: Consumer, times: u64) {
    for _ in 0..times {
        publish(black_box(&mut producer));
        black_box(first(black_box(&mut consumer).recv()));
    }
}

async fn task(mut producer: Producer, consumer: Consumer, times: u64) {
    let mut consumer = AsyncConsumer::new(consumer);
    for _ in 0..times {
        publish(black_box(&mut producer));
        black_box(first(black_box(&mut consumer).recv().await));
    }
}

async fn task_with(mut producer: Producer, consumer: Consumer, times: u64) {
    let mut consumer = AsyncConsumer::new(consumer);
    for _ in 0..times {
        publish(black_box(&mut producer));
        let outcome = black_box(&mut consumer).recv_with(|message, _, _| word(message)).await;
        match outcome.expect("a sound ring") {
            Outcome::Message(word) => black_box(word),
            other => panic!("expected a message, got {other:?}"),
        };
    }
}

/// Polls a task that always has a message until it ends: it lets others run now and then.
fn poll(task: impl Future<Output = ()>) {
    let mut task = pin!(task);
    while task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {}
}
