//! How late a cancel is: from `Canceller::cancel` to the return of the call that it ends, by a reader that is parked. And
//! many cancels beside as many messages, counted.
//!
//! `cargo bench --bench cancelling -- [--rounds N] [--beside N]`: some seconds.

#![allow(clippy::disallowed_types, reason = "private to the process")]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ringway::{Canceller, Config, Consumer, Outcome, Ring, Start, anon};

const USAGE: &str = "usage: cargo bench --bench cancelling -- [--rounds N] [--beside N]
  --rounds N  cancels of a parked reader, and as many messages to it (at first: 20000)
  --beside N  cancels, and as many messages (at first: 1000000)";

/// How long a reader has been waiting when it is woken: it sleeps by then.
const PAUSE: Duration = Duration::from_micros(60);

fn main() {
    let (mut rounds, mut beside) = (20_000, 1_000_000);
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    while let Some(arg) = args.next() {
        let number = args.next().and_then(|text| text.parse::<u64>().ok()).expect(USAGE);
        match &*arg {
            "--rounds" => rounds = number,
            "--beside" => beside = number,
            _ => panic!("{USAGE}"),
        }
    }
    let clock = Instant::now();
    let slept = sleeps();
    let [cancels, messages] = late(clock, rounds.max(1));
    println!("the reader left the processor {} times in {} waits", sleeps() - slept, 2 * rounds);
    println!("a parked reader, {rounds} rounds      p50       p90       p99     p99.9       max");
    told("cancelled, until it returns", cancels);
    told("a message, until it returns", messages);
    let began = Instant::now();
    let (received, cancelled, unended) = cancels_beside_messages(beside);
    println!(
        "{beside} cancels beside {beside} messages in {:.1?}: {received} received in order, {} lost, \
         {cancelled} calls cancelled, {unended} cancels that ended none",
        began.elapsed(),
        beside - received,
    );
}

/// How often this thread has given up the processor of its own accord, as it does to sleep.
fn sleeps() -> u64 {
    let status = std::fs::read_to_string("/proc/thread-self/status").expect("a thread");
    let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    count.and_then(|count| count.trim().parse().ok()).expect("a count")
}

fn told(what: &str, mut nanoseconds: Vec<u64>) {
    nanoseconds.sort_unstable();
    let last = nanoseconds.len() - 1;
    let at = |part: f64| Duration::from_nanos(nanoseconds[(last as f64 * part) as usize]);
    let parts = [0.5, 0.9, 0.99, 0.999, 1.0].map(|part| format!("{:>9}", format!("{:.1?}", at(part))));
    println!("{what:<30}{}", parts.join(" "));
}

/// What a parked reader is woken by, in turn: how long it takes, in nanoseconds.
fn late(clock: Instant, rounds: u64) -> [Vec<u64>; 2] {
    let now = || clock.elapsed().as_nanos() as u64;
    let ring = anon::create(&Config::new().slots(64).payload_capacity(8)).expect("a ring");
    let (mut producer, mut consumer) =
        (ring.producer().expect("a role"), ring.consumer(Start::Oldest).expect("a cell"));
    let canceller = consumer.canceller();
    let (sent, waits) = (AtomicU64::new(0), AtomicBool::new(false));
    let mut times = [Vec::new(), Vec::new()];
    thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..2 * rounds {
                while !waits.swap(false, Ordering::Acquire) {
                    thread::yield_now();
                }
                thread::sleep(PAUSE);
                sent.store(now(), Ordering::Release);
                if round % 2 == 0 {
                    canceller.cancel();
                } else {
                    producer.publish(&[0; 8]).expect("room");
                }
            }
        });
        for round in 0..2 * rounds {
            waits.store(true, Ordering::Release);
            let cancelled = consumer.recv().expect("a sound ring").is_cancelled();
            let returned = now();
            assert_eq!(cancelled, round % 2 == 0, "each round wakes the reader once");
            times[(round % 2) as usize].push(returned - sent.load(Ordering::Acquire));
        }
    });
    times
}

/// Cancels so many calls, each once the one before has ended one, beside as many messages. How many messages came, in
/// order; how many calls were cancelled; and how many cancels ended none.
fn cancels_beside_messages(count: u64) -> (u64, u64, u64) {
    let ring = anon::create(&Config::new().slots(8).payload_capacity(8)).expect("a ring");
    let (mut producer, mut consumer) =
        (ring.producer().expect("a role"), ring.consumer(Start::Oldest).expect("a cell"));
    let canceller = consumer.canceller();
    thread::scope(|scope| {
        let writer = scope.spawn(move || {
            for seq in 0..count {
                producer.publish(&seq.to_ne_bytes()).expect("room, in time");
            }
            producer
        });
        scope.spawn(|| cancel_each(&canceller, count));
        let (received, cancelled) = receive(&mut consumer, count);
        // Its drop is an event: it comes once all is received.
        drop(writer.join());
        (received, cancelled, count - cancelled)
    })
}

fn cancel_each(canceller: &Canceller, count: u64) {
    for _ in 0..count {
        canceller.cancel();
        while canceller.is_pending() {
            thread::yield_now();
        }
    }
}

fn receive(consumer: &mut Consumer, count: u64) -> (u64, u64) {
    let (mut received, mut cancelled) = (0, 0);
    while received < count || cancelled < count {
        match consumer.recv().expect("a sound ring") {
            Outcome::Message(message) => {
                assert_eq!(message[..], u64::to_ne_bytes(received), "no message is lost");
                received += 1;
            }
            Outcome::Cancelled => cancelled += 1,
            event => panic!("{:?}", event.map(drop)),
        }
    }
    (received, cancelled)
}
