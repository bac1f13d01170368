//! What it costs that a ring has places for many consumers, of which one is taken. One thread publishes and receives in
//! turn, in a ring so small that every other message the producer looks for its consumers.

use std::time::Instant;

use super::as_many_as_fit;
use crate::crew::{Job, Measured};
use crate::message::Tally;
use crate::peer::{Peer, Receive, Send, Shape};

/// Messages that tell how many there will be.
const WARM_UP: u64 = 10_000;
/// Parts of the time. The middle one counts, so that what disturbs a few of them doesn't.
const PARTS: usize = 15;

/// Time per message of `W` words, published and received, in a ring with so many `places` for consumers.
pub fn run<P: Peer, const W: usize>(job: &Job, slots: usize, places: usize) -> anyhow::Result<Measured> {
    let channel = P::channel::<W>(&Shape::new(slots, &job.dir, "stream").readers(places))?;
    let mut sender = P::sender(&channel)?;
    let mut receiver = P::receiver(&channel)?;
    let mut tally = Tally::default();
    let mut some = |count: u64| {
        let began = Instant::now();
        for number in tally.next..tally.next + count {
            sender.send(number);
            receiver.receive(&mut tally);
        }
        began.elapsed()
    };
    let took = some(WARM_UP);
    let count = as_many_as_fit(job.time / PARTS as u32, took, WARM_UP, 1_000, 1 << 32);
    let mut parts = [(); PARTS].map(|()| some(count));
    parts.sort();
    tally.check(W)?;
    Ok(Measured::new([("ns", parts[PARTS / 2].as_nanos() as f64 / count as f64)]))
}
