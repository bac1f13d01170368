//! Several claimed slots for messages of a type: written in place, then published together.

use core::fmt;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut, Range};

use super::message::FITS;
use crate::format::error::PublishError;
use crate::format::message_type::Message;
use crate::roles::batch_claim::BatchClaim;
use crate::roles::message_claim::{BatchClaimIter, MessageClaim};

/// The next messages of type `T`, claimed and not yet published: see [`BatchClaim`]. What each holds at first is some
/// old message's bytes.
#[must_use = "a batch that is dropped publishes nothing and destroys messages a lap old: `commit` it, or `abort` it"]
pub struct TypedBatchClaim<'p, T> {
    batch: BatchClaim<'p>,
    of: PhantomData<fn() -> T>,
}

impl<T> fmt::Debug for TypedBatchClaim<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TypedBatchClaim").field(&self.batch).finish()
    }
}

impl<'p, T: Message> TypedBatchClaim<'p, T> {
    pub(super) fn new(batch: BatchClaim<'p>) -> Self {
        Self { batch, of: PhantomData }
    }

    /// How many messages were claimed.
    pub fn len(&self) -> usize {
        self.batch.len()
    }

    /// Whether no message was claimed.
    pub fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    /// The sequences that the messages get when they are committed.
    pub fn seqs(&self) -> Range<u64> {
        self.batch.seqs()
    }

    /// The message at `index`, to be written.
    ///
    /// # Panics
    /// If fewer were claimed.
    pub fn message(&mut self, index: usize) -> TypedMessageClaim<'_, T> {
        TypedMessageClaim::new(self.batch.message(index))
    }

    /// Each of the messages in order, to be written.
    pub fn iter_mut(&mut self) -> TypedBatchClaimIter<'_, T> {
        TypedBatchClaimIter { messages: self.batch.iter_mut(), of: PhantomData }
    }

    /// Keeps the first `count` messages, and gives the others up.
    pub fn truncate(&mut self, count: usize) {
        self.batch.truncate(count);
    }

    /// Publishes all of the messages. Returns their sequences.
    ///
    /// # Errors
    /// As for [`BatchClaim::commit`].
    pub fn commit(self) -> Result<Range<u64>, PublishError> {
        self.batch.commit()
    }

    /// Publishes nothing, as dropping the batch does: the sequences go to the next messages.
    pub fn abort(self) {}
}

impl<'b, T: Message> IntoIterator for &'b mut TypedBatchClaim<'_, T> {
    type Item = TypedMessageClaim<'b, T>;
    type IntoIter = TypedBatchClaimIter<'b, T>;

    fn into_iter(self) -> TypedBatchClaimIter<'b, T> {
        self.iter_mut()
    }
}

/// Iterator over the messages of a [`TypedBatchClaim`], to be written.
#[must_use = "an iterator does nothing until it is asked for messages"]
pub struct TypedBatchClaimIter<'b, T> {
    messages: BatchClaimIter<'b>,
    of: PhantomData<fn() -> T>,
}

impl<T> fmt::Debug for TypedBatchClaimIter<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TypedBatchClaimIter").field(&self.messages).finish()
    }
}

impl<'b, T: Message> Iterator for TypedBatchClaimIter<'b, T> {
    type Item = TypedMessageClaim<'b, T>;

    fn next(&mut self) -> Option<TypedMessageClaim<'b, T>> {
        self.messages.next().map(TypedMessageClaim::new)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.messages.size_hint()
    }
}

impl<T: Message> ExactSizeIterator for TypedBatchClaimIter<'_, T> {}

/// One message of a [`TypedBatchClaim`]: it dereferences to a value of type `T`.
#[must_use = "a claimed message holds an old message's bytes until it is written"]
pub struct TypedMessageClaim<'b, T> {
    message: MessageClaim<'b>,
    of: PhantomData<fn() -> T>,
}

impl<T> fmt::Debug for TypedMessageClaim<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TypedMessageClaim").field(&self.message).finish()
    }
}

impl<'b, T: Message> TypedMessageClaim<'b, T> {
    fn new(message: MessageClaim<'b>) -> Self {
        Self { message, of: PhantomData }
    }

    /// The sequence that the message gets when the batch is committed.
    pub fn seq(&self) -> u64 {
        self.message.seq()
    }

    /// Gives the message a tag; at first it is 0.
    pub fn set_tag(&mut self, tag: u32) {
        self.message.set_tag(tag);
    }
}

impl<T: Message> Deref for TypedMessageClaim<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        T::ref_from_bytes(&self.message).expect(FITS)
    }
}

impl<T: Message> DerefMut for TypedMessageClaim<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        T::mut_from_bytes(&mut self.message).expect(FITS)
    }
}
