//! A ring in a memfd, made or handed over.
//!
//! # Safety
//! `trust_peers` passes its caller's promise on, and the source of roles that of the ring in the file.

#![allow(unsafe_code)]

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use ringway_core::placement::{
    AsConsumer, AsObserver, AsProducer, AsShown, AsWaker, Region, RingSource, Vacancy,
};
use ringway_core::{AttachError, Geometry, Name, Shown};

use super::passing;
use crate::error::FileError;
use crate::locks::descriptors;
use crate::ring::FileRing;

/// A ring in a sealed memfd.
///
/// It holds the descriptor, and no memory. Each role taken on it has a descriptor, locks and a mapping of its
/// own, and outlives it. The memory is free again when no process has a descriptor or a role any more.
///
/// A process that gives up privileges takes its roles before it changes its user, unless the new user may open
/// the memfd, too: see [`MemfdOptions::mode`](crate::memfd::MemfdOptions::mode).
///
/// Clones share the descriptor, and are cheap.
///
/// # Examples
/// ```
/// use ringway_core::{Config, Ring, Start};
/// use ringway_file::memfd;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ring = memfd::create(&Config::new().slots(64))?;
/// let mut consumer = ring.consumer(Start::Oldest)?;
/// ring.producer()?.publish(b"hello")?;
/// drop(ring);
/// // A role outlives the ring's handle.
/// assert_eq!(&*consumer.try_recv()?.into_message().unwrap(), b"hello");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct MemfdRing {
    pub(super) ring: FileRing,
}

impl MemfdRing {
    /// What stands for the ring in messages: `memfd:` and its name.
    pub fn label(&self) -> &Path {
        self.ring.path()
    }

    /// Whether its descriptor is open for reading only, which is enough for observers.
    pub fn is_read_only(&self) -> bool {
        self.ring.is_read_only()
    }

    /// Names the roles that are taken by this handle from now on, for people who look at the ring: see [`Name`].
    /// Handles that its clones and its roles lead to name theirs so, too.
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{Config, Name, Ring};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = ringway_file::memfd::create(&Config::new())?.with_name(Name::new("quotes")?);
    /// let producer = ring.producer()?;
    /// assert_eq!(ring.stats()?.producer_name, producer.name());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_name(self, name: impl Into<Option<Name>>) -> Self {
        Self { ring: self.ring.with_name(name) }
    }

    /// Hands the ring to the other end of a Unix socket, for any role: one byte, and the descriptor with it.
    ///
    /// # Errors
    /// `Os`, with what the system said of the socket.
    pub fn send(&self, socket: impl AsFd) -> Result<(), FileError> {
        passing::send(self.label(), socket.as_fd(), self.as_fd())
    }

    /// Hands the ring to the other end of a Unix socket, for observers alone.
    ///
    /// It keeps another user from writing. A process of the same user can open the descriptor anew, for
    /// writing, all the same.
    ///
    /// # Errors
    /// As for [`send`](Self::send) and [`read_only`](Self::read_only).
    ///
    /// # Examples
    /// ```
    /// use std::os::unix::net::UnixStream;
    ///
    /// use ringway_core::{AttachError, Config, Resume, Ring, Start};
    /// use ringway_file::memfd;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (here, there) = UnixStream::pair()?;
    /// memfd::create(&Config::new())?.send_read_only(&here)?;
    /// let received = memfd::receive(&there)?;
    /// let observer = received.observer(Start::Oldest, Resume::OldestSafe)?;
    /// assert!(matches!(received.producer(), Err(AttachError::ReadOnly { .. })));
    /// # Ok(())
    /// # }
    /// ```
    pub fn send_read_only(&self, socket: impl AsFd) -> Result<(), FileError> {
        passing::send(self.label(), socket.as_fd(), self.read_only()?.as_fd())
    }

    /// Another descriptor of the memfd, open for reading only: good for observers.
    ///
    /// # Errors
    /// `PermissionDenied`, `ProcUnavailable`, `Os`.
    pub fn read_only(&self) -> Result<OwnedFd, FileError> {
        let path = || PathBuf::from(self.label());
        match descriptors::reopen(self.as_fd(), OFlag::O_RDONLY) {
            Ok((descriptor, _)) => Ok(descriptor),
            Err(AttachError::ProcUnavailable { path: file, error }) => {
                Err(FileError::ProcUnavailable { path: path(), file, error })
            }
            Err(AttachError::NotPermitted { error, .. }) => {
                Err(FileError::os("opening the ring's descriptor anew", &path())(error))
            }
            Err(AttachError::Os { action, error }) => Err(FileError::os(action, &path())(error)),
            Err(other) => Err(FileError::os("opening the ring's descriptor anew", &path())(
                std::io::Error::other(other),
            )),
        }
    }

    /// Lets handles taken from now on borrow messages where they lie in the memfd, rather than copy them.
    ///
    /// This isn't assumed, not even of a memfd made here. Code that has its descriptor can write it as any file:
    /// [this process](Self::as_fd) in safe code, and its owner's processes through `/proc`.
    ///
    /// # Safety
    /// No process writes the memfd but through this library, nor does this one by its descriptor: a byte
    /// that changes under a borrow is what Rust can't bear.
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{Config, Ring};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = ringway_file::memfd::create(&Config::new())?;
    /// // SAFETY: the descriptor goes only to programs that use it through Ringway.
    /// let ring = unsafe { ring.trust_peers() };
    /// assert!(ring.consumer(Default::default())?.in_place());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub unsafe fn trust_peers(self) -> Self {
        // SAFETY: the caller's.
        Self { ring: unsafe { self.ring.trust_peers() } }
    }
}

/// The descriptor, to hand over by other means: to duplicate for a program that is started, for instance.
impl AsFd for MemfdRing {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ring.file().as_fd()
    }
}

impl fmt::Display for MemfdRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown(self.label()).fmt(f)
    }
}

// SAFETY: the inner ring's.
unsafe impl RingSource for MemfdRing {
    fn geometry(&self) -> &Geometry {
        RingSource::geometry(&self.ring)
    }

    fn producer_region(&self) -> Result<Region<AsProducer>, AttachError> {
        self.ring.producer_region()
    }

    fn producer_vacancy(&self) -> Option<Box<dyn Vacancy>> {
        self.ring.producer_vacancy()
    }

    fn producer_looks_taken(&self) -> bool {
        RingSource::producer_looks_taken(&self.ring)
    }

    fn consumer_region(&self) -> Result<(Region<AsConsumer>, usize), AttachError> {
        self.ring.consumer_region()
    }

    fn observer_region(&self) -> Result<Region<AsObserver>, AttachError> {
        self.ring.observer_region()
    }

    fn shown_region(&self) -> Result<(Region<AsShown>, usize), AttachError> {
        self.ring.shown_region()
    }

    fn waker_region(&self) -> Result<Region<AsWaker>, AttachError> {
        self.ring.waker_region()
    }
}
