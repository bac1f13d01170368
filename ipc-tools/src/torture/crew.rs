//! The processes: forked children where the ring is anonymous, else this program started anew.
//!
//! # Safety
//!
//! The one `unsafe` call is the fork. The directing process has no guard, claim or batch of any role.

#![allow(unsafe_code)]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use ringway::anon;

use super::Args;
use super::ledger::{Entry, Ledger};
use super::place::Place;
use super::role::{Part, Role, RoleArgs, rng};

/// The processes there are: numbers of accounts, first the producers', then the consumers', the observers' and the
/// best-effort readers'.
#[derive(Clone, Copy)]
pub(super) struct Cast {
    pub(super) producers: usize,
    pub(super) consumers: usize,
    pub(super) observers: usize,
    pub(super) best_effort: usize,
}

impl Cast {
    pub(super) fn new(args: &Args) -> Self {
        Self {
            producers: 1 + usize::from(args.successors),
            consumers: args.consumers.into(),
            observers: args.observers.into(),
            best_effort: args.best_effort.into(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.best_effort(self.best_effort)
    }

    pub(super) fn role(&self, number: usize) -> Role {
        match number {
            n if n < self.producers => Role::Producer,
            n if n < self.producers + self.consumers => Role::Consumer,
            n if n < self.best_effort(0) => Role::Observer,
            _ => Role::BestEffort,
        }
    }

    pub(super) fn consumer(&self, index: usize) -> usize {
        self.producers + index
    }

    pub(super) fn observer(&self, index: usize) -> usize {
        self.producers + self.consumers + index
    }

    pub(super) fn best_effort(&self, index: usize) -> usize {
        self.observer(self.observers) + index
    }

    /// The accounts of all processes that have this role.
    pub(super) fn all(&self, role: Role) -> impl Iterator<Item = usize> + use<> {
        let cast = *self;
        (0..self.len()).filter(move |&number| cast.role(number) == role)
    }
}

/// A process with an account. Dropping it kills it.
pub(super) struct Member {
    process: Process,
    /// When it goes on, if it is stopped.
    pub(super) stopped_until: Option<Instant>,
}

enum Process {
    Forked(anon::Child),
    Started(std::process::Child),
}

/// All of them.
pub(super) struct Crew<'a> {
    pub(super) cast: Cast,
    place: &'a Place,
    ledger: &'a Ledger,
    seed: u64,
    patience: Duration,
    /// For each account, how many processes have had it.
    lives: Vec<u64>,
    members: Vec<Option<Member>>,
}

impl<'a> Crew<'a> {
    pub(super) fn new(cast: Cast, place: &'a Place, ledger: &'a Ledger, args: &Args) -> Self {
        let members = (0..cast.len()).map(|_| None).collect();
        let &Args { seed, patience, .. } = args;
        Self { cast, place, ledger, seed, patience, lives: vec![0; cast.len()], members }
    }

    /// Starts a process for account `number`, which has none.
    pub(super) fn start(&mut self, number: usize) -> anyhow::Result<()> {
        let (role, life) = (self.cast.role(number), self.lives[number]);
        self.ledger.desk(number).begin();
        let process = match self.place.path() {
            None => self.fork(role, number, life)?,
            Some(path) => {
                let started = Command::new("/proc/self/exe")
                    .args(RoleArgs::line(role, number, life, self.seed, self.patience))
                    .args([path, self.ledger.path()])
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .process_group(0)
                    .spawn()?;
                Process::Started(started)
            }
        };
        self.lives[number] += 1;
        self.members[number] = Some(Member { process, stopped_until: None });
        Ok(())
    }

    fn fork(&self, role: Role, number: usize, life: u64) -> anyhow::Result<Process> {
        let director = Pid::this();
        let mut part = Part {
            ring: self.place.ring(),
            ledger: self.ledger,
            number,
            life,
            patience: self.patience,
            rng: rng(self.seed, number, life),
        };
        let child = || match part.play(role, director) {
            Ok(()) => 0,
            Err(error) => {
                crate::say(format_args!("ringway: error: {}", crate::describe(&error)));
                1
            }
        };
        // SAFETY: nothing is borrowed from a role: see above.
        Ok(Process::Forked(unsafe { anon::fork(child) }?))
    }

    pub(super) fn member(&mut self, number: usize) -> Option<&mut Member> {
        self.members[number].as_mut()
    }

    /// Which process of its account is alive now, counted from 0.
    pub(super) fn life(&self, number: usize) -> Option<u64> {
        self.members[number].as_ref().and(self.lives[number].checked_sub(1))
    }

    pub(super) fn is_stopped(&self, number: usize) -> bool {
        self.members[number].as_ref().is_some_and(|member| member.stopped_until.is_some())
    }

    /// Whether the process has its role by now.
    pub(super) fn is_ready(&self, number: usize) -> bool {
        self.members[number].is_some() && self.ledger.desk(number).get(Entry::Ready) == 1
    }

    /// Forgets a process that has ended.
    pub(super) fn forget(&mut self, number: usize) {
        self.members[number] = None;
    }
}

impl Member {
    fn pid(&self) -> Pid {
        let id = match &self.process {
            Process::Forked(child) => child.id(),
            Process::Started(child) => child.id(),
        };
        Pid::from_raw(id.cast_signed())
    }

    /// Kills the process, and waits until it is gone.
    pub(super) fn kill(&mut self) -> io::Result<()> {
        kill(self.pid(), Signal::SIGKILL)?;
        match &mut self.process {
            Process::Forked(child) => child.wait()?,
            Process::Started(child) => child.wait()?,
        };
        Ok(())
    }

    /// Stops the process, and waits until it has stopped, or ended.
    pub(super) fn stop(&mut self, until: Instant) -> io::Result<()> {
        self.stopped_until = Some(until);
        kill(self.pid(), Signal::SIGSTOP)?;
        let what = WaitPidFlag::WSTOPPED | WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
        waitid(Id::Pid(self.pid()), what)?;
        Ok(())
    }

    /// Lets a stopped process go on.
    pub(super) fn go_on(&mut self) -> io::Result<()> {
        self.stopped_until = None;
        Ok(kill(self.pid(), Signal::SIGCONT)?)
    }

    /// How the process ended, if it has.
    pub(super) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        match &mut self.process {
            Process::Forked(child) => child.try_wait(),
            Process::Started(child) => child.try_wait(),
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // A forked child's own handle does the same.
        if let Process::Started(child) = &mut self.process {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
