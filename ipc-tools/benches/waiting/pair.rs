//! The two processes: this one publishes, and this program started anew waits.

use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use nix::time::{ClockId, clock_gettime};
use ringway::{Config, Outcome, Producer, Ring, Start, Wait, file};
use tempfile::TempDir;
use testkit::cores;

use super::POLICIES;
use super::measured::{Figures, percentile};

const SLOTS: u64 = 1024;
/// Bytes of a message, whose first eight say when it was published.
const SIZE: usize = 48;
/// Tags: of a message, of the last one, and from here on of those that name the next policy.
const MESSAGE: u32 = 0;
const LAST: u32 = 1;
const POLICY: u32 = 2;
/// From the word of a policy to the first message.
const PAUSE: Duration = Duration::from_millis(2);

/// Nanoseconds of a clock. The monotonic one is the same in all processes.
fn nanoseconds(clock: ClockId) -> anyhow::Result<u64> {
    let time = clock_gettime(clock).context("a clock")?;
    Ok(time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64)
}

fn now() -> anyhow::Result<u64> {
    nanoseconds(ClockId::CLOCK_MONOTONIC)
}

/// Binds this process to the core of that number, where there are as many.
fn bind(number: usize) -> anyhow::Result<()> {
    if let Some(&core) = cores::usable()?.get(number) {
        cores::bind(core)?;
    }
    Ok(())
}

/// The producer, with the process that waits for its messages.
pub struct Pair {
    producer: Producer,
    reader: Child,
    answers: Lines<BufReader<ChildStdout>>,
    _directory: TempDir,
}

impl Pair {
    pub fn start() -> anyhow::Result<Self> {
        let directory = tempfile::tempdir_in("/dev/shm")?;
        let path = directory.path().join("ring");
        let config = Config::new().slots(SLOTS).payload_capacity(SIZE as u64).max_consumers(1);
        let mut producer = file::create(&path, &config)?.producer()?;
        producer.set_wait(Wait::Spin);
        let program = std::env::current_exe()?;
        let mut reader = Command::new(program).arg("--read").arg(&path).stdout(Stdio::piped()).spawn()?;
        let mut answers = BufReader::new(reader.stdout.take().context("a pipe")?).lines();
        answers.next().context("the reader ended")??;
        bind(0)?;
        Ok(Self { producer, reader, answers, _directory: directory })
    }

    /// Publishes so many messages at that pace while the reader waits by that policy.
    pub fn measure(&mut self, pace: Duration, policy: usize, messages: u64) -> anyhow::Result<Figures> {
        let (pace, mut bytes) = (pace.as_nanos() as u64, [0; SIZE]);
        self.producer.publish_tagged(&bytes, POLICY + policy as u32)?;
        let mut due = now()? + PAUSE.as_nanos() as u64;
        let mut publishing = 0;
        for left in (0..=messages).rev() {
            let began = loop {
                let now = now()?;
                if now >= due {
                    break now;
                }
                std::hint::spin_loop();
            };
            // A message that is late puts off those after it: there are no bursts.
            due = began + pace;
            bytes[..8].copy_from_slice(&began.to_ne_bytes());
            self.producer.publish_tagged(&bytes, if left == 0 { LAST } else { MESSAGE })?;
            publishing += now()? - began;
        }
        let answer = self.answers.next().context("the reader ended")??;
        let numbers: Vec<f64> = answer.split(' ').map(str::parse).collect::<Result<_, _>>()?;
        let [p50, p99, reader] = numbers[..] else { bail!("expected three numbers, got {answer:?}") };
        Ok(Figures { p50, p99, reader, producer: publishing as f64 / (messages + 1) as f64 })
    }

    pub fn end(self) -> anyhow::Result<()> {
        let Self { mut producer, mut reader, .. } = self;
        producer.close()?;
        ensure!(reader.wait()?.success(), "the reader failed");
        Ok(())
    }
}

/// Waits for messages, and says what each run of them was like.
pub fn read(path: &Path) -> anyhow::Result<()> {
    let mut consumer = file::open(path)?.consumer(Start::Latest)?;
    bind(1)?;
    println!("ready");
    let (mut latencies, mut began) = (Vec::with_capacity(1 << 20), None);
    loop {
        let (tag, published) = match consumer.recv()? {
            Outcome::Message(message) => {
                (message.tag(), u64::from_ne_bytes(message[..8].try_into().context("8 bytes")?))
            }
            Outcome::Closed => return Ok(()),
            event => bail!("expected a message, got {event:?}"),
        };
        let received = now()?;
        match tag {
            // The first message begins the time of all further ones.
            MESSAGE | LAST if began.is_none() => began = Some(nanoseconds(ClockId::CLOCK_THREAD_CPUTIME_ID)?),
            MESSAGE => latencies.push(received.saturating_sub(published)),
            LAST => {
                latencies.push(received.saturating_sub(published));
                let ended = nanoseconds(ClockId::CLOCK_THREAD_CPUTIME_ID)?;
                let each = (ended - began.take().unwrap_or(ended)) as f64 / latencies.len() as f64;
                latencies.sort_unstable();
                println!("{} {} {each}", percentile(&latencies, 0.5), percentile(&latencies, 0.99));
                latencies.clear();
            }
            policy => consumer.set_wait(POLICIES[(policy - POLICY) as usize].wait),
        }
    }
}
