//! One process of the crew.
//!
//! # Safety
//!
//! Messages in the ring's file are borrowed where they lie by some of the processes. The file lies in a
//! directory that only its user can enter, under a name that the program has just chosen, and only the
//! program's processes open it, as a ring.

#![allow(unsafe_code)]

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::ValueEnum;
use fastrand::Rng;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getppid, setpgid};
use ringway::{Ring, file};

use super::ledger::{Desk, Ledger};
use super::{best_effort, consumer, observer, producer};
use crate::units;

/// What a process with nothing to do does for so long.
pub(super) const NAP: Duration = Duration::from_micros(200);

/// What a process does with the ring.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum Role {
    Producer,
    Consumer,
    Observer,
    BestEffort,
}

impl Role {
    pub(super) fn name(self) -> &'static str {
        match self {
            Role::Producer => "producer",
            Role::Consumer => "consumer",
            Role::Observer => "observer",
            Role::BestEffort => "best-effort",
        }
    }
}

/// What a process needs to play its role.
pub(super) struct Part<'a> {
    pub(super) ring: &'a dyn Ring,
    pub(super) ledger: &'a Ledger,
    /// Number of its account.
    pub(super) number: usize,
    /// How many processes had the account before.
    pub(super) life: u64,
    /// How long a producer waits for a best-effort reader.
    pub(super) patience: Duration,
    pub(super) rng: Rng,
}

impl Part<'_> {
    pub(super) fn desk(&self) -> Desk {
        self.ledger.desk(self.number)
    }

    /// Plays the role in this process, which ends with the one that started it, `director`.
    pub(super) fn play(&mut self, role: Role, director: Pid) -> anyhow::Result<()> {
        set_pdeathsig(Signal::SIGKILL).context("can't bind this process's life to its parent's")?;
        if getppid() != director {
            bail!("the directing process is gone");
        }
        // What the user types at the terminal is for the directing process alone.
        setpgid(Pid::from_raw(0), Pid::from_raw(0)).context("can't leave the process group")?;
        match role {
            Role::Producer => producer::play(self),
            Role::Consumer => consumer::play(self),
            Role::Observer => observer::play(self),
            Role::BestEffort => best_effort::play(self),
        }
    }
}

/// The random numbers of one process.
pub(super) fn rng(seed: u64, number: usize, life: u64) -> Rng {
    Rng::with_seed(seed ^ (number as u64) << 32 ^ life << 40)
}

/// Use a ring until killed: what `torture` starts
#[derive(clap::Args)]
pub(crate) struct RoleArgs {
    #[arg(long)]
    role: Role,
    #[arg(long)]
    number: usize,
    #[arg(long)]
    life: u64,
    #[arg(long)]
    seed: u64,
    #[arg(long, value_parser = units::duration)]
    patience: Duration,
    /// The process that started this one
    #[arg(long)]
    director: i32,
    ring: PathBuf,
    ledger: PathBuf,
}

impl RoleArgs {
    /// As the command line has it.
    pub(super) fn line(role: Role, number: usize, life: u64, seed: u64, patience: Duration) -> Vec<String> {
        let words = [
            ("--role", role.name().to_owned()),
            ("--number", number.to_string()),
            ("--life", life.to_string()),
            ("--seed", seed.to_string()),
            ("--patience", humantime::format_duration(patience).to_string()),
            ("--director", std::process::id().to_string()),
        ];
        let line = words.into_iter().flat_map(|(option, value)| [option.to_owned(), value]);
        [TORTURE_ROLE.to_owned()].into_iter().chain(line).collect()
    }
}

/// Name of the subcommand that takes [`RoleArgs`].
const TORTURE_ROLE: &str = "torture-role";

/// Plays a role on a ring in a file, in a program of its own.
pub(crate) fn play(args: &RoleArgs) -> anyhow::Result<()> {
    let &RoleArgs { role, number, life, seed, patience, director, .. } = args;
    let ledger = Ledger::open(&args.ledger)?;
    let mut rng = rng(seed, number, life);
    let mut ring = file::open(&args.ring)?;
    if rng.bool() {
        // SAFETY: nobody but this program's processes knows the file, and they write it only through the library.
        ring = unsafe { ring.trust_peers() };
    }
    let mut part = Part { ring: &ring, ledger: &ledger, number, life, patience, rng };
    part.play(role, Pid::from_raw(director))
}
