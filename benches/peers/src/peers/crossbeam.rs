//! `crossbeam-channel`, bounded: between threads, polled by both sides.

use crossbeam_channel::{Receiver, Sender, bounded};

use super::ends::Ends;
use crate::message::{Msg, Tally};
use crate::peer::{Abilities, Across, Peer, Receive, Send, Shape, spin};

/// `crossbeam-channel`.
pub enum CrossbeamChannel {}

impl Peer for CrossbeamChannel {
    const NAME: &'static str = "crossbeam-channel";
    const ACROSS: Across = Across::Threads;
    const CAN: Abilities = Abilities { batches: false, broadcast: false, named: false };
    type Channel<const W: usize> = Ends<Sender<Msg<W>>, Receiver<Msg<W>>>;
    type Sender<const W: usize> = Sender<Msg<W>>;
    type Receiver<const W: usize> = Receiver<Msg<W>>;

    fn channel<const W: usize>(shape: &Shape) -> anyhow::Result<Self::Channel<W>> {
        let (sender, receiver) = bounded(shape.slots);
        Ok(Ends::new(sender, vec![receiver]))
    }

    fn sender<const W: usize>(ends: &Self::Channel<W>) -> anyhow::Result<Sender<Msg<W>>> {
        ends.sender()
    }

    fn receiver<const W: usize>(ends: &Self::Channel<W>) -> anyhow::Result<Receiver<Msg<W>>> {
        ends.receiver()
    }
}

impl<const W: usize> Send<W> for Sender<Msg<W>> {
    #[inline(always)]
    fn send(&mut self, number: u64) {
        spin(|| self.try_send(Msg::new(number)).ok());
    }
}

impl<const W: usize> Receive<W> for Receiver<Msg<W>> {
    #[inline(always)]
    fn receive(&mut self, tally: &mut Tally) {
        tally.take(&spin(|| self.try_recv().ok()));
    }
}
