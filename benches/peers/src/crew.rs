//! What does a run: a process of its own, and in it, or beside it, the other side.
//!
//! Each run starts from the same clean state, whatever the run before it was, and a peer that hangs or crashes takes
//! nothing with it but its own figure.
//!
//! # Safety
//! Processes are forked while the forking one has one thread, and holds no ring's handle.

#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Pid, getpgrp, getppid, setpgid};
use ringway::anon::fork;
use serde::{Deserialize, Serialize};

use crate::control::{Control, Side};
use crate::cores;
use crate::peer::Across;

/// Nothing takes longer, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(20);
/// Where runs put their files.
const SHM: &str = "/dev/shm";

/// What one run came to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Measured {
    /// Figures by name.
    pub figures: BTreeMap<String, f64>,
    /// Times, each with the share of all times that are no longer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cdf: Vec<(f64, f64)>,
}

impl Measured {
    /// Some figures.
    pub fn new<const N: usize>(figures: [(&str, f64); N]) -> Self {
        let figures = figures.map(|(name, figure)| (name.to_owned(), figure));
        Self { figures: figures.into(), cdf: Vec::new() }
    }
}

/// What a run has to go by.
pub struct Job {
    /// A directory of its own, in shared memory.
    pub dir: PathBuf,
    /// For about how long it should measure.
    pub time: Duration,
    results: PipeWriter,
}

#[derive(Serialize, Deserialize)]
enum Said {
    Measured(Measured),
    Failed(String),
}

/// Does a run in a process of its own.
pub fn isolated(time: Duration, run: &dyn Fn(&Job) -> anyhow::Result<Measured>) -> anyhow::Result<Measured> {
    let dir = tempfile::Builder::new().prefix("ringway-peers.").tempdir_in(SHM)?;
    let (reader, results) = pipe()?;
    let job = Job { dir: dir.path().to_owned(), time, results };
    let parent = Pid::this();
    let child = move || {
        std::panic::set_hook(Box::new(|_| {}));
        let done = caught(|| {
            setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
            live_with(parent)?;
            cores::bind(Side::Here)?;
            run(&job)
        });
        match done {
            Ok(measured) => job.say(&Said::Measured(measured)),
            Err(error) => job.give_up(&error),
        }
        0
    };
    // SAFETY: this process has no handle of any ring.
    let mut child = unsafe { fork(child) }.context("starting a process for the run")?;
    let said = hear(reader);
    if said.is_err() {
        // The run's own group: itself, and what it forked. It may not have got as far as having one.
        let id = Pid::from_raw(child.id() as i32);
        let _ = killpg(id, Signal::SIGKILL);
        let _ = kill(id, Signal::SIGKILL);
    }
    let status = child.wait()?;
    sweep(dir.path());
    match said?.into_iter().reduce(worse) {
        Some(Said::Measured(measured)) => Ok(measured),
        Some(Said::Failed(why)) => bail!("{why}"),
        None => bail!("the run ended without a word: {status}"),
    }
}

/// What counts if both sides say something.
fn worse(one: Said, other: Said) -> Said {
    if matches!(one, Said::Failed(_)) { one } else { other }
}

/// Reads what the run says until it ends.
fn hear(mut reader: PipeReader) -> anyhow::Result<Vec<Said>> {
    let (began, mut text, mut chunk) = (Instant::now(), Vec::new(), [0; 4096]);
    loop {
        let left = PATIENCE.saturating_sub(began.elapsed());
        let mut ready = [PollFd::new(reader.as_fd(), PollFlags::POLLIN)];
        if poll(&mut ready, PollTimeout::try_from(left)?)? == 0 {
            bail!("hung: nothing for {PATIENCE:?}");
        }
        let read = reader.read(&mut chunk)?;
        if read == 0 {
            let lines = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
            return lines.map(|line| serde_json::from_slice(line).context("what the run said")).collect();
        }
        text.extend_from_slice(&chunk[..read]);
    }
}

/// Removes what a peer left in shared memory under the run's name.
fn sweep(dir: &Path) {
    let run = dir.file_name().expect("a run's directory has a name").to_string_lossy().into_owned();
    let left = std::fs::read_dir(SHM).into_iter().flatten().flatten();
    for file in left.filter(|file| file.path() != dir && file.file_name().to_string_lossy().starts_with(&run))
    {
        // What can't be removed is no reason to stop measuring.
        let _ = std::fs::remove_file(file.path());
    }
}

/// Makes sure that this process doesn't outlive the one that forked it.
fn live_with(parent: Pid) -> anyhow::Result<()> {
    set_pdeathsig(Signal::SIGKILL)?;
    anyhow::ensure!(getppid() == parent, "the process that started this one is gone");
    Ok(())
}

/// A panic is a failure like any other.
fn caught<T>(run: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Err(anyhow!("panicked: {}", text.unwrap_or_default()))
    })
}

impl Job {
    fn say(&self, what: &Said) {
        let mut line = serde_json::to_vec(what).expect("it is plain data");
        line.push(b'\n');
        // If nobody listens any more, nobody needs to know.
        let _ = (&self.results).write_all(&line);
    }

    /// Says why, and ends this process and with it the run.
    fn give_up(&self, error: &anyhow::Error) -> ! {
        self.say(&Said::Failed(format!("{error:#}")));
        // The run's first process leads the group that both are in.
        let _ = kill(getpgrp(), Signal::SIGTERM);
        std::process::exit(1);
    }

    /// Runs the other side, on the other core, and this side beside it.
    pub fn two<T>(
        &self,
        across: Across,
        there: impl FnOnce(&Control) -> anyhow::Result<()> + Send,
        here: impl FnOnce(&Control) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let control = Control::new()?;
        let there = |control| {
            let done = caught(|| {
                cores::bind(Side::There)?;
                there(control)
            });
            done.unwrap_or_else(|error| self.give_up(&error.context("on the other side")));
        };
        // If this side fails, the other one waits for it: nothing is joined then.
        let here = || caught(|| here(&control)).unwrap_or_else(|error| self.give_up(&error));
        if across == Across::Threads {
            return std::thread::scope(|scope| {
                let other = scope.spawn(|| there(&control));
                let found = here();
                other.join().expect("its panics are caught");
                Ok(found)
            });
        }
        let parent = Pid::this();
        let child = || {
            if let Err(error) = live_with(parent) {
                self.give_up(&error);
            }
            there(&control);
            0
        };
        // SAFETY: handles are taken by the two sides themselves, after this.
        let mut child = unsafe { fork(child) }?;
        let found = here();
        let status = child.wait()?;
        anyhow::ensure!(status.success(), "the other side ended: {status}");
        Ok(found)
    }
}
