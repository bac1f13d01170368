//! `shaq`: its queue between two processes, in a file on /dev/shm; items are written and read where they lie.
//!
//! # Safety
//! The queue's file is this run's own: one side creates it as its only producer, the other joins as its only consumer.

#![allow(unsafe_code)]

use std::fs::{File, OpenOptions};
use std::path::PathBuf;

use shaq::spsc::{Consumer, Producer, minimum_file_size};

use crate::message::{Msg, Tally};
use crate::peer::{Abilities, Across, Peer, Receive, Send, Shape, spin};

/// `shaq`.
pub enum Shaq {}

/// Where the queue's file will be, and for how many items.
pub struct Place {
    path: PathBuf,
    slots: usize,
}

impl Place {
    fn file(&self) -> anyhow::Result<File> {
        Ok(OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&self.path)?)
    }
}

impl Peer for Shaq {
    const NAME: &'static str = "shaq";
    const ACROSS: Across = Across::Processes;
    const CAN: Abilities = Abilities { batches: true, broadcast: false, named: true };
    type Channel<const W: usize> = Place;
    type Sender<const W: usize> = Producer<Msg<W>>;
    type Receiver<const W: usize> = Consumer<Msg<W>>;

    fn channel<const W: usize>(shape: &Shape) -> anyhow::Result<Place> {
        Ok(Place { path: shape.dir.join(shape.name), slots: shape.slots })
    }

    fn sender<const W: usize>(place: &Place) -> anyhow::Result<Producer<Msg<W>>> {
        // SAFETY: the run's one sender creates the file; messages are plain words.
        let producer = unsafe { Producer::create(&place.file()?, minimum_file_size::<Msg<W>>(place.slots)) };
        producer.map_err(|error| anyhow::anyhow!("shaq: {error:?}"))
    }

    fn receiver<const W: usize>(place: &Place) -> anyhow::Result<Consumer<Msg<W>>> {
        // SAFETY: the run's one receiver joins it, with the same type.
        let consumer = unsafe { Consumer::join(&place.file()?) };
        consumer.map_err(|error| anyhow::anyhow!("shaq: {error:?}"))
    }
}

impl<const W: usize> Send<W> for Producer<Msg<W>> {
    #[inline(always)]
    fn send(&mut self, number: u64) {
        self.send_batch(number, 1);
    }

    #[inline(always)]
    fn send_batch(&mut self, number: u64, count: usize) {
        for number in number..number + count as u64 {
            loop {
                // SAFETY: what is reserved is written before it is committed.
                if let Some(slot) = unsafe { self.reserve() } {
                    // SAFETY: it points to room for an item, which is this side's until it is committed.
                    unsafe { slot.write(Msg::new(number)) };
                    break;
                }
                // Whatever is waited for may be waiting for what was reserved.
                self.commit();
                self.sync();
                std::hint::spin_loop();
            }
        }
        self.commit();
    }
}

impl<const W: usize> Receive<W> for Consumer<Msg<W>> {
    #[inline(always)]
    fn receive(&mut self, tally: &mut Tally) {
        self.receive_batch(1, tally);
    }

    #[inline(always)]
    fn receive_batch(&mut self, most: usize, tally: &mut Tally) {
        spin(|| match self.try_read() {
            Some(message) => {
                tally.take(message);
                Some(())
            }
            None => {
                self.sync();
                None
            }
        });
        for _ in 1..most {
            let Some(message) = self.try_read() else { break };
            tally.take(message);
        }
        self.finalize();
    }
}
