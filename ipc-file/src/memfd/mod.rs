//! Rings in memfds: memory that no path leads to, handed over as a descriptor.
//!
//! A memfd is a file of memory alone. A process makes a ring in one and hands its descriptor to others, over a
//! Unix socket or to programs that it starts. When the last of them has closed it, it is gone: nothing is left
//! to remove. It is sealed: nobody, its maker included, can make it shorter or longer, so it can't be cut short
//! under its users, as a file can (see [`guard_truncation`](crate::guard_truncation)).
//!
//! # Examples
//! Over a socket; the other end is usually another process:
//! ```
//! use std::os::unix::net::UnixStream;
//!
//! use ipc_core::{Config, Ring, Start};
//! use ipc_file::memfd::{self, MemfdRing};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (here, there) = UnixStream::pair()?;
//! let ring = memfd::create(&Config::new().slots(64).payload_capacity(48))?;
//! ring.send(&here)?;
//!
//! let received = memfd::receive(&there)?;
//! let mut consumer = received.consumer(Start::Oldest)?;
//! ring.producer()?.publish(b"hello")?;
//! assert_eq!(&*consumer.try_recv()?.into_message().unwrap(), b"hello");
//! # Ok(())
//! # }
//! ```
//! To a program that is started, as its standard input. There, `memfd::open` takes
//! `std::io::stdin().as_fd().try_clone_to_owned()?`:
//! ```no_run
//! use std::os::fd::AsFd;
//! use std::process::{Command, Stdio};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let ring = ipc_file::memfd::create(&ipc_core::Config::new())?;
//! let descriptor = ring.as_fd().try_clone_to_owned()?;
//! let child = Command::new("reader").stdin(Stdio::from(descriptor)).spawn()?;
//! # Ok(())
//! # }
//! ```
//!
//! Taking a role opens the descriptor anew through `/proc/self/fd`, so the memfd's owner and mode count
//! as those of any file do: with the mode 0600 that it has at first, it is for processes of one user. Another
//! user can observe a ring that is given the mode 0644 and handed over [read-only](MemfdRing::send_read_only).
//!
//! # Safety
//! The one unsafe function, `trust_peers`, passes its caller's promise on.

#![allow(unsafe_code)]

mod file;
mod passing;

use std::fmt;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use ipc_core::{
    AttachError, Config, Consumer, Geometry, Observer, Placement, Producer, Resume, Ring, Shown, Start,
};
use nix::fcntl::OFlag;
use nix::sys::stat::{Mode, fchmod};

use crate::content::header;
use crate::content::space::{allocate, check_limit};
use crate::error::FileError;
use crate::locks::descriptors;
use crate::map::{Advice, MapOptions, page_size};
use crate::ring::{FileRing, Located};
use crate::system::boot;
use crate::system::memfd::{new_file, seal};
use crate::system::retry::retry;

/// A ring in a sealed memfd.
///
/// It holds the descriptor, and no memory. Each role taken on it has a descriptor, locks and a mapping of its
/// own, and outlives it. The memory is free again when no process has a descriptor or a role any more.
///
/// A process that gives up privileges takes its roles before it changes its user, unless the new user may open
/// the memfd, too: see [`MemfdOptions::mode`].
#[derive(Debug)]
pub struct MemfdRing {
    ring: FileRing,
}

/// Options for making rings in memfds, and for opening those that were handed over.
#[must_use]
#[derive(Clone, Debug)]
pub struct MemfdOptions {
    name: String,
    mode: u32,
    map: MapOptions,
    any_owner: bool,
    membarrier: bool,
}

impl Default for MemfdOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl MemfdOptions {
    /// A memfd of the name `ringway` and mode 0600, mapped without further ado.
    pub fn new() -> Self {
        Self {
            name: "ringway".into(),
            mode: 0o600,
            map: MapOptions::default(),
            any_owner: false,
            membarrier: true,
        }
    }

    /// The name of a new memfd: up to 249 bytes, for display in messages and in `/proc`. Any number of memfds may
    /// have the same.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Permissions of a new memfd, at first 0600. They say which users can take roles by a descriptor of it.
    ///
    /// A user that may read it can observe the ring, and hold locks that keep roles from being taken. One that may
    /// write it can damage it.
    pub fn mode(mut self, bits: u32) -> Self {
        self.mode = bits & 0o666;
        self
    }

    /// Brings all pages in whenever a role is taken, so that using the ring faults on none.
    pub fn populate(mut self, yes: bool) -> Self {
        self.map.populate = yes;
        self
    }

    /// Locks each role's mapping in memory, within `RLIMIT_MEMLOCK`.
    pub fn lock_memory(mut self, yes: bool) -> Self {
        self.map.lock_memory = yes;
        self
    }

    /// Tells the kernel how each role's mapping will be used.
    pub fn advice(mut self, advice: Advice) -> Self {
        self.map.advice = Some(advice);
        self
    }

    /// Whether roles may register the process for membarrier; at first they may.
    ///
    /// It is what spares publishing a fence ([`WakeMode::Asymmetric`](ipc_core::WakeMode)). But any process, of any
    /// user, can call membarrier in a loop, and slow down every process that is registered, until that ends. With
    /// `false`, no role of this handle registers the process: its producers are `Fenced`, and an `Asymmetric`
    /// producer elsewhere that waits for one of its consumers looks again every millisecond. A process declines it
    /// for good if all its handles do.
    pub fn membarrier(mut self, yes: bool) -> Self {
        self.membarrier = yes;
        self
    }

    /// Opens a memfd of any owner. Otherwise its owner must be the effective uid of the process, or root.
    pub fn any_owner(mut self, yes: bool) -> Self {
        self.any_owner = yes;
        self
    }

    /// Makes a ring in a new memfd.
    ///
    /// # Errors
    /// `NoSpace`, `FileSizeLimit`, `Geometry` if no ring can be as asked for; else see [`FileError`].
    pub fn create(&self, config: &Config) -> Result<MemfdRing, FileError> {
        let label = file::label_of(&self.name);
        let ring_id = boot::ring_id().map_err(FileError::proc(&label, boot::RANDOM))?;
        let boot_id = boot::boot_id().map_err(FileError::proc(&label, boot::BOOT_ID))?;
        let geometry = config
            .geometry(page_size(), Placement::WholeFile, ring_id, boot_id)
            .map_err(FileError::geometry(&label, 0))?;
        let needed = geometry.total_length();
        self.made(&label, geometry).map_err(FileError::making(needed))
    }

    fn made(&self, label: &Path, geometry: Geometry) -> Result<MemfdRing, FileError> {
        check_limit(label, geometry.total_length())?;
        let file = new_file(&self.name).map_err(|(action, error)| FileError::os(action, label)(error))?;
        let file = File::from(file);
        allocate(label, &file, 0, geometry.total_length())?;
        header::write(&file, 0, &geometry, 0).map_err(FileError::os("formatting the ring", label))?;
        retry(|| fchmod(&file, Mode::from_bits_truncate(self.mode)))
            .map_err(FileError::os("setting the memfd's mode", label))?;
        seal(&file).map_err(FileError::os("sealing the memfd", label))?;
        let located = Located::nameless(label, &file)?;
        let ring = FileRing::assemble(located, file, geometry, 0, self.map);
        Ok(MemfdRing { ring: ring.with_membarrier(self.membarrier) })
    }

    /// Opens the ring in a memfd that was handed over. The descriptor is closed from now on when the process
    /// executes another program.
    ///
    /// One that is open for reading only is good for observers.
    ///
    /// # Errors
    /// `NotMemfd`, `Unsealed`, `Owner`, `Geometry` for a descriptor of something else than a sealed ring of
    /// this user's; else see [`FileError`].
    pub fn open(&self, descriptor: OwnedFd) -> Result<MemfdRing, FileError> {
        let file = File::from(descriptor);
        let label = file::label(&file);
        let read_only = file::checked(&label, &file, self.any_owner)?;
        let geometry = header::read(&label, &file, 0)?;
        let length = file.metadata().map_err(FileError::os("looking at the memfd", &label))?.len();
        header::check_placement(&label, &geometry, 0, length)?;
        let this_boot = boot::boot_id().map_err(FileError::proc(&label, boot::BOOT_ID))?;
        if geometry.boot_id() != this_boot {
            return Err(FileError::OtherBoot { path: label });
        }
        let located = Located::nameless(&label, &file)?;
        let mut ring = FileRing::assemble(located, file, geometry, 0, self.map);
        ring.restrict(read_only, false);
        Ok(MemfdRing { ring: ring.with_membarrier(self.membarrier) })
    }

    /// Receives a ring that the other end of a Unix socket [sends](MemfdRing::send), and opens it.
    ///
    /// # Errors
    /// `NoDescriptor` if something else came, or the other end closed the socket; `Os`, with what the
    /// system said of the socket; else as for [`open`](Self::open).
    pub fn receive(&self, socket: impl AsFd) -> Result<MemfdRing, FileError> {
        self.open(passing::receive(socket.as_fd())?)
    }
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
    /// Not assumed, not even of a memfd made here: code that has its descriptor can write to it as to any file,
    /// [this process](Self::as_fd) in safe code, and any process of its owner's by opening it under `/proc`.
    ///
    /// # Safety
    /// No process writes the memfd but through this library, nor does this one by its descriptor: a byte
    /// that changes under a borrow is what Rust can't bear.
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

impl Ring for MemfdRing {
    fn geometry(&self) -> &Geometry {
        self.ring.geometry()
    }

    fn producer_of_any_type(&self) -> Result<Producer, AttachError> {
        self.ring.producer_of_any_type()
    }

    fn producer_looks_taken(&self) -> bool {
        self.ring.producer_looks_taken()
    }

    fn consumer(&self, start: Start) -> Result<Consumer, AttachError> {
        self.ring.consumer(start)
    }

    fn observer(&self, start: Start, resume: Resume) -> Result<Observer, AttachError> {
        self.ring.observer(start, resume)
    }
}

/// Makes a ring in a new memfd, with the default options.
///
/// # Errors
/// As for [`MemfdOptions::create`].
pub fn create(config: &Config) -> Result<MemfdRing, FileError> {
    MemfdOptions::new().create(config)
}

/// Opens the ring in a memfd that was handed over, with the default options.
///
/// # Errors
/// As for [`MemfdOptions::open`].
pub fn open(descriptor: OwnedFd) -> Result<MemfdRing, FileError> {
    MemfdOptions::new().open(descriptor)
}

/// Receives a ring from the other end of a Unix socket, with the default options.
///
/// # Errors
/// As for [`MemfdOptions::receive`].
pub fn receive(socket: impl AsFd) -> Result<MemfdRing, FileError> {
    MemfdOptions::new().receive(socket)
}
