//! What the tests of files have in common.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use ipc_core::{Config, Consumer, Outcome};
use ipc_file::FileRing;
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
    let ring = ipc_file::create(&path, config).unwrap();
    (directory, path, ring)
}

/// Makes the file as long, whoever uses it.
pub fn cut(path: &Path, length: u64) {
    File::options().write(true).open(path).unwrap().set_len(length).unwrap();
}

/// Everything in the directory, hidden or not.
pub fn names(directory: &TempDir) -> Vec<String> {
    let entries = std::fs::read_dir(directory.path()).expect("a readable directory");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

/// The next message, which must be there.
pub fn next(consumer: &mut Consumer) -> Vec<u8> {
    match consumer.try_recv().expect("a sound ring") {
        Outcome::Message(message) => message.to_vec(),
        other => panic!("no message but {other:?}"),
    }
}

/// Makes the ring at the start of the file one of another boot, otherwise intact.
pub fn move_to_another_boot(path: &Path) {
    let file = File::options().read(true).write(true).open(path).expect("the ring's file");
    let mut header = [0; 384];
    file.read_exact_at(&mut header, 0).expect("a header");
    header[18 * 8] ^= 0xff;
    seal(&mut header);
    file.write_all_at(&header, 0).expect("a writable file");
}

/// Puts a header's checksum right, as docs/format.md defines it.
pub fn seal(header: &mut [u8; 384]) {
    let sum = header[8..47 * 8].iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    header[47 * 8..].copy_from_slice(&sum.to_ne_bytes());
}

/// Makes the ring in the file one whose slots hold `capacity` bytes each: sparse, so that it takes no room on the disk.
pub fn swell(path: &Path, capacity: u64) {
    const SLOTS: usize = 5;
    const STRIDE: usize = 6;
    const CAPACITY: usize = 8;
    const SECTION_ALIGN: usize = 10;
    const SLOTS_OFFSET: usize = 14;
    const TOTAL: usize = 15;
    let file = File::options().read(true).write(true).open(path).expect("the ring's file");
    let mut header = [0; 384];
    file.read_exact_at(&mut header, 0).expect("a header");
    let word = |at: usize| u64::from_ne_bytes(header[at * 8..][..8].try_into().expect("8 bytes"));
    let stride = (16 + capacity).next_multiple_of(64);
    let total = word(SLOTS_OFFSET) + (stride * word(SLOTS)).next_multiple_of(word(SECTION_ALIGN));
    for (at, value) in [(STRIDE, stride), (CAPACITY, capacity), (TOTAL, total)] {
        header[at * 8..][..8].copy_from_slice(&value.to_ne_bytes());
    }
    seal(&mut header);
    file.write_all_at(&header, 0).expect("a writable file");
    file.set_len(total).expect("a sparse file");
}
