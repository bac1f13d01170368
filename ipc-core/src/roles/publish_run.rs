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
use crate::memory::sized::{Len, SizedMessage};
use crate::memory::{Parts, PayloadMut, Slot, Slots, Walk};
use crate::protocol::stamp;
use crate::roles::producer::{Producer, WritePosition, check_tag, misfit, store_head};

impl Producer {
    /// Has `write` write as many of `count` messages as may be written before the next scan, which is at least one.
    #[inline]
    pub(crate) fn write_run_with(
        &mut self,
        count: usize,
        len: Len,
        write: &mut impl FnMut(u64, &mut [u8]),
    ) -> Result<usize, PublishError> {
        if self.region.slots.are_headed() {
            self.write_run_in(count, len, write, Walk::headed)
        } else {
            self.write_run_in(count, len, write, Walk::slot)
        }
    }

    /// The same in slots of the parts that `slot` finds.
    #[inline(always)]
    fn write_run_in<'p, P: Parts>(
        &'p mut self,
        count: usize,
        len: Len,
        write: &mut impl FnMut(u64, &mut [u8]),
        slot: impl Fn(&Walk<'p, ReadWrite>) -> Slot<'p, ReadWrite, P>,
    ) -> Result<usize, PublishError> {
        let staged = !self.region.in_place;
        if staged {
            // Before a slot is marked: for want of memory no message is lost.
            self.staging.grow(len.get())?;
        }
        let (mut run, room, staging) = self.run();
        let count = room.min(count);
        for _ in 0..count {
            let slot = slot(&run.next);
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

    /// Fails if any of the messages, whose bytes `bytes` gives and whose tag `tag`, is none of this ring's.
    pub(crate) fn check_batch<'m, M>(
        &self,
        messages: &'m [M],
        bytes: impl Fn(&'m M) -> &'m [u8],
        tag: impl Fn(&'m M) -> u32,
    ) -> Result<(), PublishError> {
        self.check_call(messages.len())?;
        messages.iter().try_for_each(|message| {
            let fitting = self.fit(bytes(message))?;
            check_tag(&self.region, fitting.len(), tag(message))
        })
    }

    /// Publishes as many of the messages as may be written before the next scan, which is at least one.
    pub(crate) fn write_run<'m, M>(
        &mut self,
        messages: &'m [M],
        bytes: impl Fn(&'m M) -> &'m [u8],
        tag: impl Fn(&'m M) -> u32,
    ) -> Result<usize, PublishError> {
        if self.region.slots.are_headed() {
            self.write_run_of(messages, bytes, tag, |slots, message| slots.fit(message), Walk::headed)
        } else {
            self.write_run_of(messages, bytes, |_| 0, |slots, message| slots.fit_fixed(message), Walk::slot)
        }
    }

    /// The same in slots of the parts that `slot` finds, of the messages that `fit`.
    #[inline(always)]
    fn write_run_of<'p, 'm, M, P: Parts>(
        &'p mut self,
        messages: &'m [M],
        bytes: impl Fn(&'m M) -> &'m [u8],
        tag: impl Fn(&'m M) -> u32,
        fit: impl Fn(&Slots<ReadWrite>, &'m [u8]) -> Option<SizedMessage<'m>>,
        slot: impl Fn(&Walk<'p, ReadWrite>) -> Slot<'p, ReadWrite, P>,
    ) -> Result<usize, PublishError> {
        let (mut run, room, _) = self.run();
        let mut published = 0;
        for message in messages.iter().take(room) {
            let (message, tag) = (bytes(message), tag(message));
            match fit(&run.region.slots, message) {
                Some(message) => stamp::write(slot(&run.next), message, tag),
                // `as_ref` gave another slice than before.
                None if published == 0 => return Err(misfit(run.region, message.len(), 0)),
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

impl Run<'_> {
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
