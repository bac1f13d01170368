//! The note beside a mirror: which ring it mirrors. A ring without it isn't a mirror, and is never written.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::files;

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
        let beside = beside(path);
        let mut file = match File::open(&beside) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("reading {}", beside.display())),
        };
        let failed = || format!("reading {}", beside.display());
        if let Ok(ring) = path.metadata() {
            let owner = file.metadata().with_context(failed)?.uid();
            ensure!(
                owner == ring.uid(),
                "{} belongs to user {owner}, expected the ring's, {}: give another path, or remove that file",
                beside.display(),
                ring.uid()
            );
        }
        let mut bytes = Vec::new();
        file.by_ref().take(MAX_BYTES).read_to_end(&mut bytes).with_context(failed)?;
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
        files::replace(&beside(path), &serde_json::to_vec(self)?)
    }
}

/// Path of the note.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".origin");
    name.into()
}
