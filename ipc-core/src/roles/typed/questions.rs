//! What typed handles tell of their place and of their ring: what the handles for plain bytes tell.

use super::{TypedBestEffortReader, TypedConsumer, TypedObserver, TypedProducer};
use crate::format::error::{AttachError, Forked, PublishError, RecvError};
use crate::format::message_type::Message;
use crate::protocol::producer_page::State;
use crate::roles::any_ring::AnyRing;
use crate::roles::stats::Attached;
#[cfg(doc)]
use crate::roles::{
    best_effort::BestEffortReader, consumer::Consumer, observer::Observer, producer::Producer,
};

/// What each typed handle tells.
macro_rules! told_by {
    ($typed:ident, $role:ident, $error:ident) => {
        impl<T: Message> $typed<T> {
            /// The sequence of the next message: the one to be published, or to be read.
            pub fn next_seq(&self) -> u64 {
                self.handle.next_seq()
            }

            /// Number of messages that the ring holds: its slots.
            pub fn capacity(&self) -> u64 {
                self.handle.capacity()
            }

            #[doc = concat!("The ring that this role was taken on: see [`", stringify!($role), "::ring`].")]
            ///
            /// # Errors
            #[doc = concat!("As for [`", stringify!($role), "::ring`].")]
            pub fn ring(&self) -> Result<AnyRing, AttachError> {
                self.handle.ring()
            }

            #[doc = concat!(
                        "Whether processes that come now find the ring: see [`", stringify!($role), "::is_current`]."
                    )]
            ///
            /// # Errors
            #[doc = concat!("As for [`", stringify!($role), "::is_current`].")]
            pub fn is_current(&self) -> Result<bool, Forked> {
                self.handle.is_current()
            }

            #[doc = concat!(
                        "Number of consumers attached now: see [`", stringify!($role), "::consumer_count`]."
                    )]
            ///
            /// # Errors
            #[doc = concat!("As for [`", stringify!($role), "::consumer_count`].")]
            pub fn consumer_count(&self) -> Result<usize, $error> {
                self.handle.consumer_count()
            }

            /// How often a producer of this ring found it full, as the producers have counted; for display.
            ///
            /// # Errors
            #[doc = concat!("As for [`", stringify!($role), "::times_full`].")]
            pub fn times_full(&self) -> Result<u64, $error> {
                self.handle.times_full()
            }
        }
    };
}
told_by!(TypedProducer, Producer, PublishError);
told_by!(TypedConsumer, Consumer, RecvError);
told_by!(TypedBestEffortReader, BestEffortReader, RecvError);
told_by!(TypedObserver, Observer, RecvError);

/// What each typed reader tells.
macro_rules! told_by_reader {
    ($typed:ident, $role:ident) => {
        impl<T: Message> $typed<T> {
            #[doc = concat!("Number of published messages still to read: see [`", stringify!($role), "::len`].")]
            ///
            /// # Errors
            #[doc = concat!("As for [`", stringify!($role), "::len`].")]
            pub fn len(&self) -> Result<u64, RecvError> {
                self.handle.len()
            }

            #[doc = concat!(
                        "Whether there is no published message still to read: see [`",
                        stringify!($role),
                        "::is_empty`]."
                    )]
            ///
            /// # Errors
            #[doc = concat!("As for [`", stringify!($role), "::is_empty`].")]
            pub fn is_empty(&self) -> Result<bool, RecvError> {
                self.handle.is_empty()
            }

            #[doc = concat!(
                        "How many messages can be published until the ring is full: see [`",
                        stringify!($role),
                        "::count_room`]."
                    )]
            ///
            /// # Errors
            #[doc = concat!("As for [`", stringify!($role), "::count_room`].")]
            pub fn count_room(&self) -> Result<u64, RecvError> {
                self.handle.count_room()
            }

            /// The ring's state, as the producer page has it now.
            ///
            /// # Errors
            #[doc = concat!("As for [`", stringify!($role), "::state`].")]
            pub fn state(&self) -> Result<State, RecvError> {
                self.handle.state()
            }

            /// The producer's incarnation, as the producer page has it now; 0 before the first.
            ///
            /// # Errors
            #[doc = concat!("As for [`", stringify!($role), "::epoch`].")]
            pub fn epoch(&self) -> Result<u64, RecvError> {
                self.handle.epoch()
            }

            /// Whether some process holds the ring's producer lock now: asks the kernel.
            ///
            /// # Errors
            #[doc = concat!("As for [`", stringify!($role), "::producer_alive`].")]
            pub fn producer_alive(&self) -> Result<bool, Forked> {
                self.handle.producer_alive()
            }
        }
    };
}
told_by_reader!(TypedConsumer, Consumer);
told_by_reader!(TypedBestEffortReader, BestEffortReader);
told_by_reader!(TypedObserver, Observer);

impl<T: Message> TypedProducer<T> {
    /// How many published messages some attached consumer hasn't released: see [`Producer::len`].
    ///
    /// # Errors
    /// As for [`Producer::len`].
    pub fn len(&mut self) -> Result<u64, PublishError> {
        self.handle.len()
    }

    /// Whether each attached consumer has released everything: see [`Producer::is_empty`].
    ///
    /// # Errors
    /// As for [`Producer::is_empty`].
    pub fn is_empty(&mut self) -> Result<bool, PublishError> {
        self.handle.is_empty()
    }
}

impl<T: Message> TypedObserver<T> {
    /// Number of published messages still to read: see [`Observer::lag`].
    ///
    /// # Errors
    /// As for [`Observer::lag`].
    pub fn lag(&self) -> Result<u64, RecvError> {
        self.handle.lag()
    }

    /// How many messages were passed over by seeking: see [`Observer::skipped`].
    pub fn skipped(&self) -> i64 {
        self.handle.skipped()
    }

    /// The consumers attached now: see [`Observer::consumers`].
    ///
    /// # Errors
    /// As for [`Observer::consumers`].
    pub fn consumers(&self) -> Result<Vec<Attached>, RecvError> {
        self.handle.consumers()
    }
}
