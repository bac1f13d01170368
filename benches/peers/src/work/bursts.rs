//! What a publish costs the sender while its receiver falls asleep again and again, beside one that polls.
//!
//! The sender publishes some messages, waits until the receiver has read them, and then until it sleeps, as the
//! kernel tells, and some time longer. The same is done with a receiver that polls, but for being seen running. Only
//! the publishing is timed: the first message of a burst wakes the sleeper, and those after it may find it awake, or
//! about to sleep again.

use std::time::{Duration, Instant};

use super::as_many_as_fit;
use super::asleep::{State, Watched};
use super::round_trip::histogram;
use crate::control::{Control, Side, Word};
use crate::crew::{Job, Measured};
use crate::message::Tally;
use crate::peer::{Peer, Receive, Send, Shape};
use crate::peers::ringway_asleep::{Waiting, Way};

/// Bursts that aren't counted, and tell how many will be.
const WARM_UP: u64 = 50;
/// Bursts that are counted, at least.
const LEAST: u64 = 100;

/// Time per publish of `W` words, in bursts of `burst` messages, with a look at the clock for each burst.
pub fn run<K: Way, const W: usize>(job: &Job, slots: usize, burst: u64) -> anyhow::Result<Measured> {
    let channel = Waiting::<K>::channel::<W>(&Shape::new(slots, &job.dir, "stream"))?;
    let there = |control: &Control| {
        control.meet(Side::There, 1);
        let mut receiver = Waiting::<K>::receiver::<W>(&channel)?;
        let mut tally = Tally::default();
        control.set(Word::Found, std::process::id().into());
        for phase in [2, 3] {
            control.meet(Side::There, phase);
            let end = control.get(Word::End);
            while tally.next < end {
                receiver.receive(&mut tally);
                if tally.next.is_multiple_of(burst) {
                    control.set(Word::Reached, tally.next);
                }
            }
        }
        control.meet(Side::There, 4);
        tally.check(W)
    };
    job.two(Waiting::<K>::ACROSS, there, |control| {
        let mut sender = Waiting::<K>::sender::<W>(&channel)?;
        control.meet(Side::Here, 1);
        control.set(Word::End, WARM_UP * burst);
        control.meet(Side::Here, 2);
        let other = Watched::new(control.get(Word::Found))?;
        let waits = if K::SLEEPS { State::Asleep } else { State::Running };
        let mut number = 0;
        let mut bursts = |end: u64| -> anyhow::Result<_> {
            let mut times = histogram();
            while number < end {
                other.pause(waits)?;
                let began = Instant::now();
                for number in number..number + burst {
                    sender.send(number);
                }
                times.saturating_record(began.elapsed().as_nanos() as u64);
                number += burst;
                control.await_at_least(Word::Reached, number);
            }
            Ok(times)
        };
        let began = Instant::now();
        bursts(WARM_UP * burst)?;
        let count = as_many_as_fit(job.time, began.elapsed(), WARM_UP, LEAST, 1 << 24);
        let end = (WARM_UP + count) * burst;
        control.set(Word::End, end);
        control.meet(Side::Here, 3);
        let times = bursts(end)?;
        control.meet(Side::Here, 4);
        let each = |nanos: f64| nanos / burst as f64;
        Ok(Measured::new([
            ("ns", each(times.value_at_quantile(0.5) as f64)),
            ("p99 ns", each(times.value_at_quantile(0.99) as f64)),
            ("mean ns", each(times.mean())),
            ("clock ns", clock().as_nanos() as f64),
            ("bursts", count as f64),
        ]))
    })
}

/// What a look at the clock takes.
fn clock() -> Duration {
    const LOOKS: u32 = 1_000;
    let began = Instant::now();
    for _ in 1..LOOKS {
        std::hint::black_box(Instant::now());
    }
    began.elapsed() / LOOKS
}
