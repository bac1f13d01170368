//! The rings of a directory.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

/// The files of a directory that begin as rings do. A directory that can't be read now has none.
pub(super) fn rings_in(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    // Opening what is no file could wait for another process, or do something.
    let files = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    files.map(|entry| entry.path()).filter(|path| begins_as_a_ring(path)).collect()
}

fn begins_as_a_ring(path: &Path) -> bool {
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
    let mut magic = [0; 8];
    let read = File::options()
        .read(true)
        .custom_flags(flags)
        .open(path)
        .and_then(|mut file| file.read_exact(&mut magic));
    read.is_ok() && magic == *b"RINGWAY\0"
}
