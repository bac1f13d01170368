//! Ringway itself, as its users would use it: short messages are published by reference, longer ones and
//! batches written where they lie; all are read there.
//!
//! # Safety
//! The rings' files lie in a directory that this run has made for itself, mode 0700.

#![allow(unsafe_code)]

use std::marker::PhantomData;
use std::path::PathBuf;
use std::time::Duration;

use ringway::anon::{AnonOptions, AnonRing};
use ringway::file::{self, FileRing};
use ringway::{Config, Consumer, Observer, Outcome, Producer, Resume, Ring, Start, Stride, Wait};
use zerocopy::IntoBytes;

use super::Visit;
use crate::message::{Msg, Tally, view, write};
use crate::peer::{Abilities, Across, Lossy, Peer, Receive, ReceiveLate, Send, Shape};

/// Messages up to this many bytes are published from the caller's own memory.
const SHORT: usize = 64;
/// Places for consumers that a ring has by default.
const PLACES: usize = 16;
/// Nothing here waits longer, unless something is wrong.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// A ring in a file as a new user gets it: its peers aren't trusted, its handles wait as they wait by default.
pub enum AsItComes {}
/// A ring in a file on /dev/shm whose peers are trusted, its slots lying as `S` says.
pub struct Trusted<S>(PhantomData<S>);
/// A ring in anonymous memory.
pub enum Anonymous {}

/// How slots lie.
pub trait Slots: 'static {
    /// A variant with such slots, as it is printed.
    const NAME: &'static str;
    /// What the ring is asked for.
    const STRIDE: Stride;
    /// The longest message that fits, in bytes.
    const LONGEST: usize;
}

macro_rules! strides {
    ($($(#[$doc:meta])* $name:ident: $text:literal, $stride:ident, $longest:expr;)+) => {
        $(
            $(#[$doc])*
            pub enum $name {}

            impl Slots for $name {
                const NAME: &'static str = $text;
                const STRIDE: Stride = Stride::$stride;
                const LONGEST: usize = $longest;
            }
        )+

        /// The variants by how their slots lie: names, and what rings are asked for.
        pub const STRIDES: &[(&str, Stride)] = &[$(($text, Stride::$stride)),+];

        /// Shows a visitor a variant for each way in which slots lie.
        pub fn each_stride(visitor: &mut impl Visit) {
            $(visitor.peer::<Trusted<$name>>();)+
        }
    };
}

// A line each: its type, its name in tables, the kind of stride, the longest message.
strides! {
    /// At multiples of 64 bytes: the default.
    Aligned: "ringway, trusted", Aligned, usize::MAX;
    /// As close together as can be.
    Packed: "ringway, packed", Packed, usize::MAX;
    /// A cache line each, messages of one length.
    Line: "ringway, line", Line, 56;
    /// Stamps apart from payloads, messages of one length.
    Split: "ringway, split", Split, usize::MAX;
}

const CAN: Abilities = Abilities { batches: true, broadcast: true, named: true };

/// Cache lines that a message of so many bytes takes in a ring of this kind.
pub fn lines_per_message(stride: Stride, bytes: usize) -> Option<f64> {
    const SLOTS: u64 = 1 << 16;
    let config = |slots| Config::new().slots(slots).payload_capacity(bytes as u64).stride(stride);
    let length = |slots| config(slots).footprint(4096);
    Some((length(2 * SLOTS)? - length(SLOTS)?) as f64 / SLOTS as f64 / 64.0)
}

impl Peer for AsItComes {
    const NAME: &'static str = "ringway, as it comes";
    const ACROSS: Across = Across::Processes;
    const CAN: Abilities = CAN;
    type Channel<const W: usize> = Place;
    type Sender<const W: usize> = Sender<W>;
    type Receiver<const W: usize> = Receiver;

    fn channel<const W: usize>(shape: &Shape) -> anyhow::Result<Place> {
        Ok(Place::as_it_comes::<W>(shape))
    }

    fn sender<const W: usize>(place: &Place) -> anyhow::Result<Sender<W>> {
        Ok(Sender(place.create()?.producer()?))
    }

    fn receiver<const W: usize>(place: &Place) -> anyhow::Result<Receiver> {
        Ok(Receiver(place.open()?.consumer(Start::Oldest)?))
    }
}

impl<S: Slots> Peer for Trusted<S> {
    const NAME: &'static str = S::NAME;
    const ACROSS: Across = Across::Processes;
    const CAN: Abilities = CAN;
    const LONGEST: usize = S::LONGEST;
    type Channel<const W: usize> = Place;
    type Sender<const W: usize> = Sender<W>;
    type Receiver<const W: usize> = Receiver;

    fn channel<const W: usize>(shape: &Shape) -> anyhow::Result<Place> {
        Ok(Place::trusted::<W>(shape, S::STRIDE))
    }

    fn sender<const W: usize>(place: &Place) -> anyhow::Result<Sender<W>> {
        Sender::new(&place.create()?)
    }

    fn receiver<const W: usize>(place: &Place) -> anyhow::Result<Receiver> {
        Receiver::new(&place.open()?)
    }
}

impl Peer for Anonymous {
    const NAME: &'static str = "ringway, anonymous";
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

impl Lossy for AsItComes {
    type Late<const W: usize> = Late;

    fn late<const W: usize>(place: &Place) -> anyhow::Result<Late> {
        place.late()
    }
}

impl<S: Slots> Lossy for Trusted<S> {
    type Late<const W: usize> = Late;

    fn late<const W: usize>(place: &Place) -> anyhow::Result<Late> {
        place.late()
    }
}

fn config<const W: usize>(shape: &Shape, stride: Stride) -> Config {
    plain::<W>(shape).stride(stride).max_consumers(shape.readers as u64)
}

/// What a new user says, and nothing more.
fn plain<const W: usize>(shape: &Shape) -> Config {
    Config::new().slots(shape.slots as u64).payload_capacity(Msg::<W>::BYTES as u64)
}

/// Where a ring's file will be, what it will hold, and whether its peers are trusted.
pub struct Place {
    path: PathBuf,
    config: Config,
    trusted: bool,
}

impl Place {
    pub(super) fn trusted<const W: usize>(shape: &Shape, stride: Stride) -> Self {
        Self { path: shape.dir.join(shape.name), config: config::<W>(shape, stride), trusted: true }
    }

    pub(super) fn as_it_comes<const W: usize>(shape: &Shape) -> Self {
        let config = plain::<W>(shape);
        // Unless the default isn't enough.
        let config = if shape.readers > PLACES { config.max_consumers(shape.readers as u64) } else { config };
        Self { path: shape.dir.join(shape.name), config, trusted: false }
    }

    pub(super) fn create(&self) -> anyhow::Result<FileRing> {
        Ok(self.ring(file::create(&self.path, &self.config)?))
    }

    pub(super) fn open(&self) -> anyhow::Result<FileRing> {
        Ok(self.ring(file::open(&self.path)?))
    }

    fn late(&self) -> anyhow::Result<Late> {
        Ok(Late(self.open()?.observer(Start::Oldest, Resume::OldestSafe)?))
    }

    fn ring(&self, ring: FileRing) -> FileRing {
        if !self.trusted {
            return ring;
        }
        // SAFETY: nobody but this run's processes knows the file, and they write it through the library alone.
        unsafe { ring.trust_peers() }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_takes_the_lines_of_its_slot() {
        for (stride, bytes, lines) in [
            (Stride::Aligned, 48, 1.0),
            (Stride::Aligned, 64, 2.0),
            (Stride::Packed, 48, 1.0),
            (Stride::Packed, 64, 1.25),
        ] {
            assert_eq!(lines_per_message(stride, bytes), Some(lines), "{stride:?}, {bytes} bytes");
        }
    }

    #[test]
    fn a_new_user_gets_the_default_number_of_places() {
        assert_eq!(plain::<6>(&Shape::new(1024, std::path::Path::new("/"), "ring")), Config::new());
        assert_eq!(Config::new().max_consumers(PLACES as u64), Config::new());
    }
}
