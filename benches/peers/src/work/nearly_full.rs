//! A ring that is nearly full all the time: its reader has something to do with each message, so the sender is
//! always waiting for room. What matters is how little the waiting sender keeps the reader from its work.

use std::hint::black_box;
use std::time::Instant;

use super::as_many_as_fit;
use super::throughput::{DONE, PHASES, measure};
use crate::control::{Control, Side, Word};
use crate::crew::{Job, Measured};
use crate::message::{Msg, Tally};
use crate::peer::{Peer, Receive, Send, Shape};

/// Multiplications, each of which needs the one before: about a hundred nanoseconds.
const WORK: u64 = 80;

/// What the reader does with each message.
#[inline(always)]
fn work(number: u64) {
    black_box((0..WORK).fold(number, |value, step| value.wrapping_mul(black_box(step | 1))));
}

/// Time per message of `W` words.
pub fn run<P: Peer, const W: usize>(job: &Job, slots: usize) -> anyhow::Result<Measured> {
    let channel = P::channel::<W>(&Shape::new(slots, &job.dir, "stream"))?;
    let there = |control: &Control| {
        control.meet(Side::There, 1);
        let mut receiver = P::receiver(&channel)?;
        let mut tally = Tally::default();
        for phase in PHASES {
            control.meet(Side::There, phase);
            let end = control.get(Word::End);
            while tally.next < end {
                receiver.receive(&mut tally);
                work(tally.next);
            }
            control.set(Word::Reached, tally.next);
        }
        control.meet(Side::There, DONE);
        tally.check(W)
    };
    job.two(P::ACROSS, there, |control| {
        let mut sender = P::sender(&channel)?;
        control.meet(Side::Here, 1);
        let send = |from: u64, end: u64| (from..end).for_each(|number| sender.send(number));
        let measured = measure(job, control, slots, W, send)?;
        Ok(per_message(1e3 / measured.figures["M msg/s"]))
    })
}

/// The floor: the same work on messages that the reader has written itself.
pub fn alone<const W: usize>(job: &Job) -> anyhow::Result<Measured> {
    let (mut message, mut tally) = (Msg::<W>::new(0), Tally::default());
    let mut read = |count: u64| {
        let began = Instant::now();
        for _ in 0..count {
            black_box(&mut message).fill(tally.next);
            tally.take(black_box(&message));
            work(tally.next);
        }
        began.elapsed()
    };
    let took = read(10_000);
    let count = as_many_as_fit(job.time, took, 10_000, 10_000, 1 << 32);
    let took = read(count);
    tally.check(W)?;
    Ok(per_message(took.as_nanos() as f64 / count as f64))
}

fn per_message(nanos: f64) -> Measured {
    Measured::new([("ns", nanos)])
}
