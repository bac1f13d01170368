//! Loops over messages, which end where the ring is closed, and tell of everything else that comes between.

use crate::format::error::{Interruption, RecvError};
use crate::memory::scratch::NoMemory;
use crate::protocol::message::{Outcome, OwnedMessage, Received};
use crate::protocol::wait::Limit;
use crate::roles::consumer::Consumer;
use crate::roles::copier::{self, Copier};
use crate::roles::guard::Guard;
use crate::roles::observer::Observer;

impl Consumer {
    /// The next message, waiting for it without end; `None` once the ring is closed and everything was read.
    ///
    /// # Errors
    /// What is told instead of a message: see [`Interruption`]. The next call goes on.
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{Consumer, Interruption};
    /// fn total(consumer: &mut Consumer) -> Result<usize, Interruption> {
    ///     let mut total = 0;
    ///     while let Some(message) = consumer.next_message()? {
    ///         total += message.len();
    ///     }
    ///     Ok(total)
    /// }
    /// ```
    #[inline]
    pub fn next_message(&mut self) -> Result<Option<Guard<'_>>, Interruption> {
        told(self.recv()?)
    }

    /// The messages as values, waiting for each without end, until the ring is closed. A failure that lasts (`Damaged`,
    /// `Forked`, `Truncated`) is told once and ends the loop.
    ///
    /// # Examples
    /// A loop that outlives its producers:
    /// ```
    /// # use ringway_core::{Consumer, Interruption};
    /// fn collect(consumer: &mut Consumer) -> Result<Vec<Vec<u8>>, Interruption> {
    ///     let mut all = Vec::new();
    ///     for message in consumer.iter() {
    ///         match message {
    ///             Ok(message) => all.push(message.bytes),
    ///             Err(Interruption::ProducerLost | Interruption::EpochChanged { .. }) => {}
    ///             Err(other) => return Err(other),
    ///         }
    ///     }
    ///     Ok(all)
    /// }
    /// ```
    pub fn iter(&mut self) -> Iter<'_, Self> {
        Iter::new(self)
    }

    /// The messages that are there, as values; ends where there is none, or the ring is closed. A failure that lasts
    /// is told once and ends the loop.
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{Consumer, Interruption};
    /// fn tags(consumer: &mut Consumer) -> Result<Vec<u32>, Interruption> {
    ///     consumer.try_iter().map(|message| Ok(message?.tag)).collect()
    /// }
    /// ```
    pub fn try_iter(&mut self) -> TryIter<'_, Self> {
        TryIter::new(self)
    }
}

impl Observer {
    /// The next message, waiting for it without end; `None` once the ring is closed and everything was read.
    ///
    /// # Errors
    /// What is told instead of a message, losses among it: see [`Interruption`]. The next call goes on.
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{Interruption, Observer};
    /// fn print_all(observer: &mut Observer) -> Result<(), Interruption> {
    ///     loop {
    ///         match observer.next_message() {
    ///             Ok(Some(message)) => println!("{}: {:?}", message.seq(), &message[..]),
    ///             Ok(None) => return Ok(()),
    ///             Err(Interruption::Lagged(lost)) => eprintln!("{lost} messages were lost"),
    ///             Err(other) => return Err(other),
    ///         }
    ///     }
    /// }
    /// ```
    pub fn next_message(&mut self) -> Result<Option<Received<'_>>, Interruption> {
        told(self.recv()?)
    }

    /// The messages as values, waiting for each without end, until the ring is closed. A failure that lasts (`Damaged`,
    /// `Forked`, `Truncated`) is told once and ends the loop.
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{Interruption, Observer};
    /// fn count(observer: &mut Observer) -> (usize, u64) {
    ///     let (mut read, mut lost) = (0, 0);
    ///     for message in observer.iter() {
    ///         match message {
    ///             Ok(_) => read += 1,
    ///             Err(Interruption::Lagged(n)) => lost += n,
    ///             Err(_) => break,
    ///         }
    ///     }
    ///     (read, lost)
    /// }
    /// ```
    pub fn iter(&mut self) -> Iter<'_, Self> {
        Iter::new(self)
    }

    /// The messages that are there, as values; ends where there is none, or the ring is closed. A failure that lasts
    /// is told once and ends the loop.
    pub fn try_iter(&mut self) -> TryIter<'_, Self> {
        TryIter::new(self)
    }
}

/// A reader whose messages can be had as values. For the readers' handles alone.
pub trait Source {
    /// A message.
    type Item;

    /// The next message, if it is there, or if `waits` until it comes.
    #[doc(hidden)]
    fn take(&mut self, waits: bool) -> Result<Outcome<Self::Item>, RecvError>;
}

impl Source for Consumer {
    type Item = OwnedMessage;

    fn take(&mut self, waits: bool) -> Result<Outcome<OwnedMessage>, RecvError> {
        let outcome = if waits { self.recv()? } else { self.try_recv()? };
        let Outcome::Message(guard) = outcome else { return Ok(outcome.without_message()) };
        match owned(guard.seq(), guard.tag(), &guard) {
            Ok(message) => Ok(Outcome::Message(message)),
            Err(no_memory) => {
                // What isn't released comes again.
                core::mem::forget(guard);
                Err(no_memory.into())
            }
        }
    }
}

impl Source for Observer {
    type Item = OwnedMessage;

    fn take(&mut self, waits: bool) -> Result<Outcome<OwnedMessage>, RecvError> {
        take_copied(self, waits)
    }
}

/// The next message of a reader that copies, as a value.
pub(super) fn take_copied<C: Copier>(
    copier: &mut C,
    waits: bool,
) -> Result<Outcome<OwnedMessage>, RecvError> {
    let mut bytes = Vec::new();
    let mut copied = copier::receive_into(copier, &mut bytes, waits.then_some(Limit::Never));
    // The buffer is grown before the message counts as received. A later one may have come to its place by then.
    while let Err(RecvError::TooSmall { needed, .. }) = copied {
        let more = needed - bytes.len();
        bytes.try_reserve_exact(more).map_err(|_| NoMemory(needed))?;
        bytes.resize(needed, 0);
        copied = copier.attempt(&mut bytes);
    }
    Ok(copied?.map(|copied| {
        bytes.truncate(copied.len);
        OwnedMessage { seq: copied.seq, tag: copied.tag, bytes }
    }))
}

/// A copy of a message's bytes, with its sequence and tag.
fn owned(seq: u64, tag: u32, payload: &[u8]) -> Result<OwnedMessage, NoMemory> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(payload.len()).map_err(|_| NoMemory(payload.len()))?;
    bytes.extend_from_slice(payload);
    Ok(OwnedMessage { seq, tag, bytes })
}

/// The outcome of a call that waits, as a loop takes it.
pub(crate) fn told<M>(outcome: Outcome<M>) -> Result<Option<M>, Interruption> {
    match outcome {
        Outcome::Message(message) => Ok(Some(message)),
        // A call that waits without end never comes to the last two.
        Outcome::Closed | Outcome::Empty | Outcome::TimedOut => Ok(None),
        Outcome::Lagged(lost) => Err(Interruption::Lagged(lost)),
        Outcome::EpochChanged { epoch, first_seq } => Err(Interruption::EpochChanged { epoch, first_seq }),
        Outcome::ProducerLost => Err(Interruption::ProducerLost),
        Outcome::Cancelled => Err(Interruption::Cancelled),
        Outcome::Orphaned => Err(Interruption::Orphaned),
    }
}

/// Whether each call from now on fails as this one did.
fn lasts(error: &RecvError) -> bool {
    matches!(error, RecvError::Damaged(_) | RecvError::Forked(_) | RecvError::Truncated(_))
}

/// A reader that a loop is over.
#[derive(Debug)]
struct Loop<'h, H> {
    reader: &'h mut H,
    /// Whether a failure that lasts has been told.
    failed: bool,
}

impl<H: Source> Loop<'_, H> {
    fn next(&mut self, waits: bool) -> Option<Result<H::Item, Interruption>> {
        if self.failed {
            return None;
        }
        let taken = self.reader.take(waits);
        self.failed = taken.as_ref().is_err_and(lasts);
        taken.map_err(Interruption::from).and_then(told).transpose()
    }
}

/// Iterator over a reader's messages, which waits for each; ends where the ring is closed, and after a failure that
/// lasts: `Damaged`, `Forked` or `Truncated`, which it tells once.
#[derive(Debug)]
#[must_use = "an iterator does nothing until it is asked for messages"]
pub struct Iter<'h, H>(Loop<'h, H>);

impl<'h, H> Iter<'h, H> {
    pub(crate) fn new(reader: &'h mut H) -> Self {
        Self(Loop { reader, failed: false })
    }
}

impl<H: Source> Iterator for Iter<'_, H> {
    type Item = Result<H::Item, Interruption>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next(true)
    }
}

/// Iterator over the messages that a reader finds; ends where there is none, where the ring is closed, and after a
/// failure that lasts: `Damaged`, `Forked` or `Truncated`, which it tells once.
#[derive(Debug)]
#[must_use = "an iterator does nothing until it is asked for messages"]
pub struct TryIter<'h, H>(Loop<'h, H>);

impl<'h, H> TryIter<'h, H> {
    pub(crate) fn new(reader: &'h mut H) -> Self {
        Self(Loop { reader, failed: false })
    }
}

impl<H: Source> Iterator for TryIter<'_, H> {
    type Item = Result<H::Item, Interruption>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next(false)
    }
}
