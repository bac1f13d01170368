//! `ringfire`: a ring in a file on /dev/shm, between processes. It copies messages in and out.

use std::path::PathBuf;

use ringfire::{
    BusySpin, FlowControl, RecvStatus, RingConsumer, RingConsumerBuilder, RingProducer, RingProducerBuilder,
};

use crate::message::{Msg, Tally};
use crate::peer::{Abilities, Across, Lossy, Peer, Receive, ReceiveLate, Send, Shape, spin};

/// `ringfire`.
pub enum Ringfire {}

/// The longest batch.
const BATCH: usize = 64;

/// Where the ring's file will be, and what it will hold.
pub struct Place {
    path: PathBuf,
    shape: Shape,
}

/// A producer, and room for a batch of messages.
pub struct Sender<const W: usize>(RingProducer<Msg<W>>, Vec<Msg<W>>);

/// A consumer, and room for a batch of messages.
pub struct Receiver<const W: usize>(RingConsumer<Msg<W>>, Vec<Msg<W>>);

impl Peer for Ringfire {
    const NAME: &'static str = "ringfire";
    const ACROSS: Across = Across::Processes;
    const CAN: Abilities = Abilities { batches: true, broadcast: true, named: true };
    type Channel<const W: usize> = Place;
    type Sender<const W: usize> = Sender<W>;
    type Receiver<const W: usize> = Receiver<W>;

    fn channel<const W: usize>(shape: &Shape) -> anyhow::Result<Place> {
        Ok(Place { path: shape.dir.join(shape.name), shape: shape.clone() })
    }

    fn sender<const W: usize>(place: &Place) -> anyhow::Result<Sender<W>> {
        let Shape { slots, readers, lossless, .. } = place.shape;
        let flow = if lossless { FlowControl::LosslessBackpressure } else { FlowControl::LossyLatestWins };
        let builder = RingProducerBuilder::new(slots as u64).flow_control(flow).max_readers(readers);
        Ok(Sender(builder.build(&place.path)?, vec![Msg::new(0); BATCH]))
    }

    fn receiver<const W: usize>(place: &Place) -> anyhow::Result<Receiver<W>> {
        let consumer = RingConsumerBuilder::new().start_from_oldest().attach(&place.path)?;
        Ok(Receiver(consumer, vec![Msg::new(0); BATCH]))
    }
}

impl Lossy for Ringfire {
    type Late<const W: usize> = Receiver<W>;

    fn late<const W: usize>(place: &Place) -> anyhow::Result<Receiver<W>> {
        Self::receiver(place)
    }
}

impl<const W: usize> Send<W> for Sender<W> {
    #[inline(always)]
    fn send(&mut self, number: u64) {
        self.0.push(&Msg::new(number));
    }

    #[inline(always)]
    fn send_batch(&mut self, number: u64, count: usize) {
        let messages = self.1.iter_mut().zip(number..number + count as u64);
        messages.for_each(|(message, number)| message.fill(number));
        self.0.push_batch(&self.1[..count]);
    }
}

impl<const W: usize> Receive<W> for Receiver<W> {
    #[inline(always)]
    fn receive(&mut self, tally: &mut Tally) {
        tally.take(&self.0.recv_blocking(&mut BusySpin::new()));
    }

    #[inline(always)]
    fn receive_batch(&mut self, most: usize, tally: &mut Tally) {
        let room = &mut self.1[..most.min(BATCH)];
        let count = spin(|| Some(self.0.recv_batch(room)).filter(|&count| count > 0));
        room[..count].iter().for_each(|message| tally.take(message));
    }
}

impl<const W: usize> ReceiveLate<W> for Receiver<W> {
    #[inline(always)]
    fn receive_late(&mut self, tally: &mut Tally) -> bool {
        match self.0.recv_status() {
            RecvStatus::Ok(message) | RecvStatus::Lapped { item: message, .. } => {
                tally.take_later(&message);
                true
            }
            RecvStatus::Empty => false,
        }
    }

    fn told_lost(&self) -> Option<u64> {
        Some(self.0.lapped_count())
    }
}
