//! A file for locks alone, where a ring lies in none.

use std::os::fd::{AsFd, BorrowedFd, IntoRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::stat::{Mode, fchmod};
use ringway_core::AttachError;

use crate::locks::descriptors::os;
use crate::system::identity::Identity;
use crate::system::memfd;
use crate::system::retry::retry;

/// An empty memfd, which stays empty.
///
/// Roles open it anew, and may do so after the process has changed its user: its mode is 0666. Only forked children
/// have its descriptor, and only processes that may trace one of them find it under `/proc`. What they could do to
/// the file is to hold locks.
#[derive(Debug)]
pub struct LockFile {
    /// `None` only while it is dropped.
    descriptor: Option<OwnedFd>,
    identity: Identity,
}

impl LockFile {
    /// Makes a file; the name is for display.
    ///
    /// # Errors
    /// What was tried, and what the system said.
    pub fn new(name: &str) -> Result<Self, (&'static str, Errno)> {
        let descriptor = memfd::new_file(name)?;
        memfd::seal(&descriptor).map_err(|error| ("sealing the file of locks", error))?;
        retry(|| fchmod(&descriptor, Mode::from_bits_truncate(0o666)))
            .map_err(|error| ("setting the mode of the file of locks", error))?;
        let identity =
            Identity::of_fd(&descriptor).map_err(|error| ("looking at the file of locks", error))?;
        Ok(Self { descriptor: Some(descriptor), identity })
    }

    /// The descriptor, for [`RoleLocks`](crate::placement::RoleLocks) to open anew.
    ///
    /// # Errors
    /// `Os` if other code of the process has closed it: its number may be another file's by now, and roles that
    /// were taken on that one would exclude nobody.
    pub fn fd(&self) -> Result<BorrowedFd<'_>, AttachError> {
        let action =
            os("looking for the ring's locks, whose descriptor other code of this process has closed,");
        let Some(descriptor) = &self.descriptor else { return Err(action(Errno::EBADF)) };
        match Identity::of_fd(descriptor) {
            Ok(found) if found == self.identity => Ok(descriptor.as_fd()),
            Ok(_) => Err(action(Errno::EBADF)),
            Err(error) => Err(action(error)),
        }
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        if self.descriptor.as_ref().is_some_and(|descriptor| !self.identity.is_still_of(descriptor)) {
            // Closed by other code: the number is nobody's, or another file's, and not this one's to close.
            let _ = self.descriptor.take().map(IntoRawFd::into_raw_fd);
        }
    }
}
