//! A process that outlives the gateway: it holds the exported rings, and starts the gateway anew when that ends.
//!
//! The gateway is a child of it, and tells it on its standard output what to hold and to release, a line each:
//! `hold NAME` and `release NAME SEQUENCE`. It ends when its standard input does. What the keeper holds is a consumer with
//! its process id, which the gateway finds in the ring.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use ringway::Monitor;
use ringway::file::OpenOptions;

use crate::config::Config;
use crate::gate::Gate;
use crate::host::Stop;
use crate::policy::Policy;

/// Tells the gateway the process id of its keeper.
pub const VARIABLE: &str = "RINGWAY_GATEWAY_KEEPER";
/// How long a gateway waits for its keeper to hold a ring.
const HELD_WITHIN: Duration = Duration::from_secs(5);
/// How long a keeper waits for a gateway that should end.
const ENDED_WITHIN: Duration = Duration::from_secs(10);
const SLICE: Duration = Duration::from_millis(20);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// A gateway that ran so long is started again at once when it ends.
const HEALTHY: Duration = Duration::from_secs(1);

/// Keeps the rings that `config` exports as `reliable`, and starts the gateway again and again, until SIGTERM or SIGINT
/// comes.
///
/// # Errors
/// If the program can't be started.
pub fn run(config: &Config) -> Result<()> {
    let stop = Stop::of_signals()?;
    let mut held = BTreeMap::new();
    let mut pause = FIRST_PAUSE;
    while !stop.is_set() {
        let began = Instant::now();
        let (mut gateway, lines) = start()?;
        eprintln!("keeper: the gateway is process {}", gateway.id());
        let status = watch(config, &mut gateway, &lines, &mut held, &stop)?;
        if stop.is_set() || status.success() {
            break;
        }
        if began.elapsed() > HEALTHY {
            pause = FIRST_PAUSE;
        }
        eprintln!("keeper: the gateway ended, {status}; starting it again");
        stop.sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    Ok(())
}

/// Starts the gateway: this program with the same arguments.
fn start() -> Result<(Child, Receiver<String>)> {
    let program = std::env::current_exe().context("finding this program")?;
    let mut gateway = Command::new(program)
        .args(std::env::args_os().skip(1))
        .env(VARIABLE, std::process::id().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("starting the gateway")?;
    let output = gateway.stdout.take().context("the gateway has no standard output")?;
    // So many lines at most are in the keeper's memory.
    let (sender, lines) = mpsc::sync_channel(64);
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    Ok((gateway, lines))
}

/// Does what the gateway says until it ends.
fn watch(
    config: &Config,
    gateway: &mut Child,
    lines: &Receiver<String>,
    held: &mut BTreeMap<String, Gate>,
    stop: &Stop,
) -> Result<ExitStatus> {
    let mut stopped: Option<Instant> = None;
    loop {
        match lines.recv_timeout(SLICE) {
            Ok(line) => {
                if let Err(error) = obey(config, held, &line) {
                    eprintln!("keeper: {error:#}");
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            // Its output ends shortly before it does.
            Err(RecvTimeoutError::Disconnected) => std::thread::sleep(SLICE),
        }
        if stop.is_set() && stopped.is_none() {
            stopped = Some(Instant::now());
            drop(gateway.stdin.take());
        }
        if stopped.is_some_and(|at| at.elapsed() > ENDED_WITHIN) {
            gateway.kill().context("ending the gateway")?;
        }
        if let Some(status) = gateway.try_wait().context("waiting for the gateway")? {
            return Ok(status);
        }
    }
}

fn obey(config: &Config, held: &mut BTreeMap<String, Gate>, line: &str) -> Result<()> {
    let words: Vec<&str> = line.split(' ').collect();
    match words[..] {
        ["hold", name] => {
            let exported = config.exports.iter().find(|export| export.name == name);
            let export = exported.with_context(|| format!("{name} isn't exported"))?;
            let ring = OpenOptions::new().open(&export.ring).context("opening the ring to hold")?;
            if held.get(name).is_none_or(|gate| !gate.is_of(&ring)) {
                held.remove(name);
                held.insert(name.into(), Gate::close(&ring)?);
            }
            Ok(())
        }
        ["release", name, seq] => {
            let gate = held.get_mut(name).with_context(|| format!("{name} isn't held"))?;
            gate.release(seq.parse().context("reading what to release")?)?;
            Ok(())
        }
        _ => bail!("the gateway says {line:?}, expected hold or release: run one release of both"),
    }
}

/// The keeper's process id, if this process has one.
pub fn of_this_process() -> Option<u32> {
    std::env::var(VARIABLE).ok()?.parse().ok()
}

/// Ends this process when its keeper ends, or tells it to.
pub fn end_with_keeper(stop: &Stop) {
    let stop = stop.clone();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        stop.set();
    });
}

/// A ring that the keeper holds, as its gateway sees it.
#[derive(Debug)]
pub struct Kept {
    name: String,
    held: u64,
}

impl Kept {
    /// Has the keeper of this process hold the ring of this name.
    ///
    /// # Errors
    /// If it doesn't.
    pub fn hold(name: &str, keeper: u32, ring: &Monitor) -> Result<Self> {
        say(&format!("hold {name}"))?;
        let began = Instant::now();
        loop {
            let stats = ring.stats()?;
            if let Some(found) = stats.consumers.iter().find(|consumer| consumer.pid == u64::from(keeper)) {
                return Ok(Self { name: name.into(), held: found.next_seq });
            }
            if began.elapsed() > HELD_WITHIN {
                bail!("{name}: the keeper, process {keeper}, holds no cell of the ring: see what it says");
            }
            std::thread::sleep(SLICE);
        }
    }

    /// The first message that is held.
    pub fn held(&self) -> u64 {
        self.held
    }

    /// Has the keeper release the messages before `seq`.
    ///
    /// # Errors
    /// If it is gone.
    pub fn release(&mut self, seq: u64) -> Result<()> {
        if seq <= self.held {
            return Ok(());
        }
        self.held = seq;
        say(&format!("release {} {seq}", self.name))
    }
}

fn say(line: &str) -> Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{line}").and_then(|()| output.flush()).context("telling the keeper")
}

/// Whether a keeper is of use: it holds what a killed gateway would let go.
pub fn is_of_use(config: &Config) -> bool {
    config.exports.iter().any(|export| export.policy == Policy::Reliable)
}
