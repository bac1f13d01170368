//! Messages as a stream of values.

use core::mem::forget;
use core::ops::Deref;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use futures_core::Stream;
use futures_core::stream::FusedStream;
use ringway_core::{Outcome, OwnedMessage, RecvError};

/// What a stream takes messages from: [`AsyncConsumer`](crate::AsyncConsumer),
/// [`AsyncBestEffortReader`](crate::AsyncBestEffortReader) and [`AsyncObserver`](crate::AsyncObserver), and nothing else.
///
/// ```compile_fail,E0277
/// # use std::task::{Context, Poll};
/// # use ringway::{Outcome, OwnedMessage, RecvError};
/// struct Mine;
///
/// impl ringway::aio::Source for Mine {
///     fn poll_take(&mut self, _: &mut Context<'_>) -> Poll<Result<Outcome<OwnedMessage>, RecvError>> {
///         Poll::Pending
///     }
/// }
/// ```
pub trait Source: Sealed {
    /// The next message, as a value, or event.
    #[doc(hidden)]
    fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<Result<Outcome<OwnedMessage>, RecvError>>;
}

/// Keeps [`Source`] to this crate.
pub trait Sealed {}

/// A stream of a reader's messages, and of the events between them: see
/// [`AsyncConsumer::into_stream`](crate::AsyncConsumer::into_stream). It ends after [`Closed`](Outcome::Closed),
/// and after an error that lasts (`Damaged`, `Forked`, `Truncated`), both of which it tells once.
///
/// Dropping a future that waits for its next item loses nothing.
#[derive(Debug)]
#[must_use = "a stream does nothing until it is polled"]
pub struct MessageStream<R> {
    reader: R,
    ended: bool,
}

impl<R> MessageStream<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, ended: false }
    }

    /// The reader, which goes on where the stream left off.
    pub fn into_inner(self) -> R {
        self.reader
    }

    /// The reader, to be asked about the ring.
    pub fn get_ref(&self) -> &R {
        &self.reader
    }
}

impl<R: Source + Unpin> Stream for MessageStream<R> {
    type Item = Result<Outcome<OwnedMessage>, RecvError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let taken = ready!(self.reader.poll_take(cx));
        self.ended = match &taken {
            Ok(outcome) => outcome.is_closed(),
            Err(error) => {
                matches!(error, RecvError::Damaged(_) | RecvError::Forked(_) | RecvError::Truncated(_))
            }
        };
        Poll::Ready(Some(taken))
    }
}

impl<R: Source + Unpin> FusedStream for MessageStream<R> {
    fn is_terminated(&self) -> bool {
        self.ended
    }
}

/// The same outcome with the message as a value. A message for which there is no memory is forgotten: a guard that
/// isn't dropped doesn't release it.
pub(crate) fn owned<M: Deref<Target = [u8]>>(
    outcome: Outcome<M>,
    seq: fn(&M) -> u64,
    tag: fn(&M) -> u32,
) -> Result<Outcome<OwnedMessage>, RecvError> {
    let mut failed = Ok(());
    let outcome = outcome.map(|message| {
        let (mut bytes, needed) = (Vec::new(), message.len());
        if bytes.try_reserve_exact(needed).is_err() {
            failed = Err(RecvError::NoMemory { needed });
            forget(message);
            return OwnedMessage::new(0, 0, bytes);
        }
        bytes.extend_from_slice(&message);
        OwnedMessage::new(seq(&message), tag(&message), bytes)
    });
    failed.map(|()| outcome)
}
