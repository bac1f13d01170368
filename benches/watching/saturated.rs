//! A ring whose producer and consumer never rest: each is a process that spins on a core of its own. The consumer
//! works on each message for some tens of nanoseconds, so that the ring is always full: its throughput is then as
//! steady as the processor time that the consumer gets. Where the two are equally fast, it jumps by a tenth and more.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio, exit};
use std::thread;
use std::time::{Duration, Instant};

use ringway::{Config, Monitor, Outcome, Ring as _, Start, Wait, file};
use tempfile::TempDir;

use super::beside::{Beside, until};

/// Bytes of a message.
pub const SIZE: usize = 48;
const SLOTS: u64 = 4096;

/// Publishes as fast as there is room, until standard input ends.
pub fn produce(path: &Path) -> ! {
    end_with_stdin();
    bind(0);
    let mut producer = file::open(path).expect("the ring").producer().expect("its only producer");
    producer.set_wait(Wait::Spin);
    loop {
        producer.publish(&[7; SIZE]).expect("a sound ring");
    }
}

/// Rounds of work on a message.
const ROUNDS: u64 = 32;

/// Receives and works as fast as it can, until standard input ends.
pub fn consume(path: &Path) -> ! {
    end_with_stdin();
    bind(1);
    let mut consumer = file::open(path).expect("the ring").consumer(Start::Oldest).expect("a free cell");
    consumer.set_wait(Wait::Spin);
    loop {
        match consumer.recv().expect("a sound ring") {
            Outcome::Message(message) => {
                let first = u64::from(message[0]);
                std::hint::black_box((0..ROUNDS).fold(first, |sum, round| {
                    std::hint::black_box(sum.wrapping_mul(0x9e37_79b9_7f4a_7c15)).rotate_left(7) ^ round
                }));
            }
            other => panic!("expected a message, got {other:?}"),
        }
    }
}

/// Binds this process to the core of that number, where there are as many.
fn bind(number: usize) {
    if let Some(&core) = testkit::cores::usable().unwrap_or_default().get(number) {
        let _ = testkit::cores::bind(core);
    }
}

/// Ends this process when the one that started it does, however it does.
fn end_with_stdin() {
    thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        exit(0);
    });
}

/// The ring, with its processes.
pub struct Ring {
    directory: TempDir,
    monitor: Monitor,
    children: Vec<Child>,
}

impl Ring {
    pub fn start() -> Result<Self, String> {
        let directory = tempfile::tempdir_in("/dev/shm").map_err(|error| error.to_string())?;
        let path = directory.path().join("ring");
        let config = Config::new().slots(SLOTS).payload_capacity(SIZE as u64).max_consumers(1);
        let ring = file::create(&path, &config).map_err(|error| error.to_string())?;
        let monitor = ring.monitor().map_err(|error| error.to_string())?;
        let mut started = Self { directory, monitor, children: Vec::new() };
        for role in ["consume", "produce"] {
            let program = std::env::current_exe().map_err(|error| error.to_string())?;
            let mut command = Command::new(program);
            command.arg(role).arg(&path).stdin(Stdio::piped());
            started.children.push(command.spawn().map_err(|error| error.to_string())?);
        }
        started.until_it_streams()?;
        Ok(started)
    }

    /// Waits until both processes are at work: several laps have passed.
    fn until_it_streams(&mut self) -> Result<(), String> {
        let mut failed = None;
        until("messages of the ring's processes", || {
            failed = self.failure();
            failed.is_some() || self.head().is_ok_and(|head| head >= 10 * SLOTS)
        })?;
        failed.map_or(Ok(()), Err)
    }

    /// Why the ring's messages won't come.
    fn failure(&mut self) -> Option<String> {
        let ended = self.children.iter_mut().find_map(|child| child.try_wait().ok().flatten());
        let ended = ended.map(|status| format!("a process of the ring ended: {status}"));
        ended.or_else(|| self.head().err())
    }

    pub fn path(&self) -> PathBuf {
        self.directory.path().join("ring")
    }

    fn head(&self) -> Result<u64, String> {
        self.monitor.stats().map(|stats| stats.head).map_err(|error| error.to_string())
    }

    /// Messages a second over the window, with that beside it, and the processor time that it took.
    pub fn throughput(&self, window: Duration, beside: &mut dyn Beside) -> Result<(f64, Duration), String> {
        let busy = beside.busy()?;
        beside.go()?;
        let (began, head) = (Instant::now(), self.head()?);
        thread::sleep(window);
        let (published, passed) = (self.head()? - head, began.elapsed());
        beside.rest()?;
        let busy = beside.busy()?.saturating_sub(busy);
        Ok((published as f64 / passed.as_secs_f64(), busy))
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        for child in &mut self.children {
            // One that has ended needs no end.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
