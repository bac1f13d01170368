//! A ring opened for looking.

use std::fs::{self, File, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, anyhow};
use ringway::file::{FileError, OpenOptions, Shown};
use ringway::memfd::MemfdOptions;
use ringway::{Geometry, Monitor, Ring};
use ringway_file::placement::boot_id;

use super::snapshot::Snapshot;
use crate::cli::shape::named;

/// A ring that is looked at, mapped read-only.
pub(crate) struct Subject {
    /// The path, as it was given.
    pub(crate) path: PathBuf,
    /// The path for people, with what a memfd is called.
    pub(crate) shown: String,
    pub(crate) geometry: Geometry,
    pub(crate) file: FileFacts,
    /// Whether the ring was made before the machine last started: no process of this boot made what is in it.
    pub(crate) other_boot: bool,
    monitor: Monitor,
}

/// What the file system says of a ring's file.
#[derive(Clone, Debug)]
pub(crate) struct FileFacts {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) uid: u32,
    /// Permissions alone.
    pub(crate) mode: u32,
    /// Bytes that the file takes where it lies.
    pub(crate) allocated: u64,
    /// When the file was made, where the file system keeps that.
    pub(crate) created: Option<SystemTime>,
}

impl FileFacts {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            uid: metadata.uid(),
            mode: metadata.mode() & 0o7777,
            allocated: metadata.blocks() * 512,
            created: metadata.created().ok(),
        }
    }
}

impl Subject {
    /// Opens the ring at `path`, which may stand for a memfd (`/proc/PID/fd/N`).
    pub(crate) fn open(path: &Path, any_owner: bool) -> anyhow::Result<Self> {
        // To look at a ring of another boot does no harm: nothing of it is believed.
        let options = OpenOptions::new().any_owner(any_owner).allow_other_boot(true);
        let shown = Shown(path).to_string();
        match options.open_read_only(path) {
            Err(FileError::Symlink { .. }) if leads_to_memfd(path) => {
                let file = File::open(path).with_context(|| format!("can't open {shown}"))?;
                let metadata = file.metadata().with_context(|| format!("can't look at {shown}"))?;
                let ring = MemfdOptions::new().any_owner(any_owner).open(file.into())?;
                Self::of(path, format!("{shown} ({ring})"), &ring, &metadata)
            }
            ring => {
                let ring = ring?;
                let metadata =
                    fs::symlink_metadata(path).with_context(|| format!("can't look at {shown}"))?;
                if !ring.has_its_name()? {
                    return Err(anyhow!("{shown} was replaced while it was opened: look again"));
                }
                Self::of(path, shown, &ring, &metadata)
            }
        }
    }

    fn of(path: &Path, shown: String, ring: &dyn Ring, metadata: &Metadata) -> anyhow::Result<Self> {
        let monitor = ring.monitor().map_err(|error| named(path, error.into()))?;
        let geometry = ring.geometry().clone();
        let boot = boot_id().context("can't tell this boot of the machine from others")?;
        Ok(Self {
            path: path.into(),
            shown,
            other_boot: geometry.boot_id() != boot,
            geometry,
            file: FileFacts::of(metadata),
            monitor,
        })
    }

    /// How the ring stands now.
    pub(crate) fn look(&self) -> anyhow::Result<Snapshot> {
        Snapshot::take(&self.monitor).map_err(|error| named(&self.path, error.into()))
    }
}

/// Whether the path is one of those under `/proc` that stand for a descriptor of a memfd. A link that only reads
/// like one leads to no memfd, and opening that says so.
pub(crate) fn leads_to_memfd(path: &Path) -> bool {
    fs::read_link(path).is_ok_and(|target| target.as_os_str().as_bytes().starts_with(b"/memfd:"))
}
