//! Instructions per operation, counted by valgrind's callgrind: the same in every run, whatever else the machine
//! does, and less those of the loop around it. Compared with the committed figures;
//! `-- --update` commits new ones.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, ExitCode};

use ringway::{Config, Consumer, Outcome, Producer, Ring, Start, file};

/// The committed figures.
const FIGURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions.json");
/// How far from them a figure may be, in either direction.
const TOLERANCE: f64 = 0.02;
const SIZE: usize = 48;
/// Operations in the shorter of the two runs whose difference is taken, and in the longer one.
const RUNS: [u64; 2] = [10_000, 110_000];

/// What is counted, and what is taken off: the loop around it.
const OPERATIONS: [(&str, &str); 3] =
    [("publish and receive", PAIR), ("claim, commit and receive", PAIR), ("empty poll", SINGLE)];
const PAIR: &str = "a loop with both handles and a message";
const SINGLE: &str = "a loop with a consumer";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    match &args[..] {
        [name, path, times] if name != "--update" => {
            run(name, Path::new(path), times.parse().expect("a number of times"));
            ExitCode::SUCCESS
        }
        [] => report(false),
        [update] if update == "--update" => report(true),
        _ => {
            eprintln!("unknown arguments {args:?}: expected none, or --update");
            ExitCode::from(2)
        }
    }
}

/// The figures, beside the committed ones.
fn report(update: bool) -> ExitCode {
    let committed: BTreeMap<String, f64> = std::fs::read_to_string(FIGURES)
        .map(|text| serde_json::from_str(&text).expect("benches/instructions.json holds figures"))
        .unwrap_or_default();
    let mut counted = BTreeMap::new();
    let mut within = true;
    println!("{:<32}{:>14}{:>14}", format!("instructions, {SIZE} bytes"), "counted", "committed");
    for (name, around) in OPERATIONS {
        let figure = per_operation(name) - per_operation(around);
        let before = committed.get(name).copied();
        let near = before.is_some_and(|before| (figure - before).abs() <= TOLERANCE * before);
        within &= near;
        let (before, verdict) =
            (before.map_or("none".into(), |before| before.to_string()), if near { "" } else { "  differs" });
        println!("{name:<32}{figure:>14.2}{before:>14}{verdict}");
        counted.insert(name.to_owned(), figure);
    }
    if update {
        let text = serde_json::to_string_pretty(&counted).expect("figures are JSON");
        std::fs::write(FIGURES, text + "\n").expect("benches/instructions.json can be written");
        return ExitCode::SUCCESS;
    }
    if !within {
        eprintln!(
            "more than {}% from benches/instructions.json: find out why, or `cargo bench --bench instructions -- --update`",
            TOLERANCE * 100.0
        );
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn per_operation(name: &str) -> f64 {
    let [fewer, more] = RUNS.map(|times| count(name, times));
    (more - fewer) as f64 / (RUNS[1] - RUNS[0]) as f64
}

/// Instructions that a whole process of so many operations takes.
fn count(name: &str, times: u64) -> u64 {
    let directory = tempfile::tempdir_in("/dev/shm").expect("a temporary directory");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().expect("this program"))
        .arg(name)
        .arg(directory.path().join("ring"))
        .arg(times.to_string())
        .output()
        .expect("valgrind runs: install it (on Debian, the package valgrind)");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let collected = said.lines().find_map(|line| line.split_once("Collected :")).expect("callgrind's count");
    collected.1.trim().parse().expect("a number of instructions")
}

/// The process that is counted. Its ring lies in a file, since valgrind knows no `mremap` that duplicates.
#[allow(unsafe_code, reason = "to trust the peers on a ring in a file is to promise something")]
fn run(name: &str, path: &Path, times: u64) {
    let ring = file::create(path, &Config::new()).expect("a ring in a file");
    // SAFETY: nobody else knows of the file.
    let ring = unsafe { ring.trust_peers() };
    let mut consumer = ring.consumer(Start::Oldest).expect("its only consumer");
    let mut producer = ring.producer().expect("its only producer");
    // What passes through `black_box` is looked up anew each time, as between other work.
    let (p, c) = (&mut producer, &mut consumer);
    match name {
        "publish and receive" => repeat(times, || {
            publish(black_box(&mut *p), black_box(&[7; SIZE]));
            black_box(receive(black_box(&mut *c)));
        }),
        "claim, commit and receive" => repeat(times, || {
            claim(black_box(&mut *p), black_box(&[7; SIZE]));
            black_box(receive(black_box(&mut *c)));
        }),
        "empty poll" => repeat(times, || empty(black_box(&mut *c))),
        PAIR => repeat(times, || {
            black_box(&mut *p);
            black_box(&[7; SIZE]);
            black_box(&mut *c);
            black_box(0_u64);
        }),
        SINGLE => repeat(times, || {
            black_box(&mut *c);
        }),
        other => panic!("no operation is called {other}"),
    }
}

#[inline(always)]
fn repeat(times: u64, mut operation: impl FnMut()) {
    for _ in 0..times {
        operation();
    }
}

#[inline(always)]
fn publish(producer: &mut Producer, message: &[u8; SIZE]) {
    producer.try_publish(message).expect("room");
}

#[inline(always)]
fn claim(producer: &mut Producer, message: &[u8; SIZE]) {
    let mut claim = producer.try_claim(SIZE).expect("room");
    claim.copy_from_slice(message);
    claim.commit(0).expect("this process claimed it");
}

#[inline(always)]
fn receive(consumer: &mut Consumer) -> u64 {
    match consumer.try_recv().expect("a sound ring") {
        // One word: reading the rest is the caller's business.
        Outcome::Message(message) => u64::from_ne_bytes(message[..8].try_into().expect("8 bytes")),
        other => panic!("expected a message, got {other:?}"),
    }
}

#[inline(always)]
fn empty(consumer: &mut Consumer) {
    match consumer.try_recv().expect("a sound ring") {
        Outcome::Empty => {}
        other => panic!("expected nothing, got {other:?}"),
    }
}
