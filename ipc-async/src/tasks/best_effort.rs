//! A best-effort reader whose calls wait as tasks do.

use core::task::{Context, Poll, ready};

use ringway_core::{BestEffortReader, Copied, Outcome, OwnedMessage, Received, RecvError};

use crate::tasks::borrowing;
use crate::tasks::observer::take;
use crate::tasks::stream::{MessageStream, Sealed, Source};
use crate::tasks::turns::Turns;

/// A best-effort reader of a ring for async tasks: it gets every message as long as it keeps up, and is told exactly how
/// many it lost.
///
/// It is a [`BestEffortReader`] with calls that wait in a task, on every runtime. All calls are cancel-safe, and let
/// other tasks run now and then: see [`AsyncConsumer`](crate::AsyncConsumer). A task that isn't run for long is passed
/// over by the producer, as a thread is.
///
/// # Examples
/// ```
/// use ringway::aio::AsyncBestEffortReader;
/// use ringway::{Config, Outcome, Ring, Start};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ring = ringway::anon::create(&Config::new())?;
/// let mut reader = AsyncBestEffortReader::new(ring.best_effort_reader(Start::Oldest)?);
/// let mut producer = ring.producer()?;
/// producer.publish(b"hello")?;
/// producer.close()?;
///
/// tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
///     loop {
///         match reader.recv().await? {
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
pub struct AsyncBestEffortReader {
    /// Dropped first: no new sleep begins on a word of the ring once its memory is gone.
    turns: Turns,
    reader: BestEffortReader,
}

impl AsyncBestEffortReader {
    /// Has a best-effort reader's calls wait in tasks.
    pub fn new(reader: BestEffortReader) -> Self {
        Self { turns: Turns::default(), reader }
    }

    /// The reader, for calls that wait in the thread.
    pub fn into_inner(self) -> BestEffortReader {
        self.reader
    }

    /// The reader, to be asked about the ring.
    pub fn get_ref(&self) -> &BestEffortReader {
        &self.reader
    }

    /// The reader, for calls that don't wait. Those that do hold up the runtime's thread.
    ///
    /// No other reader belongs in its place: a wait that is under way goes on for the first
    /// one, until its slice ends.
    pub fn get_mut(&mut self) -> &mut BestEffortReader {
        &mut self.reader
    }

    /// A copy of the next message, waiting for it without end: until it comes, messages were lost, the ring is closed,
    /// or the producer is lost. The copy lies in the handle.
    ///
    /// # Errors
    /// As for [`BestEffortReader::try_recv`].
    ///
    /// # Examples
    /// ```
    /// # use ringway::aio::AsyncBestEffortReader;
    /// # use ringway::{Outcome, RecvError};
    /// async fn print_next(reader: &mut AsyncBestEffortReader) -> Result<(), RecvError> {
    ///     match reader.recv().await? {
    ///         Outcome::Message(message) => println!("{:?}", &message[..]),
    ///         event => println!("{event:?}"),
    ///     }
    ///     Ok(())
    /// }
    /// ```
    #[inline]
    pub async fn recv(&mut self) -> Result<Outcome<Received<'_>>, RecvError> {
        let Self { turns, reader } = self;
        if turns.is_over() {
            turns.give_way().await;
        }
        let mut reader = reader;
        loop {
            reader = match borrowing::best_effort_recv(reader) {
                Ok(answer) => return answer,
                Err(reader) => reader,
            };
            turns.wait(reader).await;
        }
    }

    /// Has `f` look at a copy of the next message, its sequence and its tag, waiting for it as [`recv`](Self::recv)
    /// does. The future can be sent to another thread.
    ///
    /// # Errors
    /// As for [`BestEffortReader::try_recv`].
    ///
    /// # Examples
    /// ```
    /// # use ringway::aio::AsyncBestEffortReader;
    /// # use ringway::{Outcome, RecvError};
    /// async fn next_length(reader: &mut AsyncBestEffortReader) -> Result<Outcome<usize>, RecvError> {
    ///     reader.recv_with(|message, _seq, _tag| message.len()).await
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
            match self.reader.try_recv() {
                Ok(Outcome::Empty) => {}
                answer => return Ok(answer?.map(|message| f(&message, message.seq(), message.tag()))),
            }
            self.turns.wait(&mut self.reader).await;
        }
    }

    /// Copies the next message into `buffer`, waiting for it as [`recv`](Self::recv) does.
    ///
    /// # Errors
    /// As for [`BestEffortReader::try_recv_into`].
    ///
    /// # Examples
    /// ```
    /// # use ringway::aio::AsyncBestEffortReader;
    /// # use ringway::RecvError;
    /// async fn first_byte(reader: &mut AsyncBestEffortReader) -> Result<Option<u8>, RecvError> {
    ///     let mut buffer = [0; 64];
    ///     let copied = reader.recv_into(&mut buffer).await?.into_message();
    ///     Ok(copied.and_then(|copied| buffer[..copied.len].first().copied()))
    /// }
    /// ```
    #[inline]
    pub async fn recv_into(&mut self, buffer: &mut [u8]) -> Result<Outcome<Copied>, RecvError> {
        if self.turns.is_over() {
            self.turns.give_way().await;
        }
        loop {
            match self.reader.try_recv_into(buffer) {
                Ok(Outcome::Empty) => {}
                answer => return answer,
            }
            self.turns.wait(&mut self.reader).await;
        }
    }

    /// The messages as values, and the events between them: see
    /// [`AsyncConsumer::into_stream`](crate::AsyncConsumer::into_stream).
    pub fn into_stream(self) -> MessageStream<Self> {
        MessageStream::new(self)
    }
}

impl Sealed for AsyncBestEffortReader {}

impl Source for AsyncBestEffortReader {
    fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<Result<Outcome<OwnedMessage>, RecvError>> {
        if self.turns.is_over() {
            ready!(self.turns.poll_give_way(cx));
        }
        loop {
            match take(|buffer| self.reader.try_recv_into(buffer)) {
                Ok(Outcome::Empty) => {}
                answer => return Poll::Ready(answer),
            }
            ready!(self.turns.poll_wait(&mut self.reader, cx));
        }
    }
}
