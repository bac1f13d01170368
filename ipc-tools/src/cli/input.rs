//! Standard input, read so that a signal ends the wait for it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::time::Duration;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
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

/// What a pipe is to hold, if the system allows it: the longer its two sides can work without waiting for
/// each other, the fewer switches from one to the other. As much as any user may ask for, unless the
/// administrator set another limit.
const PIPE: i32 = 1 << 20;

/// Has a pipe hold more, if the system allows it.
pub(super) fn widen(pipe: &File) {
    // What it holds now will do, too.
    let _ = fcntl(pipe, FcntlArg::F_SETPIPE_SZ(PIPE));
}

/// Standard input, without a buffer: what is there is published at once.
pub(super) struct Input<'s> {
    stdin: File,
    signals: &'s Signals,
    /// Whether a read returns at once, so that it need not be asked first whether there is something.
    returns: bool,
    taken: u64,
}

impl<'s> Input<'s> {
    pub(super) fn new(signals: &'s Signals) -> io::Result<Self> {
        let stdin: File = io::stdin().as_fd().try_clone_to_owned()?.into();
        let kind = stdin.metadata()?.file_type();
        // An open file description of its own can be non-blocking without being so for other readers of the pipe.
        let own = kind.is_fifo().then(|| {
            OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open("/proc/self/fd/0").ok()
        });
        let (stdin, returns) = match own.flatten() {
            Some(own) => {
                widen(&own);
                (own, true)
            }
            None => (stdin, kind.is_file()),
        };
        Ok(Self { stdin, signals, returns, taken: 0 })
    }

    /// Number of bytes read so far.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// Reads what is there, up to the whole of `buffer`, waiting for the first byte for `timeout` (`None`:
    /// without end).
    pub(super) fn read(&mut self, buffer: &mut [u8], timeout: Option<Duration>) -> io::Result<Got> {
        self.read_by(timeout, |mut stdin| stdin.read(buffer))
    }

    /// Reads by `read`, waiting for the first byte as [`read`](Self::read) does.
    pub(super) fn read_by(
        &mut self,
        timeout: Option<Duration>,
        mut read: impl FnMut(&File) -> io::Result<usize>,
    ) -> io::Result<Got> {
        let mut asks = !self.returns;
        loop {
            if asks {
                let ready = self.signals.wait_for(self.stdin.as_fd(), PollFlags::POLLIN, timeout)?;
                if ready.is_empty() && !self.signals.stopped() {
                    if timeout.is_some() {
                        return Ok(Got::Nothing);
                    }
                    continue;
                }
            }
            if self.signals.stopped() {
                return Ok(Got::Stopped);
            }
            match read(&self.stdin) {
                Ok(0) => return Ok(Got::End),
                Ok(n) => {
                    self.taken += n as u64;
                    return Ok(Got::Bytes(n));
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => {}
                    io::ErrorKind::WouldBlock => asks = true,
                    _ => return Err(error),
                },
            }
        }
    }
}
