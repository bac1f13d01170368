//! Readers that copy each message out: observers and best-effort readers.

use std::sync::Arc;
use std::time::Duration;

use ringway::{BestEffortReader, Copied, Observer, Outcome, Received, RecvError};

use crate::errors::Event;
use crate::gathered::Gathered;
use crate::hold::Shared;
use crate::memory::Memory;
use crate::notify::Notify;
use crate::source::{Got, Source, Taken, TakenBatch, other};

/// A reader whose messages are private copies.
pub trait Copies {
    /// As [`Notify::arm`].
    fn arm(&mut self, notify: &mut Notify) -> bool;
    /// The next message, if it is there.
    fn try_recv(&mut self) -> Result<Outcome<Received<'_>>, RecvError>;
    /// The next message, if it comes within `time`.
    fn recv_timeout(&mut self, time: Duration) -> Result<Outcome<Received<'_>>, RecvError>;
    /// The same, into `buffer`.
    fn recv_into_timeout(&mut self, buffer: &mut [u8], time: Duration) -> Result<Outcome<Copied>, RecvError>;
}

macro_rules! copies {
    ($reader:ty) => {
        impl Copies for $reader {
            fn arm(&mut self, notify: &mut Notify) -> bool {
                notify.arm(self)
            }

            fn try_recv(&mut self) -> Result<Outcome<Received<'_>>, RecvError> {
                Self::try_recv(self)
            }

            fn recv_timeout(&mut self, time: Duration) -> Result<Outcome<Received<'_>>, RecvError> {
                Self::recv_timeout(self, time)
            }

            fn recv_into_timeout(
                &mut self,
                buffer: &mut [u8],
                time: Duration,
            ) -> Result<Outcome<Copied>, RecvError> {
                Self::recv_into_timeout(self, buffer, time)
            }
        }
    };
}
copies!(Observer);
copies!(BestEffortReader);

/// The next message of `reader`, if it comes within `time`.
pub fn take(reader: &mut dyn Copies, time: Duration) -> Result<Got<Taken>, RecvError> {
    match reader.recv_timeout(time)? {
        Outcome::Message(message) => {
            let memory = Memory::Owned(message.to_vec());
            Ok(Got::Message(Taken { seq: message.seq(), tag: message.tag(), memory }))
        }
        event => Ok(other(event)),
    }
}

/// The next messages of `reader`, at most `max`, as far as they are there. What ended the batch and is still to be told
/// is left in `put_off`.
pub fn take_batch(
    reader: &mut dyn Copies,
    max: usize,
    put_off: &mut Option<Event>,
) -> Result<Got<TakenBatch>, RecvError> {
    let mut gathered = Gathered::default();
    while gathered.len() < max {
        match reader.try_recv() {
            Ok(Outcome::Message(message)) => gathered.add(message.seq(), message.tag(), &message),
            // What comes first is told first.
            Ok(event) if gathered.is_empty() => return Ok(other(event)),
            Ok(event) => {
                if let Got::Event::<()>(event) = other(event) {
                    *put_off = Some(event);
                }
                break;
            }
            Err(error) if gathered.is_empty() => return Err(error),
            // The next call comes upon it again.
            Err(_) => break,
        }
    }
    Ok(gathered.into_batch().map_or(Got::Nothing, Got::Message))
}

/// The next messages of a source that copies, at most `max`, if any comes within `time`.
pub fn wait_for_batch(
    source: &mut Source,
    shared: &Arc<Shared>,
    max: usize,
    time: Duration,
) -> Result<Got<TakenBatch>, RecvError> {
    let Some(reader) = source.as_copies() else { return Ok(Got::Nothing) };
    match reader.recv_into_timeout(&mut [], time) {
        // It is there, and can be read.
        Err(RecvError::TooSmall { .. }) => source.take_batch(shared, max),
        Ok(Outcome::Message(empty)) => {
            let mut gathered = Gathered::default();
            gathered.add(empty.seq, empty.tag, &[]);
            Ok(gathered.into_batch().map_or(Got::Nothing, Got::Message))
        }
        outcome => Ok(other(outcome?)),
    }
}
