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
use ringway::RawMessage;

use super::input::widen;
use super::slot_io;
use crate::signals::Signals;

/// What is collected before it is written.
const BUFFER: usize = 256 << 10;
/// What is written by itself, from where it lies.
pub(super) const DIRECT: usize = 32 << 10;

/// Why nothing can be written any more. Not errors: both end the command quietly.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Gone {
    /// The output's reader closed it.
    Closed,
    /// A signal came while the output was stuck.
    Interrupted,
}

/// Where a message lies in the buffer.
#[derive(Clone, Copy)]
struct Piece {
    /// Where it ends, with what follows it.
    end: usize,
    /// Bytes of the message itself.
    payload: usize,
    /// Bytes that follow it.
    after: usize,
}

impl Piece {
    /// Bytes of the message that weren't written, if those up to `done` were.
    fn unwritten(self, done: usize) -> usize {
        self.end.saturating_sub(done).saturating_sub(self.after).min(self.payload)
    }
}

/// Standard output behind a buffer. Once it is [`gone`](Self::gone), what is written is dropped, and counted.
pub(super) struct Output<'s> {
    stdout: File,
    signals: &'s Signals,
    buffer: Vec<u8>,
    /// The messages in the buffer.
    pieces: Vec<Piece>,
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
        let stdout = own.flatten().inspect(widen).unwrap_or(stdout);
        Ok(Self {
            stdout,
            signals,
            buffer: Vec::with_capacity(BUFFER),
            pieces: Vec::new(),
            gone: None,
            dropped: 0,
        })
    }

    /// Adds a message to what is to be written, between `before` and `after`, which aren't of it.
    #[inline]
    pub(super) fn push(&mut self, before: &[u8], message: &[u8], after: &[u8]) -> anyhow::Result<()> {
        let len = before.len() + message.len() + after.len();
        if self.buffer.len() + len > BUFFER {
            self.flush()?;
        }
        let piece = Piece { end: self.buffer.len() + len, payload: message.len(), after: after.len() };
        if len < DIRECT {
            self.buffer.extend_from_slice(before);
            self.buffer.extend_from_slice(message);
            self.buffer.extend_from_slice(after);
            self.pieces.push(piece);
            return Ok(());
        }
        self.flush()?;
        let piece = |payload: usize| Piece { end: payload, payload, after: 0 };
        self.write(before, &[])?;
        self.write(message, &[piece(message.len())])?;
        self.write(after, &[])
    }

    /// Adds the line that stands for a message of `payload` bytes.
    pub(super) fn push_line(&mut self, line: &[u8], payload: usize) -> anyhow::Result<()> {
        if self.buffer.len() + line.len() > BUFFER {
            self.flush()?;
        }
        self.buffer.extend_from_slice(line);
        self.pieces.push(Piece { end: self.buffer.len(), payload, after: 0 });
        Ok(())
    }

    /// Writes everything.
    pub(super) fn flush(&mut self) -> anyhow::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut pieces = std::mem::take(&mut self.pieces);
        let written = self.write(&buffer, &pieces);
        buffer.clear();
        pieces.clear();
        (self.buffer, self.pieces) = (buffer, pieces);
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

    /// Writes a long message from its slot, by itself, and nothing around it.
    pub(super) fn push_slot(&mut self, message: &RawMessage<'_>) -> anyhow::Result<()> {
        self.flush()?;
        let all = message.len();
        let (done, written) =
            self.write_by(all, |stdout, done| slot_io::write(stdout.as_fd(), message, done));
        self.dropped += (all - done) as u64;
        written.or_else(|error| {
            // The ring's file may have been cut short under the message.
            message.check()?;
            Err(error)
        })
    }

    /// Writes `bytes`, of which messages are the `pieces`.
    fn write(&mut self, bytes: &[u8], pieces: &[Piece]) -> anyhow::Result<()> {
        let (done, written) = self.write_by(bytes.len(), |mut stdout, done| stdout.write(&bytes[done..]));
        if done < bytes.len() {
            self.dropped += pieces.iter().map(|piece| piece.unwritten(done) as u64).sum::<u64>();
        }
        written
    }

    /// Writes `all` bytes by `write`, which gets how many are written. Returns how many are.
    fn write_by(
        &mut self,
        all: usize,
        write: impl Fn(&File, usize) -> io::Result<usize>,
    ) -> (usize, anyhow::Result<()>) {
        let mut done = 0;
        while done < all && self.gone.is_none() {
            match write(&self.stdout, done) {
                Ok(n) => done += n,
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => {}
                    io::ErrorKind::BrokenPipe => self.gone = Some(Gone::Closed),
                    io::ErrorKind::WouldBlock if self.signals.stopped() => {
                        self.gone = Some(Gone::Interrupted)
                    }
                    io::ErrorKind::WouldBlock => {
                        let ready = self.signals.wait_for(self.stdout.as_fd(), PollFlags::POLLOUT, None);
                        if let Err(error) = ready {
                            return (done, Err(error.into()));
                        }
                    }
                    _ => return (done, Err(error).context("can't write to stdout")),
                },
            }
        }
        (done, Ok(()))
    }
}
