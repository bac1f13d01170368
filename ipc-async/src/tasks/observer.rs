//! An observer whose calls wait as tasks do.

use core::task::{Context, Poll, ready};

use ringway_core::{Copied, Observer, Outcome, OwnedMessage, Received, RecvError};

use crate::tasks::borrowing;
use crate::tasks::stream::{MessageStream, Sealed, Source};
use crate::tasks::turns::Turns;

/// An observer of a ring for async tasks: it only reads, and is told exactly how many messages it missed.
///
/// It is an [`Observer`] with calls that wait in a task, on every runtime. All calls are cancel-safe, and let other
/// tasks run now and then: see [`AsyncConsumer`](crate::AsyncConsumer).
///
/// An observer can't ask its producer for a wake. A task that waits for one looks again every millisecond: 300 idle
/// observers take half of a processor core. Where that matters, use consumers.
///
/// # Examples
/// ```
/// use ringway::aio::AsyncObserver;
/// use ringway::{Config, Outcome, Resume, Ring, Start};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ring = ringway::anon::create(&Config::new())?;
/// let mut observer = AsyncObserver::new(ring.observer(Start::Oldest, Resume::OldestSafe)?);
/// let mut producer = ring.producer()?;
/// producer.publish(b"hello")?;
/// producer.close()?;
///
/// tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
///     loop {
///         match observer.recv().await? {
///             Outcome::Message(message) => println!("{}: {:?}", message.seq(), &message[..]),
///             Outcome::Lagged(lost) => eprintln!("{lost} messages were lost"),
///             Outcome::Closed => return Ok::<_, ringway::RecvError>(()),
///             event => eprintln!("{event:?}"),
///         }
///     }
/// })?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct AsyncObserver {
    /// Dropped first: no new sleep begins on a word of the ring once its memory is gone.
    turns: Turns,
    observer: Observer,
}

impl AsyncObserver {
    /// Has an observer's calls wait in tasks.
    pub fn new(observer: Observer) -> Self {
        Self { turns: Turns::default(), observer }
    }

    /// The observer, for calls that wait in the thread.
    pub fn into_inner(self) -> Observer {
        self.observer
    }

    /// The observer, to be asked about the ring.
    pub fn get_ref(&self) -> &Observer {
        &self.observer
    }

    /// The observer, for calls that don't wait. Those that do hold up the runtime's thread.
    ///
    /// No other observer belongs in its place: a wait that is under way goes on for the first
    /// one, until its slice ends.
    pub fn get_mut(&mut self) -> &mut Observer {
        &mut self.observer
    }

    /// A copy of the next message, waiting for it without end: until it comes, messages were lost, the ring is closed,
    /// or the producer is lost. The copy lies in the handle.
    ///
    /// # Errors
    /// As for [`Observer::try_recv`].
    ///
    /// # Examples
    /// ```
    /// # use ringway::aio::AsyncObserver;
    /// # use ringway::{Outcome, RecvError};
    /// async fn print_next(observer: &mut AsyncObserver) -> Result<(), RecvError> {
    ///     match observer.recv().await? {
    ///         Outcome::Message(message) => println!("{:?}", &message[..]),
    ///         event => println!("{event:?}"),
    ///     }
    ///     Ok(())
    /// }
    /// ```
    #[inline]
    pub async fn recv(&mut self) -> Result<Outcome<Received<'_>>, RecvError> {
        let Self { turns, observer } = self;
        if turns.is_over() {
            turns.give_way().await;
        }
        let mut observer = observer;
        loop {
            observer = match borrowing::observer_recv(observer) {
                Ok(answer) => return answer,
                Err(observer) => observer,
            };
            turns.wait(observer).await;
        }
    }

    /// Has `f` look at a copy of the next message, its sequence and its tag, waiting for it as [`recv`](Self::recv)
    /// does. The future can be sent to another thread.
    ///
    /// # Errors
    /// As for [`Observer::try_recv`].
    ///
    /// # Examples
    /// ```
    /// # use ringway::aio::AsyncObserver;
    /// # use ringway::{Outcome, RecvError};
    /// async fn next_length(observer: &mut AsyncObserver) -> Result<Outcome<usize>, RecvError> {
    ///     observer.recv_with(|message, _seq, _tag| message.len()).await
    /// }
    /// ```
    #[inline]
    pub async fn recv_with<R>(
        &mut self,
        f: impl FnOnce(&[u8], u64, u32) -> R,
    ) -> Result<Outcome<R>, RecvError> {
        if self.turns.is_over() {
            self.turns.give_way().await;
        }
        loop {
            match self.observer.try_recv() {
                Ok(Outcome::Empty) => {}
                answer => return Ok(answer?.map(|message| f(&message, message.seq(), message.tag()))),
            }
            self.turns.wait(&mut self.observer).await;
        }
    }

    /// Copies the next message into `buffer`, waiting for it as [`recv`](Self::recv) does.
    ///
    /// # Errors
    /// As for [`Observer::try_recv_into`].
    ///
    /// # Examples
    /// ```
    /// # use ringway::aio::AsyncObserver;
    /// # use ringway::RecvError;
    /// async fn first_byte(observer: &mut AsyncObserver) -> Result<Option<u8>, RecvError> {
    ///     let mut buffer = [0; 64];
    ///     let copied = observer.recv_into(&mut buffer).await?.into_message();
    ///     Ok(copied.and_then(|copied| buffer[..copied.len].first().copied()))
    /// }
    /// ```
    #[inline]
    pub async fn recv_into(&mut self, buffer: &mut [u8]) -> Result<Outcome<Copied>, RecvError> {
        if self.turns.is_over() {
            self.turns.give_way().await;
        }
        loop {
            match self.observer.try_recv_into(buffer) {
                Ok(Outcome::Empty) => {}
                answer => return answer,
            }
            self.turns.wait(&mut self.observer).await;
        }
    }

    /// The messages as values, and the events between them: see
    /// [`AsyncConsumer::into_stream`](crate::AsyncConsumer::into_stream).
    pub fn into_stream(self) -> MessageStream<Self> {
        MessageStream::new(self)
    }
}

impl Sealed for AsyncObserver {}

impl Source for AsyncObserver {
    fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<Result<Outcome<OwnedMessage>, RecvError>> {
        if self.turns.is_over() {
            ready!(self.turns.poll_give_way(cx));
        }
        loop {
            match take(|buffer| self.observer.try_recv_into(buffer)) {
                Ok(Outcome::Empty) => {}
                answer => return Poll::Ready(answer),
            }
            ready!(self.turns.poll_wait(&mut self.observer, cx));
        }
    }
}

/// The next message of a reader that copies, as a value, if it is there.
pub(crate) fn take(
    mut try_recv_into: impl FnMut(&mut [u8]) -> Result<Outcome<Copied>, RecvError>,
) -> Result<Outcome<OwnedMessage>, RecvError> {
    let mut bytes = Vec::new();
    loop {
        match try_recv_into(&mut bytes) {
            // The buffer is grown before the message counts as received. A later one may have
            // come to its place by then.
            Err(RecvError::TooSmall { needed, .. }) => {
                let more = needed - bytes.len();
                bytes.try_reserve_exact(more).map_err(|_| RecvError::NoMemory { needed })?;
                bytes.resize(needed, 0);
            }
            answer => {
                return Ok(answer?.map(|copied| {
                    bytes.truncate(copied.len);
                    OwnedMessage::new(copied.seq, copied.tag, bytes)
                }));
            }
        }
    }
}
