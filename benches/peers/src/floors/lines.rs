//! The floor of round trips: a number passed through two bare cache lines.

use std::time::Instant;

use ipc_tools::floor::lines::{Line, Lines, Pair};

use crate::control::{Control, Side, Word};
use crate::crew::{Job, Measured};
use crate::peer::Across;
use crate::work::as_many_as_fit;
use crate::work::round_trip::{LEAST, MOST, WARM_UP, figures, histogram};

/// Trips through a pair before the next is taken.
const STAY: u64 = 256;

/// As it is printed.
pub const NAME: &str = "two bare lines (floor)";

/// Round trips through two lines, each on a core's own.
pub fn run(job: &Job) -> anyhow::Result<Measured> {
    let lines = Lines::new()?;
    let pair = |trip: u64| lines.pair(trip / STAY);
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
        let count = as_many_as_fit(job.time, began.elapsed(), WARM_UP, LEAST, MOST);
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
