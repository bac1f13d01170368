//! What wake-ups cost the publisher of bursts to a consumer that falls asleep between messages, and when the consumer
//! has the first and the last message of a burst: with a wake-up whenever it sleeps, one after the burst, one in 200
//! microseconds, and one by another thread.

#![allow(unsafe_code, reason = "forking a process is unsafe: see the SAFETY comment")]
#![allow(clippy::disallowed_types, reason = "private to the process")]

use std::hint::spin_loop;
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ringway::anon::{self, fork};
use ringway::{Config, Consumer, Outcome, Producer, Ring, Start, Wait};
use testkit::cores;

/// How long the ring is quiet before a burst.
const QUIET: Duration = Duration::from_millis(1);
/// The ways take turns, so that what the machine does meanwhile meets all of them.
const ROUNDS: usize = 5;
/// Bounds a hang.
const PATIENCE: Duration = Duration::from_secs(20);
/// The message that ends it.
const END: u64 = u64::MAX;

#[derive(Clone, Copy, PartialEq, Debug)]
enum Way {
    AtOnce,
    AfterTheBurst,
    Every(Duration),
    ByAThread,
}

fn main() {
    let every = Way::Every(Duration::from_micros(200));
    let ways = [Way::AtOnce, Way::AfterTheBurst, every, Way::ByAThread];
    let bursts = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(60);
    // After a rest a machine takes longer to wake a thread than afterwards.
    measure(Way::ByAThread, 16, Duration::ZERO, 500);
    println!("the median of {ROUNDS} rounds of {bursts} bursts, and the lowest and highest round\n");
    println!("| messages | way | ns a message | wake-ups a burst | first, µs | last, µs |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for (burst, pace) in [(16, 0), (256, 0), (16, 20), (256, 20)] {
        let pace = Duration::from_micros(pace);
        let mut rows = ways.map(|_| Vec::new());
        for _ in 0..ROUNDS {
            for (way, rows) in ways.into_iter().zip(&mut rows) {
                rows.push(measure(way, burst, pace, bursts));
            }
        }
        for (way, rows) in ways.into_iter().zip(rows) {
            let show = |field: fn(&Row) -> f64, digits| {
                let mut values: Vec<f64> = rows.iter().map(field).collect();
                values.sort_unstable_by(f64::total_cmp);
                let [low, middle, high] = [0, values.len() / 2, values.len() - 1].map(|at| values[at]);
                format!("{middle:.digits$} ({low:.digits$}–{high:.digits$})")
            };
            println!(
                "| {burst}, {} | {way:?} | {} | {} | {} | {} |",
                if pace.is_zero() { "at once".into() } else { format!("each {pace:?}") },
                show(|row| row.cost, 0),
                show(|row| row.rings, 1),
                show(|row| row.first, 1),
                show(|row| row.last, 1),
            );
        }
    }
}

/// What one round came to.
struct Row {
    /// Nanoseconds of the publisher's for each message, the wake-ups included: the mean of all bursts.
    cost: f64,
    /// How often the doorbell was rung for each burst.
    rings: f64,
    /// Microseconds until the consumer had the first and the last message of a burst, each from its own time stamp:
    /// medians of all bursts.
    first: f64,
    last: f64,
}

fn measure(way: Way, burst: u64, pace: Duration, bursts: u64) -> Row {
    let cores = cores::usable().expect("this process's cores");
    let ring = anon::create(&Config::new().slots(1024).payload_capacity(48)).expect("an anonymous ring");
    let (mut heard, answer) = pipe().expect("a pipe");
    // The clock of both processes.
    let origin = Instant::now();
    // SAFETY: no guard, claim or batch exists.
    let child = unsafe {
        fork(|| {
            run_on(cores.get(1));
            let mut consumer = ring.consumer(Start::Latest).expect("a free cell");
            consumer.set_wait(Wait::Park);
            consume(&mut consumer, answer.try_clone().expect("a descriptor"), burst, origin);
            0
        })
    };
    drop(answer);
    let mut child = child.expect("a process with one thread");
    run_on(cores.first());
    let mut producer = ring.producer().expect("its only producer");
    match way {
        Way::AtOnce => {}
        Way::AfterTheBurst | Way::ByAThread => producer.set_deferred_wake(true),
        Way::Every(time) => producer.set_wake_every(time).expect("this process's own ring"),
    }
    let thread = (way == Way::ByAThread).then(|| Waking::start(&producer, cores.get(1)));
    // It has joined.
    hear(&mut heard);
    let mut spent = Duration::ZERO;
    let before = ring.stats().expect("a sound ring").doorbell;
    for _ in 0..bursts {
        let quiet = Instant::now();
        while quiet.elapsed() < QUIET {
            spin_loop();
        }
        // Waiting for the next message's time isn't counted.
        let (began, mut paused) = (Instant::now(), Duration::ZERO);
        for number in 0..burst {
            let due = pace * number as u32;
            let since = began.elapsed();
            while began.elapsed() < due {
                spin_loop();
            }
            paused += if pace.is_zero() { Duration::ZERO } else { began.elapsed() - since };
            publish(&mut producer, origin);
        }
        match &thread {
            _ if way == Way::AfterTheBurst => drop(producer.wake().expect("this process's own ring")),
            Some(thread) => thread.signal(),
            None => {}
        }
        spent += began.elapsed() - paused;
    }
    let rings = ring.stats().expect("a sound ring").doorbell.wrapping_sub(before);
    producer.set_deferred_wake(false);
    producer.publish(&END.to_ne_bytes()).expect("room");
    let [first, last] = [(); 2].map(|()| hear(&mut heard));
    assert!(child.wait().expect("a child").success());
    Row {
        cost: spent.as_nanos() as f64 / (burst * bursts) as f64,
        rings: f64::from(rings) / bursts as f64,
        first: first as f64 / 1e3,
        last: last as f64 / 1e3,
    }
}

/// A thread that wakes the readers whenever it is told to. It polls, so as to cost the publisher nothing else.
struct Waking {
    signals: Arc<AtomicU64>,
    ended: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Waking {
    fn start(producer: &Producer, core: Option<&usize>) -> Self {
        let (signals, ended) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (waker, core) = (producer.waker().expect("a mapping"), core.copied());
        let (seen, over) = (signals.clone(), ended.clone());
        let thread = thread::spawn(move || {
            run_on(core.as_ref());
            let mut done = 0;
            while !over.load(Ordering::Relaxed) {
                let now = seen.load(Ordering::Acquire);
                if now != done {
                    waker.wake();
                    done = now;
                }
                // The core is the consumer's, too.
                thread::sleep(Duration::from_micros(50));
            }
        });
        Self { signals, ended, thread: Some(thread) }
    }

    fn signal(&self) {
        self.signals.fetch_add(1, Ordering::Release);
    }
}

impl Drop for Waking {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        self.thread.take().map(thread::JoinHandle::join);
    }
}

/// A message that says when it was sent.
fn publish(producer: &mut Producer, origin: Instant) {
    let mut message = [0; 48];
    message[..8].copy_from_slice(&(origin.elapsed().as_nanos() as u64).to_ne_bytes());
    producer.publish(&message).expect("the consumer reads");
}

/// Takes the time of the first and the last message of each burst.
fn consume(consumer: &mut Consumer, mut answer: PipeWriter, burst: u64, origin: Instant) {
    say(&mut answer, 0);
    let mut delays = [Vec::new(), Vec::new()];
    for number in 0.. {
        let Outcome::Message(message) = consumer.recv_timeout(PATIENCE).expect("a sound ring") else {
            panic!("expected a message")
        };
        let now = origin.elapsed().as_nanos() as u64;
        let sent = u64::from_ne_bytes(message[..8].try_into().expect("8 bytes"));
        if sent == END {
            break;
        }
        for (at, delays) in [0, burst - 1].into_iter().zip(&mut delays) {
            if number % burst == at {
                delays.push(now - sent);
            }
        }
    }
    for delays in delays {
        say(&mut answer, median(delays));
    }
}

fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values[values.len() / 2]
}

fn say(to: &mut PipeWriter, number: u64) {
    to.write_all(&number.to_ne_bytes()).expect("the other process listens");
}

fn hear(from: &mut PipeReader) -> u64 {
    let mut number = [0; 8];
    from.read_exact(&mut number).expect("the other process speaks");
    u64::from_ne_bytes(number)
}

/// Keeps this thread on a core, if there is one.
fn run_on(core: Option<&usize>) {
    if let Some(&core) = core {
        cores::bind(core).expect("a core that this process may use");
    }
}
