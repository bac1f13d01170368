//! The other process of a measurement, forked from the measuring one.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getppid};
use ringway::anon::Child;

use crate::floor::cores::Cores;

/// How long a process waits for the other between two looks at whether it is still worth waiting.
pub(crate) const SLICE: Duration = Duration::from_millis(100);
/// After so many slices in one wait the other process is given up. Slices, not time, because a process that is
/// stopped for a while has missed only the one.
const PATIENCE: u32 = 100;

/// Pause between two looks at a process that should be ending.
const NAP: Duration = Duration::from_micros(200);

/// What the process is called, as in "the echoing process".
#[derive(Clone, Copy)]
pub(crate) struct Name {
    pub(crate) program: &'static str,
    pub(crate) process: &'static str,
}

impl Name {
    /// Does the process's part, in the process: on its own core, and not for longer than its parent lives. Returns the
    /// code that it exits with.
    pub(crate) fn run(self, parent: Pid, cores: &Cores, part: impl FnOnce() -> anyhow::Result<()>) -> i32 {
        match prepare(parent, cores).and_then(|()| part()) {
            Ok(()) => 0,
            Err(error) => {
                let Self { program, process } = self;
                let error = crate::describe(&error);
                crate::say(format_args!("{program}: error in the {process} process: {error}"));
                1
            }
        }
    }
}

fn prepare(parent: Pid, cores: &Cores) -> anyhow::Result<()> {
    set_pdeathsig(Signal::SIGKILL).context("can't bind this process's life to its parent's")?;
    if getppid() != parent {
        bail!("the measuring process is gone");
    }
    cores.bind(1).context("can't choose a core")
}

/// The process as its parent sees it. It doesn't outlive this handle.
pub(crate) struct Partner {
    name: Name,
    child: Child,
}

impl Partner {
    /// The child, which does its part by [`Name::run`].
    pub(crate) fn new(name: Name, child: Child) -> Self {
        Self { name, child }
    }

    /// Whether it still makes sense to wait for the process, after so many slices of waiting.
    pub(crate) fn check(&mut self, slices: u32) -> anyhow::Result<()> {
        let Name { process, .. } = self.name;
        // One that has done its part has said so before: the next look finds it.
        if let Some(status) = self.child.try_wait()?.filter(|status| !status.success()) {
            bail!("the {process} process ended: {status}");
        }
        if slices >= PATIENCE {
            bail!("the {process} process hasn't done anything for {:?}", SLICE * PATIENCE);
        }
        Ok(())
    }

    /// Waits for the process to end, which it does by itself once it has done its part.
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        let Name { process, .. } = self.name;
        let began = Instant::now();
        loop {
            match self.child.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => bail!("the {process} process failed: {status}"),
                None if began.elapsed() > SLICE * PATIENCE => {
                    bail!("the {process} process has done its part and doesn't end")
                }
                None => thread::sleep(NAP),
            }
        }
    }
}

/// Whether the forked process goes on waiting for the measuring one, after so many slices.
pub(crate) fn give_up(slices: u32) -> anyhow::Result<()> {
    if slices >= PATIENCE {
        bail!("the measuring process hasn't sent anything for {:?}", SLICE * PATIENCE);
    }
    Ok(())
}
