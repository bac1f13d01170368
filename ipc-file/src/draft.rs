//! A file without a name, or without its final one, that becomes visible when it is complete.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, RenameFlags, open, openat, renameat2};
use nix::sys::stat::{Mode, fstatat};
use nix::unistd::{UnlinkatFlags, linkat, unlinkat};

use crate::boot;
use crate::error::FileError;

/// Where a new file is to appear.
pub(crate) struct Place<'p> {
    path: &'p Path,
    directory: OwnedFd,
    name: &'p OsStr,
}

impl<'p> Place<'p> {
    /// Opens the directory of `path`, in which nothing may have its name yet.
    pub(crate) fn vacant(path: &'p Path) -> Result<Self, FileError> {
        let name = path.file_name().ok_or_else(|| FileError::Directory { path: path.into() })?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let directory = open(parent, flags, Mode::empty()).map_err(|error| match error {
            Errno::ENOENT => FileError::NoDirectory { path: parent.into() },
            other => FileError::os("opening the directory", parent)(other),
        })?;
        // Only to fail early: `publish` is what never replaces anything.
        match fstatat(&directory, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(_) => Err(FileError::AlreadyExists { path: path.into() }),
            Err(_) => Ok(Self { path, directory, name }),
        }
    }
}

/// A file being made. Dropped before it is published, it leaves nothing.
pub(crate) struct Draft<'p> {
    place: Place<'p>,
    file: Option<File>,
    /// The name it has until it is published, on file systems that can't do without.
    temporary: Option<PathBuf>,
}

impl<'p> Draft<'p> {
    /// Makes an empty file that nobody can find.
    pub(crate) fn new(place: Place<'p>) -> Result<Self, FileError> {
        let flags = OFlag::O_TMPFILE | OFlag::O_RDWR | OFlag::O_CLOEXEC;
        match openat(&place.directory, ".", flags, Mode::S_IRUSR | Mode::S_IWUSR) {
            Ok(fd) => Ok(Self { place, file: Some(fd.into()), temporary: None }),
            // What file systems and kernels say that know no O_TMPFILE.
            Err(Errno::EOPNOTSUPP | Errno::EISDIR) => Self::named(place),
            Err(error) => Err(FileError::os("creating a file", place.path)(error)),
        }
    }

    /// Makes an empty file of a name that nobody looks for.
    fn named(place: Place<'p>) -> Result<Self, FileError> {
        let id = boot::ring_id().map_err(FileError::proc(place.path, boot::RANDOM))?;
        let mut name = std::ffi::OsString::from(".");
        name.push(place.name);
        name.push(format!(".{:032x}", u128::from_be_bytes(id)));
        let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_RDWR | OFlag::O_CLOEXEC;
        let fd = openat(&place.directory, name.as_os_str(), flags, Mode::S_IRUSR | Mode::S_IWUSR)
            .map_err(FileError::os("creating a file", place.path))?;
        Ok(Self { place, file: Some(fd.into()), temporary: Some(name.into()) })
    }

    pub(crate) fn file(&self) -> &File {
        self.file.as_ref().expect("only `publish` takes it")
    }

    /// Gives the file its name, unless something has it.
    pub(crate) fn publish(mut self) -> Result<File, FileError> {
        let Place { path, directory, name } = &self.place;
        let published = match &self.temporary {
            None => {
                let own = format!("/proc/self/fd/{}", self.file().as_raw_fd());
                linkat(AT_FDCWD, own.as_str(), directory, *name, AtFlags::AT_SYMLINK_FOLLOW).map_err(
                    |error| match error {
                        Errno::ENOENT if !Path::new(&own).exists() => {
                            FileError::proc(path, &own)(error.into())
                        }
                        other => naming(path, other),
                    },
                )
            }
            Some(temporary) => {
                renameat2(directory, temporary, directory, *name, RenameFlags::RENAME_NOREPLACE)
                    .map_err(|error| naming(path, error))
            }
        };
        published?;
        self.temporary = None;
        Ok(self.file.take().expect("only here it is taken"))
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            let _ = unlinkat(&self.place.directory, temporary, UnlinkatFlags::NoRemoveDir);
        }
    }
}

fn naming(path: &Path, error: Errno) -> FileError {
    match error {
        Errno::EEXIST => FileError::AlreadyExists { path: path.into() },
        other => FileError::os("naming the new file", path)(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<std::ffi::OsString> {
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    }

    #[test]
    fn a_named_draft_appears_whole_or_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ring");

        let draft = Draft::named(Place::vacant(&path).unwrap()).unwrap();
        assert_eq!(names(directory.path()).len(), 1);
        drop(draft);
        assert!(names(directory.path()).is_empty());

        Draft::named(Place::vacant(&path).unwrap()).unwrap().publish().unwrap();
        assert_eq!(names(directory.path()), ["ring"]);
    }

    #[test]
    fn no_draft_replaces_what_came_in_between() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ring");
        for make in [Draft::new, Draft::named] {
            let draft = make(Place::vacant(&path).unwrap()).unwrap();
            std::fs::write(&path, "theirs").unwrap();
            assert!(matches!(draft.publish(), Err(FileError::AlreadyExists { .. })));
            assert_eq!(std::fs::read(&path).unwrap(), b"theirs");
            assert_eq!(names(directory.path()), ["ring"]);
            std::fs::remove_file(&path).unwrap();
        }
    }
}
