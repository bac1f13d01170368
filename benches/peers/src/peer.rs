//! What a peer offers, so that all of them do the same work.

use std::path::PathBuf;

use crate::message::Tally;

/// What the two sides of a run are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Across {
    /// Two processes.
    Processes,
    /// Two threads of one process: all that the peer can do.
    Threads,
    /// One thread.
    Nothing,
}

impl Across {
    /// As it is printed.
    pub fn name(self) -> &'static str {
        match self {
            Across::Processes => "processes",
            Across::Threads => "threads",
            Across::Nothing => "one thread",
        }
    }
}

/// What is asked of a channel.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Messages that it holds.
    pub slots: usize,
    /// How many read all of its messages.
    pub readers: usize,
    /// Whether the sender waits for the readers, instead of overwriting what they haven't read.
    pub lossless: bool,
    /// A directory of the run's own, in shared memory.
    pub dir: PathBuf,
    /// Tells the channels of a run apart.
    pub name: &'static str,
}

impl Shape {
    /// A lossless channel with one reader.
    pub fn new(slots: usize, dir: &std::path::Path, name: &'static str) -> Self {
        Self { slots, readers: 1, lossless: true, dir: dir.to_owned(), name }
    }

    /// The same, with so many readers.
    pub fn readers(self, readers: usize) -> Self {
        Self { readers, ..self }
    }

    /// The same, whose sender waits for nobody.
    pub fn lossy(self) -> Self {
        Self { lossless: false, ..self }
    }
}

/// What a peer can do beside carrying messages one by one, without loss, to one reader.
#[derive(Clone, Copy, Debug)]
pub struct Abilities {
    /// Several messages at once.
    pub batches: bool,
    /// Several readers, each of which gets every message; each moves on by itself.
    pub broadcast: bool,
    /// Created under a name, opened by that name.
    pub named: bool,
}

/// A way to pass messages.
pub trait Peer: 'static {
    /// As it is printed.
    const NAME: &'static str;
    /// Between what it is measured.
    const ACROSS: Across;
    /// What else it can do.
    const CAN: Abilities;
    /// The longest message that it carries, in bytes.
    const LONGEST: usize = usize::MAX;

    /// What both sides need to take their ends: made before the other side is started.
    type Channel<const W: usize>: Sync;
    /// The sending end.
    type Sender<const W: usize>: Send<W>;
    /// A receiving end.
    type Receiver<const W: usize>: Receive<W>;

    /// Makes a channel.
    fn channel<const W: usize>(shape: &Shape) -> anyhow::Result<Self::Channel<W>>;
    /// Takes the sending end, before any receiving end is taken.
    fn sender<const W: usize>(channel: &Self::Channel<W>) -> anyhow::Result<Self::Sender<W>>;
    /// Takes a receiving end.
    fn receiver<const W: usize>(channel: &Self::Channel<W>) -> anyhow::Result<Self::Receiver<W>>;
}

/// A sending end. Its functions wait for room, without sleeping if the peer can.
pub trait Send<const W: usize> {
    /// Writes and sends message `number`.
    fn send(&mut self, number: u64);

    /// Writes and sends `count` messages from `number` on, at once if the peer can.
    fn send_batch(&mut self, number: u64, count: usize) {
        (number..number + count as u64).for_each(|number| self.send(number));
    }
}

/// A receiving end. Its functions wait for a message, without sleeping if the peer can.
pub trait Receive<const W: usize> {
    /// Reads one message.
    fn receive(&mut self, tally: &mut Tally);

    /// Reads at least one message and at most `most`, at once if the peer can.
    fn receive_batch(&mut self, _most: usize, tally: &mut Tally) {
        self.receive(tally);
    }
}

/// A peer whose sender can go on without its readers.
pub trait Lossy: Peer {
    /// A receiving end that loses what it is too slow for.
    type Late<const W: usize>: ReceiveLate<W>;

    /// Takes such an end.
    fn late<const W: usize>(channel: &Self::Channel<W>) -> anyhow::Result<Self::Late<W>>;
}

/// A receiving end that loses messages.
pub trait ReceiveLate<const W: usize> {
    /// Reads a message if there is one, whatever came before it, with [`Tally::take_later`].
    fn receive_late(&mut self, tally: &mut Tally) -> bool;

    /// Number of messages that this end was told it lost, if it is told.
    fn told_lost(&self) -> Option<u64>;
}

/// Polls until there is something.
#[inline(always)]
pub fn spin<T>(mut poll: impl FnMut() -> Option<T>) -> T {
    loop {
        if let Some(found) = poll() {
            return found;
        }
        std::hint::spin_loop();
    }
}
