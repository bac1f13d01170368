//! The ring and its processes, from outside.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use ringway::{Config, Monitor, Ring as _, file};
use tempfile::TempDir;

use super::roles::SIZE;

const SLOTS: u64 = 4096;
/// Bounds what can only take that long if something is wrong.
const HANG: Duration = Duration::from_secs(20);

/// What a benchmark says that can't go on.
pub type Failure = Box<dyn std::error::Error>;

/// A process in a role.
pub struct Member {
    child: Child,
    says: BufReader<ChildStdout>,
}

impl Member {
    pub fn start(role: &str, path: &Path) -> Result<Self, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(role).arg(path).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let says = BufReader::new(child.stdout.take().ok_or("no pipe")?);
        Ok(Self { child, says })
    }

    /// The next line that it says.
    pub fn line(&mut self) -> Result<String, Failure> {
        let mut line = String::new();
        match self.says.read_line(&mut line)? {
            0 => Err("a process of the ring ended without a word".into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// Stops it, and waits until it has stopped.
    pub fn stop(&self) -> Result<(), Failure> {
        kill(self.pid(), Signal::SIGSTOP)?;
        waitid(Id::Pid(self.pid()), WaitPidFlag::WSTOPPED | WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT)?;
        Ok(())
    }

    pub fn go_on(&self) -> Result<(), Failure> {
        Ok(kill(self.pid(), Signal::SIGCONT)?)
    }

    /// Has it end, and returns the last line that it says.
    pub fn end(mut self) -> Result<String, Failure> {
        drop(self.child.stdin.take());
        let line = self.line()?;
        let status = self.child.wait()?;
        if status.success() { Ok(line) } else { Err(format!("a process of the ring ended: {status}").into()) }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // One that has ended needs no end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A ring that a producer fills and two consumers empty, all the time.
pub struct Ring {
    directory: TempDir,
    monitor: Monitor,
    producer: Member,
    consumers: [Member; 2],
}

impl Ring {
    pub fn start() -> Result<Self, Failure> {
        let directory = tempfile::tempdir_in("/dev/shm")?;
        let path = directory.path().join("ring");
        let config = Config::new().slots(SLOTS).payload_capacity(SIZE as u64).max_consumers(4);
        let ring = file::create(&path, &config)?;
        let monitor = ring.monitor()?;
        let consumers = [Member::start("consume", &path)?, Member::start("consume", &path)?];
        let began = Instant::now();
        while monitor.stats()?.consumers.len() < consumers.len() {
            if began.elapsed() >= HANG {
                return Err("the consumers don't join the ring".into());
            }
            thread::sleep(Duration::from_millis(2));
        }
        let producer = Member::start("produce", &path)?;
        let ring = Self { directory, monitor, producer, consumers };
        let began = Instant::now();
        while ring.head()? < 10 * SLOTS {
            if began.elapsed() >= HANG {
                return Err("the ring's messages don't come".into());
            }
            thread::sleep(Duration::from_millis(2));
        }
        Ok(ring)
    }

    fn head(&self) -> Result<u64, Failure> {
        Ok(self.monitor.stats()?.head)
    }

    /// How often the producer has passed over a reader.
    pub fn times_passed_over(&self) -> Result<u64, Failure> {
        Ok(self.monitor.stats()?.times_passed_over)
    }

    /// A best-effort reader that has joined.
    pub fn reader(&self) -> Result<Member, Failure> {
        let mut reader = Member::start("read", &self.directory.path().join("ring"))?;
        match reader.line()?.as_str() {
            "ready" => Ok(reader),
            other => Err(format!("expected a reader that is ready, got {other}").into()),
        }
    }

    /// Messages a second over the window.
    pub fn throughput(&self, window: Duration) -> Result<f64, Failure> {
        let (began, head) = (Instant::now(), self.head()?);
        thread::sleep(window);
        let published = self.head()? - head;
        Ok(published as f64 / began.elapsed().as_secs_f64())
    }

    /// Closes the ring. Returns the number of messages, and what each consumer read of them.
    pub fn end(self) -> Result<(u64, [u64; 2]), Failure> {
        let head = self.producer.end()?.parse()?;
        let [one, other] = self.consumers;
        Ok((head, [one.end()?.parse()?, other.end()?.parse()?]))
    }
}
