//! The roles of this program in other processes.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use ringway::{Outcome, PublishError, Ring, Start, file};

use crate::ledger::Ledger;
use crate::message;
use crate::reader::PATIENCE;

const VARIABLE: &str = "RINGWAY_LINK_ROLE";

/// How a producer publishes and ends.
#[derive(Clone, Copy, Debug, Default)]
pub struct Produce {
    /// The sequence before which the producer ends.
    pub until: u64,
    /// Whether the producer closes the ring then. Otherwise it stays.
    pub close: bool,
    /// Whether the producer publishes only while there is a reader.
    pub require_readers: bool,
}

/// A producer in a process that ends with this one.
pub struct Producer(Child);

impl Producer {
    /// Starts one.
    pub fn start(ring: &Path, how: Produce) -> Self {
        let Produce { until, close, require_readers } = how;
        let role = format!("produce {until} {close} {require_readers} {}", ring.display());
        Self(program(&role).stdout(Stdio::null()).spawn().unwrap())
    }

    /// Kills it.
    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Waits until the producer has succeeded.
    pub fn wait(mut self) {
        // Without its standard input it would end at once.
        let input = self.0.stdin.take();
        assert!(self.0.wait().unwrap().success());
        drop(input);
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An application that reads a ring, in a process of its own.
pub struct Application {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Application {
    /// Starts one, which keeps message `last` in hand. Returns once it has joined, from message 0 on.
    pub fn start(ring: &Path, last: u64) -> Self {
        let role = format!("consume {last} {}", ring.display());
        let mut child = program(&role).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        let application = Self { child, lines };
        application.wait_for("joined at 0");
        application
    }

    /// Waits until the application prints this line.
    pub fn wait_for(&self, what: &str) {
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            if line.unwrap_or_else(|_| panic!("waited {PATIENCE:?} for {what:?}")) == what {
                return;
            }
        }
    }

    /// Kills it.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// This program in another role. It ends with its standard input.
fn program(role: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "roles::another_process_of_the_tests", "--nocapture"])
        .env(VARIABLE, role)
        .stdin(Stdio::piped());
    command
}

#[test]
fn another_process_of_the_tests() {
    let Ok(role) = std::env::var(VARIABLE) else { return };
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(1);
    });
    let words: Vec<&str> = role.split(' ').collect();
    match words[..] {
        ["produce", until, close, require_readers, path] => {
            let how = Produce {
                until: until.parse().unwrap(),
                close: close.parse().unwrap(),
                require_readers: require_readers.parse().unwrap(),
            };
            produce(Path::new(path), how);
        }
        ["consume", last, path] => consume(Path::new(path), last.parse().unwrap()),
        _ => panic!("{role}"),
    }
}

fn produce(path: &Path, how: Produce) {
    let ring = file::open(path).unwrap();
    let capacity = ring.geometry().payload_capacity() as usize;
    let mut producer = ring.producer().unwrap();
    producer.require_readers(how.require_readers);
    let mut bytes = Vec::new();
    while producer.next_seq() < how.until {
        let seq = producer.next_seq();
        message::write(seq, capacity, &mut bytes);
        match producer.publish_tagged(&bytes, message::tag(seq)) {
            Ok(published) => assert_eq!(published, seq),
            Err(PublishError::NoReaders) => std::thread::sleep(Duration::from_millis(1)),
            Err(error) => panic!("publishing {seq}: {error}"),
        }
    }
    if how.close {
        producer.close().unwrap();
    } else {
        std::thread::sleep(Duration::MAX);
    }
}

fn consume(path: &Path, last: u64) {
    let ring = file::open(path).unwrap();
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    let mut ledger = Ledger::new(consumer.next_seq(), ring.geometry().payload_capacity() as usize);
    // On lines of their own: the test harness has begun one.
    println!("\njoined at {}", ledger.start);
    loop {
        match consumer.recv_timeout(Duration::MAX).unwrap() {
            Outcome::Message(message) => {
                ledger.message(message.seq(), message.tag(), &message).unwrap();
                if message.seq() == last {
                    println!("{last} is in hand");
                    std::thread::sleep(Duration::MAX);
                }
            }
            event => ledger.event(&event),
        }
    }
}
