//! `ringway rm`: a ring that nobody uses, or what is left of one.

use std::path::PathBuf;

use ringway::file::{self, FileError, OpenOptions};
use ringway::{Config, GeometryError};

/// Remove a ring that nobody uses
#[derive(clap::Args)]
pub(super) struct Args {
    /// The ring's file
    ring: PathBuf,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    match file::remove(&args.ring) {
        Err(FileError::Geometry { source: GeometryError::Unfinished, .. }) => {}
        removed => return Ok(removed?),
    }
    // Its creator is dead. A creation at that place clears what is left, and the ring that it makes can go.
    let smallest = Config::new().slots(2).payload_capacity(0).max_consumers(1);
    match OpenOptions::new().offset(0).create(&args.ring, &smallest).map(drop) {
        // Made by this process or, just before, by another.
        Ok(()) | Err(FileError::Overlap { other_offset: 0, .. }) => Ok(file::remove(&args.ring)?),
        Err(error) => Err(error.into()),
    }
}
