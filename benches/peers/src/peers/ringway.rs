//! Ringway itself, as its users would use it: short messages are published by reference, longer ones and
//! batches written where they lie; all are read there.
//!
//! # Safety
//! The rings' files lie in a directory that this run has made for itself, mode 0700.

#![allow(unsafe_code)]

use std::path::PathBuf;
use std::time::Duration;

use ringway::anon::{AnonOptions, AnonRing};
use ringway::file::{FileRing, OpenOptions};
use ringway::{Config, Consumer, Observer, Outcome, Producer, Resume, Ring, Start, Stride, Wait};
use zerocopy::IntoBytes;

use crate::message::{Msg, Tally, view, write};
use crate::peer::{Abilities, Across, Lossy, Peer, Receive, ReceiveLate, Send, Shape};

/// Messages up to this many bytes are published from the caller's own memory.
const SHORT: usize = 64;
/// Nothing here waits longer, unless something is wrong.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// A ring in a file on /dev/shm, its slots at multiples of 64 bytes.
pub enum InFile {}
/// The same, its slots as close together as can be.
pub enum Packed {}
/// A ring in anonymous memory.
pub enum Anonymous {}

const CAN: Abilities = Abilities { batches: true, broadcast: true, named: true };

impl Peer for InFile {
    const NAME: &'static str = "ringway";
    const ACROSS: Across = Across::Processes;
    const CAN: Abilities = CAN;
    type Channel<const W: usize> = Place;
    type Sender<const W: usize> = Sender<W>;
    type Receiver<const W: usize> = Receiver;

    fn channel<const W: usize>(shape: &Shape) -> anyhow::Result<Place> {
        Ok(Place::new::<W>(shape, Stride::Aligned))
    }

    fn sender<const W: usize>(place: &Place) -> anyhow::Result<Sender<W>> {
        Sender::new(&place.create()?)
    }

    fn receiver<const W: usize>(place: &Place) -> anyhow::Result<Receiver> {
        Receiver::new(&place.open()?)
    }
}

impl Peer for Packed {
    const NAME: &'static str = "ringway packed";
    const ACROSS: Across = Across::Processes;
    const CAN: Abilities = CAN;
    type Channel<const W: usize> = Place;
    type Sender<const W: usize> = Sender<W>;
    type Receiver<const W: usize> = Receiver;

    fn channel<const W: usize>(shape: &Shape) -> anyhow::Result<Place> {
        Ok(Place::new::<W>(shape, Stride::Packed))
    }

    fn sender<const W: usize>(place: &Place) -> anyhow::Result<Sender<W>> {
        Sender::new(&place.create()?)
    }

    fn receiver<const W: usize>(place: &Place) -> anyhow::Result<Receiver> {
        Receiver::new(&place.open()?)
    }
}

impl Peer for Anonymous {
    const NAME: &'static str = "ringway anon";
    const ACROSS: Across = Across::Processes;
    const CAN: Abilities = Abilities { named: false, ..CAN };
    type Channel<const W: usize> = AnonRing;
    type Sender<const W: usize> = Sender<W>;
    type Receiver<const W: usize> = Receiver;

    fn channel<const W: usize>(shape: &Shape) -> anyhow::Result<AnonRing> {
        Ok(AnonOptions::new().populate(true).create(&config::<W>(shape, Stride::Aligned))?)
    }

    fn sender<const W: usize>(ring: &AnonRing) -> anyhow::Result<Sender<W>> {
        Sender::new(ring)
    }

    fn receiver<const W: usize>(ring: &AnonRing) -> anyhow::Result<Receiver> {
        Receiver::new(ring)
    }
}

impl Lossy for InFile {
    type Late<const W: usize> = Late;

    fn late<const W: usize>(place: &Place) -> anyhow::Result<Late> {
        Ok(Late(place.open()?.observer(Start::Oldest, Resume::OldestSafe)?))
    }
}

fn config<const W: usize>(shape: &Shape, stride: Stride) -> Config {
    Config::new()
        .slots(shape.slots as u64)
        .payload_capacity(Msg::<W>::BYTES as u64)
        .stride(stride)
        .max_consumers(shape.readers as u64)
}

/// Where a ring's file will be, and what it will hold.
pub struct Place {
    path: PathBuf,
    config: Config,
}

impl Place {
    pub(super) fn new<const W: usize>(shape: &Shape, stride: Stride) -> Self {
        Self { path: shape.dir.join(shape.name), config: config::<W>(shape, stride) }
    }

    pub(super) fn create(&self) -> anyhow::Result<FileRing> {
        Ok(trusted(OpenOptions::new().create(&self.path, &self.config)?))
    }

    pub(super) fn open(&self) -> anyhow::Result<FileRing> {
        Ok(trusted(OpenOptions::new().open(&self.path)?))
    }
}

fn trusted(ring: FileRing) -> FileRing {
    // SAFETY: nobody but this run's processes knows the file, and they write it through the library alone.
    unsafe { ring.trust_peers() }
}

/// A producer.
pub struct Sender<const W: usize>(pub(super) Producer);

impl<const W: usize> Sender<W> {
    const SHORT: bool = Msg::<W>::BYTES <= SHORT;

    pub(super) fn new(ring: &impl Ring) -> anyhow::Result<Self> {
        let mut producer = ring.producer()?;
        producer.set_wait(Wait::Spin);
        Ok(Self(producer))
    }
}

impl<const W: usize> Send<W> for Sender<W> {
    #[inline(always)]
    fn send(&mut self, number: u64) {
        if Self::SHORT {
            self.0.publish(Msg::<W>::new(number).as_bytes()).expect("room");
        } else {
            let mut claim = self.0.claim(Msg::<W>::BYTES).expect("room");
            write::<W>(&mut claim, number);
            claim.commit().expect("this process claimed it");
        }
    }

    #[inline(always)]
    fn send_batch(&mut self, number: u64, count: usize) {
        // A ring's first message has number 0, as here.
        debug_assert_eq!(self.0.next_seq(), number);
        self.0.publish_batch_with(count, Msg::<W>::BYTES, |seq, bytes| write::<W>(bytes, seq)).expect("room");
    }
}

/// A consumer.
pub struct Receiver(Consumer);

impl Receiver {
    fn new(ring: &impl Ring) -> anyhow::Result<Self> {
        let mut consumer = ring.consumer(Start::Oldest)?;
        consumer.set_wait(Wait::Spin);
        Ok(Self(consumer))
    }
}

impl<const W: usize> Receive<W> for Receiver {
    #[inline(always)]
    fn receive(&mut self, tally: &mut Tally) {
        match self.0.recv_timeout(PATIENCE).expect("a sound ring") {
            Outcome::Message(message) => tally.take(view::<W>(&message)),
            other => panic!("expected a message, got {other:?}"),
        }
    }

    #[inline(always)]
    fn receive_batch(&mut self, most: usize, tally: &mut Tally) {
        match self.0.recv_batch_timeout(most, PATIENCE).expect("a sound ring") {
            Outcome::Message(batch) => {
                // A copy, which the compiler keeps in registers.
                let mut counted = *tally;
                for message in &batch {
                    counted.take(view::<W>(&message));
                }
                *tally = counted;
            }
            other => panic!("expected messages, got {other:?}"),
        }
    }
}

/// An observer.
pub struct Late(Observer);

impl<const W: usize> ReceiveLate<W> for Late {
    #[inline(always)]
    fn receive_late(&mut self, tally: &mut Tally) -> bool {
        match self.0.try_recv().expect("a sound ring") {
            Outcome::Message(message) => {
                tally.take_later(view::<W>(&message));
                true
            }
            // Counted by the observer itself.
            Outcome::Empty | Outcome::Lagged(_) => false,
            other => panic!("expected a message, got {other:?}"),
        }
    }

    fn told_lost(&self) -> Option<u64> {
        Some(self.0.lost())
    }
}
