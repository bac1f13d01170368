//! Each message to two readers, without loss. With two cores, the readers take turns in one process or thread.

use super::BATCH;
use super::throughput::{DONE, PHASES, measure};
use crate::control::{Control, Side, Word};
use crate::crew::{Job, Measured};
use crate::message::Tally;
use crate::peer::{Peer, Receive, Send, Shape};

/// How many readers there are.
pub const READERS: usize = 2;

/// Messages per second of `W` words, each of which every reader reads.
pub fn run<P: Peer, const W: usize>(job: &Job, slots: usize, batched: bool) -> anyhow::Result<Measured> {
    let channel = P::channel::<W>(&Shape::new(slots, &job.dir, "stream").readers(READERS))?;
    let there = |control: &Control| {
        control.meet(Side::There, 1);
        let mut receivers = Vec::new();
        for _ in 0..READERS {
            receivers.push((P::receiver(&channel)?, Tally::default()));
        }
        for phase in PHASES {
            control.meet(Side::There, phase);
            let end = control.get(Word::End);
            let mut reached = receivers[0].1.next;
            while reached < end {
                let most = if batched { BATCH.min((end - reached) as usize) } else { 1 };
                let (receiver, tally) = &mut receivers[0];
                read(receiver, tally, most);
                reached = tally.next;
                for (receiver, tally) in &mut receivers[1..] {
                    while tally.next < reached {
                        read(receiver, tally, (reached - tally.next) as usize);
                    }
                }
            }
            control.set(Word::Reached, reached);
        }
        control.meet(Side::There, DONE);
        receivers.iter().try_for_each(|(_, tally)| tally.check(W))
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

#[inline(always)]
fn read<R: Receive<W>, const W: usize>(receiver: &mut R, tally: &mut Tally, most: usize) {
    if most == 1 { receiver.receive(tally) } else { receiver.receive_batch(most, tally) }
}
