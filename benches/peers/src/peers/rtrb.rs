//! `rtrb`: between threads. Batches are its chunks.

use rtrb::{Consumer, Producer, RingBuffer};

use super::ends::Ends;
use crate::message::{Msg, Tally};
use crate::peer::{Abilities, Across, Peer, Receive, Send, Shape, spin};

/// `rtrb`.
pub enum Rtrb {}

impl Peer for Rtrb {
    const NAME: &'static str = "rtrb";
    const ACROSS: Across = Across::Threads;
    const CAN: Abilities = Abilities { batches: true, broadcast: false, named: false };
    type Channel<const W: usize> = Ends<Producer<Msg<W>>, Consumer<Msg<W>>>;
    type Sender<const W: usize> = Producer<Msg<W>>;
    type Receiver<const W: usize> = Consumer<Msg<W>>;

    fn channel<const W: usize>(shape: &Shape) -> anyhow::Result<Self::Channel<W>> {
        let (producer, consumer) = RingBuffer::new(shape.slots);
        Ok(Ends::new(producer, vec![consumer]))
    }

    fn sender<const W: usize>(ends: &Self::Channel<W>) -> anyhow::Result<Producer<Msg<W>>> {
        ends.sender()
    }

    fn receiver<const W: usize>(ends: &Self::Channel<W>) -> anyhow::Result<Consumer<Msg<W>>> {
        ends.receiver()
    }
}

impl<const W: usize> Send<W> for Producer<Msg<W>> {
    #[inline(always)]
    fn send(&mut self, number: u64) {
        spin(|| self.push(Msg::new(number)).ok());
    }

    #[inline(always)]
    fn send_batch(&mut self, number: u64, count: usize) {
        spin(|| (self.slots() >= count).then_some(()));
        let chunk = self.write_chunk_uninit(count).expect("there is room");
        let sent = chunk.fill_from_iter((number..number + count as u64).map(Msg::new));
        assert_eq!(sent, count);
    }
}

impl<const W: usize> Receive<W> for Consumer<Msg<W>> {
    #[inline(always)]
    fn receive(&mut self, tally: &mut Tally) {
        tally.take(&spin(|| self.pop().ok()));
    }

    #[inline(always)]
    fn receive_batch(&mut self, most: usize, tally: &mut Tally) {
        let count = spin(|| Some(self.slots()).filter(|&slots| slots > 0)).min(most);
        let chunk = self.read_chunk(count).expect("they are there");
        let (first, second) = chunk.as_slices();
        first.iter().chain(second).for_each(|message| tally.take(message));
        chunk.commit_all();
    }
}
