//! Standard input, read so that a signal ends the wait for it.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::time::Duration;

use nix::poll::PollFlags;

use crate::signals::Signals;

/// What reading came to.
pub(super) enum Got {
    /// So many bytes, at least one.
    Bytes(usize),
    /// The end of the input.
    End,
    /// A signal.
    Stopped,
    /// Nothing within the time-out.
    Nothing,
}

/// Standard input, without a buffer: what is there is published at once.
pub(super) struct Input<'s> {
    stdin: File,
    signals: &'s Signals,
    taken: u64,
}

impl<'s> Input<'s> {
    pub(super) fn new(signals: &'s Signals) -> io::Result<Self> {
        let stdin = io::stdin().as_fd().try_clone_to_owned()?;
        Ok(Self { stdin: stdin.into(), signals, taken: 0 })
    }

    /// Number of bytes read so far.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// Reads what is there, up to the whole of `buffer`, waiting for the first byte for `timeout` (`None`:
    /// without end).
    pub(super) fn read(&mut self, buffer: &mut [u8], timeout: Option<Duration>) -> io::Result<Got> {
        loop {
            let ready = self.signals.wait_for(self.stdin.as_fd(), PollFlags::POLLIN, timeout)?;
            if self.signals.stopped() {
                return Ok(Got::Stopped);
            }
            if ready.is_empty() {
                if timeout.is_some() {
                    return Ok(Got::Nothing);
                }
                continue;
            }
            return match self.stdin.read(buffer) {
                Ok(0) => Ok(Got::End),
                Ok(n) => {
                    self.taken += n as u64;
                    Ok(Got::Bytes(n))
                }
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) =>
                {
                    continue;
                }
                Err(error) => Err(error),
            };
        }
    }
}
