//! `ringway rm`: rings that nobody uses.

use std::path::{Path, PathBuf};

use anyhow::Context;
use ringway::file::{self, FileError, Shown};

use super::info::fail_with;
use super::inspect::probe::{Life, probe};
use super::wording::Task;

/// Remove rings that nobody uses
///
/// A ring that any process has open is never removed, and there is no way to force that: its processes would go on with
/// a file that no newcomer finds. End them first; `ringway maps` lists them. Whatever else the file holds goes with the
/// ring.
#[derive(clap::Args)]
#[command(after_help = "\
Exit status: 0 all were removed (with --orphaned: all that are orphaned and
unused); 1 one couldn't be (the others are); 2 wrong usage; 130 it was
interrupted.

Examples:
  ringway rm /dev/shm/quotes
  ringway rm --orphaned /dev/shm/*    # what dead processes left; the rest stays
  ringway maps /dev/shm/quotes        # why it is in use")]
pub(super) struct Args {
    /// The rings' files
    #[arg(required = true, value_name = "RING")]
    rings: Vec<PathBuf>,
    /// Remove only rings that processes left without closing them, and those half made; pass over everything else
    #[arg(long)]
    orphaned: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let mut errors = Vec::new();
    for path in &args.rings {
        let removed = if args.orphaned { if_orphaned(path) } else { file::remove(path).map_err(Into::into) };
        errors.extend(removed.err());
    }
    fail_with(errors, Task::Remove)
}

fn if_orphaned(path: &Path) -> anyhow::Result<()> {
    let found = probe(path).with_context(|| format!("{}: can't be read", Shown(path)))?;
    let Some(found) = found.filter(|found| matches!(found.life, Life::Orphaned | Life::Unfinished)) else {
        return Ok(());
    };
    let kept = |why| crate::say(format_args!("ringway rm: {} stays: {why}", Shown(path)));
    if found.in_use {
        kept("a process has it open");
        return Ok(());
    }
    match file::remove(path) {
        Ok(()) => {
            crate::say(format_args!("ringway rm: removed {}", Shown(path)));
            Ok(())
        }
        // Others came between the look and the removal.
        Err(FileError::InUse { .. } | FileError::BeingCreated { .. }) => {
            kept("a process has it open");
            Ok(())
        }
        Err(FileError::NotFound { .. } | FileError::Replaced { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
