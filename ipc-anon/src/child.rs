//! A forked child, from the parent's side.
//!
//! # Safety
//! `waitpid(2)` is called with a pointer to a local. `nix` wraps it, but can't tell of a child ended by a
//! real-time signal.

#![allow(unsafe_code)]

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use ringway_core::placement::HandleStatus;

/// A forked child process.
///
/// Dropping it kills the child, if it still runs, and reaps it: no child outlives its handle unseen, and none
/// stays a zombie. To let a child finish, [`wait`](Self::wait) for it.
///
/// The process must not reap children by other means (`waitpid(-1)`, or `SIGCHLD` ignored): the child's
/// number could then be somebody else's.
///
/// # Examples
/// A child that its parent kills:
/// ```standalone_crate
/// use ringway_anon::fork;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // SAFETY: the child uses nothing that was borrowed before the fork.
/// let mut child = unsafe { fork(|| loop { std::thread::park() }) }?;
/// assert_eq!(child.try_wait()?, None);
/// child.kill()?;
/// assert!(!child.wait()?.success());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "dropping it kills the child"]
pub struct Child {
    pid: Pid,
    status: Option<ExitStatus>,
    /// Tells the parent from children forked later, whose copies of this handle do nothing.
    parent: HandleStatus,
}

impl Child {
    pub(crate) fn new(pid: Pid, parent: HandleStatus) -> Self {
        Self { pid, status: None, parent }
    }

    /// The child's process id.
    pub fn id(&self) -> u32 {
        self.pid.as_raw().unsigned_abs()
    }

    /// Waits until the child has ended. May be called again.
    ///
    /// # Errors
    /// What the system says, as `ECHILD` if other code reaped the child.
    ///
    /// # Examples
    /// ```standalone_crate
    /// use ringway_anon::fork;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // SAFETY: the child uses nothing that was borrowed before the fork.
    /// let mut child = unsafe { fork(|| 7) }?;
    /// assert_eq!(child.wait()?.code(), Some(7));
    /// # Ok(())
    /// # }
    /// ```
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        match self.status {
            Some(status) => Ok(status),
            // Only WNOHANG comes back without a status.
            None => self.reap(0).and_then(|status| status.ok_or_else(|| Errno::ECHILD.into())),
        }
    }

    /// How the child ended, if it has. May be called again.
    ///
    /// # Errors
    /// As for [`wait`](Self::wait).
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        match self.status {
            Some(status) => Ok(Some(status)),
            None => self.reap(libc::WNOHANG),
        }
    }

    /// Kills the child (`SIGKILL`), if it hasn't been waited for. It is still to be waited for then.
    ///
    /// # Errors
    /// What the system says.
    pub fn kill(&mut self) -> io::Result<()> {
        self.check()?;
        match self.status {
            Some(_) => Ok(()),
            None => Ok(kill(self.pid, Signal::SIGKILL)?),
        }
    }

    fn reap(&mut self, options: libc::c_int) -> io::Result<Option<ExitStatus>> {
        self.check()?;
        let mut status = 0;
        loop {
            // SAFETY: `status` is a local that outlives the call.
            match Errno::result(unsafe { libc::waitpid(self.pid.as_raw(), &mut status, options) }) {
                Ok(0) => return Ok(None),
                Ok(_) => break,
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.status = Some(ExitStatus::from_raw(status));
        Ok(self.status)
    }

    fn check(&self) -> io::Result<()> {
        self.parent.check().map_err(|_| Errno::ECHILD.into())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.kill().is_ok() {
            let _ = self.wait();
        }
    }
}
