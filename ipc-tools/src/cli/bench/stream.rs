//! Streams of messages from this process to a forked one, through a ring or over bare cache lines.
//!
//! # Safety
//!
//! The one `unsafe` call is the fork. No role is taken on a ring before it, and this program has no second thread.

#![allow(unsafe_code)]

use std::cell::Cell;
use std::time::Instant;

use anyhow::{Context, bail};
use nix::unistd::Pid;
use ringway::anon::{AnonOptions, fork};
use ringway::{Config, Outcome, PublishError, Ring, Start};

use crate::floor::cores::Cores;
use crate::floor::lines::Lines;
use crate::options::WaitChoice;
use crate::partner::{Name, Partner, SLICE, give_up};
use crate::pingpong::{Interrupted, wait_for};
use crate::signals::Signals;

/// Slots of the ring, and messages in flight over bare lines.
const SLOTS: u64 = 1024;
/// Messages in a batch.
const BATCH: usize = 64;
/// The reader over bare lines says how far it has come after so many messages.
const CHUNK: u64 = SLOTS / 4;

const NAME: Name = Name { program: "ringway bench", process: "reading" };

/// How messages are handed over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
    /// Through a ring, one by one.
    Single,
    /// Through a ring, in batches.
    Batch,
    /// Over bare lines, as many as a message takes.
    Lines,
}

/// Streams of messages of one size.
pub(super) struct Stream<'a> {
    size: usize,
    wait: WaitChoice,
    cores: &'a Cores,
    signals: &'a Signals,
    bare: Bare,
    signs: Lines,
    /// Number of the last stream.
    last: Cell<u64>,
}

/// Lines by which the two sides meet: the reader is there, and has read all.
const THERE: u64 = 0;
const DONE: u64 = 1;

impl<'a> Stream<'a> {
    pub(super) fn new(
        size: usize,
        wait: WaitChoice,
        cores: &'a Cores,
        signals: &'a Signals,
    ) -> anyhow::Result<Self> {
        // A slot has a header of 16 bytes, and begins with a line.
        let bare = Bare::new((size as u64 + 16).div_ceil(64))?;
        let signs = Lines::new().context("can't map cache lines")?;
        Ok(Self { size, wait, cores, signals, bare, signs, last: Cell::new(0) })
    }

    /// Sends so many messages; returns nanoseconds a message, from the first one sent to the last one read.
    pub(super) fn run(&self, way: Way, count: u64) -> anyhow::Result<f64> {
        let config = Config::new().slots(SLOTS).payload_capacity(self.size as u64).max_consumers(1);
        let ring = AnonOptions::new().populate(true).create(&config)?;
        let Self { bare, signs, .. } = self;
        let number = self.last.get() + 1;
        self.last.set(number);
        let parent = Pid::this();
        let read = || {
            match way {
                Way::Lines => {
                    signs.pair(THERE).pong.pass(number);
                    bare.read(count, self.wait)?;
                }
                _ => self.receive(&ring, way, count, || signs.pair(THERE).pong.pass(number))?,
            }
            signs.pair(DONE).pong.pass(number);
            Ok(())
        };
        let child = || NAME.run(parent, self.cores, read);
        // SAFETY: no role was taken yet, so there is nothing that could be borrowed from one.
        let mut reader = Partner::new(NAME, unsafe { fork(child) }?);
        self.cores.bind(0)?;
        let mut producer = ring.producer()?;
        producer.set_wait(self.wait.into());
        let mut check =
            |slices| if self.signals.stopped() { Err(Interrupted.into()) } else { reader.check(slices) };
        wait_for(signs.pair(THERE).pong, number, self.wait, &mut check)?;
        let began = Instant::now();
        match way {
            Way::Lines => bare.write(count, self.wait, &mut check)?,
            Way::Single => {
                let mut message = vec![7; self.size];
                for seq in 0..count {
                    message[..8].copy_from_slice(&seq.to_ne_bytes());
                    let mut slices = 0;
                    while let Err(error) = producer.publish_timeout(&message, SLICE) {
                        full(&error, &mut slices, &mut check)?;
                    }
                }
            }
            Way::Batch => {
                let mut seq = 0;
                while seq < count {
                    let batch = BATCH.min((count - seq) as usize);
                    let mut slices = 0;
                    let write = |at: u64, message: &mut [u8]| {
                        message.fill(7);
                        message[..8].copy_from_slice(&at.to_ne_bytes());
                    };
                    while let Err(error) = producer.publish_all_with_timeout(batch, self.size, SLICE, write) {
                        full(&error, &mut slices, &mut check)?;
                    }
                    seq += batch as u64;
                }
            }
        }
        wait_for(signs.pair(DONE).pong, number, self.wait, &mut check)?;
        let taken = began.elapsed();
        reader.finish()?;
        Ok(taken.as_nanos() as f64 / count as f64)
    }

    /// Receives so many messages, each of which must be the next one, whole.
    fn receive(&self, ring: &dyn Ring, way: Way, count: u64, ready: impl FnOnce()) -> anyhow::Result<()> {
        let mut consumer = ring.consumer(Start::Oldest)?;
        consumer.set_wait(self.wait.into());
        ready();
        let (mut next, mut slices) = (0, 0);
        let expect = |next: u64, message: &[u8]| {
            let (number, rest) = message.split_at_checked(8).unwrap_or_default();
            if number != next.to_ne_bytes()
                || rest.last().is_some_and(|&last| last != 7)
                || message.len() != self.size
            {
                bail!("message {next} came changed");
            }
            Ok(())
        };
        while next < count {
            let came = if way == Way::Batch {
                match consumer.recv_batch_timeout(BATCH, SLICE)? {
                    Outcome::Message(batch) => {
                        for message in &batch {
                            expect(next, &message)?;
                            next += 1;
                        }
                        true
                    }
                    Outcome::Closed | Outcome::ProducerLost => bail!("the producer is gone"),
                    _ => false,
                }
            } else {
                match consumer.recv_timeout(SLICE)? {
                    Outcome::Message(message) => {
                        expect(next, &message)?;
                        next += 1;
                        true
                    }
                    Outcome::Closed | Outcome::ProducerLost => bail!("the producer is gone"),
                    _ => false,
                }
            };
            slices = if came { 0 } else { slices + 1 };
            give_up(slices)?;
        }
        Ok(())
    }
}

/// A publish that found no room says so to `check`; any other error ends the stream.
fn full(
    error: &PublishError,
    slices: &mut u32,
    check: &mut impl FnMut(u32) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    if !matches!(error, PublishError::Full(_)) {
        bail!("{error}");
    }
    *slices += 1;
    check(*slices)
}

/// Bare cache lines, as many for each message as its slot takes in a ring, and as many messages as slots.
struct Bare {
    lines: Lines,
    /// Lines of a message.
    each: u64,
    /// Where the next stream begins: no number passes over a line twice.
    from: Cell<u64>,
}

impl Bare {
    fn new(each: u64) -> anyhow::Result<Self> {
        let lines = Lines::rotation((SLOTS * each) as usize).context("can't map the floor's cache lines")?;
        Ok(Self { lines, each, from: Cell::new(0) })
    }

    /// Passes the numbers of messages over their lines, the first line last: it says that the others are there.
    fn write(
        &self,
        count: u64,
        wait: WaitChoice,
        check: &mut impl FnMut(u32) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let from = self.from.get();
        self.from.set((from + count).next_multiple_of(SLOTS));
        for seq in from..from + count {
            if seq % CHUNK == 0 && seq >= from + SLOTS {
                let read = (seq - SLOTS) / CHUNK;
                wait_for(self.lines.pair(read).pong, read + 1, wait, &mut *check)?;
            }
            let first = (seq % SLOTS) * self.each;
            for line in (0..self.each).rev() {
                self.lines.pair(first + line).ping.pass(seq + 1);
            }
        }
        Ok(())
    }

    fn read(&self, count: u64, wait: WaitChoice) -> anyhow::Result<()> {
        let from = self.from.get();
        for seq in from..from + count {
            let first = (seq % SLOTS) * self.each;
            wait_for(self.lines.pair(first).ping, seq + 1, wait, give_up)?;
            // Passed before the first one, so they are there.
            if (1..self.each).any(|line| !self.lines.pair(first + line).ping.holds(seq + 1)) {
                bail!("a bare line of message {seq} came late");
            }
            if (seq + 1) % CHUNK == 0 {
                let read = seq / CHUNK;
                self.lines.pair(read).pong.pass(read + 1);
            }
        }
        Ok(())
    }
}
