//! The processes of the benchmark.

use std::io::Read;
use std::process::ChildStdout;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, anyhow, bail, ensure};
use ringway::{Outcome, PublishError, Start, file};
use ringway_gateway::session::{self, Link};
use serde::{Deserialize, Serialize};
use zenoh::Wait;
use zenoh::pubsub::Publisher;
use zenoh::qos::CongestionControl;

use crate::{PATIENCE, relay};

/// Where bare messages are sent.
pub const KEY: &str = "ringway-beside/data";
/// In the place of the time: the last message.
const LAST: u64 = u64::MAX;
/// Latencies that are kept of one measurement.
const KEPT: usize = 1 << 20;

/// What is sent.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Load {
    /// Bytes of a message.
    pub length: usize,
    /// Messages a second; 0: as many as can be.
    pub rate: u64,
    /// How long.
    pub seconds: f64,
}

/// What came.
#[derive(Debug, Serialize, Deserialize)]
pub struct Seen {
    /// Messages.
    pub messages: u64,
    /// Between the first and the last.
    pub seconds: f64,
    /// Latencies at these shares of the messages, in nanoseconds.
    pub latency: Vec<(f64, u64)>,
}

/// Reads a line, byte by byte: nothing after it is taken.
pub fn line(output: &mut ChildStdout) -> Result<String> {
    let mut line = Vec::new();
    let mut byte = [0];
    loop {
        ensure!(output.read(&mut byte)? == 1, "a process of the benchmark ended");
        if byte[0] == b'\n' {
            return Ok(String::from_utf8(line)?);
        }
        line.push(byte[0]);
    }
}

/// Does what `role` says: a word, the load, and a ring or an endpoint.
pub fn run(role: &str) -> Result<()> {
    let words: Vec<&str> = role.split(' ').collect();
    let [role, length, rate, seconds, of, ref more @ ..] = words[..] else { bail!("role {role:?}") };
    let load = Load { length: length.parse()?, rate: rate.parse()?, seconds: seconds.parse()? };
    match role {
        "subscribe" => subscribe(of),
        "consume" => consume(of),
        "put" => put(&load, of),
        "publish" => publish(&load, of),
        "relay-out" => relay::out(&load, of, more.first().context("no ring")?),
        "relay-in" => relay::into(&load, of, more.first().context("no ring")?),
        _ => bail!("role {role:?}"),
    }
}

fn now() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_nanos() as u64)
}

/// Counts what comes.
struct Tally {
    messages: u64,
    began: Instant,
    latency: Vec<u64>,
}

impl Tally {
    fn new() -> Self {
        Self { messages: 0, began: Instant::now(), latency: Vec::with_capacity(KEPT) }
    }

    /// Takes note of a message. Whether it is the last.
    fn message(&mut self, bytes: &[u8]) -> bool {
        if self.messages == 0 {
            self.began = Instant::now();
        }
        self.messages += 1;
        let sent = bytes.first_chunk().map_or(LAST, |chunk| u64::from_le_bytes(*chunk));
        if sent != LAST && self.latency.len() < KEPT {
            self.latency.push(now().saturating_sub(sent));
        }
        sent == LAST
    }

    fn show(mut self) -> Result<()> {
        let seconds = self.began.elapsed().as_secs_f64();
        self.latency.sort_unstable();
        let at = |share: f64| {
            let index = (self.latency.len() as f64 * share) as usize;
            self.latency.get(index.min(self.latency.len().saturating_sub(1))).copied().unwrap_or(0)
        };
        let shares = [0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999];
        let latency = shares.map(|share| (share, at(share))).to_vec();
        let seen = Seen { messages: self.messages - 1, seconds, latency };
        println!("{}", serde_json::to_string(&seen)?);
        Ok(())
    }
}

fn subscribe(endpoint: &str) -> Result<()> {
    let session = session::open(&Link { listen: vec![endpoint.into()], ..Link::default() })?;
    let (sender, ended) = mpsc::channel();
    let mut tally = Some(Tally::new());
    let _subscriber = session
        .declare_subscriber(KEY)
        .callback_mut(move |sample| {
            let is_last = tally.as_mut().is_some_and(|tally| tally.message(&sample.payload().to_bytes()));
            if is_last && let Some(tally) = tally.take() {
                let _ = sender.send(tally);
            }
        })
        .wait()
        .map_err(|error| anyhow!("{error}"))?;
    println!("ready");
    ended.recv().context("no last message came")?.show()
}

fn consume(path: &str) -> Result<()> {
    let began = Instant::now();
    let ring = loop {
        match file::open(path) {
            Ok(ring) => break ring,
            Err(error) if began.elapsed() > PATIENCE => return Err(error.into()),
            Err(_) => thread::sleep(Duration::from_millis(10)),
        }
    };
    use ringway::Ring;
    let mut consumer = ring.consumer(Start::Oldest)?;
    println!("ready");
    let mut tally = Tally::new();
    loop {
        match consumer.recv_timeout(PATIENCE)? {
            Outcome::Message(message) if tally.message(&message) => break,
            Outcome::Message(_) => {}
            Outcome::Lagged(count) => bail!("{count} messages were lost"),
            Outcome::EpochChanged { .. } => {}
            Outcome::ProducerLost | Outcome::Closed | Outcome::TimedOut => bail!("no last message came"),
            _ => {}
        }
    }
    tally.show()
}

/// Sends with `send` what the load says, and the last message.
fn send(load: &Load, mut send: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let mut bytes = vec![0x5A; load.length];
    let began = Instant::now();
    let mut count = 0_u64;
    loop {
        if let Some(after) = (count * 1_000_000_000).checked_div(load.rate) {
            let due = began + Duration::from_nanos(after);
            thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        // The clock is read for each message on both sides.
        bytes[..8].copy_from_slice(&now().to_le_bytes());
        send(&bytes)?;
        count += 1;
        if count.is_multiple_of(64) && began.elapsed().as_secs_f64() >= load.seconds {
            break;
        }
    }
    bytes[..8].copy_from_slice(&LAST.to_le_bytes());
    send(&bytes)?;
    // Until the one that reads has it, which ends this process then.
    thread::sleep(PATIENCE * 6);
    Ok(())
}

fn put(load: &Load, endpoint: &str) -> Result<()> {
    let session = session::open(&Link { connect: vec![endpoint.into()], ..Link::default() })?;
    let publisher = session
        .declare_publisher(KEY)
        .congestion_control(CongestionControl::Block)
        // As Zenoh is fastest: batched when throughput counts.
        .express(load.rate > 0)
        .wait()
        .map_err(|error| anyhow!("{error}"))?;
    wait_for_subscriber(&publisher)?;
    send(load, |bytes| publisher.put(bytes.to_vec()).wait().map_err(|error| anyhow!("{error}")))
}

/// Waits until somebody subscribes to what `publisher` puts.
pub fn wait_for_subscriber(publisher: &Publisher<'_>) -> Result<()> {
    let began = Instant::now();
    while !publisher.matching_status().wait().map_err(|error| anyhow!("{error}"))?.matching() {
        ensure!(began.elapsed() < PATIENCE, "no subscriber");
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn publish(load: &Load, path: &str) -> Result<()> {
    use ringway::Ring;
    let mut producer = file::open(path)?.producer()?;
    producer.require_readers(true);
    send(load, |bytes| {
        loop {
            match producer.publish(bytes) {
                Ok(_) => return Ok(()),
                Err(PublishError::NoReaders) => thread::sleep(Duration::from_millis(1)),
                Err(error) => return Err(error.into()),
            }
        }
    })
}
