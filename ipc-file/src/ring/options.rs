//! What can be asked for when a ring is opened or created.

use std::path::Path;
use std::time::Duration;

use ringway_core::Config;

use super::file_ring::FileRing;
use super::plan::Plan;
use crate::error::FileError;
use crate::map::Advice;

/// Options for creating and opening rings.
///
/// # Examples
/// Two rings in one file:
/// ```
/// use ringway_core::{Config, Ring};
/// use ringway_file::OpenOptions;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("rings");
/// let config = Config::new().slots(256);
/// let quotes = OpenOptions::new().offset(0).create(&path, &config)?;
/// let trades = OpenOptions::new().offset(quotes.geometry().total_length()).create(&path, &config)?;
/// assert_ne!(quotes.geometry().ring_id(), trades.geometry().ring_id());
/// # Ok(())
/// # }
/// ```
#[must_use]
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    plan: Plan,
}

impl OpenOptions {
    /// A ring in a file of its own, mode 0600, mapped without further ado.
    pub fn new() -> Self {
        Self::default()
    }

    /// The ring starts at this offset, in bytes, of a file that may hold more: a multiple of the page size,
    /// and of the ring's `section_align`. Even with 0, a new ring is one that shares its file.
    pub fn offset(mut self, bytes: u64) -> Self {
        self.plan.offset = Some(bytes);
        self
    }

    /// Permissions of a new file, whatever the umask; at first 0600. An existing file keeps its own.
    ///
    /// A user that may read the file can observe the ring, and hold locks that keep roles from being taken. One
    /// that may write it can damage it.
    pub fn mode(mut self, bits: u32) -> Self {
        self.plan.mode = bits & 0o777;
        self
    }

    /// Brings all pages in whenever a role is taken, so that using the ring faults on none.
    pub fn populate(mut self, yes: bool) -> Self {
        self.plan.map.populate = yes;
        self
    }

    /// Locks each role's mapping in memory, within `RLIMIT_MEMLOCK`.
    pub fn lock_memory(mut self, yes: bool) -> Self {
        self.plan.map.lock_memory = yes;
        self
    }

    /// Tells the kernel how each role's mapping will be used.
    pub fn advice(mut self, advice: Advice) -> Self {
        self.plan.map.advice = Some(advice);
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
        self.plan.membarrier = yes;
        self
    }

    /// Opens a file of any owner. Otherwise its owner must be the effective uid of the process, or root.
    pub fn any_owner(mut self, yes: bool) -> Self {
        self.plan.trust.any_owner = yes;
        self
    }

    /// Lets [`open_read_only`](Self::open_read_only) open a ring made before the machine last started. After
    /// a loss of power, messages in it may be incomplete without looking so.
    pub fn allow_other_boot(mut self, yes: bool) -> Self {
        self.plan.allow_other_boot = yes;
        self
    }

    /// Lets a ring be made or opened for writing on a file system that may copy a page when it changes. These are
    /// btrfs, bcachefs, zfs, and XFS with reflinks (the default of `mkfs.xfs`).
    ///
    /// There, changing a page may take space though all of the ring was allocated. Once the file system is full,
    /// using the ring ends the process with SIGBUS. Under [`guard_truncation`](crate::guard_truncation) the call
    /// says `Truncated` instead, and the handle is lost. XFS copies only what a reflink shares, and any process that
    /// may read the file can make one (`cp` does). A new file on btrfs is marked NOCOW
    /// (`chattr +C`), so its pages are copied only after a snapshot or a reflink. Kernels before 6.17, or a lack of
    /// metadata space, may fail all the same.
    ///
    /// A file system below an overlay can't be seen: there, nothing is refused.
    pub fn allow_copy_on_write(mut self, yes: bool) -> Self {
        self.plan.trust.allow_copy_on_write = yes;
        self
    }

    /// Makes a ring: a new file, or, with an [`offset`](Self::offset), a part of a file that may exist.
    /// Nothing that exists is ever replaced, and a failure leaves nothing.
    ///
    /// # Errors
    /// `AlreadyExists`, `NoFileName`, `CopyOnWrite`, `NoSpace`, `FileSizeLimit`; at an offset also `Overlap`,
    /// `NotEmpty`, `UnalignedOffset`, `BeingCreated`; else see [`FileError`].
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::Config;
    /// # use ringway_file::{FileError, OpenOptions};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("quotes");
    /// let options = OpenOptions::new().mode(0o640).populate(true);
    /// let ring = options.create(&path, &Config::new())?;
    /// assert!(matches!(options.create(&path, &Config::new()), Err(FileError::AlreadyExists { .. })));
    /// # Ok(())
    /// # }
    /// ```
    pub fn create(&self, path: impl AsRef<Path>, config: &Config) -> Result<FileRing, FileError> {
        super::create::create(path.as_ref(), config, &self.plan)
    }

    /// Opens a ring for any role.
    ///
    /// # Errors
    /// What is wrong with the path, the file or the ring: see [`FileError`].
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::Config;
    /// # use ringway_file::{FileError, OpenOptions};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("quotes");
    /// let missing = OpenOptions::new().open(&path);
    /// assert!(matches!(missing, Err(FileError::NotFound { .. })));
    /// ringway_file::create(&path, &Config::new())?;
    /// let ring = OpenOptions::new().lock_memory(false).open(&path)?;
    /// assert!(!ring.is_read_only());
    /// # Ok(())
    /// # }
    /// ```
    pub fn open(&self, path: impl AsRef<Path>) -> Result<FileRing, FileError> {
        super::open::ring(path.as_ref(), &self.plan, true)
    }

    /// Opens a ring for observers, with no more than the right to read.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{AttachError, Config, Resume, Ring, Start};
    /// # use ringway_file::OpenOptions;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("quotes");
    /// ringway_file::create(&path, &Config::new())?;
    /// let ring = OpenOptions::new().open_read_only(&path)?;
    /// let observer = ring.observer(Start::Oldest, Resume::OldestSafe)?;
    /// assert!(matches!(ring.consumer(Start::Oldest), Err(AttachError::ReadOnly { .. })));
    /// # Ok(())
    /// # }
    /// ```
    pub fn open_read_only(&self, path: impl AsRef<Path>) -> Result<FileRing, FileError> {
        super::open::ring(path.as_ref(), &self.plan, false)
    }

    /// Opens a ring for any role as soon as there is one, so that a reader may be started before the program that makes
    /// the ring. Waits at most for `timeout` ([`Duration::MAX`]: without end), asleep: the kernel tells of each change on
    /// the way to the path (inotify), of directories that don't exist yet, too.
    ///
    /// What isn't a ring yet is waited for: a path that leads nowhere, a ring in the making, a part of a larger file that
    /// holds nothing, a ring of an earlier boot that is to be made anew. All other errors of [`open`](Self::open) end the
    /// wait at once, such as those of a file that is no ring. A relative path is that of the working directory at the
    /// call. The last look may take a second longer than `timeout`, while another process is making the ring or removing
    /// it.
    ///
    /// Where the kernel can't tell, the path is looked at every 10 ms: when a directory on the way may be searched but
    /// not read, or the user has used up the watches (`/proc/sys/fs/inotify`). Elsewhere it is looked at each second, too:
    /// the kernel tells nothing of what comes through another mount of a network's file system, or below an overlay.
    ///
    /// # Errors
    /// [`TimedOut`](FileError::TimedOut), which says what the last look found; else as for [`open`](Self::open).
    ///
    /// # Examples
    /// A reader that doesn't know what the ring is to be like:
    /// ```
    /// # use ringway_core::{Config, Ring, Start};
    /// # use ringway_file::{FileError, OpenOptions};
    /// # use std::time::Duration;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("quotes");
    /// let none = OpenOptions::new().wait_for(&path, Duration::from_millis(1));
    /// assert!(matches!(none, Err(FileError::TimedOut { .. })));
    ///
    /// let reader = std::thread::spawn({
    ///     let path = path.clone();
    ///     move || ringway_file::wait_for(&path, Duration::MAX)
    /// });
    /// let made = ringway_file::create(&path, &Config::new().slots(64))?;
    /// let found = reader.join().unwrap()?;
    /// assert_eq!(found.geometry().ring_id(), made.geometry().ring_id());
    /// # Ok(())
    /// # }
    /// ```
    pub fn wait_for(&self, path: impl AsRef<Path>, timeout: Duration) -> Result<FileRing, FileError> {
        super::wait_for::wait_for(path.as_ref(), &self.plan, true, timeout)
    }

    /// Opens a ring for observers as soon as there is one, with no more than the right to read: see
    /// [`wait_for`](Self::wait_for).
    ///
    /// # Errors
    /// As for [`wait_for`](Self::wait_for).
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::Config;
    /// # use ringway_file::OpenOptions;
    /// # use std::time::Duration;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("quotes");
    /// ringway_file::create(&path, &Config::new())?;
    /// assert!(OpenOptions::new().wait_for_read_only(&path, Duration::ZERO)?.is_read_only());
    /// # Ok(())
    /// # }
    /// ```
    pub fn wait_for_read_only(
        &self,
        path: impl AsRef<Path>,
        timeout: Duration,
    ) -> Result<FileRing, FileError> {
        super::wait_for::wait_for(path.as_ref(), &self.plan, false, timeout)
    }

    /// Opens a ring for any role; makes it if it isn't there. Several processes may do so at once.
    ///
    /// # Errors
    /// `ConfigMismatch` if there is a ring, but not one that `config` describes; else as for
    /// [`open`](Self::open) and [`create`](Self::create).
    ///
    /// # Examples
    /// Whichever process comes first makes the ring:
    /// ```
    /// # use ringway_core::{Config, Ring};
    /// # use ringway_file::{FileError, OpenOptions};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("quotes");
    /// let config = Config::new().slots(256);
    /// let (one, two) = (OpenOptions::new().open_or_create(&path, &config)?, ringway_file::open_or_create(&path, &config)?);
    /// assert_eq!(one.geometry().ring_id(), two.geometry().ring_id());
    ///
    /// let other = ringway_file::open_or_create(&path, &config.slots(512));
    /// assert!(matches!(other, Err(FileError::ConfigMismatch { field: "slots", .. })));
    /// # Ok(())
    /// # }
    /// ```
    pub fn open_or_create(&self, path: impl AsRef<Path>, config: &Config) -> Result<FileRing, FileError> {
        super::or_create::or_create(path.as_ref(), config, &self.plan)
    }
}

/// Makes a ring in a new file, with the default options.
///
/// # Errors
/// As for [`OpenOptions::create`].
pub fn create(path: impl AsRef<Path>, config: &Config) -> Result<FileRing, FileError> {
    OpenOptions::new().create(path, config)
}

/// Opens a ring for any role, with the default options.
///
/// # Errors
/// As for [`OpenOptions::open`].
pub fn open(path: impl AsRef<Path>) -> Result<FileRing, FileError> {
    OpenOptions::new().open(path)
}

/// Opens a ring for observers, with the default options.
///
/// # Errors
/// As for [`OpenOptions::open`].
pub fn open_read_only(path: impl AsRef<Path>) -> Result<FileRing, FileError> {
    OpenOptions::new().open_read_only(path)
}

/// Opens a ring for any role, or makes it, with the default options.
///
/// # Errors
/// As for [`OpenOptions::open_or_create`].
pub fn open_or_create(path: impl AsRef<Path>, config: &Config) -> Result<FileRing, FileError> {
    OpenOptions::new().open_or_create(path, config)
}

/// Opens a ring for any role as soon as there is one, with the default options.
///
/// # Errors
/// As for [`OpenOptions::wait_for`].
pub fn wait_for(path: impl AsRef<Path>, timeout: Duration) -> Result<FileRing, FileError> {
    OpenOptions::new().wait_for(path, timeout)
}
