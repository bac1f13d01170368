//! Standard output, written so that neither a closed nor a stuck reader holds a consumer's cell.
//!
//! Its errors name it: a ring's file system can be full as well.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::time::Duration;

use anyhow::Context;
use nix::fcntl::OFlag;
use nix::poll::PollFlags;

use crate::signals::Signals;

/// What is collected before it is written.
const BUFFER: usize = 64 << 10;

/// Why nothing can be written any more. Not errors: both end the command quietly.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Gone {
    /// The output's reader closed it.
    Closed,
    /// A signal came while the output was stuck.
    Interrupted,
}

/// Standard output behind a buffer. Once it is [`gone`](Self::gone), what is written is dropped, and counted.
pub(super) struct Output<'s> {
    stdout: File,
    signals: &'s Signals,
    buffer: Vec<u8>,
    /// Where in the buffer there are newlines that are no part of a message.
    newlines: Vec<usize>,
    gone: Option<Gone>,
    dropped: u64,
}

impl<'s> Output<'s> {
    pub(super) fn new(signals: &'s Signals) -> io::Result<Self> {
        let stdout: File = io::stdout().as_fd().try_clone_to_owned()?.into();
        // A pipe that nobody empties would block a write past any signal. An open file description of its own
        // can be non-blocking without being so for other users of the pipe. Where that isn't allowed the
        // second signal still ends the process.
        let own = stdout.metadata()?.file_type().is_fifo().then(|| {
            OpenOptions::new().write(true).custom_flags(OFlag::O_NONBLOCK.bits()).open("/proc/self/fd/1").ok()
        });
        let stdout = own.flatten().unwrap_or(stdout);
        Ok(Self {
            stdout,
            signals,
            buffer: Vec::with_capacity(BUFFER),
            newlines: Vec::new(),
            gone: None,
            dropped: 0,
        })
    }

    /// Adds the newline that follows a message.
    pub(super) fn end_line(&mut self) -> anyhow::Result<()> {
        if self.buffer.len() == BUFFER {
            self.flush()?;
        }
        self.newlines.push(self.buffer.len());
        self.push(b"\n")
    }

    /// Adds `bytes` of a message to what is to be written.
    pub(super) fn push(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        if self.buffer.len() + bytes.len() > BUFFER {
            self.flush()?;
        }
        if bytes.len() >= BUFFER {
            return self.write(bytes, &[]);
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// Writes everything.
    pub(super) fn flush(&mut self) -> anyhow::Result<()> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut newlines = std::mem::take(&mut self.newlines);
        let written = self.write(&buffer, &newlines);
        buffer.clear();
        newlines.clear();
        (self.buffer, self.newlines) = (buffer, newlines);
        written
    }

    /// Why nothing can be written any more, if so.
    pub(super) fn gone(&self) -> Option<Gone> {
        self.gone
    }

    /// Number of bytes of messages that were to be written, and weren't.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Lets `nap` pass, or less if a signal comes or the output's reader leaves.
    pub(super) fn idle(&mut self, nap: Duration) -> io::Result<()> {
        // The error condition is reported without being asked for.
        let ready = self.signals.wait_for(self.stdout.as_fd(), PollFlags::empty(), Some(nap))?;
        if ready.contains(PollFlags::POLLERR) {
            self.gone = Some(Gone::Closed);
        }
        Ok(())
    }

    /// Writes `bytes`, those at `newlines` not being of messages.
    fn write(&mut self, mut bytes: &[u8], newlines: &[usize]) -> anyhow::Result<()> {
        let all = bytes.len();
        let mut written = Ok(());
        while !bytes.is_empty() && self.gone.is_none() {
            match self.stdout.write(bytes) {
                Ok(n) => bytes = &bytes[n..],
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => {}
                    io::ErrorKind::BrokenPipe => self.gone = Some(Gone::Closed),
                    io::ErrorKind::WouldBlock if self.signals.stopped() => {
                        self.gone = Some(Gone::Interrupted)
                    }
                    io::ErrorKind::WouldBlock => {
                        self.signals.wait_for(self.stdout.as_fd(), PollFlags::POLLOUT, None)?;
                    }
                    _ => {
                        written = Err(error).context("can't write to stdout");
                        break;
                    }
                },
            }
        }
        let done = all - bytes.len();
        let unwritten_newlines = newlines.iter().filter(|&&at| at >= done).count();
        self.dropped += (bytes.len() - unwritten_newlines) as u64;
        written
    }
}
