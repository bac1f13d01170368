//! A process that outlives the gateway: it holds the exported rings, and starts the gateway anew when that ends.
//!
//! The gateway is a child of it: see [`kept`](crate::kept).

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use ringway::file::OpenOptions;

use crate::config::Config;
use crate::gate::Gate;
use crate::kept::VARIABLE;
use crate::log;
use crate::policy::Policy;
use crate::stop::Stop;

/// How long a keeper waits for a gateway that should end.
const ENDED_WITHIN: Duration = Duration::from_secs(10);
const SLICE: Duration = Duration::from_millis(20);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// A gateway that ran this long is started again without a growing pause.
const HEALTHY: Duration = Duration::from_secs(1);

/// This program, also if its file was replaced or removed since.
const PROGRAM: &str = "/proc/self/exe";

/// Keeps the rings that `config` exports as `reliable`, and starts the gateway again and again, until SIGTERM or SIGINT
/// comes. A gateway that can't be started is no reason to end: what is held would be let go.
///
/// # Errors
/// If the signals can't be caught.
pub fn run(config: &Config) -> Result<()> {
    let stop = Stop::of_signals()?;
    let mut held = BTreeMap::new();
    let mut pause = FIRST_PAUSE;
    while !stop.is_set() {
        let began = Instant::now();
        match start().and_then(|(mut gateway, lines)| {
            tell(&format!("the gateway is process {}", gateway.id()));
            let ended = watch(config, &mut gateway, &lines, &mut held, &stop);
            if ended.is_err() {
                // Two gateways must not run at once.
                let _ = gateway.kill();
                let _ = gateway.wait();
            }
            ended
        }) {
            Ok(status) if stop.is_set() || status.success() => break,
            Ok(status) => tell(&format!("the gateway ended, {status}; starting it again")),
            Err(error) => tell(&format!("{error:#}; trying again without end")),
        }
        if began.elapsed() > HEALTHY {
            pause = FIRST_PAUSE;
        }
        stop.sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    Ok(())
}

fn tell(line: &str) {
    log::line(&format!("keeper: {line}"));
}

/// Starts the gateway: this program with the same arguments.
fn start() -> Result<(Child, Receiver<String>)> {
    let mut arguments = std::env::args_os();
    let mut gateway = Command::new(PROGRAM)
        .arg0(arguments.next().unwrap_or_default())
        .args(arguments)
        .env(VARIABLE, std::process::id().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("starting the gateway")?;
    // Bounds the lines in the keeper's memory.
    let (sender, lines) = mpsc::sync_channel(64);
    let output = gateway.stdout.take();
    let reads = move || {
        for line in output.map(BufReader::new).into_iter().flat_map(BufRead::lines).map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    };
    if let Err(error) = std::thread::Builder::new().spawn(reads) {
        let _ = gateway.kill();
        let _ = gateway.wait();
        return Err(error).context("starting a thread that hears the gateway");
    }
    Ok((gateway, lines))
}

/// Obeys the gateway until it ends.
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
                    tell(&format!("{error:#}"));
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            // The output of a process ends shortly before the process.
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
        _ => bail!("the gateway says {line:?}, expected hold or release: run the same release of both"),
    }
}

/// Whether a keeper is of use: only `reliable` exports need one.
pub fn is_of_use(config: &Config) -> bool {
    config.exports.iter().any(|export| export.policy == Policy::Reliable)
}
