//! Slots as plain addresses, for the kernel to read and write: a message passes without a copy in between, whatever the
//! ring's peers do.
//!
//! Nothing here makes a reference to a payload, so a peer that changes it meanwhile breaks no rule of Rust's. The
//! addresses are those of slots that the ring's mapping holds, and the lengths are checked against the slot. What holds
//! an address borrows the handle, and so keeps the mapping.

use core::time::Duration;

use crate::format::error::{PublishError, RecvError};
use crate::memory::access::AsProducer;
use crate::memory::region::Region;
use crate::memory::sized::Len;
use crate::protocol::message::Outcome;
use crate::protocol::stamp;
use crate::protocol::wait::Limit;
use crate::roles::consumer::Consumer;
use crate::roles::cursor::Cursor;
use crate::roles::producer::{Producer, WritePosition, check_tag, fit_len, store_head};

/// The next message, where it lies: an address and a length, to be handed to the kernel, as with `write(2)`.
///
/// The bytes may change while they are read, unless the ring's peers are trusted: another process may write what it
/// likes. So they must not be read through a reference, nor by plain loads. A system call may read them: it passes on
/// what it finds, as if the producer had published that. A correct producer leaves them alone until the message is
/// released.
///
/// [`release`](Self::release) releases the slot. Dropped without it, the message comes again.
///
/// # Examples
/// Messages written to a file without a copy in this process:
/// ```
/// # #![allow(unsafe_code)]
/// use ringway::{Config, Outcome, Ring, Start};
/// use std::os::fd::AsRawFd;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ring = ringway::anon::create(&Config::new())?;
/// let mut consumer = ring.consumer(Start::Oldest)?;
/// ring.producer()?.publish(b"hello")?;
/// let file = std::fs::File::options().write(true).open("/dev/null")?;
/// let Outcome::Message(message) = consumer.try_recv_raw()? else { panic!("one is there") };
/// // SAFETY: so many bytes are mapped there while the message is held, and the kernel may find them changing.
/// let written = unsafe { libc::write(file.as_raw_fd(), message.as_ptr().cast(), message.len()) };
/// assert_eq!((written, message.seq()), (5, 0));
/// message.release()?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a message that isn't released comes again"]
pub struct RawMessage<'c> {
    cursor: &'c Cursor,
    len: Len,
    tag: u32,
}

impl Consumer {
    /// The next message where it lies, if it is there: see [`RawMessage`].
    ///
    /// # Errors
    /// As for [`try_recv`](Self::try_recv).
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{Consumer, Outcome, RecvError};
    /// fn next_len(consumer: &mut Consumer) -> Result<Option<usize>, RecvError> {
    ///     let Outcome::Message(message) = consumer.try_recv_raw()? else { return Ok(None) };
    ///     Ok(Some(message.len())) // it isn't released, and comes again
    /// }
    /// ```
    pub fn try_recv_raw(&mut self) -> Result<Outcome<RawMessage<'_>>, RecvError> {
        self.recv_raw_within(None)
    }

    /// The next message where it lies, waiting for it until `timeout` has passed: see [`RawMessage`] and
    /// [`recv_timeout`](Self::recv_timeout).
    ///
    /// # Errors
    /// As for [`try_recv`](Self::try_recv).
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{Consumer, RecvError};
    /// # use core::time::Duration;
    /// fn comes(consumer: &mut Consumer) -> Result<bool, RecvError> {
    ///     Ok(consumer.recv_raw_timeout(Duration::from_millis(10))?.is_message())
    /// }
    /// ```
    pub fn recv_raw_timeout(&mut self, timeout: Duration) -> Result<Outcome<RawMessage<'_>>, RecvError> {
        self.recv_raw_within(Some(Limit::After(timeout)))
    }

    fn recv_raw_within(&mut self, limit: Option<Limit>) -> Result<Outcome<RawMessage<'_>>, RecvError> {
        let header = match self.next_within(limit)? {
            Outcome::Message(header) => header,
            event => return Ok(event.without_message()),
        };
        Ok(Outcome::Message(RawMessage { cursor: &self.cursor, len: header.len, tag: header.tag }))
    }
}

impl RawMessage<'_> {
    /// Where the message lies. [`len`](Self::len) bytes from there are mapped while the message is held, but a file
    /// that is cut short takes them away: a system call then fails with `EFAULT`, and [`check`](Self::check) says so.
    pub fn as_ptr(&self) -> *const u8 {
        self.cursor.slot().as_ptr()
    }

    /// Bytes of the message: no more than its slot holds.
    pub fn len(&self) -> usize {
        self.len.get()
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sequence of the message: its number, counted up from the ring's first.
    pub fn seq(&self) -> u64 {
        self.cursor.next().get()
    }

    /// The tag that the producer gave it.
    pub fn tag(&self) -> u32 {
        self.tag
    }

    /// Looks at each page that the message lies in: what to ask when the kernel couldn't read it.
    ///
    /// # Errors
    /// `Truncated` if the memory is gone; `Forked`.
    pub fn check(&self) -> Result<(), RecvError> {
        self.cursor.slot().touch_all(self.len);
        self.cursor.region.fork.check_after_for::<RecvError>()
    }

    /// Releases the message: the producer may overwrite it.
    ///
    /// # Errors
    /// `Damaged` if the slot is known to have been overwritten meanwhile; `Forked`,
    /// `Truncated`. It isn't released then.
    pub fn release(self) -> Result<(), RecvError> {
        self.cursor.region.fork.check_for::<RecvError>()?;
        self.cursor.check_copied(self.cursor.slot())?;
        self.cursor.release();
        Ok(())
    }
}

impl core::fmt::Debug for RawMessage<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { tag, len, .. } = self;
        f.debug_struct("RawMessage").field("seq", &self.seq()).field("tag", tag).field("len", len).finish()
    }
}

/// The next slot, claimed as an address and a length, to be handed to the kernel, as with `read(2)`.
///
/// The bytes hold whatever was there before. They may change after they are written, unless the ring's peers are
/// trusted: another process may write what it likes, as it may once they are published. So they must not be accessed
/// through a reference, nor by plain loads and stores. A system call may write them.
///
/// Dropped without a commit it publishes nothing, as a [`Claim`](crate::Claim).
///
/// # Examples
/// Bytes read from a file into the slot:
/// ```
/// # #![allow(unsafe_code)]
/// use ringway::{Config, Outcome, Ring, Start};
/// use std::os::fd::AsRawFd;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ring = ringway::anon::create(&Config::new())?;
/// let mut consumer = ring.consumer(Start::Oldest)?;
/// let mut producer = ring.producer()?;
/// let file = std::fs::File::open("/dev/zero")?;
/// let claim = producer.try_claim_raw(16)?;
/// // SAFETY: so many bytes are mapped there while the claim is held, and no reference leads to them.
/// let read = unsafe { libc::read(file.as_raw_fd(), claim.as_ptr().cast(), claim.len()) };
/// claim.commit_len_tagged(usize::try_from(read)?, 0)?;
/// let Outcome::Message(message) = consumer.try_recv()? else { panic!("one is there") };
/// assert_eq!(message[..], [0; 16]);
/// # Ok(())
/// # }
/// ```
#[must_use = "a claim that is dropped publishes nothing and destroys the message a lap old"]
pub struct RawClaim<'p> {
    region: &'p Region<AsProducer>,
    position: &'p mut WritePosition,
    len: Len,
}

impl Producer {
    /// Claims the next slot for a message of `len` bytes, to be written by the kernel, if there is room now: see
    /// [`RawClaim`].
    ///
    /// # Errors
    /// As for [`try_publish`](Self::try_publish).
    ///
    /// # Examples
    /// See [`RawClaim`].
    pub fn try_claim_raw(&mut self, len: usize) -> Result<RawClaim<'_>, PublishError> {
        let len = self.fit_len(len)?;
        self.reserve_within(None)?;
        let Producer { region, position, .. } = self;
        stamp::begin(region.slots.at(position.next));
        Ok(RawClaim { region, position, len })
    }
}

impl RawClaim<'_> {
    /// Where the message is to be written. [`len`](Self::len) bytes from there are mapped while the claim is held,
    /// but a file that is cut short takes them away: a system call then fails with `EFAULT`, and
    /// [`check`](Self::check) says so.
    pub fn as_ptr(&self) -> *mut u8 {
        self.region.slots.at(self.position.next).as_ptr().cast_mut()
    }

    /// Bytes that were claimed.
    pub fn len(&self) -> usize {
        self.len.get()
    }

    /// Whether no bytes were claimed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The sequence that the message gets when it is committed.
    pub fn seq(&self) -> u64 {
        self.position.next.get()
    }

    /// Looks at each page of what was claimed: what to ask when the kernel couldn't write there.
    ///
    /// # Errors
    /// `Truncated` if the memory is gone; `Forked`.
    pub fn check(&self) -> Result<(), PublishError> {
        self.region.slots.at(self.position.next).touch_all(self.len);
        self.region.fork.check_for::<PublishError>()
    }

    /// Publishes the first `len` bytes of what was claimed, with a tag of the caller's. Returns the message's sequence.
    ///
    /// # Errors
    /// As for [`Claim::commit_len_tagged`](crate::Claim::commit_len_tagged).
    pub fn commit_len_tagged(self, len: usize, tag: u32) -> Result<u64, PublishError> {
        let Self { region, position, len: claimed } = self;
        if len > claimed.get() {
            return Err(PublishError::BeyondClaim { len, claimed: claimed.get() });
        }
        let len = fit_len(region, len)?;
        region.fork.check_for::<PublishError>()?;
        check_tag(region, len, tag)?;
        let seq = position.next;
        stamp::publish(region.slots.at(seq), len, tag);
        position.next = seq.next();
        store_head(region, position.next);
        Ok(seq.get())
    }
}

impl core::fmt::Debug for RawClaim<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("RawClaim").field("seq", &self.seq()).field("len", &self.len).finish_non_exhaustive()
    }
}
