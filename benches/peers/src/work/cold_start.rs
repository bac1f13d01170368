//! From nothing to the first message in another process: create, attach, send, receive. Each process is new.

use nix::time::{ClockId, clock_gettime};

use crate::control::{Control, Side, Word};
use crate::crew::{Job, Measured};
use crate::message::Tally;
use crate::peer::{Peer, Receive, Send, Shape};

/// Microseconds until the first message has been read.
pub fn run<P: Peer, const W: usize>(job: &Job, slots: usize) -> anyhow::Result<Measured> {
    let channel = P::channel::<W>(&Shape::new(slots, &job.dir, "stream"))?;
    let there = |control: &Control| {
        control.meet(Side::There, 1);
        // Created.
        control.await_at_least(Word::End, 1);
        let mut receiver = P::receiver(&channel)?;
        control.set(Word::Reached, 1);
        let mut tally = Tally::default();
        receiver.receive(&mut tally);
        control.set(Word::Found, now()?);
        control.meet(Side::There, 2);
        tally.check(W)
    };
    job.two(P::ACROSS, there, |control| {
        control.meet(Side::Here, 1);
        let began = now()?;
        let mut sender = P::sender(&channel)?;
        let created = now()?;
        control.set(Word::End, 1);
        // Attached.
        control.await_at_least(Word::Reached, 1);
        let attached = now()?;
        sender.send(0);
        control.meet(Side::Here, 2);
        let all = control.get(Word::Found) - began;
        Ok(Measured::new([
            ("µs", all as f64 / 1e3),
            ("created µs", (created - began) as f64 / 1e3),
            ("attached µs", (attached - created) as f64 / 1e3),
        ]))
    })
}

/// Nanoseconds on a clock that all processes share.
fn now() -> anyhow::Result<u64> {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC)?;
    Ok(now.tv_sec() as u64 * 1_000_000_000 + now.tv_nsec() as u64)
}
