//! The floors of round trips: a number passed through bare cache lines, either two that stay the same for a while, or
//! new ones each time, as a ring takes a new slot each time.

use std::time::{Duration, Instant};

use ringway_tools::floor::lines::{Line, Lines, Pair};
use ringway_tools::floor::placement;

use crate::control::{Control, Side, Word};
use crate::crew::{Job, Measured};
use crate::peer::Across;
use crate::work::as_many_as_fit;
use crate::work::round_trip::{LEAST, MOST, WARM_UP, figures, histogram};

/// Trips through a pair before the next is taken.
const STAY: u64 = 256;
/// The same if there is no time for more.
const SHORT_STAY: u64 = 16;
/// Trips of a short look: some through each pair.
const LOOK: u64 = 4_096;

/// The floor of two lines, as it is printed.
pub const NAME: &str = "two bare lines (floor)";
/// The floor of lines in turn, as it is printed.
pub const ROTATING: &str = "rotating bare lines (floor)";
/// A look's figure: nanoseconds of a bare round trip.
pub const LOOKED: &str = "p50 ns";
/// A look's figure: nanoseconds that one core takes alone.
pub const ALONE: &str = "alone ns";

/// Round trips through two lines.
pub fn run(job: &Job) -> anyhow::Result<Measured> {
    let lines = Lines::new()?;
    trips(job, job.time, LEAST, |trip| lines.pair(trip / STAY))
}

/// Round trips through as many lines each way as a ring has slots, in turn.
pub fn rotating(job: &Job, slots: usize) -> anyhow::Result<Measured> {
    let lines = Lines::rotation(slots)?;
    trips(job, job.time, LEAST, |trip| lines.pair(trip))
}

/// A short look at how far apart the cores are: a millisecond or two.
pub fn look(job: &Job) -> anyhow::Result<Measured> {
    let lines = Lines::new()?;
    let mut measured = trips(job, Duration::ZERO, LOOK, |trip| lines.pair(trip / SHORT_STAY))?;
    measured.cdf.clear();
    measured.figures.insert(ALONE.into(), placement::alone()?);
    Ok(measured)
}

fn trips(
    job: &Job,
    time: Duration,
    least: u64,
    pair: impl Fn(u64) -> Pair + Sync,
) -> anyhow::Result<Measured> {
    let there = |control: &Control| {
        let mut trip = 0;
        for phase in [1, 2] {
            control.meet(Side::There, phase);
            let end = control.get(Word::End);
            while trip < end {
                let Pair { ping, pong } = pair(trip);
                trip += 1;
                wait_for(ping, trip);
                pong.pass(trip);
            }
        }
        Ok(())
    };
    job.two(Across::Processes, there, |control| {
        let mut trip = 0;
        let mut trips = |end: u64| {
            let mut times = histogram();
            while trip < end {
                let Pair { ping, pong } = pair(trip);
                trip += 1;
                let began = Instant::now();
                ping.pass(trip);
                wait_for(pong, trip);
                times.saturating_record(began.elapsed().as_nanos() as u64);
            }
            times
        };
        control.set(Word::End, WARM_UP);
        control.meet(Side::Here, 1);
        let began = Instant::now();
        trips(WARM_UP);
        let count = as_many_as_fit(time, began.elapsed(), WARM_UP, least, MOST);
        control.set(Word::End, WARM_UP + count);
        control.meet(Side::Here, 2);
        Ok(figures(&trips(WARM_UP + count)))
    })
}

#[inline(always)]
fn wait_for(line: Line, number: u64) {
    while !line.holds(number) {
        std::hint::spin_loop();
    }
}
