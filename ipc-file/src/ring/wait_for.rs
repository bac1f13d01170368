//! Opening a ring as soon as there is one.

use std::path::Path;
use std::time::{Duration, Instant};

use ringway_core::GeometryError;

use super::file_ring::FileRing;
use super::plan::Plan;
use super::{open, or_create};
use crate::error::FileError;
use crate::path::place::file_name;
use crate::path::watch::Watch;

/// Pause before the next look where another process is about to make the ring or to remove it, which may end without
/// an event.
const SOON: Duration = Duration::from_millis(10);

/// Opens the ring at the path, waiting until there is one.
pub(crate) fn wait_for(
    path: &Path,
    plan: &Plan,
    write: bool,
    timeout: Duration,
) -> Result<FileRing, FileError> {
    file_name(path)?;
    let deadline = Instant::now().checked_add(timeout);
    // What the path means now, wherever the process goes meanwhile.
    let absolute = std::path::absolute(path).map_err(FileError::os("resolving the path", path))?;
    let mut watch = Watch::new(&absolute);
    loop {
        // Before the look: what comes after it ends the wait.
        watch.renew();
        let found = match open::ring(&absolute, plan, write) {
            Err(error) if may_come(&error, plan) => error,
            opened => return opened.map(|ring| ring.called(path)),
        };
        let now = Instant::now();
        if deadline.is_some_and(|deadline| deadline <= now) {
            return Err(FileError::TimedOut { timeout, found: Box::new(found) });
        }
        let soon = is_passing(&found).then(|| now + SOON);
        watch
            .wait(deadline.into_iter().chain(soon).min())
            .map_err(FileError::os("waiting for the ring", path))?;
    }
}

/// Whether a ring may come to be there without any of what is there being wrong.
fn may_come(error: &FileError, plan: &Plan) -> bool {
    or_create::is_absence(error, plan)
        || is_passing(error)
        || match error {
            // A ring of an earlier boot is one that a program is about to make anew.
            FileError::Replaced { .. } | FileError::OtherBoot { .. } => true,
            FileError::Geometry { error, .. } => *error == GeometryError::Unfinished,
            _ => false,
        }
}

/// Whether another process is at it.
fn is_passing(error: &FileError) -> bool {
    matches!(error, FileError::BeingCreated { .. } | FileError::BeingRemoved { .. })
}
