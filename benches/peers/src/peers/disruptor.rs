//! `disruptor`: between threads; events are written and polled where they lie.

use disruptor::{
    BusySpin, EventPoller, MultiConsumerBarrier, Producer, SingleConsumerBarrier, SingleProducer,
    SingleProducerBarrier, build_single_producer,
};

use super::ends::Ends;
use crate::message::{Msg, Tally};
use crate::peer::{Abilities, Across, Peer, Receive, Send, Shape};

/// `disruptor`.
pub enum Disruptor {}

type Poller<const W: usize> = EventPoller<Msg<W>, SingleProducerBarrier>;

/// Its producer, whose type tells one reader from several.
pub enum Sender<const W: usize> {
    /// For one reader.
    One(SingleProducer<Msg<W>, SingleConsumerBarrier>),
    /// For several.
    Many(SingleProducer<Msg<W>, MultiConsumerBarrier>),
}

impl Peer for Disruptor {
    const NAME: &'static str = "disruptor";
    const ACROSS: Across = Across::Threads;
    const CAN: Abilities = Abilities { batches: true, broadcast: true, named: false };
    type Channel<const W: usize> = Ends<Sender<W>, Poller<W>>;
    type Sender<const W: usize> = Sender<W>;
    type Receiver<const W: usize> = Poller<W>;

    fn channel<const W: usize>(shape: &Shape) -> anyhow::Result<Self::Channel<W>> {
        let builder = build_single_producer(shape.slots, || Msg::new(0), BusySpin);
        let (first, builder) = builder.new_event_poller();
        if shape.readers == 1 {
            return Ok(Ends::new(Sender::One(builder.build()), vec![first]));
        }
        let (second, mut builder) = builder.new_event_poller();
        let mut pollers = vec![first, second];
        while pollers.len() < shape.readers {
            let (poller, more) = builder.new_event_poller();
            pollers.push(poller);
            builder = more;
        }
        Ok(Ends::new(Sender::Many(builder.build()), pollers))
    }

    fn sender<const W: usize>(ends: &Self::Channel<W>) -> anyhow::Result<Sender<W>> {
        ends.sender()
    }

    fn receiver<const W: usize>(ends: &Self::Channel<W>) -> anyhow::Result<Poller<W>> {
        ends.receiver()
    }
}

impl<const W: usize> Send<W> for Sender<W> {
    #[inline(always)]
    fn send(&mut self, number: u64) {
        match self {
            Sender::One(producer) => producer.publish(|message| message.fill(number)),
            Sender::Many(producer) => producer.publish(|message| message.fill(number)),
        }
    }

    #[inline(always)]
    fn send_batch(&mut self, number: u64, count: usize) {
        let messages = number..number + count as u64;
        match self {
            Sender::One(producer) => producer.batch_publish(count, |slots| {
                slots.zip(messages).for_each(|(message, number)| message.fill(number));
            }),
            Sender::Many(producer) => producer.batch_publish(count, |slots| {
                slots.zip(messages).for_each(|(message, number)| message.fill(number));
            }),
        }
    }
}

impl<const W: usize> Receive<W> for Poller<W> {
    #[inline(always)]
    fn receive(&mut self, tally: &mut Tally) {
        self.receive_batch(1, tally);
    }

    #[inline(always)]
    fn receive_batch(&mut self, most: usize, tally: &mut Tally) {
        loop {
            if let Ok(mut messages) = self.take(most as u64) {
                (&mut messages).for_each(|message| tally.take(message));
                return;
            }
            std::hint::spin_loop();
        }
    }
}
