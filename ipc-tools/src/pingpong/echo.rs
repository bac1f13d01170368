//! The other process: it sends back whatever it gets.
//!
//! # Safety
//!
//! The one `unsafe` call is the fork. It happens before any role is taken on a ring, and before this program
//! could have a second thread.

#![allow(unsafe_code)]

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getppid};
use ringway::anon::{Child, fork};
use ringway::{Consumer, Outcome, Producer, Start};

use super::Game;
use super::floor::wait_for;
use crate::floor::cores::Cores;
use crate::units::counted;

/// How long a process waits for the other between two looks at whether it is still worth waiting.
pub(super) const SLICE: Duration = Duration::from_millis(100);
/// After so many slices in one wait the other process is given up. Slices, not time, because a process that is
/// stopped for a while has missed only the one.
pub(super) const PATIENCE: u32 = 100;

/// Pause between two looks at a process that should be ending.
const NAP: Duration = Duration::from_millis(1);

/// The echoing process, which doesn't outlive this handle.
pub(super) struct Echo(Child);

impl Echo {
    /// Forks the process and lets it play its part of the game.
    pub(super) fn start(game: &Game<'_>, cores: &Cores) -> anyhow::Result<Self> {
        let parent = Pid::this();
        let child = || match prepare(parent, cores).and_then(|()| play(game)) {
            Ok(()) => 0,
            Err(error) => {
                let error = crate::describe(&error);
                crate::say(format_args!("ipc-pingpong: error in the echoing process: {error}"));
                1
            }
        };
        // SAFETY: no role was taken yet, so there is nothing that could be borrowed from one.
        Ok(Self(unsafe { fork(child) }?))
    }

    /// Whether it still makes sense to wait for the process, after so many slices of waiting.
    pub(super) fn check(&mut self, slices: u32) -> anyhow::Result<()> {
        if let Some(status) = self.0.try_wait()? {
            bail!("the echoing process ended in the middle of the game: {status}");
        }
        if slices >= PATIENCE {
            bail!("the echoing process hasn't answered for {:?}", SLICE * PATIENCE);
        }
        Ok(())
    }

    /// Waits for the process to end, which it does by itself once it has echoed everything.
    pub(super) fn finish(mut self) -> anyhow::Result<()> {
        let began = Instant::now();
        loop {
            match self.0.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => bail!("the echoing process failed: {status}"),
                None if began.elapsed() > SLICE * PATIENCE => {
                    bail!("the echoing process has echoed everything and doesn't end")
                }
                None => thread::sleep(NAP),
            }
        }
    }
}

/// Makes sure that the process ends with its parent, and runs on its own core.
fn prepare(parent: Pid, cores: &Cores) -> anyhow::Result<()> {
    set_pdeathsig(Signal::SIGKILL).context("can't bind this process's life to its parent's")?;
    if getppid() != parent {
        bail!("the measuring process is gone");
    }
    cores.bind(1).context("can't choose a core")
}

fn play(game: &Game<'_>) -> anyhow::Result<()> {
    let (mut ping, mut pong) =
        game.rings.with(|ping, pong| Ok((ping.consumer(Start::Oldest)?, pong.producer()?)))?;
    for block in game.plan.blocks() {
        for seq in block.seqs.clone() {
            send_back(game, seq, &mut ping, &mut pong)?;
        }
        let stay = game.lines.pair(block.number);
        for seq in block.seqs.clone() {
            wait_for(stay.ping, seq + 1, game.wait, give_up)?;
            stay.pong.pass(seq + 1);
        }
        for seq in block.seqs {
            let pair = game.rotation.pair(seq);
            wait_for(pair.ping, seq + 1, game.wait, give_up)?;
            pair.pong.pass(seq + 1);
        }
    }
    Ok(())
}

/// Receives message `seq` and publishes the same bytes again, from where they lie.
#[inline(always)]
fn send_back(game: &Game<'_>, seq: u64, ping: &mut Consumer, pong: &mut Producer) -> anyhow::Result<()> {
    ping.set_wait(game.wait.into());
    let mut slices = 0;
    loop {
        match ping.recv_timeout(SLICE)? {
            Outcome::Message(message) => {
                if message.seq() != seq || message.len() != game.size {
                    let (found, len) = (message.seq(), counted(message.len() as u64, "byte"));
                    bail!("got message {found} of {len}, expected {seq} of {}", game.size);
                }
                pong.publish(&message)?;
                return Ok(());
            }
            Outcome::ProducerLost | Outcome::Closed => bail!("the measuring process is gone"),
            _ => {
                slices += 1;
                give_up(slices)?;
            }
        }
    }
}

fn give_up(slices: u32) -> anyhow::Result<()> {
    if slices >= PATIENCE {
        bail!("the measuring process hasn't sent anything for {:?}", SLICE * PATIENCE);
    }
    Ok(())
}
