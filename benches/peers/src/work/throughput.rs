//! Messages one way, as fast as they go, without loss.

use std::time::Instant;

use super::{BATCH, as_many_as_fit};
use crate::control::{Control, Side, Word};
use crate::crew::{Job, Measured};
use crate::message::{Msg, Tally};
use crate::peer::{Peer, Receive, Send, Shape};

/// The points where both sides meet before each phase of a stream: two to warm up, one that counts.
pub const PHASES: [u64; 3] = [2, 3, 4];
/// Where they meet after the last.
pub const DONE: u64 = 5;

/// Messages per second of `W` words, one by one or in batches.
pub fn run<P: Peer, const W: usize>(job: &Job, slots: usize, batched: bool) -> anyhow::Result<Measured> {
    let channel = P::channel::<W>(&Shape::new(slots, &job.dir, "stream"))?;
    let there = |control: &Control| {
        control.meet(Side::There, 1);
        let mut receiver = P::receiver(&channel)?;
        let mut tally = Tally::default();
        for phase in PHASES {
            control.meet(Side::There, phase);
            let end = control.get(Word::End);
            if batched {
                while tally.next < end {
                    receiver.receive_batch(BATCH.min((end - tally.next) as usize), &mut tally);
                }
            } else {
                while tally.next < end {
                    receiver.receive(&mut tally);
                }
            }
            control.set(Word::Reached, tally.next);
        }
        control.meet(Side::There, DONE);
        tally.check(W)
    };
    job.two(P::ACROSS, there, |control| {
        let mut sender = P::sender(&channel)?;
        control.meet(Side::Here, 1);
        let send = |from: u64, end: u64| {
            if batched {
                (from..end).step_by(BATCH).for_each(|number| sender.send_batch(number, BATCH));
            } else {
                (from..end).for_each(|number| sender.send(number));
            }
        };
        measure(job, control, slots, W, send)
    })
}

/// The sending side of a stream: has `send` send numbered messages, first some that don't count.
pub fn measure(
    job: &Job,
    control: &Control,
    slots: usize,
    words: usize,
    mut send: impl FnMut(u64, u64),
) -> anyhow::Result<Measured> {
    let whole = |count: u64| count.next_multiple_of(BATCH as u64);
    // Each page and line is touched before anything counts, and the rate is found out.
    let warm_up = whole((2 * slots as u64).max(4096));
    let mut stream = |phase, from, end| {
        control.set(Word::End, end);
        control.meet(Side::Here, phase);
        let began = Instant::now();
        send(from, end);
        control.await_at_least(Word::Reached, end);
        began.elapsed()
    };
    let [first, second, counted] = PHASES;
    // The faster one tells how many fit: something else may have disturbed the other.
    let took = stream(first, 0, warm_up).min(stream(second, warm_up, 2 * warm_up));
    let count = whole(as_many_as_fit(job.time, took, warm_up, warm_up, 1 << 32));
    let took = stream(counted, 2 * warm_up, 2 * warm_up + count).as_secs_f64();
    control.meet(Side::Here, DONE);
    let per_second = count as f64 / took;
    Ok(Measured::new([
        ("M msg/s", per_second / 1e6),
        ("GB/s", per_second * (words * size_of::<u64>()) as f64 / 1e9),
        ("messages", count as f64),
    ]))
}

/// Slots of `W` words that take up about a megabyte, two at least.
pub const fn a_megabyte<const W: usize>() -> usize {
    let slots = (1 << 20) / Msg::<W>::BYTES;
    if slots < 2 { 2 } else { slots }
}
