//! SIGINT and SIGTERM, as something to look at and to wait for.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::{flag, low_level};

/// Tells whether the user asked this process to stop.
///
/// The first signal asks; a second one, should the first not be heard, ends the process at once. What it
/// held of a ring is then freed by the kernel.
pub(crate) struct Signals {
    stopped: Arc<AtomicBool>,
    /// The signal's number.
    which: Arc<AtomicUsize>,
    /// Becomes readable with the first signal, so that a wait for input ends too, and stays so.
    wake: UnixStream,
}

impl Signals {
    pub(crate) fn install() -> anyhow::Result<Self> {
        Self::set_up().map_err(crate::failing("can't watch for signals"))
    }

    fn set_up() -> io::Result<Self> {
        let stopped = Arc::new(AtomicBool::new(false));
        let which = Arc::new(AtomicUsize::new(0));
        let (wake, ring) = UnixStream::pair()?;
        for signal in [SIGINT, SIGTERM] {
            // In this order: the first signal finds the flag clear.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&stopped))?;
            flag::register_usize(signal, Arc::clone(&which), signal as usize)?;
            flag::register(signal, Arc::clone(&stopped))?;
            low_level::pipe::register(signal, ring.try_clone()?)?;
        }
        Ok(Self { stopped, which, wake })
    }

    /// Whether a signal came.
    pub(crate) fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// The signal that came, if one did.
    pub(crate) fn which(&self) -> Option<Signal> {
        let number = self.stopped().then(|| self.which.load(Ordering::Relaxed));
        number.and_then(|number| Signal::try_from(number as i32).ok())
    }

    /// Waits until `fd` is ready for `what`, or in error, or a signal comes, or `timeout` is over (`None`:
    /// without end). Returns what `fd` is ready for.
    pub(crate) fn wait_for(
        &self,
        fd: BorrowedFd<'_>,
        what: PollFlags,
        timeout: Option<Duration>,
    ) -> io::Result<PollFlags> {
        // Rounded up: a wait of less than a millisecond must not become a busy loop.
        let timeout = timeout.map(|timeout| timeout.as_micros().div_ceil(1000));
        let timeout = match timeout {
            Some(ms) => PollTimeout::try_from(ms).unwrap_or(PollTimeout::MAX),
            None => PollTimeout::NONE,
        };
        let mut fds = [PollFd::new(fd, what), PollFd::new(self.wake.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, timeout) {
            // A signal interrupted the call: the caller sees that it is `stopped`, or waits again.
            Ok(_) | Err(Errno::EINTR) => Ok(fds[0].revents().unwrap_or(PollFlags::empty())),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Lets `duration` pass, or less if a signal comes.
    pub(crate) fn nap(&self, duration: Duration) -> io::Result<()> {
        self.wait_for(self.wake.as_fd(), PollFlags::POLLIN, Some(duration)).map(drop)
    }
}
