//! What can be asked for when a ring in a memfd is made or opened.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use nix::sys::stat::{Mode, fchmod};
use ringway_core::{Config, Geometry, Placement};

use super::memfd_ring::MemfdRing;
use super::{descriptor, passing};
use crate::content::header;
use crate::content::space::{allocate, check_limit};
use crate::error::FileError;
use crate::map::{Advice, MapOptions, page_size};
use crate::ring::{FileRing, Located};
use crate::system::memfd::{new_file, seal};
use crate::system::retry::retry;
use crate::system::{boot, random};

/// Options for making rings in memfds, and for opening those that were handed over.
///
/// # Examples
/// ```
/// use ringway_core::{Config, Ring};
/// use ringway_file::memfd::MemfdOptions;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ring = MemfdOptions::new().name("quotes").populate(true).create(&Config::new().slots(64))?;
/// assert_eq!(ring.to_string(), "memfd:quotes");
/// # Ok(())
/// # }
/// ```
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
    /// It is what spares publishing a fence ([`WakeMode::Asymmetric`](ringway_core::WakeMode)). But any process, of any
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
        let label = descriptor::label_of(&self.name);
        let ring_id = random::ring_id().map_err(FileError::proc(&label, random::RANDOM))?;
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
        header::write_unshared(&file, 0, &geometry).map_err(FileError::os("formatting the ring", label))?;
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
    ///
    /// # Examples
    /// A descriptor that this process inherited, or was given:
    /// ```
    /// use std::os::fd::AsFd;
    ///
    /// use ringway_core::{Config, Ring};
    /// use ringway_file::memfd::{self, MemfdOptions};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = memfd::create(&Config::new())?;
    /// let descriptor = ring.as_fd().try_clone_to_owned()?;
    /// let opened = MemfdOptions::new().open(descriptor)?;
    /// assert_eq!(opened.geometry(), ring.geometry());
    /// # Ok(())
    /// # }
    /// ```
    pub fn open(&self, memfd: OwnedFd) -> Result<MemfdRing, FileError> {
        let file = File::from(memfd);
        let label = descriptor::label(&file);
        let read_only = descriptor::checked(&label, &file, self.any_owner)?;
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
    ///
    /// # Examples
    /// It waits for the other end. A socket with a time-out ends the wait:
    /// ```
    /// use std::os::unix::net::UnixStream;
    /// use std::time::Duration;
    ///
    /// use ringway_file::FileError;
    /// use ringway_file::memfd::MemfdOptions;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (here, there) = UnixStream::pair()?;
    /// here.set_read_timeout(Some(Duration::from_millis(1)))?;
    /// assert!(matches!(MemfdOptions::new().receive(&here), Err(FileError::Os { .. })));
    /// drop(there);
    /// assert!(matches!(MemfdOptions::new().receive(&here), Err(FileError::NoDescriptor { bytes: 0, .. })));
    /// # Ok(())
    /// # }
    /// ```
    pub fn receive(&self, socket: impl AsFd) -> Result<MemfdRing, FileError> {
        self.open(passing::receive(socket.as_fd())?)
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
