//! The name that a command gives its role, for people who look at the ring.

use std::path::Path;

use ringway::file::{FileError, FileRing, OpenOptions};
use ringway::{AttachError, Name, Observer, Resume, Ring, Start};

/// The option of a reader.
#[derive(clap::Args)]
pub(super) struct Naming {
    /// Give the reader a name of up to 32 bytes, for people who look at the ring; an observer shows itself then, if it
    /// may write the ring
    #[arg(long, value_name = "NAME")]
    name: Option<Name>,
}

impl Naming {
    /// The same ring, for roles of this name.
    pub(super) fn of(&self, ring: &FileRing) -> FileRing {
        ring.clone().with_name(self.name)
    }

    /// Opens a ring to observe it: so that the observer can show itself, if it has a name and may write the ring.
    pub(super) fn open(&self, options: &OpenOptions, path: &Path) -> Result<FileRing, FileError> {
        let writable = self.name.and_then(|_| options.open(path).ok());
        writable.map_or_else(|| options.open_read_only(path), Ok)
    }

    /// Takes an observer's role, and has it show itself, if it has a name. Says why it can't, if it `talks`.
    pub(super) fn observe(
        &self,
        ring: &FileRing,
        start: Start,
        resume: Resume,
        talks: bool,
    ) -> Result<Observer, AttachError> {
        let mut observer = ring.observer(start, resume)?;
        if self.name.is_some()
            && let Err(error) = observer.show()
            && talks
        {
            crate::say(format_args!("ringway sub: reading on without showing itself: {error}"));
        }
        Ok(observer)
    }
}
