//! A ring in a file, opened.
//!
//! # Safety
//! A region is made of the mapping and the locks of one role, taken here for that role. Each handle gets a
//! mapping of its own. Messages are borrowed where they lie only after `trust_peers`, whose caller vouches for
//! every process that writes the file.

#![allow(unsafe_code)]

use std::fs::File;
use std::ops::Deref;
use std::os::fd::{AsFd, BorrowedFd, IntoRawFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::fcntl::OFlag;
use nix::sys::stat::fstat;
use ringway_core::placement::{
    AsConsumer, AsObserver, AsProducer, AsShown, AsWaker, Region, RingSource, Role, Vacancy,
};
use ringway_core::{AttachError, Geometry, Name};

use super::role_words;
use crate::error::FileError;
use crate::locks::descriptors::{self, os};
use crate::locks::{Closings, Lock, LockTable};
use crate::map::MapOptions;
use crate::role::{Origin, RoleLocks, RoleMap};
use crate::system::identity::Identity;
use crate::system::retry::retry;

/// A ring in a file.
///
/// It holds a lock that keeps the ring from being [removed](crate::remove), and no memory. Each role taken on
/// it has a descriptor, locks and a mapping of its own, and outlives it.
///
/// After a fork the child may use it, too: both processes share its descriptor, and the ring counts as in use
/// until both have dropped it. Roles aren't inherited: the child takes its own.
///
/// Each role opens the file anew. A process that gives up privileges takes its roles before it changes its user,
/// unless the new user may open the file, too.
///
/// Clones share the descriptor and its lock, and are cheap: the ring counts as in use until the last is dropped.
///
/// # Examples
/// Two handles of one ring, as two processes have them:
/// ```
/// use ringway_core::{Config, Ring, Start};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("quotes");
/// let made = ringway_file::create(&path, &Config::new().slots(64).payload_capacity(48))?;
/// let opened = ringway_file::open(&path)?;
/// assert_eq!(made.geometry(), opened.geometry());
///
/// let mut consumer = opened.consumer(Start::Oldest)?;
/// made.producer()?.publish(b"hello")?;
/// assert_eq!(&*consumer.try_recv()?.into_message().unwrap(), b"hello");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct FileRing {
    file: Arc<Own>,
    shape: Arc<Shape>,
}

/// What is known of a ring besides its descriptor.
#[derive(Clone, Debug)]
struct Shape {
    path: PathBuf,
    /// The same path, wherever the process goes; `None` for a file that never had a name.
    absolute: Option<PathBuf>,
    identity: Identity,
    offset: u64,
    geometry: Geometry,
    map: MapOptions,
    read_only: bool,
    other_boot: bool,
    in_place: bool,
    membarrier: bool,
    /// Of the roles that are taken from now on.
    name: Option<Name>,
}

/// A ring's file. Dropping it closes the descriptor, unless other code has closed it: the number is nobody's then,
/// or another file's.
#[derive(Debug)]
struct Own(Option<File>, Identity);

impl Deref for Own {
    type Target = File;

    fn deref(&self) -> &File {
        self.0.as_ref().expect("there until it is dropped")
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if !self.1.is_still_of(&**self) {
            let _ = self.0.take().map(IntoRawFd::into_raw_fd);
        }
    }
}

/// Where a ring's file is, and which one it is. Found out before the ring is made, since it can fail.
pub(crate) struct Located {
    path: PathBuf,
    absolute: Option<PathBuf>,
    identity: Identity,
}

impl Located {
    pub(crate) fn new(path: &Path, identity: Identity) -> Result<Self, FileError> {
        let absolute = std::path::absolute(path).map_err(FileError::os("resolving the path", path))?;
        Ok(Self { path: path.into(), absolute: Some(absolute), identity })
    }

    /// A file without a name; `label` stands for it in messages.
    pub(crate) fn nameless(label: &Path, file: &File) -> Result<Self, FileError> {
        let identity = Identity::of_fd(file).map_err(FileError::os("looking at the file", label))?;
        Ok(Self { path: label.into(), absolute: None, identity })
    }

    pub(crate) fn identity(&self) -> Identity {
        self.identity
    }
}

impl FileRing {
    /// Puts together what was opened and checked.
    pub(crate) fn assemble(
        located: Located,
        file: File,
        geometry: Geometry,
        offset: u64,
        map: MapOptions,
    ) -> Self {
        let Located { path, absolute, identity } = located;
        let shape = Shape {
            path,
            absolute,
            identity,
            offset,
            geometry,
            map,
            read_only: false,
            other_boot: false,
            in_place: false,
            membarrier: true,
            name: None,
        };
        Self { file: Arc::new(Own(Some(file), identity)), shape: Arc::new(shape) }
    }

    pub(crate) fn with_membarrier(mut self, yes: bool) -> Self {
        Arc::make_mut(&mut self.shape).membarrier = yes;
        self
    }

    pub(crate) fn called(mut self, path: &Path) -> Self {
        Arc::make_mut(&mut self.shape).path = path.into();
        self
    }

    pub(crate) fn restrict(&mut self, read_only: bool, other_boot: bool) {
        let shape = Arc::make_mut(&mut self.shape);
        (shape.read_only, shape.other_boot) = (read_only, other_boot);
    }

    /// Names the roles that are taken by this handle from now on, for people who look at the ring: see [`Name`].
    /// Handles that its clones and its roles lead to name theirs so, too.
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{Config, Name, Ring, Start};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("quotes");
    /// let ring = ringway_file::create(&path, &Config::new())?.with_name(Name::new("recorder")?);
    /// let consumer = ring.consumer(Start::Oldest)?;
    /// assert_eq!(ring.stats()?.consumers[0].name, consumer.name());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_name(mut self, name: impl Into<Option<Name>>) -> Self {
        Arc::make_mut(&mut self.shape).name = name.into();
        self
    }

    /// The path, as it was given.
    pub fn path(&self) -> &Path {
        &self.shape.path
    }

    /// Where the ring starts in its file, in bytes.
    pub fn offset(&self) -> u64 {
        self.shape.offset
    }

    /// Whether it was opened for observers only.
    pub fn is_read_only(&self) -> bool {
        self.shape.read_only
    }

    /// Whether the path still leads to this ring's file. If not, the file was removed or replaced: the roles that
    /// were taken on it go on, and the processes that come find another ring, or none.
    ///
    /// A ring that never had a name has it for ever. [`is_current`](ringway_core::Ring::is_current) asks the same, and
    /// takes an error for a yes.
    ///
    /// # Errors
    /// `Os` or `PermissionDenied`, if the path can't be looked at.
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::Config;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("quotes");
    /// let ring = ringway_file::create(&path, &Config::new())?;
    /// assert!(ring.has_its_name()?);
    /// std::fs::remove_file(&path)?;
    /// assert!(!ring.has_its_name()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn has_its_name(&self) -> Result<bool, FileError> {
        let Some(name) = &self.shape.absolute else { return Ok(true) };
        self.shape.identity.is_at(name).map_err(FileError::os("looking at the ring's path", &self.shape.path))
    }

    /// Lets handles taken from now on borrow messages where they lie in the file, rather than copy them.
    ///
    /// # Safety
    /// No process writes this file but through this library, or cuts it short: any that can open it for
    /// writing could change bytes under a borrow, which Rust can't bear. That holds for handles that the result's
    /// clones and its roles lead to, too.
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{Config, Ring};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("quotes");
    /// let ring = ringway_file::create(&path, &Config::new())?;
    /// // SAFETY: the file has mode 0600, and all programs of this user use it through Ringway.
    /// let ring = unsafe { ring.trust_peers() };
    /// assert!(ring.consumer(Default::default())?.in_place());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub unsafe fn trust_peers(mut self) -> Self {
        Arc::make_mut(&mut self.shape).in_place = true;
        self
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    fn table(&self) -> LockTable {
        LockTable::at(self.shape.offset)
    }

    fn check_writable(&self, role: &'static str) -> Result<(), AttachError> {
        if self.shape.other_boot {
            return Err(AttachError::OtherBoot);
        }
        if self.shape.read_only { Err(AttachError::ReadOnly { role }) } else { Ok(()) }
    }

    /// Once its locks are held: the role's views, of the file that was opened and that still has its name,
    /// if it had one.
    fn region<R: Role>(&self, locks: RoleLocks) -> Result<Region<R>, AttachError> {
        let fd = locks.fd()?;
        let stat = retry(|| fstat(fd)).map_err(os("looking at the ring's file"))?;
        if let Some(name) = &self.shape.absolute {
            let named = self.shape.identity.is_at(name).map_err(os("looking at the ring's path"))?;
            if stat.st_nlink == 0 || !named {
                return Err(AttachError::Replaced { path: self.shape.path.clone() });
            }
        }
        let Shape { offset, geometry, map, .. } = &*self.shape;
        let map = RoleMap::<R>::of_file(fd, &stat, *offset, geometry, map)?;
        // SAFETY:
        // - `producer_of_any_type` and `consumer` pass the locks of their roles.
        // - A user without the right to write the file can't cut it short. A process with that right can. That is a
        //   SIGBUS, or the error `Truncated` after `guard_truncation`, whose documentation says so.
        // - `in_place` is set by `trust_peers` alone. Its contract has the caller promise that no process writes
        //   the file but through this library, or cuts it short.
        let region = unsafe { map.into_region(locks, self.shape.in_place, self.shape.clone()) };
        Ok(region.with_membarrier(self.shape.membarrier).with_name(self.shape.name))
    }
}

// SAFETY: `RoleLocks` took the lock of each cell that it names, and `region` maps the ring of this geometry.
unsafe impl RingSource for FileRing {
    fn geometry(&self) -> &Geometry {
        &self.shape.geometry
    }

    fn producer_region(&self) -> Result<Region<AsProducer>, AttachError> {
        self.check_writable("producer")?;
        // Before the lock is taken: it may take some milliseconds, once.
        if self.shape.membarrier {
            ringway_core::placement::register();
        }
        let locks = RoleLocks::producer(self.file.as_fd(), self.table(), || role_words::recorded(self))?;
        self.region(locks)
    }

    fn is_current(&self) -> bool {
        self.shape.is_current()
    }

    fn producer_vacancy(&self) -> Option<Box<dyn Vacancy>> {
        Some(Box::new(Closings::of(self.file.as_fd())?))
    }

    fn producer_looks_taken(&self) -> bool {
        // The ring's own description never holds this byte, so the kernel tells of any that does.
        self.table().held(self.file.as_fd(), LockTable::PRODUCER).is_ok_and(|held| held.is_some())
    }

    fn consumer_region(&self) -> Result<(Region<AsConsumer>, usize), AttachError> {
        self.check_writable("consumer")?;
        let cells = self.shape.geometry.max_consumers();
        let words = role_words::of_cells(self);
        let word = |cell| words.get(cell).copied().unwrap_or_default();
        let (locks, cell) = RoleLocks::consumer(self.file.as_fd(), self.table(), cells, word)?;
        Ok((self.region(locks)?, cell))
    }

    fn observer_region(&self) -> Result<Region<AsObserver>, AttachError> {
        self.region(RoleLocks::observer(self.file.as_fd(), self.table())?)
    }

    fn shown_region(&self) -> Result<(Region<AsShown>, usize), AttachError> {
        self.check_writable("shown observer")?;
        let cells = self.shape.geometry.max_consumers();
        let (locks, cell) = RoleLocks::shown(self.file.as_fd(), self.table(), cells)?;
        Ok((self.region(locks)?, cell))
    }

    fn waker_region(&self) -> Result<Region<AsWaker>, AttachError> {
        self.check_writable("waker")?;
        self.region(RoleLocks::waker(self.file.as_fd(), self.table())?)
    }
}

impl Origin for Shape {
    fn is_current(&self) -> bool {
        // A path that can't be looked at says nothing.
        self.absolute.as_ref().is_none_or(|name| self.identity.is_at(name).unwrap_or(true))
    }

    fn ring(&self, locks: BorrowedFd<'_>) -> Result<Arc<dyn RingSource>, AttachError> {
        let access = if self.read_only { OFlag::O_RDONLY } else { OFlag::O_RDWR };
        let (file, identity) = descriptors::reopen(locks, access)?;
        // Other code may have closed the role's descriptor, and its number may be another file's since.
        if identity != self.identity {
            return Err(AttachError::Replaced { path: self.path.clone() });
        }
        // The role's own lock keeps those away that would remove the file.
        let present = LockTable::at(self.offset).try_lock(file.as_fd(), LockTable::PRESENCE, Lock::Read);
        present.map_err(|error| AttachError::Os { action: "taking the ring's presence lock", error })?;
        let file = Arc::new(Own(Some(file.into()), identity));
        Ok(Arc::new(FileRing { file, shape: Arc::new(self.clone()) }))
    }
}
