//! Where a file has data, and where holes.

use std::ops::Range;
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::unistd::{Whence, lseek};

use crate::system::retry::retry;

/// Most ranges of data that are told from holes. What follows them counts as data.
const RANGES: usize = 4096;

/// Where the file has data within `part`, in bytes, in order. Reading a hole through a mapping would fill it, on tmpfs.
pub(super) fn data(file: impl AsFd, part: Range<u64>) -> Vec<Range<u64>> {
    let seek = |from: u64, whence| {
        let from = libc::off_t::try_from(from).map_err(|_| Errno::EOVERFLOW)?;
        retry(|| lseek(&file, from, whence)).map(|found| found as u64)
    };
    let mut ranges = Vec::new();
    let mut at = part.start;
    while at < part.end {
        let start = match seek(at, Whence::SeekData) {
            Ok(start) => start,
            // Nothing but a hole follows.
            Err(Errno::ENXIO) => break,
            // A file system without holes.
            Err(_) => at,
        };
        let full = ranges.len() + 1 == RANGES;
        let end =
            if full { part.end } else { seek(start, Whence::SeekHole).unwrap_or(part.end).min(part.end) };
        if end <= start {
            break;
        }
        ranges.push(start..end);
        at = end;
    }
    ranges
}
