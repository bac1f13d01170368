//! Runs of messages: written one after another, and counted by one store of head.
//!
//! # Safety
//! A payload is written in place only in a
//! slot whose stamp is odd, which the producer alone may write.

#![allow(unsafe_code)]

use crate::format::error::PublishError;
use crate::memory::access::{AsProducer, ReadWrite};
use crate::memory::region::Region;
use crate::memory::scratch::Scratch;
use crate::memory::sized::Len;
use crate::memory::{PayloadMut, Slot, Walk};
use crate::protocol::stamp;
use crate::roles::producer::{Producer, WritePosition, store_head, too_long};

impl Producer {
    /// Has `write` write as many of `count` messages as may be written before the next scan, which is at least one.
    #[inline]
    pub(crate) fn write_run_with(
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

    /// Fails if any of the messages, whose bytes `bytes` gives, is too long.
    pub(crate) fn check_batch<'m, M>(
        &self,
        messages: &'m [M],
        bytes: impl Fn(&'m M) -> &'m [u8],
    ) -> Result<(), PublishError> {
        self.check_call(messages.len())?;
        messages.iter().try_for_each(|message| self.fit(bytes(message)).map(drop))
    }

    /// Publishes as many of the messages as may be written before the next scan, which is at least one.
    pub(crate) fn write_run<'m, M>(
        &mut self,
        messages: &'m [M],
        bytes: impl Fn(&'m M) -> &'m [u8],
    ) -> Result<usize, PublishError> {
        let (mut run, room, _) = self.run();
        let mut published = 0;
        for message in messages.iter().take(room) {
            let message = bytes(message);
            match run.region.slots.fit(message) {
                Some(message) => stamp::write(run.slot(), message, 0),
                // `as_ref` gave another slice than before.
                None if published == 0 => return Err(too_long(run.region, message.len())),
                None => break,
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
        let next = region.slots.walk(position.next);
        (Run { region, position, next }, room, staging)
    }
}

/// Messages that are published and not yet counted: stores head before the next rescan, even if the caller's code
/// panics half-way.
struct Run<'p> {
    region: &'p Region<AsProducer>,
    position: &'p mut WritePosition,
    next: Walk<'p, ReadWrite>,
}

impl<'p> Run<'p> {
    /// The next message's slot.
    #[inline(always)]
    fn slot(&self) -> Slot<'p, ReadWrite> {
        self.next.slot()
    }

    /// Goes on to the slot after.
    #[inline(always)]
    fn advance(&mut self) {
        self.next.step();
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        self.position.next = self.next.seq();
        store_head(self.region, self.position.next);
    }
}
