//! Which processes hold the locks of a ring's roles.
//!
//! The kernel doesn't say which process has a lock of an open file description: a description may be shared. But
//! `/proc/PID/fdinfo/N` lists the locks that are held through each descriptor. So the processes that may be looked
//! at are asked whether one of their descriptors of the ring's file holds the byte of a role.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;

use super::subject::FileFacts;

/// The processes found to hold role locks of one file.
#[derive(Debug, Default)]
pub(crate) struct Holders {
    /// By the locked byte of the file.
    by_byte: BTreeMap<u64, i32>,
    /// Number of processes whose descriptors couldn't be read, if all processes were looked at.
    pub(crate) unreadable: usize,
}

impl Holders {
    /// Looks for the holders of `bytes`: first at the processes of the `hints`, and at all others if that isn't enough.
    pub(crate) fn find(file: &FileFacts, bytes: &[u64], hints: impl IntoIterator<Item = u64>) -> Self {
        let mut found = Self::default();
        for hint in hints {
            if let Some(pid) = i32::try_from(hint).ok().filter(|&pid| pid > 0) {
                found.look_at(pid, file);
            }
        }
        if !bytes.iter().all(|byte| found.by_byte.contains_key(byte)) {
            found.unreadable = pids().filter(|&pid| !found.look_at(pid, file)).count();
        }
        found
    }

    /// The process that holds the byte.
    pub(crate) fn of(&self, byte: u64) -> Option<i32> {
        self.by_byte.get(&byte).copied()
    }

    /// The bytes that a process holds.
    pub(crate) fn held_by(&self, pid: i32) -> impl Iterator<Item = u64> {
        self.by_byte.iter().filter(move |&(_, &holder)| holder == pid).map(|(&byte, _)| byte)
    }

    /// Whether the descriptors of the process could be read.
    pub(crate) fn look_at(&mut self, pid: i32, file: &FileFacts) -> bool {
        let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else {
            // One that is gone hides nothing.
            return fs::metadata(format!("/proc/{pid}")).is_err();
        };
        for descriptor in descriptors.flatten() {
            let Ok(metadata) = fs::metadata(descriptor.path()) else { continue };
            if (metadata.dev(), metadata.ino()) != (file.device, file.inode) {
                continue;
            }
            let number = descriptor.file_name();
            let info = fs::read_to_string(format!("/proc/{pid}/fdinfo/{}", number.to_string_lossy()));
            for byte in info.iter().flat_map(|info| info.lines()).filter_map(written) {
                self.by_byte.entry(byte).or_insert(pid);
            }
        }
        true
    }
}

/// The byte that a line of `fdinfo` says is locked for writing, by the description itself.
fn written(line: &str) -> Option<u64> {
    let words: Vec<&str> = line.strip_prefix("lock:")?.split_whitespace().collect();
    match words[..] {
        [_, "OFDLCK", _, "WRITE", _, _, start, end] if start == end => start.parse().ok(),
        _ => None,
    }
}

/// All processes that `/proc` shows.
pub(crate) fn pids() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_write_lock_of_a_description_on_one_byte_is_a_roles() {
        assert_eq!(written("lock:\t1: OFDLCK ADVISORY  WRITE -1 00:1b:380070 5 5"), Some(5));
        for line in [
            "pos:\t0",
            "lock:\t1: OFDLCK ADVISORY  READ -1 00:1b:380070 1 1",
            "lock:\t1: POSIX  ADVISORY  WRITE 7 00:1b:380070 5 5",
            "lock:\t1: OFDLCK ADVISORY  WRITE -1 00:1b:380070 0 EOF",
            "lock:",
        ] {
            assert_eq!(written(line), None, "{line}");
        }
    }
}
