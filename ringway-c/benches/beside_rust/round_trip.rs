//! Round trips between two processes, each on a core of its own: in C as `benches/c/side.c` has them, and the same in
//! Rust.
//!
//! # Safety
//! The rings' files lie in directories of this program's own.

#![allow(unsafe_code, reason = "to trust the peers on a ring in a file is to promise something")]

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ringway::file::{self, FileRing};
use ringway::{Config, Consumer, Outcome, Producer, Ring, Start, Wait};
use testkit::cores;

use crate::counting::SIZE;

/// Round trips of one round, after a tenth as many to warm up.
const TIMES: u64 = 200_000;
const PATIENCE: Duration = Duration::from_secs(10);

/// Nanoseconds of a round trip in Rust and in C: the medians of so many rounds, which take turns.
pub fn measure(side: &Path, rounds: u64) -> (f64, f64) {
    let this = std::env::current_exe().expect("this program");
    let programs = [this.as_path(), side];
    let mut figures = [Vec::new(), Vec::new()];
    for round in 0..2 * rounds {
        let which = (round % 2) as usize;
        figures[which].push(one_round(programs[which]));
    }
    let [rust, c] = figures.map(|mut figures| {
        figures.sort_by(f64::total_cmp);
        figures[figures.len() / 2]
    });
    (rust, c)
}

fn one_round(program: &Path) -> f64 {
    let rings = tempfile::tempdir_in("/dev/shm").expect("a directory for rings");
    let path = rings.path().join("ring");
    let cores = cores::usable().expect("this process's cores");
    let side = |role: &str, core: usize| {
        let core = cores.get(core).unwrap_or(&cores[0]);
        let mut command = Command::new(program);
        command.arg(role).arg(&path).arg(TIMES.to_string()).arg(core.to_string());
        command.stdout(Stdio::piped()).spawn().expect("a process")
    };
    let mut echo = side("echo", 1);
    let mut said = BufReader::new(echo.stdout.take().expect("a pipe"));
    said.read_line(&mut String::new()).expect("a line");
    let mut measuring = side("measure", 0);
    let mut figure = String::new();
    measuring.stdout.take().expect("a pipe").read_to_string(&mut figure).expect("a figure");
    assert!(measuring.wait().expect("a child").success() && echo.wait().expect("a child").success());
    figure.trim().parse().expect("a number")
}

/// One side of a round, as in C.
pub fn play(measures: bool, path: &Path, times: u64, core: usize) {
    cores::bind(core).expect("a core that this process may use");
    let back = PathBuf::from(format!("{}-back", path.display()));
    let (there, here) = if measures { (path, &*back) } else { (&*back, path) };
    let (there, here) = (ring(there), ring(here));
    let mut consumer = here.consumer(Start::Oldest).expect("a free cell");
    let mut producer = there.producer().expect("no other producer");
    consumer.set_wait(Wait::Spin);
    if !measures {
        println!("ready");
        for _ in 0..times + times / 10 {
            let message = receive(&mut consumer);
            publish(&mut producer, &message);
        }
        return;
    }
    let mut began = Instant::now();
    for number in 0..times + times / 10 {
        if number == times / 10 {
            began = Instant::now();
        }
        publish(&mut producer, &[7; SIZE]);
        receive(&mut consumer);
    }
    println!("{:.2}", began.elapsed().as_nanos() as f64 / times as f64);
}

fn ring(path: &Path) -> FileRing {
    let ring = file::open_or_create(path, &Config::new()).expect("a ring");
    // SAFETY: only the two processes of a round know of the file.
    unsafe { ring.trust_peers() }
}

fn publish(producer: &mut Producer, message: &[u8; SIZE]) {
    producer.publish(message).expect("the other side reads");
}

fn receive(consumer: &mut Consumer) -> [u8; SIZE] {
    loop {
        match consumer.recv_timeout(PATIENCE).expect("a sound ring") {
            Outcome::Message(message) => return message[..].try_into().expect("a whole message"),
            Outcome::EpochChanged { .. } => {}
            other => panic!("{other:?} in place of a message"),
        }
    }
}
