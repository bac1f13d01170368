//! Loops over a best-effort reader's messages.

use crate::format::error::{Interruption, RecvError};
use crate::protocol::message::{Outcome, OwnedMessage, Received};
use crate::roles::best_effort::BestEffortReader;
use crate::roles::messages::{Iter, Source, TryIter, take_copied, told};

impl BestEffortReader {
    /// The next message, waiting for it without end; `None` once the ring is closed and everything was read.
    ///
    /// # Errors
    /// What is told instead of a message, losses among it: see [`Interruption`]. The next call goes on.
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{BestEffortReader, Interruption};
    /// fn print_all(reader: &mut BestEffortReader) -> Result<(), Interruption> {
    ///     loop {
    ///         match reader.next_message() {
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
    /// # use ringway_core::{BestEffortReader, Interruption};
    /// fn count(reader: &mut BestEffortReader) -> (usize, u64) {
    ///     let (mut read, mut lost) = (0, 0);
    ///     for message in reader.iter() {
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

impl Source for BestEffortReader {
    type Item = OwnedMessage;

    fn take(&mut self, waits: bool) -> Result<Outcome<OwnedMessage>, RecvError> {
        take_copied(self, waits)
    }
}
