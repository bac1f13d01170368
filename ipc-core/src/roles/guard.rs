//! One message in a consumer's hands: borrowed where it lies, or copied, and released when it is dropped.

use core::fmt;
use core::ops::Deref;

use crate::memory::Payload;
use crate::roles::cursor::Cursor;

/// A message that a consumer is reading. Dropping it releases the slot to the producer.
///
/// # Examples
/// ```
/// use ringway::{Config, Outcome, Ring, Start};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let ring = ringway::anon::create(&Config::new())?;
/// # let mut consumer = ring.consumer(Start::Oldest)?;
/// # ring.producer()?.publish(b"hello")?;
/// let Outcome::Message(message) = consumer.try_recv()? else { panic!("one is there") };
/// assert_eq!((message.seq(), message.tag(), &message[..]), (0, 0, &b"hello"[..]));
/// drop(message); // the producer may overwrite it from now on
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping a guard releases the message, read or not"]
pub struct Guard<'c> {
    /// For as long as the guard lives nobody else moves it: the guard borrows the consumer for itself.
    cursor: &'c Cursor,
    tag: u32,
    payload: Payload<'c>,
}

impl<'c> Guard<'c> {
    /// The next message, as `payload`.
    #[inline(always)]
    pub(crate) fn new(cursor: &'c Cursor, payload: Payload<'c>, tag: u32) -> Self {
        Guard { cursor, tag, payload }
    }

    /// Sequence of the message: its number, counted up from the ring's first.
    pub fn seq(&self) -> u64 {
        self.cursor.next().get()
    }

    /// The tag that the producer gave it.
    pub fn tag(&self) -> u32 {
        self.tag
    }
}

impl fmt::Debug for Guard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tag, payload, .. } = self;
        f.debug_struct("Guard").field("seq", &self.seq()).field("tag", tag).field("payload", payload).finish()
    }
}

impl Deref for Guard<'_> {
    type Target = [u8];

    #[inline(always)]
    fn deref(&self) -> &[u8] {
        &self.payload
    }
}

impl Drop for Guard<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        // In a forked child the cell is the parent's.
        if self.cursor.region.fork.is_valid() {
            self.payload.end();
            self.cursor.release();
        }
    }
}
