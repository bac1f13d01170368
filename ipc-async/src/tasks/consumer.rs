//! A consumer whose calls wait as tasks do.

use core::task::{Context, Poll, ready};

use ringway_core::{Batch, Consumer, Copied, Guard, Outcome, OwnedMessage, RecvError};

use crate::tasks::borrowing;
use crate::tasks::stream::{MessageStream, Sealed, Source, owned};
use crate::tasks::turns::Turns;

/// A consumer of a ring for async tasks: it gets every message from where it started.
///
/// It is a [`Consumer`] with calls that wait in a task. They work on every runtime. What they
/// return is what the consumer's own calls return: events come as outcomes, and a call without a deadline never
/// comes to [`TimedOut`](Outcome::TimedOut).
///
/// # Cancelling
/// All calls are cancel-safe: dropping a future that hasn't returned loses nothing. A message is taken in
/// the poll that returns it. So they may stand in `select!`, and a time-out may end them.
///
/// # Turns
/// After 128 results in a row that were there at once, a call lets other tasks run before it goes on. So a call that is
/// polled only once, as by `now_or_never`, may give nothing though a message is there. Use
/// [`get_mut`](Self::get_mut) and [`Consumer::try_recv`] for a look that doesn't wait. A consumer that holds up a whole
/// runtime's thread between two calls is the task's own business.
///
/// # Examples
/// ```
/// use ringway::aio::AsyncConsumer;
/// use ringway::{Config, Outcome, Ring, Start};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ring = ringway::anon::create(&Config::new())?;
/// let mut consumer = AsyncConsumer::new(ring.consumer(Start::Oldest)?);
/// let mut producer = ring.producer()?;
/// let thread = std::thread::spawn(move || producer.publish(b"hello").and_then(|_| producer.close()));
///
/// tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
///     while let Outcome::Message(message) = consumer.recv().await? {
///         println!("{}: {:?}", message.seq(), &message[..]);
///     }
///     Ok::<_, ringway::RecvError>(())
/// })?;
/// # thread.join().unwrap()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a consumer that isn't read stops the producer, and dropping it leaves the ring"]
pub struct AsyncConsumer {
    /// Dropped first: no new sleep begins on a word of the ring once its memory is gone.
    turns: Turns,
    consumer: Consumer,
}

impl AsyncConsumer {
    /// Has a consumer's calls wait in tasks.
    pub fn new(consumer: Consumer) -> Self {
        Self { turns: Turns::default(), consumer }
    }

    /// The consumer, for calls that wait in the thread.
    pub fn into_inner(self) -> Consumer {
        self.consumer
    }

    /// The consumer, to be asked about the ring.
    pub fn get_ref(&self) -> &Consumer {
        &self.consumer
    }

    /// The consumer, for calls that don't wait. Those that do hold up the runtime's thread.
    ///
    /// No other consumer belongs in its place: a wait that is under way goes on for the first
    /// one, until its slice ends.
    ///
    /// # Examples
    /// ```
    /// # use ringway::aio::AsyncConsumer;
    /// # use ringway::RecvError;
    /// /// Reads what is there, and leaves the rest to the next turn.
    /// fn drain(consumer: &mut AsyncConsumer) -> Result<usize, RecvError> {
    ///     let mut bytes = 0;
    ///     while let Some(message) = consumer.get_mut().try_recv()?.into_message() {
    ///         bytes += message.len();
    ///     }
    ///     Ok(bytes)
    /// }
    /// ```
    pub fn get_mut(&mut self) -> &mut Consumer {
        &mut self.consumer
    }

    /// The next message, waiting for it without end: until it comes, the ring is closed, or the producer is lost.
    ///
    /// The guard borrows the message, and dropping it releases the slot. A guard stays with its thread: a task that
    /// holds one over an `await` can't be spawned on a runtime of several threads. [`recv_with`](Self::recv_with) is
    /// for that.
    ///
    /// # Errors
    /// As for [`Consumer::try_recv`].
    ///
    /// # Examples
    /// ```
    /// # use ringway::aio::AsyncConsumer;
    /// # use ringway::{Outcome, RecvError};
    /// async fn total(consumer: &mut AsyncConsumer) -> Result<usize, RecvError> {
    ///     let mut total = 0;
    ///     loop {
    ///         match consumer.recv().await? {
    ///             Outcome::Message(message) => total += message.len(),
    ///             Outcome::Closed => return Ok(total),
    ///             event => eprintln!("{event:?}"),
    ///         }
    ///     }
    /// }
    /// ```
    #[inline]
    pub async fn recv(&mut self) -> Result<Outcome<Guard<'_>>, RecvError> {
        let Self { turns, consumer } = self;
        if turns.is_over() {
            turns.give_way().await;
        }
        let mut consumer = consumer;
        loop {
            consumer = match borrowing::consumer_recv(consumer) {
                Ok(answer) => return answer,
                Err(consumer) => consumer,
            };
            turns.wait(consumer).await;
        }
    }

    /// Has `f` look at the next message, its sequence and its tag, waiting for it as [`recv`](Self::recv) does, and
    /// releases it. The future can be sent to another thread.
    ///
    /// # Errors
    /// As for [`Consumer::try_recv`].
    ///
    /// # Examples
    /// ```
    /// # use ringway::aio::AsyncConsumer;
    /// # use ringway::{Outcome, RecvError};
    /// async fn first_byte(consumer: &mut AsyncConsumer) -> Result<Outcome<Option<u8>>, RecvError> {
    ///     consumer.recv_with(|message, _seq, _tag| message.first().copied()).await
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
            match self.consumer.try_recv() {
                Ok(Outcome::Empty) => {}
                Ok(Outcome::Message(guard)) => {
                    return Ok(Outcome::Message(f(&guard, guard.seq(), guard.tag())));
                }
                event => return Ok(event?.map(|guard| f(&guard, guard.seq(), guard.tag()))),
            }
            self.turns.wait(&mut self.consumer).await;
        }
    }

    /// Copies the next message into `buffer` and releases its slot, waiting for it as [`recv`](Self::recv) does.
    ///
    /// # Errors
    /// As for [`Consumer::try_recv_into`]: a message that is too long for the buffer can be read again.
    ///
    /// # Examples
    /// ```
    /// # use ringway::aio::AsyncConsumer;
    /// # use ringway::{Copied, Outcome, RecvError};
    /// async fn next(consumer: &mut AsyncConsumer, buffer: &mut Vec<u8>) -> Result<Outcome<Copied>, RecvError> {
    ///     loop {
    ///         match consumer.recv_into(buffer).await {
    ///             Err(RecvError::TooSmall { needed, .. }) => buffer.resize(needed, 0),
    ///             other => return other,
    ///         }
    ///     }
    /// }
    /// ```
    #[inline]
    pub async fn recv_into(&mut self, buffer: &mut [u8]) -> Result<Outcome<Copied>, RecvError> {
        if self.turns.is_over() {
            self.turns.give_way().await;
        }
        loop {
            match self.consumer.try_recv_into(buffer) {
                Ok(Outcome::Empty) => {}
                answer => return answer,
            }
            self.turns.wait(&mut self.consumer).await;
        }
    }

    /// Has `f` look at up to `max` messages that are there, waiting for the first as [`recv`](Self::recv) does, and
    /// releases them all. The future can be sent to another thread. For at most 0 messages it is
    /// [`Empty`](Outcome::Empty) at once.
    ///
    /// # Errors
    /// As for [`Consumer::try_recv_batch`].
    ///
    /// # Examples
    /// ```
    /// # use ringway::aio::AsyncConsumer;
    /// # use ringway::{Outcome, RecvError};
    /// async fn bytes(consumer: &mut AsyncConsumer) -> Result<Outcome<usize>, RecvError> {
    ///     consumer.recv_batch_with(256, |batch| batch.iter().map(|message| message.len()).sum()).await
    /// }
    /// ```
    #[inline]
    pub async fn recv_batch_with<R>(
        &mut self,
        max: usize,
        f: impl FnOnce(&Batch<'_>) -> R,
    ) -> Result<Outcome<R>, RecvError> {
        if self.turns.is_over() {
            self.turns.give_way().await;
        }
        loop {
            match self.consumer.try_recv_batch(max) {
                Ok(Outcome::Empty) if max > 0 => {}
                answer => return Ok(answer?.map(|batch| f(&batch))),
            }
            self.turns.wait(&mut self.consumer).await;
        }
    }

    /// The messages as values, and the events between them. The stream ends after
    /// [`Closed`](Outcome::Closed), and after an error that lasts, both of which it tells once.
    ///
    /// # Examples
    /// ```
    /// use futures_util::StreamExt;
    /// use ringway::aio::AsyncConsumer;
    /// use ringway::{Outcome, RecvError};
    ///
    /// async fn collect(consumer: AsyncConsumer) -> Result<Vec<Vec<u8>>, RecvError> {
    ///     let (mut stream, mut all) = (consumer.into_stream(), Vec::new());
    ///     while let Some(outcome) = stream.next().await {
    ///         match outcome? {
    ///             Outcome::Message(message) => all.push(message.bytes),
    ///             event => eprintln!("{event:?}"),
    ///         }
    ///     }
    ///     Ok(all)
    /// }
    /// ```
    pub fn into_stream(self) -> MessageStream<Self> {
        MessageStream::new(self)
    }
}

impl Sealed for AsyncConsumer {}

impl Source for AsyncConsumer {
    fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<Result<Outcome<OwnedMessage>, RecvError>> {
        if self.turns.is_over() {
            ready!(self.turns.poll_give_way(cx));
        }
        loop {
            match self.consumer.try_recv()? {
                Outcome::Empty => {}
                outcome => return Poll::Ready(owned(outcome, Guard::seq, Guard::tag)),
            }
            ready!(self.turns.poll_wait(&mut self.consumer, cx));
        }
    }
}
