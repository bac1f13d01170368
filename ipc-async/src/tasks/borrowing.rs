//! Calls that give what borrows from the handle, or the handle back if they had nothing.
//!
//! The borrow checker extends the borrow of a value that one arm returns over the other arms, too. So a loop of "try,
//! and wait if there is nothing" can't return a guard, though nothing is borrowed where it goes on.
//!
//! # Safety
//! A handle is reborrowed only where the first borrow's result holds nothing of it: `Empty` and `Full` have no
//! lifetime, and the value that has one is dropped before.

#![allow(unsafe_code)]

use ringway_core::{
    BestEffortReader, Claim, Consumer, Guard, Observer, Outcome, Producer, PublishError, Received, RecvError,
};

/// The next message or event, or the consumer if there is nothing.
#[inline(always)]
pub(crate) fn consumer_recv(
    consumer: &mut Consumer,
) -> Result<Result<Outcome<Guard<'_>>, RecvError>, &mut Consumer> {
    let handle = &raw mut *consumer;
    // SAFETY: the pointer is that of a unique borrow, which isn't used any more.
    match unsafe { &mut *handle }.try_recv() {
        // SAFETY: as above; nothing is borrowed.
        Ok(Outcome::Empty) => Err(unsafe { &mut *handle }),
        answer => Ok(answer),
    }
}

/// The next message or event, or the observer if there is nothing.
#[inline(always)]
pub(crate) fn observer_recv(
    observer: &mut Observer,
) -> Result<Result<Outcome<Received<'_>>, RecvError>, &mut Observer> {
    let handle = &raw mut *observer;
    // SAFETY: the pointer is that of a unique borrow, which isn't used any more.
    match unsafe { &mut *handle }.try_recv() {
        // SAFETY: as above; nothing is borrowed.
        Ok(Outcome::Empty) => Err(unsafe { &mut *handle }),
        answer => Ok(answer),
    }
}

/// The next message or event, or the best-effort reader if there is nothing.
#[inline(always)]
pub(crate) fn best_effort_recv(
    reader: &mut BestEffortReader,
) -> Result<Result<Outcome<Received<'_>>, RecvError>, &mut BestEffortReader> {
    let handle = &raw mut *reader;
    // SAFETY: the pointer is that of a unique borrow, which isn't used any more.
    match unsafe { &mut *handle }.try_recv() {
        // SAFETY: as above; nothing is borrowed.
        Ok(Outcome::Empty) => Err(unsafe { &mut *handle }),
        answer => Ok(answer),
    }
}

/// A claim, or the producer if the ring is full.
#[inline(always)]
pub(crate) fn producer_claim(
    producer: &mut Producer,
    len: usize,
) -> Result<Result<Claim<'_>, PublishError>, &mut Producer> {
    let handle = &raw mut *producer;
    // SAFETY: the pointer is that of a unique borrow, which isn't used any more.
    match unsafe { &mut *handle }.try_claim(len) {
        // SAFETY: as above; nothing is borrowed.
        Err(PublishError::Full(_)) => Err(unsafe { &mut *handle }),
        answer => Ok(answer),
    }
}
