//! The ring, in either placement, and what is left of it in the end.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use ringway::anon::{self, AnonRing};
use ringway::file::{self, FileRing, Shown};
use ringway::{Config, Ring};

use super::Args;
use super::keeper::Directory;
use crate::options::PlacementChoice;

/// Name of the ring's file.
const NAME: &str = "ring";
/// What the kernel calls the file that an anonymous ring's locks are on, which has no other name.
const LOCKS: &str = "/memfd:ringway-locks";

pub(super) enum Place {
    Anon(AnonRing),
    File {
        ring: FileRing,
        /// Of this run alone.
        directory: Directory,
    },
}

impl Place {
    pub(super) fn new(args: &Args) -> anyhow::Result<Self> {
        let config = Config::new()
            .slots(args.slots)
            .payload_capacity(args.slot_size)
            // Not one more than there are readers with cells: a cell that leaks is missed.
            .max_consumers(u64::from(args.consumers) + u64::from(args.best_effort));
        match args.placement {
            PlacementChoice::Anon => Ok(Place::Anon(anon::create(&config)?)),
            PlacementChoice::File => {
                let directory = Directory::new(&args.dir)?;
                let ring = file::create(directory.path().join(NAME), &config)?;
                Ok(Place::File { ring, directory })
            }
        }
    }

    pub(super) fn ring(&self) -> &dyn Ring {
        match self {
            Place::Anon(ring) => ring,
            Place::File { ring, .. } => ring,
        }
    }

    /// Where other programs find the ring, if they can.
    pub(super) fn path(&self) -> Option<PathBuf> {
        match self {
            Place::Anon(_) => None,
            Place::File { directory, .. } => Some(directory.path().join(NAME)),
        }
    }

    /// Gives the ring up. Returns the number of files that are there and shouldn't be: beside the ring while it is
    /// there, and with it gone any at all. Of an anonymous ring that is an open file for its locks.
    pub(super) fn remove(self) -> anyhow::Result<u64> {
        match self {
            Place::Anon(ring) => {
                drop(ring);
                count(Path::new("/proc/self/fd"), |entry| {
                    fs::read_link(entry).is_ok_and(|file| file.to_string_lossy().starts_with(LOCKS))
                })
            }
            Place::File { ring, directory } => {
                let beside = count(directory.path(), |entry| !entry.ends_with(NAME))?;
                drop(ring);
                if let Err(error) = file::remove(directory.path().join(NAME)) {
                    crate::say(format_args!("ringway torture: {error}"));
                }
                let left = count(directory.path(), |_| true)?;
                directory.close()?;
                Ok(beside.max(left))
            }
        }
    }
}

fn count(directory: &Path, counts: impl Fn(&Path) -> bool) -> anyhow::Result<u64> {
    let entries = fs::read_dir(directory).with_context(|| format!("can't list {}", Shown(directory)))?;
    let mut found = 0;
    for entry in entries {
        found += u64::from(counts(&entry?.path()));
    }
    Ok(found)
}
