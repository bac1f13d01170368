//! A ring in anonymous shared memory.
//!
//! # Safety
//! The memory is reached only through mappings of this process and of what it forks: nobody can open it. So
//! no process writes it but by the protocol (the parent's mapping is used for nothing but duplicates, and to
//! read one number), which is what makes it safe to borrow messages where they lie.

#![allow(unsafe_code)]
#![allow(clippy::disallowed_types, reason = "one word is read for display, relaxed")]

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::errno::Errno;
use ringway_core::placement::layout::{CELL_BYTES, CELL_WORD_OFFSET};
use ringway_core::placement::{
    AsConsumer, AsObserver, AsProducer, AsShown, AsWaker, Region, RingSource, Role, RoleHint, Vacancy,
};
use ringway_core::{AttachError, Config, Geometry, Name, Placement, Section};
use ringway_file::placement::{
    self, Advice, Closings, LockFile, LockTable, MapOptions, Origin, RoleLocks, RoleMap, Span, page_size,
};

use crate::error::AnonError;

/// Options for making anonymous rings.
///
/// # Examples
/// ```
/// use ringway_anon::AnonOptions;
/// use ringway_core::{Config, Ring};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let config = Config::new().slots(1024).payload_capacity(48);
/// let ring = AnonOptions::new().populate(true).create(&config)?;
/// assert_eq!(ring.geometry().slots(), 1024);
/// # Ok(())
/// # }
/// ```
#[must_use]
#[derive(Clone, Debug)]
pub struct AnonOptions {
    map: MapOptions,
    membarrier: bool,
}

impl Default for AnonOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl AnonOptions {
    /// A ring mapped without further ado.
    pub fn new() -> Self {
        Self { map: MapOptions::default(), membarrier: true }
    }

    /// Takes all pages at once, so that using the ring faults on none.
    pub fn populate(mut self, yes: bool) -> Self {
        self.map.populate = yes;
        self
    }

    /// Locks the ring and each role's mapping in memory, within `RLIMIT_MEMLOCK`. Children don't inherit it:
    /// their roles lock anew.
    pub fn lock_memory(mut self, yes: bool) -> Self {
        self.map.lock_memory = yes;
        self
    }

    /// Asks for huge pages. Give the ring a `section_align` of 2 MiB, too; the kernel serves shared memory
    /// with huge pages as `/sys/kernel/mm/transparent_hugepage/shmem_enabled` says.
    pub fn huge_pages(mut self, yes: bool) -> Self {
        self.map.advice = yes.then_some(Advice::HugePage);
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

    /// Makes a ring.
    ///
    /// # Errors
    /// See [`AnonError`].
    pub fn create(&self, config: &Config) -> Result<AnonRing, AnonError> {
        AnonRing::with_options(config, self)
    }
}

/// A ring in anonymous shared memory: forked children inherit it, and nobody else can reach it.
///
/// Roles are taken in the process that uses them, before or after the fork, and before or after that process gives
/// up privileges (`setuid`). A message is borrowed where it
/// lies: parent and children are one program, and trust each other.
///
/// Clones share the memory, and are cheap. It stays mapped until the last of them and of their roles is dropped.
///
/// # Examples
/// Within one process, between threads:
/// ```
/// use ringway_core::{Config, Ring, Start};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ring = ringway_anon::create(&Config::new().slots(64).payload_capacity(48))?;
/// let mut consumer = ring.consumer(Start::Oldest)?;
/// let mut producer = ring.producer()?;
/// std::thread::scope(|scope| {
///     scope.spawn(move || producer.publish(b"hello").expect("the ring has room"));
///     assert_eq!(&*consumer.recv().expect("a sound ring").into_message().unwrap(), b"hello");
/// });
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "dropping the handle frees the ring, unless a role of it lives"]
pub struct AnonRing {
    inner: Arc<Inner>,
    /// Of the roles that are taken from now on.
    name: Option<Name>,
}

#[derive(Debug)]
struct Inner {
    /// The mapping that children inherit. Roles use duplicates.
    memory: Span,
    /// What the locks lie on.
    locks: LockFile,
    geometry: Geometry,
    map: MapOptions,
    membarrier: bool,
}

impl AnonRing {
    fn with_options(config: &Config, options: &AnonOptions) -> Result<Self, AnonError> {
        let proc = |path: &'static str| {
            move |error: io::Error| match error.raw_os_error().map(Errno::from_raw) {
                // Not there, not procfs, or closed to this process.
                None | Some(Errno::ENOENT | Errno::ENOTDIR | Errno::EACCES | Errno::EPERM) => {
                    AnonError::ProcUnavailable { path: path.into(), error }
                }
                Some(_) => AnonError::Os { action: "reading from /proc", error },
            }
        };
        let ring_id = placement::ring_id().map_err(proc(placement::RANDOM))?;
        let boot_id = placement::boot_id().map_err(proc(placement::BOOT_ID))?;
        let geometry = config.geometry(page_size(), Placement::Anonymous, ring_id, boot_id)?;

        let (length, align) = (geometry.total_length(), geometry.section_align());
        let mut memory = Span::reserve_inheritable(length, align).map_err(os("reserving addresses"))?;
        memory.map_memory().map_err(os("mapping memory"))?;
        memory.keep_out_of_dumps().map_err(os("keeping the ring out of core dumps"))?;
        let whole = [(memory.whole(), true)];
        memory.apply(&options.map, &whole).map_err(|(action, error)| os(action)(error))?;
        // SAFETY: just mapped, writable and zero, and known to nobody else.
        unsafe { memory.format(&geometry) };

        let locks = LockFile::new("ringway-locks").map_err(|(action, error)| os(action)(error))?;
        let inner = Inner { memory, locks, geometry, map: options.map, membarrier: options.membarrier };
        Ok(Self { inner: Arc::new(inner), name: None })
    }

    /// Names the roles that are taken by this handle from now on, for people who look at the ring: see [`Name`].
    /// Its clones, and the handles that its roles lead to, name theirs so, too.
    ///
    /// # Examples
    /// ```
    /// use ringway_core::{Config, Name, Ring, Start};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = ringway_anon::create(&Config::new())?.with_name(Name::new("worker 3")?);
    /// let consumer = ring.consumer(Start::Oldest)?;
    /// assert_eq!(ring.stats()?.consumers[0].name, consumer.name());
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_name(mut self, name: impl Into<Option<Name>>) -> Self {
        self.name = name.into();
        self
    }

    /// What the producer page says of the producer.
    fn recorded(&self) -> RoleHint {
        let page = self.inner.geometry.producer_section();
        RoleHint::of_producer_page(|at| Some(self.word(page, at)))
    }

    /// What the cell says of its reader.
    fn cell_word(&self, cell: usize) -> u64 {
        self.word(self.inner.geometry.consumers_section(), cell as u64 * CELL_BYTES + CELL_WORD_OFFSET)
    }

    /// The word at byte `at` of a section.
    fn word(&self, section: Section, at: u64) -> u64 {
        assert!(at.is_multiple_of(8) && at < section.length);
        let at = (section.offset + at) as usize;
        // SAFETY: 8-aligned and within a section, which `memory` maps as long as it lives. All accesses to the
        // word, in whatever process, are atomic.
        unsafe { AtomicU64::from_ptr(self.inner.memory.base().add(at).cast().as_ptr()) }
            .load(Ordering::Relaxed)
    }

    fn region<R: Role>(&self, mut locks: RoleLocks) -> Result<Region<R>, AttachError> {
        // Code that closes every descriptor must not let in a second producer.
        locks.pin()?;
        let map = RoleMap::<R>::of_memory(&self.inner.memory, &self.inner.geometry, &self.inner.map)?;
        // SAFETY: `producer` and `consumer` pass the locks of their roles; see `# Safety` above for the rest.
        let region = unsafe { map.into_region(locks, true, Arc::new(self.clone())) };
        Ok(region.with_membarrier(self.inner.membarrier).with_name(self.name))
    }
}

/// Makes a ring in anonymous memory, with the default options.
///
/// # Errors
/// As for [`AnonOptions::create`].
pub fn create(config: &Config) -> Result<AnonRing, AnonError> {
    AnonOptions::new().create(config)
}

// SAFETY: `RoleLocks` took the lock of each cell that it names, and `region` maps the ring of this geometry.
unsafe impl RingSource for AnonRing {
    fn geometry(&self) -> &Geometry {
        &self.inner.geometry
    }

    fn producer_region(&self) -> Result<Region<AsProducer>, AttachError> {
        // Before the lock is taken: it may take some milliseconds, once.
        if self.inner.membarrier {
            ringway_core::placement::register();
        }
        let locks = RoleLocks::producer(self.inner.locks.fd()?, LockTable::at(0), || self.recorded())?;
        self.region(locks)
    }

    fn producer_vacancy(&self) -> Option<Box<dyn Vacancy>> {
        Some(Box::new(Closings::of(self.inner.locks.fd().ok()?)?))
    }

    fn producer_looks_taken(&self) -> bool {
        // The ring's own description never holds this byte, so the kernel tells of any that does.
        let held = self.inner.locks.fd().map(|fd| LockTable::at(0).held(fd, LockTable::PRODUCER));
        matches!(held, Ok(Ok(Some(_))))
    }

    fn consumer_region(&self) -> Result<(Region<AsConsumer>, usize), AttachError> {
        let cells = self.inner.geometry.max_consumers();
        let word = |cell| self.cell_word(cell);
        let (locks, cell) = RoleLocks::consumer(self.inner.locks.fd()?, LockTable::at(0), cells, word)?;
        Ok((self.region(locks)?, cell))
    }

    fn observer_region(&self) -> Result<Region<AsObserver>, AttachError> {
        self.region(RoleLocks::observer(self.inner.locks.fd()?, LockTable::at(0))?)
    }

    fn shown_region(&self) -> Result<(Region<AsShown>, usize), AttachError> {
        let cells = self.inner.geometry.max_consumers();
        let (locks, cell) = RoleLocks::shown(self.inner.locks.fd()?, LockTable::at(0), cells)?;
        Ok((self.region(locks)?, cell))
    }

    fn waker_region(&self) -> Result<Region<AsWaker>, AttachError> {
        self.region(RoleLocks::waker(self.inner.locks.fd()?, LockTable::at(0))?)
    }
}

impl Origin for AnonRing {
    fn ring(&self, _locks: BorrowedFd<'_>) -> Result<Arc<dyn RingSource>, AttachError> {
        Ok(Arc::new(self.clone()))
    }
}

fn os(action: &'static str) -> impl FnOnce(Errno) -> AnonError {
    move |error| AnonError::Os { action, error: error.into() }
}
