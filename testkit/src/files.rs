//! Small rings in files of a test's own, and the directories they lie in.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use ringway::file::{self, FileRing};
use ringway::{Config, Consumer, Outcome};
use tempfile::TempDir;

/// A small ring: five sections of a page each.
pub fn small() -> Config {
    Config::new().slots(8).payload_capacity(48).max_consumers(2)
}

/// A directory of the test's own, and a path in it where nothing is.
pub fn vacant() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("ring");
    (directory, path)
}

/// A new ring, and where it is.
pub fn made(config: &Config) -> (TempDir, PathBuf, FileRing) {
    let (directory, path) = vacant();
    let ring = file::create(&path, config).unwrap();
    (directory, path, ring)
}

/// Makes the file as long, whatever processes use it.
pub fn cut(path: &Path, length: u64) {
    File::options().write(true).open(path).unwrap().set_len(length).unwrap();
}

/// The names in a directory, hidden or not, in order.
pub fn names(directory: impl AsRef<Path>) -> Vec<String> {
    let entries = std::fs::read_dir(directory).expect("a readable directory");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

/// The files of a directory, by name.
pub fn contents(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let content = |name: String| {
        let bytes = std::fs::read(directory.join(&name)).expect("a readable file");
        (name, bytes)
    };
    names(directory).into_iter().map(content).collect()
}

/// The next message, which must be there.
pub fn next(consumer: &mut Consumer) -> Vec<u8> {
    match consumer.try_recv().expect("a sound ring") {
        Outcome::Message(message) => message.to_vec(),
        other => panic!("no message but {other:?}"),
    }
}
