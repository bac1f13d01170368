//! The note beside a mirror: which ring it mirrors. A ring without it isn't a mirror, and is never written.

use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::files;

/// What the note's path has beyond the mirror's.
const SUFFIX: &str = ".origin";
/// Longest note that is read.
const MAX_BYTES: u64 = 4096;

/// The note beside a mirror.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Id of the source's ring.
    pub source: String,
    /// Id of the mirror; `None` while it is being made.
    pub mirror: Option<String>,
}

impl Origin {
    /// Reads the note beside the mirror at `path`; `None` if there is none.
    ///
    /// # Errors
    /// If the file can't be read, isn't one that a gateway wrote, or belongs to another user than the ring does: in a
    /// folder that everybody writes it could call any ring a mirror.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        let beside = files::beside(path, SUFFIX);
        let Some(bytes) = files::read_beside(&beside, path, MAX_BYTES)? else { return Ok(None) };
        let origin = serde_json::from_slice(&bytes).with_context(|| {
            format!(
                "{} isn't a note that a gateway wrote: give another path, or move that file away",
                beside.display()
            )
        })?;
        Ok(Some(origin))
    }

    /// Writes the note beside the mirror at `path`.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        files::replace(&files::beside(path, SUFFIX), &serde_json::to_vec(self)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_there_and_isnt_a_file_is_refused_and_not_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("mirror");
        std::fs::write(&path, "a ring").unwrap();
        assert_eq!(Origin::read(&path).unwrap(), None);
        let note = files::beside(&path, SUFFIX);
        assert!(std::process::Command::new("mkfifo").arg(&note).status().unwrap().success());
        let error = format!("{:#}", Origin::read(&path).unwrap_err());
        assert!(error.contains("isn't a file of user"), "{error}");
        std::fs::remove_file(&note).unwrap();
        std::os::unix::fs::symlink(&path, &note).unwrap();
        assert!(Origin::read(&path).is_err());
    }
}
