//! What ends a call that waits: from another thread, or from a signal handler.

use std::sync::Arc;

use crate::format::message_type::Message;
use crate::memory::cancel_word::CancelWord;
use crate::roles::best_effort::BestEffortReader;
use crate::roles::consumer::Consumer;
use crate::roles::observer::Observer;
use crate::roles::producer::Producer;
use crate::roles::typed::{TypedBestEffortReader, TypedConsumer, TypedObserver, TypedProducer};

/// Ends a call of its handle that waits, within microseconds, also while the call sleeps:
/// [`Outcome::Cancelled`](crate::Outcome::Cancelled), [`PublishError::Cancelled`](crate::PublishError::Cancelled) or
/// [`Interruption::Cancelled`](crate::Interruption::Cancelled). It is made by [`Consumer::canceller`],
/// [`BestEffortReader::canceller`], [`Observer::canceller`] or [`Producer::canceller`]. All cancellers of one handle are one.
///
/// A cancel ends one call that would wait: the one under way, or the next. Several cancels before that count as one. A
/// call that has its message, or its room, returns that, and the cancel stays for the next one that would wait. So no
/// message is lost, none is released, and none is published in part. A batch says how much of it was published, as it
/// does when the time is up. Calls that don't wait (`try_recv` and its like, and those with a time-out of zero) never
/// report a cancel, and don't use it up.
///
/// A handle that always finds something never waits: its loop looks at [`is_pending`](Self::is_pending) between two
/// messages. What the cancelling thread did before, the thread whose call was cancelled sees after.
///
/// Where the kernel doesn't know `futex_waitv` (before Linux 5.16), or a sandbox denies it, a sleep notices a cancel by
/// another thread within a millisecond. A canceller may outlive its handle, and does nothing then. In a forked child it
/// affects nothing: the handle is the parent's.
///
/// # Examples
/// A thread that reads until it is to end, without a time-out:
/// ```
/// use ringway::{Config, Outcome, Ring, Start};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ring = ringway::anon::create(&Config::new())?;
/// let _producer = ring.producer()?;
/// let mut consumer = ring.consumer(Start::Oldest)?;
/// let canceller = consumer.canceller();
///
/// let reader = std::thread::spawn(move || {
///     loop {
///         match consumer.recv() {
///             Ok(Outcome::Message(message)) => println!("{:?}", &message[..]),
///             Ok(Outcome::Cancelled | Outcome::Closed) => return,
///             event => eprintln!("{event:?}"),
///         }
///     }
/// });
/// canceller.cancel(); // wherever the reader is, it ends once it has read what is there
/// reader.join().unwrap();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Canceller {
    word: Arc<CancelWord>,
}

impl Canceller {
    /// Ends the call under way that waits, or the next one that would.
    ///
    /// Async-signal-safe: one atomic operation and one system call. It takes no lock, allocates nothing and keeps
    /// `errno`. What a handler uses must live as long as the handler: a `static OnceLock<Canceller>` that is set
    /// before the handler is installed does.
    ///
    /// # Examples
    /// ```
    /// use ringway::{Config, Outcome, Ring, Start};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ring = ringway::anon::create(&Config::new())?;
    /// # let mut producer = ring.producer()?;
    /// let mut consumer = ring.consumer(Start::Oldest)?;
    /// consumer.canceller().cancel();
    /// producer.publish(b"first")?;
    /// assert!(consumer.recv()?.is_message()); // it needn't wait
    /// assert!(consumer.recv()?.is_cancelled());
    /// # Ok(())
    /// # }
    /// ```
    pub fn cancel(&self) {
        self.word.cancel();
    }

    /// Whether a cancel has come that no call has used up. Relaxed: for loops that never wait, and for display.
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{Canceller, Consumer, Outcome, RecvError};
    /// fn count_until_cancelled(consumer: &mut Consumer, canceller: &Canceller) -> Result<u64, RecvError> {
    ///     let mut count = 0;
    ///     while !canceller.is_pending() {
    ///         match consumer.recv()? {
    ///             Outcome::Message(_) => count += 1,
    ///             Outcome::Cancelled | Outcome::Closed => break,
    ///             _ => {}
    ///         }
    ///     }
    ///     Ok(count)
    /// }
    /// ```
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.word.is_pending()
    }

    /// Takes back the cancels that no call has used up, and returns whether there were any: for a loop that has seen
    /// one by [`is_pending`](Self::is_pending), and whose handle is to wait again later.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Config, Ring, Start};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ring = ringway::anon::create(&Config::new())?;
    /// let canceller = ring.consumer(Start::Oldest)?.canceller();
    /// canceller.cancel();
    /// canceller.cancel();
    /// assert!(canceller.take());
    /// assert!(!canceller.take());
    /// # Ok(())
    /// # }
    /// ```
    pub fn take(&self) -> bool {
        self.word.take()
    }

    /// Whether a thread sleeps that a cancel would wake.
    #[cfg(loom)]
    pub fn is_slept_on(&self) -> bool {
        self.word.asleep() != 0
    }
}

/// The canceller of each kind of handle.
macro_rules! cancelled_by {
    ($($handle:ident: $waits:literal)+) => {$(
        impl $handle {
            #[doc = concat!("What ends a call of this handle that waits ", $waits, ".")]
            ///
            /// A handle that was never asked for it pays nothing. One that was looks at one word more while it waits, and
            /// sleeps by `futex_waitv`. Each call returns the same canceller.
            ///
            /// # Examples
            /// See [`Canceller`].
            pub fn canceller(&mut self) -> Canceller {
                Canceller { word: self.cancelling.word() }
            }
        }
    )+};
}
cancelled_by! {
    Consumer: "for messages"
    BestEffortReader: "for messages"
    Observer: "for messages"
    Producer: "for room"
}

/// The same of a typed handle.
macro_rules! typed_cancelled_by {
    ($($typed:ident: $role:ident)+) => {$(
        impl<T: Message> $typed<T> {
            #[doc = concat!("What ends a call of this handle that waits: see [`", stringify!($role), "::canceller`].")]
            pub fn canceller(&mut self) -> Canceller {
                self.handle.canceller()
            }
        }
    )+};
}
typed_cancelled_by! {
    TypedConsumer: Consumer
    TypedBestEffortReader: BestEffortReader
    TypedObserver: Observer
    TypedProducer: Producer
}
