//! Writing a ring back to its file.

use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::sys::mman::MsFlags;
use ringway_core::Ring;

use super::file_ring::FileRing;
use crate::error::FileError;
use crate::map::Span;

/// Whether to wait until what a ring holds has reached the disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Flush {
    /// Start, and don't wait. On Linux, changed pages are on their way in any case.
    Async,
    /// Wait until it is written.
    Sync,
}

impl FileRing {
    /// Writes the whole ring back to its file (`msync`), whichever process changed it.
    ///
    /// It isn't a transaction: a producer that goes on writing may have some of what it writes meanwhile
    /// written back, and some not. Between processes, nothing ever needs a flush.
    ///
    /// # Errors
    /// `Os`, with what the system said.
    ///
    /// # Examples
    /// Messages that outlive a loss of power:
    /// ```
    /// # use ringway_core::{Config, Ring};
    /// # use ringway_file::Flush;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("quotes");
    /// let ring = ringway_file::create(&path, &Config::new())?;
    /// ring.producer()?.publish(b"to be kept")?;
    /// ring.flush(Flush::Sync)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn flush(&self, how: Flush) -> Result<(), FileError> {
        let flags = match how {
            Flush::Async => MsFlags::MS_ASYNC,
            Flush::Sync => MsFlags::MS_SYNC,
        };
        // The kernel writes back pages of the file, so any mapping of them will do.
        let whole_ring = || -> Result<(), Errno> {
            let mut span = Span::reserve(self.geometry().total_length(), 1)?;
            span.map_file(span.whole(), self.file().as_fd(), self.offset(), false)?;
            span.write_back(flags)
        };
        whole_ring().map_err(FileError::os("writing the ring back", self.path()))
    }
}
