//! A ring's file as a debugger wants it: mapped privately, and never altered.

use std::fs::File;
use std::ops::Range;
use std::os::fd::AsFd;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use ringway_core::Unusable;

use super::holes;
use crate::error::FileError;
use crate::locks::{Lock, LockTable};
use crate::map::PrivateMap;
use crate::path::checks::{look_at, regular};

/// A private, copy-on-write mapping of a file (`MAP_PRIVATE`), to see what a ring holds whose processes are dead.
///
/// The file stays as it is: nothing is written or locked, and its time of access stays, too, where the caller may ask
/// for that (`O_NOATIME`). It may be of any owner, of another boot, unfinished, damaged, or no ring at all: nothing in
/// it is looked at here. Holes of a sparse file read as zeros, and stay holes.
///
/// The kernel copies a page when this process writes it, which it never does. So where processes still use the ring,
/// later reads see what they have changed meanwhile. Holes are those of the file as it was opened.
/// [`FileRing::snapshot`](crate::FileRing::snapshot) is a copy of a live ring that stays as it is.
///
/// Call [`guard_truncation`](crate::guard_truncation) first: then a file that is cut short meanwhile is an error of
/// [`read`](Self::read). Otherwise it ends the process.
///
/// # Examples
/// ```
/// use ringway_core::{Config, Ring};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("quotes");
/// ringway_file::guard_truncation()?;
/// let ring = ringway_file::create(&path, &Config::new())?;
/// let copy = ringway_file::PrivateMapping::open(&path)?;
/// assert_eq!(copy.length(), ring.geometry().total_length());
/// let mut magic = [0; 8];
/// assert_eq!(copy.read(0, &mut magic)?, 8);
/// assert_eq!(&magic, b"RINGWAY\0");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct PrivateMapping {
    file: File,
    length: u64,
    /// Where the file has data, in bytes, in order. All else are holes.
    data: Vec<Range<u64>>,
    /// `None` of an empty file.
    map: Option<PrivateMap>,
}

impl PrivateMapping {
    /// Maps the regular file at the path. No symbolic link is followed in its last part.
    ///
    /// # Errors
    /// `NotFound`, `PermissionDenied`, `Symlink`, `Directory`, `NotRegular`, `NoFileName`; `Os` for what else the
    /// system says, such as too little room for addresses.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, FileError> {
        let path = path.as_ref();
        let (file, _) = regular(path, false)?;
        Self::of_file(path, file)
    }

    /// Maps an open file, as of a memfd. `label` stands for it in messages.
    ///
    /// # Errors
    /// `Os`.
    pub fn of_file(label: impl AsRef<Path>, file: File) -> Result<Self, FileError> {
        let path = label.as_ref();
        // Only the file's owner may ask for it, and only the time of access is at stake.
        if let Ok(flags) = fcntl(&file, FcntlArg::F_GETFL) {
            let flags = OFlag::from_bits_retain(flags) | OFlag::O_NOATIME;
            let _ = fcntl(&file, FcntlArg::F_SETFL(flags));
        }
        let length = look_at(path, &file)?.st_size as u64;
        let data = holes::data(&file, 0..length);
        let map = (length > 0).then(|| PrivateMap::new(file.as_fd(), length)).transpose();
        let map = map.map_err(FileError::os("mapping the file privately", path))?;
        Ok(Self { file, length, data, map })
    }

    /// Bytes in the file when it was mapped.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Copies bytes out from `offset` on, as many as there are. Returns how many.
    ///
    /// # Errors
    /// `Truncated` if the file was cut short since, under the guard; `Forked` in a child forked since.
    pub fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<usize, Unusable> {
        let Some(map) = &self.map else { return Ok(0) };
        let there = usize::try_from(self.length.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = bytes.len().min(there);
        let bytes = &mut bytes[..wanted];
        bytes.fill(0);
        let end = offset + wanted as u64;
        let first = self.data.partition_point(|range| range.end <= offset);
        for range in self.data[first..].iter().take_while(|range| range.start < end) {
            let (from, to) = (range.start.max(offset), range.end.min(end));
            map.read(from, &mut bytes[(from - offset) as usize..(to - offset) as usize])?;
        }
        Ok(wanted)
    }

    /// Whether some process holds the producer's lock of the ring at `offset`. To ask takes no lock.
    ///
    /// # Errors
    /// What the system says.
    pub fn producer_alive(&self, offset: u64) -> std::io::Result<bool> {
        Ok(self.held(offset, LockTable::PRODUCER)? == Some(Lock::Write))
    }

    /// Whether some process holds the lock of this consumer's cell.
    ///
    /// # Errors
    /// What the system says.
    pub fn consumer_alive(&self, offset: u64, cell: u64) -> std::io::Result<bool> {
        let byte = LockTable::cell(usize::try_from(cell).map_err(|_| Errno::EINVAL)?);
        Ok(self.held(offset, byte)? == Some(Lock::Write))
    }

    /// Whether some process has a handle of the ring at `offset`, or is making or removing it.
    ///
    /// # Errors
    /// What the system says.
    pub fn in_use(&self, offset: u64) -> std::io::Result<bool> {
        let held = |byte| self.held(offset, byte).map(|lock| lock.is_some());
        Ok(held(LockTable::PRESENCE)? || held(LockTable::CREATION)? || held(LockTable::PRODUCER)?)
    }

    fn held(&self, offset: u64, byte: u64) -> std::io::Result<Option<Lock>> {
        LockTable::at(offset).held(self.file.as_fd(), byte)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::{FileExt, MetadataExt};

    use super::*;
    use ringway_core::Truncated;

    #[test]
    fn bytes_are_read_at_any_offset_and_as_far_as_they_go() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let bytes: Vec<u8> = (0..=255).cycle().take(10_000).collect();
        std::fs::write(&path, &bytes).unwrap();
        let copy = PrivateMapping::open(&path).unwrap();
        for (offset, length) in [(0, 1), (1, 6), (1, 7), (3, 40), (8, 8), (9_990, 100), (4_095, 5_000)] {
            let mut read = vec![0; length];
            let there = copy.read(offset as u64, &mut read).unwrap();
            assert_eq!(there, length.min(bytes.len() - offset));
            assert_eq!(read[..there], bytes[offset..offset + there], "{length} bytes at {offset}");
        }
        for offset in [10_000, 10_001, u64::MAX] {
            assert_eq!(copy.read(offset, &mut [0; 8]).unwrap(), 0);
        }
        std::fs::write(&path, b"").unwrap();
        assert_eq!(PrivateMapping::open(&path).unwrap().read(0, &mut [0]).unwrap(), 0);
    }

    #[test]
    fn holes_are_zeros_and_stay_holes() {
        let mut file = tempfile::tempfile_in("/dev/shm").unwrap();
        file.write_all(b"here").unwrap();
        file.set_len(1 << 20).unwrap();
        file.write_all_at(b"there", 600_000).unwrap();
        let blocks = file.metadata().unwrap().blocks();
        let copy = PrivateMapping::of_file("file", file.try_clone().unwrap()).unwrap();
        let mut bytes = vec![1; 1 << 20];
        assert_eq!(copy.read(0, &mut bytes).unwrap(), 1 << 20);
        assert_eq!((&bytes[..5], &bytes[600_000..600_006]), (&b"here\0"[..], &b"there\0"[..]));
        assert!(bytes[5..600_000].iter().all(|&byte| byte == 0));
        assert_eq!(file.metadata().unwrap().blocks(), blocks);
    }

    #[test]
    fn under_the_guard_a_copy_whose_file_is_cut_short_says_so() {
        crate::guard_truncation().unwrap();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[7; 8192]).unwrap();
        let copy = PrivateMapping::of_file("file", file.try_clone().unwrap()).unwrap();
        file.set_len(4096).unwrap();
        assert_eq!(copy.read(4096, &mut [0; 8]), Err(Unusable::Truncated(Truncated)));
        assert_eq!(copy.read(0, &mut [0; 8]), Err(Unusable::Truncated(Truncated)));
    }
}
