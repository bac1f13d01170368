//! What readers that copy each message out have in common: observers and best-effort readers.
//!
//! # Safety
//! Pointers are checked as `handle` and `event` say. A buffer is as long as C says.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::time::Duration;

use ringway::{BestEffortReader, Copied, Observer, Outcome, RecvError, Resume, Wait, Waitable};

use crate::codes::*;
use crate::error::{Failure, Misuse};
use crate::event::{Event, Out};
use crate::handle::{self, Kind};
use crate::interrupt::Interrupts;
use crate::notifier::{ATTEMPTS, Notifier};
use crate::wait;

/// A reader of the library that copies each message out.
pub(crate) trait Copies: Waitable + Sized {
    /// As the reader's own.
    fn try_recv_into(&mut self, buffer: &mut [u8]) -> Result<Outcome<Copied>, RecvError>;
    /// As the reader's own.
    fn recv_into_timeout(&mut self, buffer: &mut [u8], time: Duration) -> Result<Outcome<Copied>, RecvError>;
    /// As the reader's own.
    fn set_wait(&mut self, wait: Wait);
}

macro_rules! copies {
    ($role:ty) => {
        impl Copies for $role {
            fn try_recv_into(&mut self, buffer: &mut [u8]) -> Result<Outcome<Copied>, RecvError> {
                Self::try_recv_into(self, buffer)
            }

            fn recv_into_timeout(
                &mut self,
                buffer: &mut [u8],
                time: Duration,
            ) -> Result<Outcome<Copied>, RecvError> {
                Self::recv_into_timeout(self, buffer, time)
            }

            fn set_wait(&mut self, wait: Wait) {
                Self::set_wait(self, wait);
            }
        }
    };
}
copies!(Observer);
copies!(BestEffortReader);

/// What the handle of such a reader holds.
pub(crate) struct Reader<R> {
    /// What makes the descriptor readable, if the program has asked for one. It is dropped before the role.
    pub(crate) notifier: Option<Box<Notifier>>,
    pub(crate) role: R,
}

impl<R: Copies> Reader<R> {
    /// A reader without a descriptor.
    pub(crate) fn new(role: R) -> Self {
        Self { notifier: None, role }
    }

    fn recv(
        &mut self,
        way: i32,
        timeout_ns: i64,
        interrupts: &Interrupts,
        buffer: &mut [u8],
    ) -> Result<Outcome<Copied>, RecvOrFailure> {
        let way = wait::way(way)?;
        let outcome = self.role.try_recv_into(buffer)?;
        if !matches!(outcome, Outcome::Empty) {
            return Ok(outcome);
        }
        let Some(way) = way else { return self.nothing(outcome, buffer) };
        self.role.set_wait(way);
        if let Some(notifier) = &mut self.notifier {
            notifier.settle(&mut self.role);
        }
        let mut too_small = None;
        let found = wait::in_slices(timeout_ns, interrupts, |slice| {
            match self.role.recv_into_timeout(buffer, slice) {
                Ok(Outcome::TimedOut) => Ok(None),
                Ok(outcome) => Ok(Some(outcome)),
                Err(error @ RecvError::TooSmall { .. }) => {
                    too_small = Some(error);
                    Ok(Some(Outcome::Empty))
                }
                Err(error) => Err(error.into()),
            }
        })?;
        match (too_small, found) {
            (Some(error), _) => Err(error.into()),
            (None, Some(found)) => Ok(found),
            (None, None) => self.nothing(Outcome::TimedOut, buffer),
        }
    }

    /// Answers that there is nothing, after a look that makes sure that the descriptor tells of what comes.
    fn nothing(
        &mut self,
        answer: Outcome<Copied>,
        buffer: &mut [u8],
    ) -> Result<Outcome<Copied>, RecvOrFailure> {
        let Self { role, notifier: Some(notifier) } = self else { return Ok(answer) };
        notifier.clear();
        for _ in 0..ATTEMPTS {
            if notifier.arm(role) {
                return Ok(answer);
            }
            match role.try_recv_into(buffer)? {
                Outcome::Empty => {}
                found => return Ok(found),
            }
        }
        notifier.ring();
        Ok(answer)
    }
}

/// Why a reader received nothing: a length that is needed is told in the event, too.
enum RecvOrFailure {
    Recv(RecvError),
    Failure(Failure),
}

impl From<RecvError> for RecvOrFailure {
    fn from(error: RecvError) -> Self {
        Self::Recv(error)
    }
}

impl From<Failure> for RecvOrFailure {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// Receives into C's buffer of `size` bytes.
pub(crate) fn recv<R: Copies>(
    reader: *mut <Reader<R> as Kind>::Opaque,
    wait: i32,
    timeout_ns: i64,
    buffer: *mut c_void,
    size: usize,
    out: *mut Event,
) -> i32
where
    Reader<R>: Kind,
{
    handle::call::<Reader<R>>(reader, |reader, interrupts| {
        let out = Out::new(out)?;
        let bytes: &mut [u8] = match size {
            0 => &mut [],
            len => {
                handle::check_bytes(buffer, "buffer", len)?;
                // SAFETY: by the function's contract, so many bytes are there, and the caller's.
                unsafe { std::slice::from_raw_parts_mut(buffer.cast(), len) }
            }
        };
        match reader.recv(wait, timeout_ns, interrupts, bytes) {
            Ok(Outcome::Message(Copied { seq, tag, len, .. })) => {
                let event = Event { tag, data: buffer, len, seq, ..Event::of_kind(RINGWAY_MESSAGE) };
                out.set(event)
            }
            Ok(event) => out.set(Event::other(&event)),
            Err(RecvOrFailure::Recv(error)) => {
                if let RecvError::TooSmall { needed, .. } = error {
                    out.set(Event { len: needed, ..Event::of_kind(RINGWAY_EMPTY) })?;
                }
                Err(error.into())
            }
            Err(RecvOrFailure::Failure(failure)) => Err(failure),
        }
    })
}

/// Where C wants a reader to go on once it was overtaken.
pub(crate) fn resume(resume: i32) -> Result<Resume, Failure> {
    match resume {
        RINGWAY_RESUME_OLDEST_SAFE => Ok(Resume::OldestSafe),
        RINGWAY_RESUME_LATEST => Ok(Resume::Latest),
        _ => {
            let expected = "RINGWAY_RESUME_…";
            Err(Misuse::Constant { what: "resume", found: resume.into(), expected }.into())
        }
    }
}
