//! Handing descriptors over Unix sockets (`SCM_RIGHTS`).
//!
//! # Safety
//! A descriptor that the kernel has just put into a received message is this process's, and nobody else knows
//! its number yet: it is owned from there on.

#![allow(unsafe_code)]

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;

use nix::errno::Errno;
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};

use crate::error::FileError;

/// A stream carries no descriptor without a byte.
const BYTE: [u8; 1] = *b"R";

/// The most descriptors that the kernel lets a message carry. There is room for them all, since those of a
/// message that is cut off could be neither seen nor closed.
const MOST: usize = 253;
/// Room for what else a socket may be set to add to a message, as its sender's credentials.
const OTHERS: usize = 256;

pub(super) fn send(
    label: &Path,
    socket: BorrowedFd<'_>,
    descriptor: BorrowedFd<'_>,
) -> Result<(), FileError> {
    let descriptors = [descriptor.as_raw_fd()];
    let rights = [ControlMessage::ScmRights(&descriptors)];
    loop {
        // A peer that is gone is an error, not a SIGPIPE.
        let flags = MsgFlags::MSG_NOSIGNAL;
        match sendmsg::<()>(socket.as_raw_fd(), &[IoSlice::new(&BYTE)], &rights, flags, None) {
            Err(Errno::EINTR) => {}
            other => return other.map(drop).map_err(FileError::os("sending the ring's descriptor", label)),
        }
    }
}

pub(super) fn receive(socket: BorrowedFd<'_>) -> Result<OwnedFd, FileError> {
    let label = Path::new("memfd");
    let mut space = nix::cmsg_space!([RawFd; MOST], [u8; OTHERS]);
    let mut bytes = BYTE;
    let (received, mut descriptors) = loop {
        let mut parts = [IoSliceMut::new(&mut bytes)];
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        match recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(&mut space), flags) {
            Err(Errno::EINTR) => {}
            Err(error) => return Err(FileError::os("receiving a ring's descriptor", label)(error)),
            Ok(message) => break (message.bytes, owned(message.cmsgs())),
        }
    };
    match descriptors.pop() {
        Some(descriptor) if descriptors.is_empty() => Ok(descriptor),
        last => {
            let found = descriptors.len() + usize::from(last.is_some());
            Err(FileError::NoDescriptor { path: label.into(), bytes: received, found })
        }
    }
}

/// All descriptors of a message, to be closed unless they are kept.
fn owned(messages: Result<impl Iterator<Item = ControlMessageOwned>, Errno>) -> Vec<OwnedFd> {
    let numbers = messages.into_iter().flatten().filter_map(|message| match message {
        ControlMessageOwned::ScmRights(numbers) => Some(numbers),
        _ => None,
    });
    // SAFETY: just received, so open, and this process's alone.
    numbers.flatten().map(|number| unsafe { OwnedFd::from_raw_fd(number) }).collect()
}
