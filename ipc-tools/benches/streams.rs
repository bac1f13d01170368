//! Streams through `ringway pub` and `sub`, beside other programs that pass streams on, and beside the library.
//!
//! All take part in turn, round after round. The table has medians, and the median of each round's ratio to `ringway`.
//!
//! - Bytes: `pub --raw` and `sub --raw`, the same with `--trust-peers`, `cat | cat`, and `mbuffer` (of the Debian
//!   package of that name), once from a file in memory to /dev/null, and once from a pipe to a pipe.
//! - Short lines: `pub` and `sub` from a file in memory to /dev/null on a ring of many short slots, and on one of the
//!   default shape, which has room for long lines; and two processes that pass the same lines, split before the clock
//!   starts, through the library's batches on a ring of short slots.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use clap::Parser;
use ringway::{Config, Outcome, Ring, Start, file};
use serde::Serialize;

const RINGWAY: &str = env!("CARGO_BIN_EXE_ringway");
/// Slots of the rings for short lines, and their size.
const SLOTS: u64 = 16 << 10;
const SLOT_SIZE: u64 = 48;
/// Lines that the library publishes and receives at once.
const BATCH: usize = 512;

/// Measures streams through `ringway pub` and `sub`
#[derive(Parser)]
struct Args {
    /// Rounds
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// MiB of the stream of bytes
    #[arg(long, default_value_t = 1024)]
    mib: usize,
    /// Lines of the stream of lines
    #[arg(long, default_value_t = 10_000_000)]
    lines: usize,
    /// Write the results as one JSON object: seconds, and ratios to `ringway`
    #[arg(long)]
    json: bool,
    /// Options of `pub` and `sub` to measure with in place of the default shape, as in '--slots 64 --slot-size 1MiB'
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    with: String,
    /// What cargo adds.
    #[arg(long, hide = true)]
    bench: bool,
    /// Reads this ring to its end: what the library's half of the contest runs.
    #[arg(long, hide = true)]
    read: Option<PathBuf>,
}

/// What takes part in a contest.
struct Runner<'a> {
    name: &'static str,
    run: Box<dyn Fn() -> anyhow::Result<Duration> + 'a>,
}

#[derive(Serialize)]
struct Contest {
    stream: &'static str,
    /// Bytes, or lines.
    amount: usize,
    unit: &'static str,
    results: Vec<Measured>,
}

#[derive(Serialize)]
struct Measured {
    name: &'static str,
    /// Median, seconds.
    seconds: f64,
    /// Median of the rounds' ratios of this time to that of `ringway`.
    ratio_to_ringway: f64,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let done = match &args.read {
        Some(ring) => read_all(ring),
        None => measure(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("streams: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(args: &Args) -> anyhow::Result<()> {
    let directory = tempfile::tempdir_in("/dev/shm")?;
    let (bytes, text) = (directory.path().join("bytes"), directory.path().join("lines"));
    let size = args.mib << 20;
    write_bytes(&bytes, args.mib)?;
    fs::write(&text, (0..args.lines).map(|n| format!("line {n} of many\n")).collect::<String>())?;
    let ring = directory.path().join("ring");
    let with: Vec<&str> = args.with.split_whitespace().collect();
    let raw = [&["--raw"], &with[..]].concat();
    let mbuffer = Command::new("mbuffer").arg("--version").output().is_ok();
    if !mbuffer {
        eprintln!("streams: mbuffer is missing (apt install mbuffer): it takes no part");
    }
    let trusted = [&raw[..], &["--trust-peers"]].concat();
    let buffered = || {
        let mut command = Command::new("mbuffer");
        command.args(["-q", "-m", "16M", "-s", "256k"]);
        command
    };

    let mut files = vec![
        Runner { name: "ringway", run: Box::new(|| ringway(&ring, &raw, Ends::Files(&bytes))) },
        Runner { name: "trusted", run: Box::new(|| ringway(&ring, &trusted, Ends::Files(&bytes))) },
        Runner {
            name: "cat | cat",
            run: Box::new(|| chain(vec![Command::new("cat"), Command::new("cat")], Ends::Files(&bytes))),
        },
    ];
    let mut pipes = vec![
        Runner { name: "ringway", run: Box::new(|| ringway(&ring, &raw, Ends::Pipes(size))) },
        Runner { name: "trusted", run: Box::new(|| ringway(&ring, &trusted, Ends::Pipes(size))) },
        Runner {
            name: "cat | cat",
            run: Box::new(|| chain(vec![Command::new("cat"), Command::new("cat")], Ends::Pipes(size))),
        },
    ];
    if mbuffer {
        files
            .push(Runner { name: "mbuffer", run: Box::new(|| chain(vec![buffered()], Ends::Files(&bytes))) });
        pipes.push(Runner { name: "mbuffer", run: Box::new(|| chain(vec![buffered()], Ends::Pipes(size))) });
    }
    let contents = fs::read(&text)?;
    let split: Vec<&[u8]> = contents.split(|&byte| byte == b'\n').take(args.lines).collect();
    let (slots, slot_size) = (SLOTS.to_string(), SLOT_SIZE.to_string());
    let short = ["--slots", &slots, "--slot-size", &slot_size];
    let lines = vec![
        Runner { name: "ringway", run: Box::new(|| ringway(&ring, &short, Ends::Files(&text))) },
        Runner {
            name: "trusted",
            run: Box::new(|| ringway(&ring, &[&short[..], &["--trust-peers"]].concat(), Ends::Files(&text))),
        },
        Runner { name: "by default", run: Box::new(|| ringway(&ring, &with, Ends::Files(&text))) },
        Runner { name: "library", run: Box::new(|| library(&ring, &split)) },
    ];
    let contests = [
        contest(args, "bytes, file to /dev/null", size, "B", files)?,
        contest(args, "bytes, pipe to pipe", size, "B", pipes)?,
        contest(args, "lines, file to /dev/null", args.lines, "lines", lines)?,
    ];
    if args.json {
        println!("{}", serde_json::to_string(&contests)?);
        return Ok(());
    }
    println!("{:26} {:10} {:>9} {:>13} {:>17}", "stream", "through", "median", "rate", "time ÷ ringway's");
    for Contest { stream, amount, unit, results } in &contests {
        for Measured { name, seconds, ratio_to_ringway } in results {
            let rate = *amount as f64 / seconds / 1e6;
            println!("{stream:26} {name:10} {seconds:7.3} s {rate:7.0} M{unit}/s {ratio_to_ringway:15.2}");
        }
    }
    Ok(())
}

/// Bytes without a pattern in a file, which the system keeps in memory.
fn write_bytes(path: &Path, mib: usize) -> anyhow::Result<()> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let block: Vec<u8> = (0..1 << 17)
        .flat_map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        })
        .collect();
    let mut file = File::create(path)?;
    (0..mib).try_for_each(|_| file.write_all(&block)).context("no room for the stream")
}

fn contest(
    args: &Args,
    stream: &'static str,
    amount: usize,
    unit: &'static str,
    runners: Vec<Runner<'_>>,
) -> anyhow::Result<Contest> {
    let mut seconds = vec![Vec::new(); runners.len()];
    for round in 0..args.rounds {
        // Each goes first in turn.
        for place in 0..runners.len() {
            let at = (round + place) % runners.len();
            seconds[at].push((runners[at].run)()?.as_secs_f64());
        }
    }
    let results = runners
        .iter()
        .zip(&seconds)
        .map(|(runner, own)| Measured {
            name: runner.name,
            seconds: median(own.clone()),
            ratio_to_ringway: median(
                own.iter().zip(&seconds[0]).map(|(own, ringway)| own / ringway).collect(),
            ),
        })
        .collect();
    Ok(Contest { stream, amount, unit, results })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Where a stream comes from and goes to.
#[derive(Clone, Copy)]
enum Ends<'a> {
    /// From a file, to /dev/null.
    Files(&'a Path),
    /// So many bytes from a pipe, to a pipe.
    Pipes(usize),
}

/// Runs the commands as a pipeline.
fn chain(mut commands: Vec<Command>, ends: Ends<'_>) -> anyhow::Result<Duration> {
    let last = commands.len() - 1;
    let began = Instant::now();
    let mut children: Vec<Child> = Vec::new();
    for (at, command) in commands.iter_mut().enumerate() {
        let before = children.last_mut().and_then(|child| child.stdout.take());
        command.stdin(before.map_or_else(|| start(ends), |pipe| Ok(pipe.into()))?);
        command.stdout(if at < last { Stdio::piped() } else { end(ends) });
        children.push(command.spawn().with_context(|| format!("can't run {command:?}"))?);
    }
    finish(children, ends, began)
}

/// Runs `pub` and `sub` on a new ring.
fn ringway(ring: &Path, args: &[&str], ends: Ends<'_>) -> anyhow::Result<Duration> {
    let command = |name: &str| {
        let mut command = Command::new(RINGWAY);
        command.arg(name).arg(ring).arg("--quiet").args(args);
        command
    };
    let began = Instant::now();
    let sub = command("sub").stdin(Stdio::null()).stdout(end(ends)).spawn()?;
    let publish =
        command("pub").args(["--wait-for", "1"]).stdin(start(ends)?).stdout(Stdio::null()).spawn()?;
    let time = finish(vec![publish, sub], ends, began)?;
    fs::remove_file(ring)?;
    Ok(time)
}

fn start(ends: Ends<'_>) -> anyhow::Result<Stdio> {
    Ok(match ends {
        Ends::Files(path) => File::open(path)?.into(),
        Ends::Pipes(_) => Stdio::piped(),
    })
}

fn end(ends: Ends<'_>) -> Stdio {
    match ends {
        Ends::Files(_) => Stdio::null(),
        Ends::Pipes(_) => Stdio::piped(),
    }
}

/// Feeds the first and empties the last, if they have pipes, and waits for all.
fn finish(mut children: Vec<Child>, ends: Ends<'_>, began: Instant) -> anyhow::Result<Duration> {
    if let Ends::Pipes(size) = ends {
        let mut source =
            children.first_mut().and_then(|child| child.stdin.take()).context("no first pipe")?;
        let mut sink = children.last_mut().and_then(|child| child.stdout.take()).context("no last pipe")?;
        let feeder = thread::spawn(move || {
            let block = vec![7; 256 << 10];
            (0..size / block.len()).try_for_each(|_| source.write_all(&block))
        });
        let (mut block, mut all) = (vec![0; 256 << 10], 0);
        loop {
            match sink.read(&mut block)? {
                0 => break,
                n => all += n,
            }
        }
        feeder.join().expect("the feeder doesn't panic")?;
        ensure!(all == size, "{all} of {size} bytes came through");
    }
    for child in &mut children {
        let status = child.wait()?;
        ensure!(status.success(), "a program of the pipeline failed: {status}");
    }
    Ok(began.elapsed())
}

/// Passes the lines to another process by the library's batches.
fn library(ring: &Path, lines: &[&[u8]]) -> anyhow::Result<Duration> {
    let config = Config::new().slots(SLOTS).payload_capacity(SLOT_SIZE);
    let made = file::create(ring, &config)?;
    let mut producer = made.producer()?;
    let began = Instant::now();
    let mut child = Command::new(std::env::current_exe()?).arg("--read").arg(ring).spawn()?;
    while producer.consumer_count()? == 0 {
        thread::sleep(Duration::from_micros(100));
    }
    for batch in lines.chunks(BATCH) {
        producer.publish_batch(batch)?;
    }
    producer.close()?;
    let status = child.wait()?;
    let time = began.elapsed();
    ensure!(status.success(), "the library's reader failed: {status}");
    drop((producer, made));
    fs::remove_file(ring)?;
    Ok(time)
}

/// Reads the ring to its end, every byte.
fn read_all(ring: &Path) -> anyhow::Result<()> {
    let ring = file::open(ring)?;
    let mut consumer = ring.consumer(Start::Oldest)?;
    let mut sum = 0_u64;
    loop {
        match consumer.recv_batch(BATCH)? {
            Outcome::Message(batch) => {
                for message in &batch {
                    sum += message.iter().map(|&byte| u64::from(byte)).sum::<u64>();
                }
            }
            Outcome::Closed => break,
            Outcome::ProducerLost => bail!("the producer is gone"),
            _ => {}
        }
    }
    ensure!(sum > 0, "nothing was read");
    Ok(())
}
