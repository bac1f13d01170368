//! Ringway with a receiver that waits asleep, in either way to wake it. Messages are short, and go one by one.

use std::marker::PhantomData;

use anyhow::ensure;
use ringway::{Consumer, Outcome, Ring, Start, Stride, Wait, WakeMode};

use super::ringway::{PATIENCE, Place, Sender};
use crate::message::{Tally, view};
use crate::peer::{Abilities, Across, Peer, Receive, Shape};

/// How the receiver waits, and how the sender would wake it.
pub trait Way: 'static {
    /// As it is printed.
    const NAME: &'static str;
    /// How the receiver waits.
    const WAIT: Wait;
    /// How the sender wakes it.
    const MODE: WakeMode;
    /// Whether the ring's peers are trusted; else it is as it comes.
    const TRUSTED: bool;
    /// Whether it ever sleeps.
    const SLEEPS: bool = matches!(Self::WAIT, Wait::Park);
}

macro_rules! ways {
    ($($(#[$doc:meta])* $name:ident: $text:literal, $wait:ident, $mode:ident, $trusted:literal;)+) => {
        $(
            $(#[$doc])*
            pub enum $name {}

            impl Way for $name {
                const NAME: &'static str = $text;
                const WAIT: Wait = Wait::$wait;
                const MODE: WakeMode = WakeMode::$mode;
                const TRUSTED: bool = $trusted;
            }
        )+
    };
}

ways! {
    /// A sleeper as a new user gets it.
    ParksAsItComes: "ringway, as it comes", Park, Asymmetric, false;
    /// A sleeper, which has the kernel execute the sender's fence.
    Parks: "ringway, trusted, asymmetric", Park, Asymmetric, true;
    /// A sleeper, whose sender executes a fence each time.
    ParksFenced: "ringway, trusted, fenced", Park, Fenced, true;
    /// No sleeper.
    Spins: "ringway, trusted, asymmetric, polled", Spin, Asymmetric, true;
    /// No sleeper, and a sender that executes a fence each time.
    SpinsFenced: "ringway, trusted, fenced, polled", Spin, Fenced, true;
}

/// Ringway in a file, with one way to wait.
pub struct Waiting<K>(PhantomData<K>);

impl<K: Way> Peer for Waiting<K> {
    const NAME: &'static str = K::NAME;
    const ACROSS: Across = Across::Processes;
    const CAN: Abilities = Abilities { batches: false, broadcast: true, named: true };
    type Channel<const W: usize> = Place;
    type Sender<const W: usize> = Sender<W>;
    type Receiver<const W: usize> = Waiter<K, W>;

    fn channel<const W: usize>(shape: &Shape) -> anyhow::Result<Place> {
        Ok(if K::TRUSTED {
            Place::trusted::<W>(shape, Stride::Aligned)
        } else {
            Place::as_it_comes::<W>(shape)
        })
    }

    fn sender<const W: usize>(place: &Place) -> anyhow::Result<Sender<W>> {
        let ring = place.create()?;
        if !K::TRUSTED {
            let producer = ring.producer()?;
            ensure!(producer.wake_mode()? == K::MODE, "the kernel allows no membarrier here");
            return Ok(Sender(producer));
        }
        let mut sender = Sender::new(&ring)?;
        ensure!(sender.0.set_wake_mode(K::MODE)? == K::MODE, "the kernel allows no membarrier here");
        Ok(sender)
    }

    fn receiver<const W: usize>(place: &Place) -> anyhow::Result<Waiter<K, W>> {
        let mut consumer = place.open()?.consumer(Start::Oldest)?;
        consumer.set_wait(K::WAIT);
        Ok(Waiter(consumer, PhantomData))
    }
}

/// A consumer that waits in its way.
pub struct Waiter<K, const W: usize>(Consumer, PhantomData<K>);

impl<K: Way, const W: usize> Receive<W> for Waiter<K, W> {
    #[inline(always)]
    fn receive(&mut self, tally: &mut Tally) {
        match self.0.recv_timeout(PATIENCE).expect("a sound ring") {
            Outcome::Message(message) => tally.take(view::<W>(&message)),
            other => panic!("expected a message, got {other:?}"),
        }
    }
}
