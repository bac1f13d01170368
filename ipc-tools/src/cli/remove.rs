//! `ringway rm`: a ring that nobody uses.

use std::path::PathBuf;

use ringway::file;

/// Remove a ring that nobody uses
#[derive(clap::Args)]
pub(super) struct Args {
    /// The ring's file
    ring: PathBuf,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    Ok(file::remove(&args.ring)?)
}
