//! `ringway rm`: rings that nobody uses.

use std::path::{Path, PathBuf};

use anyhow::Context;
use ringway::file::{self, FileError, Shown};
use ringway_file::placement::remove_if;

use super::info::fail_with;
use super::inspect::probe::{Found, Life, probe, probe_open};
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
    let Some(found) = found.filter(is_left_over) else {
        return Ok(());
    };
    let kept = |why| crate::say(format_args!("ringway rm: {} stays: {why}", Shown(path)));
    if found.in_use {
        kept("a process has it open");
        return Ok(());
    }
    match remove_left_over(path) {
        Ok(true) => {
            crate::say(format_args!("ringway rm: removed {}", Shown(path)));
            Ok(())
        }
        // Others came between the look and the removal.
        Err(FileError::InUse { .. } | FileError::BeingCreated { .. }) => {
            kept("a process has it open");
            Ok(())
        }
        Ok(false) | Err(FileError::NotFound { .. } | FileError::Replaced { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn is_left_over(found: &Found) -> bool {
    matches!(found.life, Life::Orphaned | Life::Unfinished)
}

/// Removes the ring if it is one that dead processes left. It is looked at once more under the locks of the removal:
/// since the last look it may have been closed, or another ring may have come to the path.
fn remove_left_over(path: &Path) -> Result<bool, FileError> {
    remove_if(path, |file| probe_open(path, file).is_ok_and(|found| found.as_ref().is_some_and(is_left_over)))
}

#[cfg(test)]
mod tests {
    use ringway::{Config, Ring};

    use super::*;

    #[test]
    fn a_ring_that_is_closed_or_new_when_it_is_to_be_removed_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ring");
        drop(file::create(&path, &Config::new()).unwrap());
        assert!(matches!(remove_left_over(&path), Ok(false)), "a new one");
        drop(file::open(&path).unwrap().producer().unwrap());
        file::open(&path).unwrap().producer().unwrap().close().unwrap();
        assert!(matches!(remove_left_over(&path), Ok(false)), "a closed one");
        drop(file::open(&path).unwrap().producer().unwrap());
        assert!(matches!(remove_left_over(&path), Ok(true)), "one without its producer");
        assert!(!path.exists());
    }
}
