//! A ring as it stood at one moment, in a private copy-on-write mapping.
//!
//! # Safety
//! A copy's pages are this process's own once they are copied, and nothing writes them after they are settled: they are
//! made read-only. Its maker has them for itself until then. Each observer of the copy keeps the mapping. Messages are
//! copied out, since a file that is cut short takes a private mapping's pages, too.

#![allow(unsafe_code)]

use std::fmt::{self, Debug};
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::fcntl::OFlag;
use ringway_core::placement::{
    AsConsumer, AsCopy, AsObserver, AsProducer, Freeze, HandleStatus, Liveness, Region, RingSource, Role,
};
use ringway_core::{AttachError, Geometry, Shown};

use super::file_ring::FileRing;
use super::{holes, role_words};
use crate::locks::descriptors::{self, os};
use crate::map::{Span, page_size};
use crate::role::reserve;
use crate::system::filesystem;
use crate::system::handle_status::current as handle_status;
use crate::truncation::{self, Guarded};

/// A ring as it stood at one moment: a private copy, which can only be observed.
///
/// It is a copy-on-write mapping of the ring's file (`MAP_PRIVATE`), all of whose pages were copied: a private mapping
/// alone would go on showing what the ring's processes store. It takes as much memory as the ring, but for the
/// holes of a sparse file on tmpfs, which stay holes. It holds no descriptor and no lock, and changes nothing in the
/// file, which may be one that this process can't write.
///
/// The ring goes on while it is copied. So the copy was settled: it [holds](Self::messages) the messages that were
/// published before, but for those that were overwritten meanwhile. To its readers those are gone. None is torn.
///
/// Nothing is published in a snapshot. So its producer counts as gone: a reader that waits gets `ProducerLost` after
/// the last message, once, or `Closed` if the ring was. After `ProducerLost`, and of a ring that had no producer yet, a
/// call without a time-out waits for ever: `try_recv` reads a snapshot without a wait. Its
/// [`stats`](ringway_core::Ring::stats) tell of the consumers that were alive when it was made.
///
/// A file that is cut short takes the snapshot with it, as any other mapping: see
/// [`guard_truncation`](crate::guard_truncation). If the file grows again before the snapshot is read, that finds no
/// error: it shows what the file has then, in the place of what was lost. In a forked child a snapshot can't be used.
///
/// # Examples
/// ```
/// use ringway_core::{Config, Resume, Ring, Start};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("quotes");
/// let mut producer = ringway_file::create(&path, &Config::new())?.producer()?;
/// producer.publish(b"before")?;
/// let snapshot = ringway_file::open_read_only(&path)?.snapshot()?;
/// producer.publish(b"after")?;
///
/// assert_eq!(snapshot.messages(), 0..1);
/// let mut observer = snapshot.observer(Start::Oldest, Resume::OldestSafe)?;
/// assert_eq!(&*observer.try_recv()?.into_message().unwrap(), b"before");
/// assert!(observer.try_recv()?.is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Snapshot {
    copy: Arc<Copy>,
}

struct Copy {
    /// Before the span, so that it is gone before the span is unmapped.
    _guarded: Option<Guarded>,
    span: Span,
    status: HandleStatus,
    path: PathBuf,
    geometry: Geometry,
    messages: Range<u64>,
    /// Which cells had a live consumer.
    alive: Vec<bool>,
}

impl FileRing {
    /// Copies the ring as it stands, without disturbing it: takes no role, and writes nothing to the file.
    ///
    /// # Errors
    /// As for [`observer`](ringway_core::Ring::observer), but for `Overwritten`.
    pub fn snapshot(&self) -> Result<Snapshot, AttachError> {
        // It was found to be the ring's file, with the ring in it.
        let ring = self.observer_region()?;
        let geometry = RingSource::geometry(self).clone();
        let alive = role_words::cells_alive(self);
        // A mapping keeps the description that it was made by, with the locks that are held by that. This has none.
        let (file, _) = descriptors::reopen(self.file().as_fd(), OFlag::O_RDONLY)?;
        let freeze = Freeze::begin(&ring)?;
        let mut copy = Copy::of(file.as_fd(), self.offset(), self.path(), geometry, alive)?;
        copy.messages = freeze.settle(&ring, &copy.region::<AsCopy>(Box::new(Maker(copy.status))))?;
        copy.span.protect(copy.span.whole(), false).map_err(os("protecting the snapshot"))?;
        Ok(Snapshot { copy: Arc::new(copy) })
    }
}

impl Copy {
    /// Maps the ring privately, and has each page copied.
    fn of(
        fd: BorrowedFd<'_>,
        offset: u64,
        path: &Path,
        geometry: Geometry,
        alive: Vec<bool>,
    ) -> Result<Self, AttachError> {
        let mut span = reserve(&geometry)?;
        span.map_private(fd, offset, true).map_err(os("mapping the ring privately"))?;
        let guarded = truncation::guard(span.base().addr().get(), span.length())
            .map_err(|error| AttachError::Os { action: "guarding the snapshot's mapping", error })?;
        let status = match &guarded {
            Some(guarded) => guarded.word(),
            None => handle_status()
                .map_err(|error| AttachError::Os { action: "making the word that detects forks", error })?,
        };
        span.keep_out_of_dumps().map_err(os("keeping the snapshot out of core dumps"))?;
        copy_pages(&mut span, fd, offset)?;
        Ok(Self { _guarded: guarded, span, status, path: path.into(), geometry, messages: 0..0, alive })
    }

    fn region<R: Role>(&self, keeper: Box<dyn Liveness>) -> Region<R> {
        // SAFETY:
        // - The span maps a private copy of a whole ring of this geometry, writable until it is settled, which is when
        //   `snapshot` makes a region of `AsCopy`, and drops it. After that only observers' regions are made.
        // - The maker's region is dropped before the copy; an observer's keeper shares the copy, and with it the span.
        // - The file was found long enough. That it isn't cut short is its users' to see to, as with any mapped file.
        // - Nothing is read in place.
        unsafe { Region::from_mapping(self.geometry.clone(), self.span.base(), false, keeper) }
    }
}

/// Has the pages with data copied. Holes become zeros of the copy's own: on tmpfs, a look at a hole through a mapping
/// takes memory for it, in the file.
fn copy_pages(span: &mut Span, fd: BorrowedFd<'_>, offset: u64) -> Result<(), AttachError> {
    let (page, length) = (page_size(), span.length() as u64);
    // Elsewhere a page that was stored to may count as a hole until it is written back.
    let has_cheap_holes =
        filesystem::magic(fd).map_err(os("asking for the file system"))? == filesystem::TMPFS;
    let whole = offset..offset + length;
    let data = if has_cheap_holes { holes::data(fd, whole) } else { vec![whole] };
    let mut done = 0;
    for range in data {
        let start = ((range.start - offset) / page * page).max(done);
        let end = (range.end - offset).next_multiple_of(page).min(length);
        span.map_zeros(done, start).map_err(os("mapping zeros for a hole"))?;
        span.copy_pages(start, end).map_err(os("copying the ring's pages"))?;
        done = end.max(done);
    }
    span.map_zeros(done, length).map_err(os("mapping zeros for a hole"))
}

impl Snapshot {
    /// The sequences of the messages that it holds, without a gap. [`Start::At`](ringway_core::Start) the first of them
    /// reads all. It is empty if the ring was, or if the producer has gone a whole lap while the ring was copied.
    pub fn messages(&self) -> Range<u64> {
        self.copy.messages.clone()
    }

    /// The path of the ring, as it was given.
    pub fn path(&self) -> &Path {
        &self.copy.path
    }
}

impl Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Copy { path, messages, .. } = &*self.copy;
        f.debug_struct("Snapshot")
            .field("path", &Shown(path))
            .field("messages", messages)
            .finish_non_exhaustive()
    }
}

// SAFETY: no consumer's region is given out; each observer's is of the ring's copy.
unsafe impl RingSource for Snapshot {
    fn geometry(&self) -> &Geometry {
        &self.copy.geometry
    }

    fn producer_region(&self) -> Result<Region<AsProducer>, AttachError> {
        Err(AttachError::ReadOnly { role: "producer" })
    }

    fn consumer_region(&self) -> Result<(Region<AsConsumer>, usize), AttachError> {
        Err(AttachError::ReadOnly { role: "consumer" })
    }

    fn observer_region(&self) -> Result<Region<AsObserver>, AttachError> {
        self.copy.status.check()?;
        // No role of a snapshot has a use for membarrier: nothing wakes it.
        Ok(self.copy.region(Box::new(Kept(self.clone()))).with_membarrier(false))
    }
}

/// What an observer of a snapshot lives on.
struct Kept(Snapshot);

impl Liveness for Kept {
    fn producer_alive(&self) -> bool {
        false
    }

    fn cell_alive(&self, cell: usize) -> bool {
        self.0.copy.alive.get(cell).is_some_and(|&alive| alive)
    }

    fn ring(&self) -> Result<Arc<dyn RingSource>, AttachError> {
        Ok(Arc::new(self.0.clone()))
    }

    fn handle_status(&self) -> HandleStatus {
        self.0.copy.status
    }
}

/// What the maker of a copy lives on, while the copy is its own.
struct Maker(HandleStatus);

impl Liveness for Maker {
    fn producer_alive(&self) -> bool {
        false
    }

    fn cell_alive(&self, _: usize) -> bool {
        true
    }

    fn handle_status(&self) -> HandleStatus {
        self.0
    }
}
