//! A producer whose calls wait for room as tasks do.

use ringway_core::{BatchError, Claim, Producer, PublishError};

use crate::tasks::borrowing;
use crate::tasks::turns::Turns;

/// The producer of a ring for async tasks: its calls wait in a task while the ring is full.
///
/// It is a [`Producer`] with calls that work on every runtime. After 128 calls in a row that found room at once, a call
/// lets other tasks run before it goes on. So a call that is polled only once may publish nothing though there is room:
/// [`get_mut`](Self::get_mut) leads to [`Producer::try_publish`].
///
/// # Cancelling
/// [`publish`](Self::publish) and [`claim`](Self::claim) are cancel-safe: a future that is dropped before
/// it returned has published nothing. Of a [`publish_batch`](Self::publish_batch) the first messages may
/// have been published by then.
///
/// # Examples
/// ```
/// use ringway::aio::{AsyncConsumer, AsyncProducer};
/// use ringway::{Config, Ring, Start};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ring = ringway::anon::create(&Config::new().slots(2))?;
/// let mut consumer = AsyncConsumer::new(ring.consumer(Start::Oldest)?);
/// let mut producer = AsyncProducer::new(ring.producer()?);
///
/// tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
///     let publishing = async {
///         for number in 0..100_u64 {
///             producer.publish(&number.to_ne_bytes()).await?; // waits for the consumer
///         }
///         Ok::<_, ringway::PublishError>(())
///     };
///     let reading = async {
///         for number in 0..100_u64 {
///             let message = consumer.recv().await?.into_message().expect("no event comes between");
///             assert_eq!(message[..], number.to_ne_bytes());
///         }
///         Ok::<_, ringway::RecvError>(())
///     };
///     let (published, read) = tokio::join!(publishing, reading);
///     published.map_err(Box::<dyn std::error::Error>::from).and(read.map_err(Into::into))
/// })
/// # }
/// ```
#[derive(Debug)]
#[must_use = "dropping a producer gives its role up"]
pub struct AsyncProducer {
    /// Dropped first: no new sleep begins on a word of the ring once its memory is gone.
    turns: Turns,
    producer: Producer,
}

impl AsyncProducer {
    /// Has a producer's calls wait in tasks.
    pub fn new(producer: Producer) -> Self {
        Self { turns: Turns::default(), producer }
    }

    /// The producer, for calls that wait in the thread.
    pub fn into_inner(mut self) -> Producer {
        self.turns.registration.settle(&mut self.producer);
        self.producer
    }

    /// The producer, to be asked about the ring.
    pub fn get_ref(&self) -> &Producer {
        &self.producer
    }

    /// The producer, for calls that don't wait, such as [`close`](Producer::close). Those that do hold up the runtime's
    /// thread.
    pub fn get_mut(&mut self) -> &mut Producer {
        self.turns.registration.settle(&mut self.producer);
        &mut self.producer
    }

    /// Publishes a message with tag 0, waiting for room without end. Returns its sequence. Cancel-safe.
    ///
    /// # Errors
    /// As for [`Producer::try_publish`], but for `Full`.
    ///
    /// # Examples
    /// ```
    /// # use ringway::aio::AsyncProducer;
    /// # use ringway::PublishError;
    /// async fn greet(producer: &mut AsyncProducer) -> Result<u64, PublishError> {
    ///     producer.publish(b"hello").await
    /// }
    /// ```
    #[inline]
    pub async fn publish(&mut self, message: &[u8]) -> Result<u64, PublishError> {
        if self.turns.is_over() {
            self.turns.give_way().await;
        }
        loop {
            match self.producer.try_publish(message) {
                Err(PublishError::Full(_)) => {}
                answer => return self.done(answer),
            }
            self.turns.wait(&mut self.producer).await;
        }
    }

    /// The same with a tag.
    ///
    /// # Errors
    /// As for [`Producer::try_publish_tagged`], but for `Full`.
    ///
    /// # Examples
    /// ```
    /// # use ringway::aio::AsyncProducer;
    /// # use ringway::PublishError;
    /// async fn end_of_day(producer: &mut AsyncProducer) -> Result<u64, PublishError> {
    ///     producer.publish_tagged(b"", 7).await
    /// }
    /// ```
    #[inline]
    pub async fn publish_tagged(&mut self, message: &[u8], tag: u32) -> Result<u64, PublishError> {
        if self.turns.is_over() {
            self.turns.give_way().await;
        }
        loop {
            match self.producer.try_publish_tagged(message, tag) {
                Err(PublishError::Full(_)) => {}
                answer => return self.done(answer),
            }
            self.turns.wait(&mut self.producer).await;
        }
    }

    /// A slot of `len` bytes to be written in place, waiting for room without end. Cancel-safe. A claim stays with its
    /// thread: a task that holds one over an `await` can't be spawned on a runtime of several threads.
    ///
    /// # Errors
    /// As for [`Producer::try_claim`], but for `Full`.
    ///
    /// # Examples
    /// ```
    /// # use ringway::aio::AsyncProducer;
    /// # use ringway::PublishError;
    /// async fn zeros(producer: &mut AsyncProducer) -> Result<u64, PublishError> {
    ///     let mut claim = producer.claim(8).await?;
    ///     claim.fill(0);
    ///     claim.commit()
    /// }
    /// ```
    #[inline]
    pub async fn claim(&mut self, len: usize) -> Result<Claim<'_>, PublishError> {
        if self.turns.is_over() {
            self.turns.give_way().await;
        }
        // A claim borrows the handle, which can't be told afterwards.
        self.turns.registration.settle(&mut self.producer);
        let Self { turns, producer } = self;
        let mut producer = producer;
        loop {
            producer = match borrowing::producer_claim(producer, len) {
                Ok(answer) => return answer,
                Err(producer) => producer,
            };
            turns.wait(producer).await;
        }
    }

    /// Publishes all the messages, in order, with tag 0, waiting for room without end. A future that is dropped before
    /// it returned has published the first messages, or none: [`Producer::next_seq`] tells.
    ///
    /// # Errors
    /// The first message that wasn't published, and why; those before it were. If any is too long, none is
    /// published.
    ///
    /// # Examples
    /// ```
    /// # use ringway::aio::AsyncProducer;
    /// # use ringway::BatchError;
    /// async fn several(producer: &mut AsyncProducer) -> Result<(), BatchError> {
    ///     producer.publish_batch(&["some", "more", "at once"]).await
    /// }
    /// ```
    pub async fn publish_batch<M: AsRef<[u8]>>(&mut self, messages: &[M]) -> Result<(), BatchError> {
        // The first try checks the lengths of all messages. The others see no more of them than fit into the ring.
        let slots = usize::try_from(self.producer.geometry().slots()).unwrap_or(usize::MAX);
        let (mut published, mut at_once) = (0, messages.len());
        while published < messages.len() {
            if self.turns.is_over() {
                self.turns.give_way().await;
            }
            let left = &messages[published..];
            let tried = self.producer.try_publish_batch(&left[..left.len().min(at_once)]);
            at_once = slots;
            match tried {
                Err(PublishError::Full(_)) => {}
                answer => {
                    published += self.done(answer).map_err(|error| BatchError::new(published, error))?;
                    continue;
                }
            }
            self.turns.wait(&mut self.producer).await;
        }
        Ok(())
    }

    /// There was room, or an error: a wait that a dropped future has left behind is over.
    #[inline(always)]
    fn done<T>(&mut self, answer: Result<T, PublishError>) -> Result<T, PublishError> {
        self.turns.registration.settle(&mut self.producer);
        answer
    }
}
