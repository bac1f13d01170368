//! The other process: it sends back whatever it gets.
//!
//! # Safety
//!
//! The one `unsafe` call is the fork. It happens before any role is taken on a ring, and before this program
//! could have a second thread.

#![allow(unsafe_code)]

use anyhow::bail;
use nix::unistd::Pid;
use ringway::anon::fork;
use ringway::{Consumer, Outcome, Producer, Start};

use super::Game;
use super::floor::wait_for;
use crate::floor::cores::Cores;
use crate::partner::{Name, Partner, SLICE, give_up};
use crate::units::counted;

const NAME: Name = Name { program: "ipc-pingpong", process: "echoing" };

/// Forks the process and lets it play its part of the game.
pub(super) fn start(game: &Game<'_>, cores: &Cores) -> anyhow::Result<Partner> {
    let parent = Pid::this();
    let child = || NAME.run(parent, cores, || play(game));
    // SAFETY: no role was taken yet, so there is nothing that could be borrowed from one.
    Ok(Partner::new(NAME, unsafe { fork(child) }?))
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
