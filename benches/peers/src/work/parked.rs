//! Round trips of two processes that both sleep in the kernel until the other side wakes them.
//!
//! Each side sends only once the other one sleeps, as the kernel tells, and some time later. The clock runs from
//! just before the message is sent until the answer has been read, less the pause that the other side made before
//! it answered, which it measures itself. So what is counted is twice: sending, waking, the kernel's switch to the
//! sleeper, and reading. What isn't: polling before falling asleep, and falling asleep, with the barrier on all
//! cores that this is in Ringway's asymmetric mode. Both happen in the pauses, in which the side that is interrupted
//! waits anyway.

use std::time::{Duration, Instant};

use super::as_many_as_fit;
use super::asleep::{State, Watched};
use super::round_trip::{figures, histogram};
use crate::control::{Control, Side, Word};
use crate::crew::{Job, Measured};
use crate::message::Tally;
use crate::peer::{Across, Peer, Receive, Send, Shape};

/// Trips that aren't counted, and tell how many will be.
const WARM_UP: u64 = 50;
/// Trips that are counted, at least.
const LEAST: u64 = 400;
/// The same, at most.
const MOST: u64 = 100_000;
/// Slots of a channel: as for other round trips.
const SLOTS: usize = 1_024;

/// One side's ends of the way there and the way back.
pub trait Ends {
    /// Sends message `number`, and wakes the reader that waits for it.
    fn send(&mut self, number: u64);
    /// Waits for the next message, asleep, and reads it.
    fn receive(&mut self);
    /// Whether all messages came that should have.
    fn check(&self) -> anyhow::Result<()>;
}

/// Round trips of messages of `W` words, with a peer whose receiving end sleeps.
pub fn run<P: Peer, const W: usize>(job: &Job) -> anyhow::Result<Measured> {
    let ping = P::channel::<W>(&Shape::new(SLOTS, &job.dir, "ping"))?;
    let pong = P::channel::<W>(&Shape::new(SLOTS, &job.dir, "pong"))?;
    let there = |control: &Control| {
        let sender = P::sender(&pong)?;
        control.meet(Side::There, 1);
        Ok(PeerEnds::<_, _, W> { sender, receiver: P::receiver(&ping)?, tally: Tally::default() })
    };
    let here = |control: &Control| {
        let sender = P::sender(&ping)?;
        control.meet(Side::Here, 1);
        Ok(PeerEnds::<_, _, W> { sender, receiver: P::receiver(&pong)?, tally: Tally::default() })
    };
    trips(job, there, here)
}

struct PeerEnds<S, R, const W: usize> {
    sender: S,
    receiver: R,
    tally: Tally,
}

impl<S: Send<W>, R: Receive<W>, const W: usize> Ends for PeerEnds<S, R, W> {
    fn send(&mut self, number: u64) {
        self.sender.send(number);
    }

    fn receive(&mut self) {
        self.receiver.receive(&mut self.tally);
    }

    fn check(&self) -> anyhow::Result<()> {
        self.tally.check(W)
    }
}

/// Round trips between the ends that each side makes for itself.
pub fn trips<E: Ends>(
    job: &Job,
    there: impl FnOnce(&Control) -> anyhow::Result<E> + std::marker::Send,
    here: impl FnOnce(&Control) -> anyhow::Result<E>,
) -> anyhow::Result<Measured> {
    let parent = std::process::id();
    let there = move |control: &Control| {
        let mut ends = there(control)?;
        let other = Watched::new(parent.into())?;
        control.set(Word::Found, std::process::id().into());
        let mut number = 0;
        for phase in [2, 3] {
            control.meet(Side::There, phase);
            let end = control.get(Word::End);
            while number < end {
                ends.receive();
                let woken = Instant::now();
                other.pause(State::Asleep)?;
                // Seen by any reader that sees the message.
                control.set(Word::FoundToo, woken.elapsed().as_nanos() as u64);
                ends.send(number);
                number += 1;
            }
        }
        control.meet(Side::There, 4);
        ends.check()
    };
    job.two(Across::Processes, there, |control| {
        let mut ends = here(control)?;
        control.set(Word::End, WARM_UP);
        control.meet(Side::Here, 2);
        let other = Watched::new(control.get(Word::Found))?;
        let mut number = 0;
        let mut trips = |end: u64| -> anyhow::Result<_> {
            let mut times = histogram();
            while number < end {
                other.pause(State::Asleep)?;
                let began = Instant::now();
                ends.send(number);
                ends.receive();
                let took = began.elapsed();
                let took = took.checked_sub(Duration::from_nanos(control.get(Word::FoundToo)));
                let took = took.ok_or_else(|| anyhow::anyhow!("a trip shorter than the pause in it"))?;
                times.saturating_record(took.as_nanos() as u64);
                number += 1;
            }
            Ok(times)
        };
        let began = Instant::now();
        trips(WARM_UP)?;
        let count = as_many_as_fit(job.time, began.elapsed(), WARM_UP, LEAST, MOST);
        control.set(Word::End, WARM_UP + count);
        control.meet(Side::Here, 3);
        let times = trips(WARM_UP + count)?;
        control.meet(Side::Here, 4);
        ends.check()?;
        Ok(figures(&times))
    })
}
