//! What lies beside the ring of a `reliable` export: which sinks it has. A source that is started again waits for them
//! before it releases anything, since only they know where they are.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use ringway::Ring;
use ringway::file::FileRing;
use serde::{Deserialize, Serialize};

use crate::files;
use crate::meta::id_of;
use crate::names::from_hex;
use crate::pace::MAX_SINKS;

/// Longest record that is read. The longest that is written is shorter.
const MAX_BYTES: u64 = 16 * 1024;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    /// Id of the ring.
    ring: String,
    /// Ids of the mirrors.
    sinks: BTreeSet<String>,
}

/// The record of a ring's sinks, as it was read or written last.
#[derive(Debug)]
pub(crate) struct Record {
    path: PathBuf,
    ring: String,
    sinks: BTreeSet<String>,
}

impl Record {
    /// Reads the record beside a ring. One of another ring, which had the same path, counts as none.
    ///
    /// # Errors
    /// If the file can't be read, isn't one that a gateway wrote, or belongs to another user than the ring does: in a folder
    /// that everybody writes it could have this source wait for sinks that there aren't.
    pub(crate) fn read(ring: &FileRing) -> Result<Self> {
        let (path, id) = (beside(ring.path()), id_of(ring.geometry()));
        let none = Self { path: path.clone(), ring: id.clone(), sinks: BTreeSet::new() };
        let Some(bytes) = files::read_beside(&path, ring.path(), MAX_BYTES)? else { return Ok(none) };
        let content = serde_json::from_slice(&bytes).ok().filter(|Content { sinks, .. }| {
            sinks.len() <= MAX_SINKS && sinks.iter().all(|sink| from_hex(sink).is_some())
        });
        let Content { ring, sinks } = content.with_context(|| {
            format!("{} isn't a record of sinks that a gateway wrote: move that file away", path.display())
        })?;
        Ok(if ring == id { Self { sinks, ..none } } else { none })
    }

    /// The sinks that it has.
    pub(crate) fn sinks(&self) -> &BTreeSet<String> {
        &self.sinks
    }

    /// Records what [`write`](Self::write) has written.
    pub(crate) fn is_written(&mut self, sinks: BTreeSet<String>) {
        self.sinks = sinks;
    }

    /// What writes a record of these sinks: it needs no lock.
    pub(crate) fn writer(&self, sinks: &BTreeSet<String>) -> impl FnOnce() -> Result<()> + use<> {
        let content = Content { ring: self.ring.clone(), sinks: sinks.clone() };
        let path = self.path.clone();
        move || files::replace(&path, &serde_json::to_vec(&content)?)
    }
}

/// Path of the record.
fn beside(path: &Path) -> PathBuf {
    files::beside(path, ".sinks")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringway::Config;
    use tempfile::TempDir;

    fn ring() -> (TempDir, FileRing, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ring");
        let ring = ringway::file::create(&path, &Config::new().slots(16)).unwrap();
        let beside = beside(ring.path());
        (directory, ring, beside)
    }

    fn sinks(ids: &[u8]) -> BTreeSet<String> {
        ids.iter().map(|id| crate::names::hex(&[*id; 16])).collect()
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let (_directory, ring, _) = ring();
        let record = Record::read(&ring).unwrap();
        assert!(record.sinks().is_empty());
        record.writer(&sinks(&[1, 2]))().unwrap();
        assert_eq!(*Record::read(&ring).unwrap().sinks(), sinks(&[1, 2]));
    }

    #[test]
    fn the_record_of_another_ring_counts_as_none() {
        let (_directory, ring, path) = ring();
        let content = Content { ring: "00".repeat(16), sinks: sinks(&[1]) };
        std::fs::write(path, serde_json::to_vec(&content).unwrap()).unwrap();
        assert!(Record::read(&ring).unwrap().sinks().is_empty());
    }

    #[test]
    fn what_no_gateway_wrote_is_refused() {
        let (directory, ring, path) = ring();
        let ids: BTreeSet<String> = (0..=MAX_SINKS).map(|id| format!("{id:032x}")).collect();
        let id = id_of(ring.geometry());
        let many = serde_json::to_vec(&Content { ring: id.clone(), sinks: ids }).unwrap();
        let odd = format!(r#"{{"ring":"{id}","sinks":["../../etc"]}}"#).into_bytes();
        let large = vec![b' '; 1 << 20];
        for wrong in [&b""[..], b"[]", b"\xff\xfe", b"{\"ring\":1}", &many, &odd, &large] {
            std::fs::write(&path, wrong).unwrap();
            let error = format!("{:#}", Record::read(&ring).unwrap_err());
            assert!(error.contains("isn't a record of sinks"), "{error}");
        }
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink(directory.path().join("elsewhere"), &path).unwrap();
        assert!(format!("{:#}", Record::read(&ring).unwrap_err()).contains("isn't a file of user"));
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(Record::read(&ring).is_err());
    }
}
