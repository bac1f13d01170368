//! A file whose locks end with it.

use std::fs::File;
use std::ops::Deref;
use std::os::fd::AsFd;

use super::LockTable;

/// A file that locks may be held by. Dropping it frees them, since closing it may not: a child that another
/// thread forks meanwhile shares its description, for as long as it lives.
#[derive(Debug)]
pub(crate) struct Held(Option<File>);

impl Held {
    pub(crate) fn new(file: File) -> Self {
        Self(Some(file))
    }

    /// The file, with its locks.
    pub(crate) fn keep(mut self) -> File {
        self.0.take().expect("only dropped or kept once")
    }
}

impl Deref for Held {
    type Target = File;

    fn deref(&self) -> &File {
        self.0.as_ref().expect("not kept yet")
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(file) = &self.0 {
            // It can fail only where nothing was locked.
            let _ = LockTable::unlock_all(file.as_fd());
        }
    }
}
