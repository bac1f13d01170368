//! System calls that read and write messages in their slots.
//!
//! # Safety
//! A message and a claim are mapped for as long as they are held, with as many bytes as they say. No reference leads to
//! them, so nothing is assumed of bytes that other processes change meanwhile.

#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::libc;
use ringway::{RawClaim, RawMessage};

/// Writes what follows the first `done` bytes of the message. Returns how many bytes were written.
pub(super) fn write(fd: BorrowedFd<'_>, message: &RawMessage<'_>, done: usize) -> io::Result<usize> {
    let done = done.min(message.len());
    // SAFETY: so many bytes are mapped behind the first `done`, while the message is held.
    let n = unsafe { libc::write(fd.as_raw_fd(), message.as_ptr().add(done).cast(), message.len() - done) };
    usize::try_from(n).map_err(|_| io::Error::last_os_error())
}

/// Reads into what follows the first `done` bytes of the claim, up to byte `len`. Returns how many bytes were read.
pub(super) fn read(fd: BorrowedFd<'_>, claim: &RawClaim<'_>, done: usize, len: usize) -> io::Result<usize> {
    let len = len.min(claim.len());
    let done = done.min(len);
    // SAFETY: so many bytes are mapped behind the first `done`, while the claim is held.
    let n = unsafe { libc::read(fd.as_raw_fd(), claim.as_ptr().add(done).cast(), len - done) };
    usize::try_from(n).map_err(|_| io::Error::last_os_error())
}
