//! What lies beside the ring of a `reliable` export: which sinks the name has under which it is exported. A source that is
//! started again waits for them before it releases anything, since only they know where they are.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use ringway::Ring;
use ringway::file::FileRing;
use serde::{Deserialize, Serialize};

use crate::files;
use crate::meta::id_of;
use crate::names::{Name, from_hex};
use crate::pace::MAX_SINKS;

/// Longest record that is read. The longest that is written is shorter.
const MAX_BYTES: u64 = 16 * 1024;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    /// Id of the ring.
    ring: String,
    /// The name under which the ring is exported. Under another it has other sinks.
    name: String,
    /// Ids of the mirrors.
    sinks: BTreeSet<String>,
    /// Most sinks that were known at once.
    most: usize,
}

/// What a next source of the ring has to know of its sinks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Sinks {
    /// Ids of the mirrors.
    pub(crate) ids: BTreeSet<String>,
    /// Most sinks that were known at once. Those forgotten since then count, too.
    pub(crate) most: usize,
}

/// The record of an export's sinks, as it was read or written last.
#[derive(Debug)]
pub(crate) struct Record {
    path: PathBuf,
    ring: String,
    name: String,
    sinks: Sinks,
}

impl Record {
    /// Reads the record beside a ring. One of another ring, which had the same path, counts as none.
    ///
    /// # Errors
    /// If the file can't be read, isn't one that a gateway wrote, or belongs neither to this process's user nor to the
    /// ring's: in a folder that everybody writes it could have this source wait for sinks that there aren't.
    pub(crate) fn read(ring: &FileRing, name: &Name) -> Result<Self> {
        let (path, id) = (beside(ring.path(), name), id_of(ring.geometry()));
        let name = name.as_str().to_string();
        let none = Self { path: path.clone(), ring: id.clone(), name: name.clone(), sinks: Sinks::default() };
        let Some(bytes) = files::read_beside(&path, ring.path(), MAX_BYTES)? else { return Ok(none) };
        let content = serde_json::from_slice(&bytes).ok().filter(|Content { sinks, .. }: &Content| {
            sinks.len() <= MAX_SINKS && sinks.iter().all(|sink| from_hex(sink).is_some())
        });
        let Content { ring, name: of, sinks, most } = content.with_context(|| {
            format!("{} isn't a record of sinks that a gateway wrote: move that file away", path.display())
        })?;
        let is_of_it = ring == id && of == name;
        Ok(if is_of_it { Self { sinks: Sinks { ids: sinks, most }, ..none } } else { none })
    }

    /// The sinks that it has.
    pub(crate) fn sinks(&self) -> &Sinks {
        &self.sinks
    }

    /// Records what [`write`](Self::write) has written.
    pub(crate) fn is_written(&mut self, sinks: Sinks) {
        self.sinks = sinks;
    }

    /// What writes a record of these sinks: it needs no lock.
    pub(crate) fn writer(&self, sinks: &Sinks) -> impl FnOnce() -> Result<()> + use<> {
        let Sinks { ids, most } = sinks.clone();
        let content = Content { ring: self.ring.clone(), name: self.name.clone(), sinks: ids, most };
        let path = self.path.clone();
        move || files::replace(&path, &serde_json::to_vec(&content)?)
    }
}

/// Path of the record. No two names have the same, and no two rings: a name has no `@`.
fn beside(path: &Path, name: &Name) -> PathBuf {
    let name = name.as_str().replace('%', "%25").replace('.', "%2e").replace('/', ".");
    files::beside(path, &format!("@{name}.sinks"))
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
        let beside = beside(ring.path(), &name());
        (directory, ring, beside)
    }

    fn name() -> Name {
        Name::new("desk/quotes").unwrap()
    }

    fn sinks(ids: &[u8]) -> Sinks {
        Sinks { ids: ids.iter().map(|id| crate::names::hex(&[*id; 16])).collect(), most: 3 }
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let (_directory, ring, _) = ring();
        let record = Record::read(&ring, &name()).unwrap();
        assert_eq!(*record.sinks(), Sinks::default());
        record.writer(&sinks(&[1, 2]))().unwrap();
        assert_eq!(*Record::read(&ring, &name()).unwrap().sinks(), sinks(&[1, 2]));
    }

    #[test]
    fn the_record_of_another_ring_counts_as_none() {
        let (_directory, ring, path) = ring();
        let content =
            Content { ring: "00".repeat(16), name: "desk/quotes".into(), sinks: sinks(&[1]).ids, most: 1 };
        std::fs::write(path, serde_json::to_vec(&content).unwrap()).unwrap();
        assert_eq!(*Record::read(&ring, &name()).unwrap().sinks(), Sinks::default());
    }

    #[test]
    fn each_name_of_a_ring_has_a_record_of_its_own() {
        let (_directory, ring, _) = ring();
        let names =
            ["quotes", "desk/quotes", "desk.quotes", "desk%2equotes"].map(|name| Name::new(name).unwrap());
        for (id, name) in (1..).zip(&names) {
            Record::read(&ring, name).unwrap().writer(&sinks(&[id]))().unwrap();
        }
        for (id, name) in (1..).zip(&names) {
            assert_eq!(*Record::read(&ring, name).unwrap().sinks(), sinks(&[id]), "{name:?}");
        }
        let [one, other] = ["desk/quotes", "quotes"].map(|name| Name::new(name).unwrap());
        assert_ne!(beside(Path::new("/ring"), &one), beside(Path::new("/ring.desk"), &other));
    }

    #[test]
    fn what_no_gateway_wrote_is_refused() {
        let (directory, ring, path) = ring();
        let ids: BTreeSet<String> = (0..=MAX_SINKS).map(|id| format!("{id:032x}")).collect();
        let id = id_of(ring.geometry());
        let many = serde_json::to_vec(&Content {
            ring: id.clone(),
            name: "desk/quotes".into(),
            sinks: ids,
            most: 1,
        })
        .unwrap();
        let odd =
            format!(r#"{{"ring":"{id}","name":"desk/quotes","sinks":["../../etc"],"most":1}}"#).into_bytes();
        let large = vec![b' '; 1 << 20];
        for wrong in [&b""[..], b"[]", b"\xff\xfe", b"{\"ring\":1}", &many, &odd, &large] {
            std::fs::write(&path, wrong).unwrap();
            let error = format!("{:#}", Record::read(&ring, &name()).unwrap_err());
            assert!(error.contains("isn't a record of sinks"), "{error}");
        }
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink(directory.path().join("elsewhere"), &path).unwrap();
        assert!(format!("{:#}", Record::read(&ring, &name()).unwrap_err()).contains("isn't a file of user"));
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(Record::read(&ring, &name()).is_err());
    }
}
