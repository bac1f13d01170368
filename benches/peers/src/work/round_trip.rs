//! A message there and another one back, each written and read whole: one in flight.

use std::time::Instant;

use hdrhistogram::Histogram;

use super::as_many_as_fit;
use crate::control::{Side, Word};
use crate::crew::{Job, Measured};
use crate::message::Tally;
use crate::peer::{Peer, Receive, Send, Shape};

/// Trips that aren't counted, and tell how many will be.
pub const WARM_UP: u64 = 1_000;
/// Trips that are counted, at least.
pub const LEAST: u64 = 2_000;
/// The same, at most.
pub const MOST: u64 = 1_000_000;
/// Shares of all trips for which the plot has a point.
const POINTS: [f64; 25] = [
    0.0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8,
    0.85, 0.9, 0.95, 0.98, 0.99, 0.999,
];

/// Slots of a channel for round trips: one would do, but rings are bigger than that.
pub const fn slots(words: usize) -> usize {
    if words <= 128 { 1024 } else { 64 }
}

/// Round trips of messages of `W` words.
pub fn run<P: Peer, const W: usize>(job: &Job) -> anyhow::Result<Measured> {
    let ping = P::channel::<W>(&Shape::new(slots(W), &job.dir, "ping"))?;
    let pong = P::channel::<W>(&Shape::new(slots(W), &job.dir, "pong"))?;
    let there = |control: &crate::control::Control| {
        let mut sender = P::sender(&pong)?;
        control.meet(Side::There, 1);
        let mut receiver = P::receiver(&ping)?;
        let mut tally = Tally::default();
        for phase in [2, 3] {
            control.meet(Side::There, phase);
            let end = control.get(Word::End);
            while tally.next < end {
                let number = tally.next;
                receiver.receive(&mut tally);
                sender.send(number);
            }
        }
        control.meet(Side::There, 4);
        tally.check(W)
    };
    job.two(P::ACROSS, there, |control| {
        let mut sender = P::sender(&ping)?;
        control.meet(Side::Here, 1);
        let mut receiver = P::receiver(&pong)?;
        let mut tally = Tally::default();
        let mut trips = |end: u64| {
            let mut times = histogram();
            while tally.next < end {
                let began = Instant::now();
                sender.send(tally.next);
                receiver.receive(&mut tally);
                times.saturating_record(began.elapsed().as_nanos() as u64);
            }
            times
        };
        control.set(Word::End, WARM_UP);
        control.meet(Side::Here, 2);
        let began = Instant::now();
        trips(WARM_UP);
        let count = as_many_as_fit(job.time, began.elapsed(), WARM_UP, LEAST, MOST);
        control.set(Word::End, WARM_UP + count);
        control.meet(Side::Here, 3);
        let times = trips(WARM_UP + count);
        control.meet(Side::Here, 4);
        tally.check(W)?;
        Ok(figures(&times))
    })
}

/// Where times of round trips are kept, in nanoseconds.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 10_000_000_000, 3).expect("sensible bounds")
}

/// What is reported of them.
pub fn figures(times: &Histogram<u64>) -> Measured {
    let at = |share: f64| times.value_at_quantile(share) as f64;
    let mut measured = Measured::new([
        ("p50 ns", at(0.5)),
        ("p99 ns", at(0.99)),
        ("mean ns", times.mean()),
        ("trips", times.len() as f64),
    ]);
    measured.cdf = POINTS.map(|share| (at(share), share)).to_vec();
    measured
}
