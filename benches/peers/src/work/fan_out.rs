//! What a publish costs the producer while many readers are attached. One helper has all of them, and moves them on
//! while the clock stands still; the producer publishes half a lap at a time.

use std::time::{Duration, Instant};

use crate::control::{Control, Side, Word};
use crate::crew::{Job, Measured};
use crate::message::Tally;
use crate::peer::{Peer, Receive, Send, Shape};

/// Half laps that don't count.
const WARM_UP: u64 = 4;
/// Half laps that count.
const LEAST: u64 = 4;
/// How much longer than the measured time all may take: reading with many readers takes time.
const PATIENCE: u32 = 5;
/// Least time between two half laps, by number of messages in them. Many readers take a few milliseconds, in which the
/// producer's cache loses lines to whatever else the machine does; with few, it gets the same time to lose them in.
const PAUSE: Duration = Duration::from_nanos(500);

/// Time per publish of `W` words, with `readers` attached.
pub fn run<P: Peer, const W: usize>(job: &Job, slots: usize, readers: usize) -> anyhow::Result<Measured> {
    let channel = P::channel::<W>(&Shape::new(slots, &job.dir, "stream").readers(readers))?;
    let half = slots as u64 / 2;
    let there = |control: &Control| {
        control.meet(Side::There, 1);
        let mut receivers = Vec::new();
        for _ in 0..readers {
            receivers.push((P::receiver(&channel)?, Tally::default()));
        }
        control.meet(Side::There, 2);
        let mut reached = 0;
        // Once told that there is no more, it is told again, without anything new.
        loop {
            let end = control.await_at_least(Word::End, reached + 1);
            if end == u64::MAX {
                break;
            }
            for (receiver, tally) in &mut receivers {
                while tally.next < end {
                    receiver.receive_batch((end - tally.next) as usize, tally);
                }
            }
            reached = end;
            control.set(Word::Reached, reached);
        }
        receivers.iter().try_for_each(|(_, tally)| {
            anyhow::ensure!(tally.next == reached, "a reader is at {}, not {reached}", tally.next);
            tally.check(W)
        })
    };
    job.two(P::ACROSS, there, |control| {
        let mut sender = P::sender(&channel)?;
        control.meet(Side::Here, 1);
        control.meet(Side::Here, 2);
        let (mut number, mut laps, mut took) = (0, 0, Duration::ZERO);
        let all = Instant::now();
        while laps < WARM_UP + LEAST || (took < job.time && all.elapsed() < job.time * PATIENCE) {
            let began = Instant::now();
            for number in number..number + half {
                sender.send(number);
            }
            let published = Instant::now();
            if laps >= WARM_UP {
                took += published - began;
            }
            laps += 1;
            number += half;
            control.set(Word::End, number);
            control.await_at_least(Word::Reached, number);
            while published.elapsed() < PAUSE * half as u32 {
                std::hint::spin_loop();
            }
        }
        control.set(Word::End, u64::MAX);
        let messages = ((laps - WARM_UP) * half) as f64;
        Ok(Measured::new([("ns", took.as_nanos() as f64 / messages), ("messages", messages)]))
    })
}
