//! docs/format.md is enough to write a reader from: `examples/observe.py` is one, in Python.

mod common;

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};

use common::{Ring, directory};
use nix::sys::signal::Signal;
use ringway::{Config, Ring as _, Stride, file};

const SLOTS: u64 = 256;

/// `examples/observe.py` on a ring.
struct Observer {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: BufReader<ChildStderr>,
}

impl Observer {
    /// Starts it and waits until it is attached; `None` where Python can't be run, or can't order its loads.
    fn on(ring: &Ring) -> Option<(Self, u64)> {
        if !cfg!(target_arch = "x86_64") || Command::new("python3").arg("--version").output().is_err() {
            println!("skipped: this takes python3, and x86-64, whose loads need no fences");
            return None;
        }
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/observe.py");
        // The limit bounds a hang.
        let mut child = Command::new("timeout")
            .args(["60", "python3"])
            .args([&program, &ring.path])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the observer starts");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut observer = Self { child, stdout, stderr };
        let start = observer.says("from message ");
        Some((observer, start.parse().expect("a number")))
    }

    /// What follows `words` on the next line of its stderr.
    fn says(&mut self, words: &str) -> String {
        let mut line = String::new();
        self.stderr.read_line(&mut line).expect("text");
        let rest = line.trim_end().strip_prefix(words);
        rest.unwrap_or_else(|| panic!("expected {words:?}, found {line:?}")).to_owned()
    }

    fn reads(&mut self, expected: &str) {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("text");
        assert_eq!(line, expected);
    }

    /// The rest of what it writes, and how many messages it received and lost.
    fn end(mut self) -> (String, u64, u64) {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).expect("text");
        let counts = self.says("received ");
        let (received, lost) = counts.split_once(", lost ").expect("two counts");
        assert!(self.child.wait().expect("a child").success());
        (rest, received.parse().expect("a number"), lost.parse().expect("a number"))
    }
}

fn lines(numbers: std::ops::Range<u64>) -> String {
    numbers.map(|number| format!("line {number}\n")).collect()
}

fn publish(ring: &Ring) -> common::Run {
    ring.run("pub", &["--slots", &SLOTS.to_string()])
}

#[test]
fn a_reader_in_python_gets_the_last_lap_of_a_closed_ring() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let mut producer = publish(&ring);
    producer.feed_all(lines(0..1000).into_bytes());
    producer.end().with(0);

    let Some((observer, start)) = Observer::on(&ring) else { return };
    assert_eq!(start, 1000 - SLOTS);
    assert_eq!(observer.end(), (lines(start..1000), SLOTS, 0));
}

#[test]
fn a_reader_in_python_counts_every_lost_message() {
    // Many times what the pipe holds in which the observer gets stuck.
    const MESSAGES: u64 = 100_000;
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let mut producer = publish(&ring);
    producer.feed(lines(0..1).as_bytes());
    ring.until_head(1);
    let Some((mut observer, 0)) = Observer::on(&ring) else { return };
    observer.reads("line 0\n");
    producer.feed(lines(1..MESSAGES).as_bytes());
    producer.end().with(0);

    let (rest, received, lost) = observer.end();
    assert!(lost > 0 && received + lost == MESSAGES, "received {received}, lost {lost}");
    let numbers: Vec<u64> = rest
        .lines()
        .map(|line| line.strip_prefix("line ").and_then(|n| n.parse().ok()).expect(line))
        .collect();
    assert!(numbers.is_sorted_by(|one, next| one < next));
    assert_eq!((numbers.len() as u64 + 1, numbers.last()), (received, Some(&(MESSAGES - 1))));
}

#[test]
fn a_reader_in_python_counts_what_was_skipped() {
    for stride in [Stride::Aligned, Stride::Line] {
        let dir = directory();
        let ring = Ring::at(dir.path(), "ring");
        let config = Config::new().slots(8).payload_capacity(6).stride(stride).first_seq(100);
        let mut producer = file::create(&ring.path, &config).unwrap().producer().unwrap();
        producer.publish(b"line 0").unwrap();
        producer.skip_to(103).unwrap();
        producer.publish(b"line 1").unwrap();
        let Some((mut observer, 100)) = Observer::on(&ring) else { return };
        observer.reads("line 0\n");
        observer.reads("line 1\n");
        // More than a lap.
        producer.skip_to(1000).unwrap();
        producer.publish(b"line 2").unwrap();
        producer.close().unwrap();
        assert_eq!(observer.end(), ("line 2\n".to_owned(), 3, 1001 - 100 - 3));
    }
}

#[test]
fn a_reader_in_python_is_told_of_a_lost_producer_and_reads_on() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let mut producer = publish(&ring);
    producer.feed(b"from the first\n");
    ring.until_head(1);
    let Some((mut observer, 0)) = Observer::on(&ring) else { return };
    observer.reads("from the first\n");
    producer.signal(Signal::SIGKILL);
    producer.end();
    observer.says("the producer is lost");

    let mut second = publish(&ring);
    second.feed_all(b"from the second\n".to_vec());
    second.end().with(0);
    assert_eq!(observer.end(), ("from the second\n".to_owned(), 2, 0));
}
