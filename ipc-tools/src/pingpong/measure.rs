//! The measuring process: it sends, waits, takes the time, and compares what came back.

use std::hint::black_box;
use std::ops::Range;
use std::time::{Duration, Instant};

use anyhow::bail;
use hdrhistogram::Histogram;
use indicatif::ProgressBar;
use ringway::{Consumer, Outcome, Producer, Start};

use super::Game;
use super::floor::wait_for;
use super::pattern;
use super::plan::Block;
use crate::floor::lines::Pair;
use crate::partner::{Partner, SLICE};
use crate::progress;
use crate::signals::Signals;
use crate::units::counted;

/// Longest round trip told from longer ones.
const LONGEST: Duration = Duration::from_secs(60);
/// Clock reads that their cost is averaged over.
const CLOCK_READS: u32 = 100_000;

/// The user asked the program to stop.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("stopped by a signal: nothing is reported of a part")
    }
}

impl std::error::Error for Interrupted {}

/// What was measured, in nanoseconds.
pub(super) struct Figures {
    /// Round trips through the rings.
    pub(super) rtt: Histogram<u64>,
    /// Round trips through two bare lines, the same ones for a while.
    pub(super) floor: Histogram<u64>,
    /// Round trips through bare lines that are others each time, as many as the rings have slots.
    pub(super) rotation: Histogram<u64>,
    /// Number of counted messages that came back as they were sent, all bytes compared.
    pub(super) verified: u64,
    /// What it costs to read the clock, which is in each of the times once.
    pub(super) timer: f64,
}

pub(super) fn run(game: &Game<'_>, echo: &mut Partner, signals: &Signals) -> anyhow::Result<Figures> {
    let (mut ping, mut pong) =
        game.rings.with(|ping, pong| Ok((ping.producer()?, pong.consumer(Start::Oldest)?)))?;
    let mut check = |slices| {
        if signals.stopped() { Err(Interrupted.into()) } else { echo.check(slices) }
    };
    let mut figures = Figures {
        rtt: histogram()?,
        floor: histogram()?,
        rotation: histogram()?,
        verified: 0,
        timer: clock_read(),
    };
    // It moves between blocks: drawing takes time.
    let progress = if game.progress {
        progress::bar(game.plan.iterations(), "round trips")
    } else {
        ProgressBar::hidden()
    };
    for block in game.plan.blocks() {
        if signals.stopped() {
            return Err(Interrupted.into());
        }
        let trips = block.seqs.end - block.seqs.start;
        through_the_rings(game, block.seqs.clone(), &mut ping, &mut pong, &mut figures, &mut check)?;
        let stay = game.lines.pair(block.number);
        through_the_lines(game, &block, |_| stay, &mut figures.floor, &mut check)?;
        through_the_lines(game, &block, |seq| game.rotation.pair(seq), &mut figures.rotation, &mut check)?;
        if block.counted {
            progress.inc(trips);
        } else {
            game.rings.remove_names();
            figures.rtt.reset();
            figures.floor.reset();
            figures.rotation.reset();
            figures.verified = 0;
        }
    }
    Ok(figures)
}

/// Sends each message, takes the time until it is back, and then, with the clock stopped, compares it.
fn through_the_rings(
    game: &Game<'_>,
    seqs: Range<u64>,
    ping: &mut Producer,
    pong: &mut Consumer,
    figures: &mut Figures,
    mut check: impl FnMut(u32) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    pong.set_wait(game.wait.into());
    let mut message = vec![0; game.size];
    for seq in seqs {
        pattern::fill(&mut message, seq);
        let mut slices = 0;
        let sent = Instant::now();
        ping.publish(&message)?;
        loop {
            match pong.recv_timeout(SLICE)? {
                Outcome::Message(echoed) => {
                    figures.rtt.saturating_record(nanos(sent.elapsed()));
                    if echoed.seq() != seq || echoed[..] != message[..] {
                        bail!(mismatch(seq, &message, echoed.seq(), &echoed));
                    }
                    figures.verified += 1;
                    break;
                }
                // Whatever it is, how the echoing process fares says more.
                _ => {
                    slices += 1;
                    check(slices)?;
                }
            }
        }
    }
    Ok(())
}

/// Passes the same numbers through bare lines: those that `pair` says.
#[inline(always)]
fn through_the_lines(
    game: &Game<'_>,
    block: &Block,
    pair: impl Fn(u64) -> Pair,
    floor: &mut Histogram<u64>,
    mut check: impl FnMut(u32) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    for seq in block.seqs.clone() {
        let lines = pair(seq);
        let sent = Instant::now();
        lines.ping.pass(seq + 1);
        wait_for(lines.pong, seq + 1, game.wait, &mut check)?;
        floor.saturating_record(nanos(sent.elapsed()));
    }
    Ok(())
}

#[cold]
fn mismatch(seq: u64, sent: &[u8], found: u64, echoed: &[u8]) -> String {
    if found != seq {
        return format!("sent message {seq}, got message {found} back");
    }
    let (expected, len) = (sent.len(), echoed.len());
    match sent.iter().zip(echoed).position(|(a, b)| a != b) {
        Some(at) => {
            format!(
                "message {seq} came back changed: byte {at} is {:#04x}, sent {:#04x}",
                echoed[at], sent[at]
            )
        }
        None => {
            let len = counted(len as u64, "byte");
            format!("message {seq} came back with {len}, sent {expected}")
        }
    }
}

fn histogram() -> anyhow::Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, nanos(LONGEST), 3)?)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// What a read of the clock takes, in nanoseconds.
fn clock_read() -> f64 {
    let began = Instant::now();
    for _ in 0..CLOCK_READS {
        black_box(Instant::now());
    }
    began.elapsed().as_nanos() as f64 / f64::from(CLOCK_READS)
}
