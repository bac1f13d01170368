//! Several messages at once, counted by one store of head.
//!
//! # Safety
//! The addresses of slots come from the slots of the region that the run borrows. A payload is written in place only in a
//! slot whose stamp is odd, which the producer alone may write.

#![allow(unsafe_code)]

use crate::format::error::{BatchError, PublishError};
use crate::format::seq::Seq;
use crate::memory::access::{AsProducer, ReadWrite};
use crate::memory::region::Region;
use crate::memory::scratch::Scratch;
use crate::memory::sized::Len;
use crate::memory::{PayloadMut, Slot, SlotAddress, Slots};
use crate::protocol::stamp;
use crate::roles::producer::{Producer, WritePosition, fit, store_head, too_long};

impl Producer {
    /// Publishes all the messages, in order, with tag 0, waiting for room as [`set_wait`](Self::set_wait)
    /// says (each wait has the whole time-out). Head is stored once for each run that fits.
    ///
    /// # Errors
    /// The first message that wasn't published, and why; those before it were. If any is too long, none is
    /// published.
    pub fn publish_batch<M: AsRef<[u8]>>(&mut self, messages: &[M]) -> Result<(), BatchError> {
        let mut published = 0;
        let failed = |published| move |error| BatchError { published, error };
        self.check_batch(messages).map_err(failed(0))?;
        while published < messages.len() {
            self.wait_for_room().map_err(failed(published))?;
            published += self.write_run(&messages[published..]).map_err(failed(published))?;
        }
        Ok(())
    }

    /// Publishes as many of the messages as there is room for now, in order, with tag 0. Returns how many:
    /// at least one, unless the batch is empty. Head is stored once for each run that fits, half the slots at most.
    ///
    /// # Errors
    /// `Full` if there is room for none; `TooLong` if any is too long; `Deposed`, `Exhausted`, `NoReaders`, `Forked`,
    /// `Truncated`. Nothing was published then.
    pub fn try_publish_batch<M: AsRef<[u8]>>(&mut self, messages: &[M]) -> Result<usize, PublishError> {
        self.check_batch(messages)?;
        self.while_room(messages.len(), |producer, published| producer.write_run(&messages[published..]))
    }

    /// Publishes all of the messages if there is room for all of them now, else none; in order, with tag 0. Head is
    /// stored once.
    ///
    /// Readers may see the first of them before the last is there, and a producer that dies meanwhile leaves those
    /// that it has written.
    ///
    /// # Errors
    /// `BatchTooLong` if there are more than half the slots, which are never known to be free at once; `Full`, which
    /// names the slowest consumer, if there is no room for all of them; `TooLong` if any is too long; `Deposed`,
    /// `Exhausted`, `NoReaders`, `Forked`, `Truncated`. Nothing was published then.
    pub fn try_publish_all<M: AsRef<[u8]>>(&mut self, messages: &[M]) -> Result<(), PublishError> {
        self.check_batch(messages)?;
        if messages.is_empty() {
            return Ok(());
        }
        self.reserve_all(messages.len())?;
        let published = self.write_run(messages)?;
        match messages.get(published) {
            None => Ok(()),
            // Its `as_ref` gave another slice than before.
            Some(message) => Err(too_long(&self.region, message.as_ref().len())),
        }
    }

    /// Publishes `count` messages of `len` bytes each, with tag 0, waiting for room as
    /// [`set_wait`](Self::set_wait) says (each wait has the whole time-out). `write` gets the sequence and the
    /// bytes of each, as [`claim`](Self::claim) would give them: the slot itself where the ring's peers are
    /// trusted. They hold whatever was there before, so write them all. Head is stored once for each run that fits.
    ///
    /// If `write` panics, the messages before are published. In a child that it forks the bytes are no longer there.
    ///
    /// # Errors
    /// The first message that wasn't published, and why; those before it were.
    #[inline]
    pub fn publish_batch_with(
        &mut self,
        count: usize,
        len: usize,
        mut write: impl FnMut(u64, &mut [u8]),
    ) -> Result<(), BatchError> {
        let mut published = 0;
        let failed = |published| move |error| BatchError { published, error };
        self.region.fork.check_for::<PublishError>().map_err(failed(0))?;
        let len = self.fit_len(len).map_err(failed(0))?;
        while published < count {
            self.wait_for_room().map_err(failed(published))?;
            published +=
                self.write_run_with(count - published, len, &mut write).map_err(failed(published))?;
        }
        Ok(())
    }

    /// The same with as many messages as there is room for now. Returns how many: at least one, unless `count` is 0.
    ///
    /// # Errors
    /// `Full` if there is room for none; `NoMemory` if there is none to write a message in; `TooLong`, `Deposed`,
    /// `Exhausted`, `NoReaders`, `Forked`, `Truncated`. Nothing was published then.
    #[inline]
    pub fn try_publish_batch_with(
        &mut self,
        count: usize,
        len: usize,
        mut write: impl FnMut(u64, &mut [u8]),
    ) -> Result<usize, PublishError> {
        self.region.fork.check_for::<PublishError>()?;
        let len = self.fit_len(len)?;
        self.while_room(count, |producer, published| {
            producer.write_run_with(count - published, len, &mut write)
        })
    }

    /// The same with all of the messages if there is room for all of them now, else none: see
    /// [`try_publish_all`](Self::try_publish_all). If `write` panics, the messages before are published.
    ///
    /// # Errors
    /// As for [`try_publish_all`](Self::try_publish_all), and `NoMemory`.
    #[inline]
    pub fn try_publish_all_with(
        &mut self,
        count: usize,
        len: usize,
        mut write: impl FnMut(u64, &mut [u8]),
    ) -> Result<(), PublishError> {
        self.region.fork.check_for::<PublishError>()?;
        let len = self.fit_len(len)?;
        if count == 0 {
            return Ok(());
        }
        self.reserve_all(count)?;
        self.write_run_with(count, len, &mut write).map(drop)
    }

    /// Has `write` write run after run of `count` messages while there is room now. It gets the number of those
    /// published, and returns how many more are.
    #[inline]
    fn while_room(
        &mut self,
        count: usize,
        mut write: impl FnMut(&mut Self, usize) -> Result<usize, PublishError>,
    ) -> Result<usize, PublishError> {
        let mut published = 0;
        while published < count {
            match self.reserve().and_then(|()| write(self, published)) {
                Ok(more) => published += more,
                Err(error) if published == 0 => return Err(error),
                // The next call comes upon it again.
                Err(_) => break,
            }
        }
        Ok(published)
    }

    /// Makes sure that the next `count` messages may be written before another scan.
    fn reserve_all(&mut self, count: usize) -> Result<(), PublishError> {
        self.region.fork.check_for::<PublishError>()?;
        let (needed, max) = (count as u64, self.region.geometry.slots / 2);
        if needed > max {
            return Err(PublishError::BatchTooLong { count, max: max as usize });
        }
        if Seq::END.since(self.position.next) < needed {
            return Err(PublishError::Exhausted);
        }
        let known = self.position.limit.since(self.position.next) >= needed;
        if known { Ok(()) } else { self.scan_for(needed) }
    }

    /// Has `write` write as many of `count` messages as may be written before the next scan, which is at least one.
    #[inline]
    fn write_run_with(
        &mut self,
        count: usize,
        len: Len,
        write: &mut impl FnMut(u64, &mut [u8]),
    ) -> Result<usize, PublishError> {
        let staged = !self.region.in_place;
        if staged {
            // Before a slot is marked: for want of memory no message is lost.
            self.staging.grow(len.get())?;
        }
        let (mut run, room, staging) = self.run();
        let count = room.min(count);
        for _ in 0..count {
            let slot = run.slot();
            stamp::begin(slot);
            let mut bytes = if staged {
                PayloadMut::from(&mut staging.all()[..len.get()])
            } else {
                // SAFETY: the stamp just stored is odd, so no reader accepts the slot until it is published;
                // the run borrows the producer, so there is no other claim or publish meanwhile.
                unsafe { slot.borrow_mut(len) }
            };
            write(slot.seq().get(), &mut bytes);
            if staged {
                stamp::copy_in(slot, len.prefix_of(&bytes));
            }
            // Ends the borrow of the slot before readers may look at it.
            bytes.end();
            stamp::publish(slot, len, 0);
            run.advance();
        }
        Ok(count)
    }

    fn check_batch<M: AsRef<[u8]>>(&self, messages: &[M]) -> Result<(), PublishError> {
        self.region.fork.check_for::<PublishError>()?;
        messages.iter().try_for_each(|message| fit(&self.region, message.as_ref()).map(drop))
    }

    /// Publishes as many of the messages as may be written before the next scan, which is at least one.
    fn write_run<M: AsRef<[u8]>>(&mut self, messages: &[M]) -> Result<usize, PublishError> {
        let (mut run, room, _) = self.run();
        let mut published = 0;
        for message in messages.iter().take(room) {
            match fit(run.region, message.as_ref()) {
                Ok(message) => stamp::write(run.slot(), message, 0),
                // `as_ref` gave another slice than before.
                Err(error) if published == 0 => return Err(error),
                Err(_) => break,
            }
            run.advance();
            published += 1;
        }
        Ok(published)
    }

    /// A run that begins at the next message, how many may be written before the next scan, and where to write
    /// what isn't to be written in place.
    #[inline]
    fn run(&mut self) -> (Run<'_>, usize, &mut Scratch) {
        let Self { region, position, staging, .. } = self;
        let room = usize::try_from(position.limit.since(position.next)).unwrap_or(usize::MAX);
        let next = region.slots.address(position.next);
        (Run { region, slots: region.slots.local(), position, next }, room, staging)
    }
}

/// Messages that are published and not yet counted: stores head before the next rescan, even if the caller's code
/// panics half-way.
struct Run<'p> {
    region: &'p Region<AsProducer>,
    slots: Slots<ReadWrite>,
    position: &'p mut WritePosition,
    next: SlotAddress,
}

impl<'p> Run<'p> {
    /// The next message's slot.
    #[inline(always)]
    fn slot(&self) -> Slot<'p, ReadWrite> {
        // SAFETY: the place was found in these slots, whose region is borrowed.
        unsafe { self.slots.slot(self.next) }
    }

    /// Goes on to the slot after.
    #[inline(always)]
    fn advance(&mut self) {
        // SAFETY: the place was found in these slots.
        self.next = unsafe { self.slots.next_address(self.next) };
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        self.position.next = self.next.seq();
        store_head(self.region, self.position.next);
    }
}
