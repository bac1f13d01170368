//! What typed readers tell of their place and of their ring: what the handles for plain bytes tell.

use super::{TypedConsumer, TypedObserver};
use crate::format::error::{Forked, RecvError};
use crate::format::message_type::Message;
use crate::protocol::producer_page::State;
#[cfg(doc)]
use crate::roles::{consumer::Consumer, observer::Observer};

impl<T: Message> TypedConsumer<T> {
    /// The sequence of the next message to read.
    pub fn next_seq(&self) -> u64 {
        self.handle.next_seq()
    }

    /// Number of published messages still to read: see [`Consumer::len`].
    ///
    /// # Errors
    /// As for [`Consumer::len`].
    pub fn len(&self) -> Result<u64, RecvError> {
        self.handle.len()
    }

    /// Whether there is no published message still to read: see [`Consumer::is_empty`].
    ///
    /// # Errors
    /// As for [`Consumer::is_empty`].
    pub fn is_empty(&self) -> Result<bool, RecvError> {
        self.handle.is_empty()
    }

    /// The ring's state, as the producer page has it now.
    ///
    /// # Errors
    /// As for [`Consumer::state`].
    pub fn state(&self) -> Result<State, RecvError> {
        self.handle.state()
    }

    /// The producer's incarnation, as the producer page has it now; 0 before the first.
    ///
    /// # Errors
    /// As for [`Consumer::epoch`].
    pub fn epoch(&self) -> Result<u64, RecvError> {
        self.handle.epoch()
    }

    /// Whether some process holds the ring's producer lock now: asks the kernel.
    ///
    /// # Errors
    /// As for [`Consumer::producer_alive`].
    pub fn producer_alive(&self) -> Result<bool, Forked> {
        self.handle.producer_alive()
    }
}

impl<T: Message> TypedObserver<T> {
    /// The sequence of the next message to read.
    pub fn next_seq(&self) -> u64 {
        self.handle.next_seq()
    }

    /// Number of published messages still to read: see [`Observer::lag`].
    ///
    /// # Errors
    /// As for [`Observer::lag`].
    pub fn lag(&self) -> Result<u64, RecvError> {
        self.handle.lag()
    }

    /// The ring's state, as the producer page has it now.
    ///
    /// # Errors
    /// As for [`Observer::state`].
    pub fn state(&self) -> Result<State, RecvError> {
        self.handle.state()
    }

    /// The producer's incarnation, as the producer page has it now; 0 before the first.
    ///
    /// # Errors
    /// As for [`Observer::epoch`].
    pub fn epoch(&self) -> Result<u64, RecvError> {
        self.handle.epoch()
    }

    /// Whether some process holds the ring's producer lock now: asks the kernel.
    ///
    /// # Errors
    /// As for [`Observer::producer_alive`].
    pub fn producer_alive(&self) -> Result<bool, Forked> {
        self.handle.producer_alive()
    }
}
