//! A file without a name, or without its final one, that becomes visible when it is complete.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat};
use nix::sys::stat::Mode;
use nix::unistd::linkat;

use super::place::{ATTEMPTS, Place};
use super::temporary;
use crate::error::FileError;
use crate::locks::{Lock, LockTable};
use crate::system::identity::Identity;
use crate::system::random;
use crate::system::retry::retry;

/// A file being made. Dropped before it is published, it leaves nothing.
pub(crate) struct Draft<'p> {
    file: File,
    place: &'p Place<'p>,
    /// On file systems that can't do without.
    temporary: Option<Temporary<'p>>,
}

/// The name that a file has until it is published. Dropping it removes it, if it is still there.
struct Temporary<'p> {
    place: &'p Place<'p>,
    name: OsString,
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        let _ = self.place.unlink(&self.name);
    }
}

impl<'p> Draft<'p> {
    /// Makes an empty file that nobody can find.
    pub(crate) fn new(place: &'p Place<'p>) -> Result<Self, FileError> {
        let flags = OFlag::O_TMPFILE | OFlag::O_RDWR | OFlag::O_CLOEXEC;
        match retry(|| openat(&place.directory, ".", flags, Mode::S_IRUSR | Mode::S_IWUSR)) {
            Ok(fd) => Ok(Self { place, file: fd.into(), temporary: None }),
            // What file systems and kernels say that know no O_TMPFILE.
            Err(Errno::EOPNOTSUPP | Errno::EISDIR) => Self::named(place),
            Err(error) => Err(FileError::os("creating a file", place.path)(error)),
        }
    }

    /// Makes an empty file of a name that nobody looks for, and locks its creation.
    fn named(place: &'p Place<'p>) -> Result<Self, FileError> {
        // Only here, since it reads the whole directory: elsewhere, nobody leaves such files.
        temporary::sweep(place, Duration::ZERO);
        let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_RDWR | OFlag::O_CLOEXEC;
        for _ in 0..ATTEMPTS {
            let id = random::ring_id().map_err(FileError::proc(place.path, random::RANDOM))?;
            let name = temporary::new_name(place.name, id);
            let fd = retry(|| openat(&place.directory, &*name, flags, Mode::S_IRUSR | Mode::S_IWUSR))
                .map_err(FileError::os("creating a file", place.path))?;
            let temporary = Some(Temporary { place, name });
            let draft = Self { place, file: fd.into(), temporary };
            if draft.claim().map_err(FileError::os("locking the new file", place.path))? {
                return Ok(draft);
            }
        }
        Err(FileError::BeingCreated { path: place.path.into() })
    }

    /// Locks a file that has just got a temporary name. Until then it looks like one that a dead process
    /// left: a sweeper that takes it for such has the lock, or has removed it.
    fn claim(&self) -> io::Result<bool> {
        let locked = LockTable::at(0).try_lock(self.file.as_fd(), LockTable::CREATION, Lock::Write)?;
        let own = Identity::of_fd(&self.file)?;
        Ok(locked && self.temporary.as_ref().is_some_and(|at| self.place.found(&at.name) == Ok(own)))
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Gives the file its name, unless something has it.
    pub(crate) fn publish(self) -> Result<File, FileError> {
        let Self { file, place, temporary } = self;
        let Place { path, directory, name, .. } = place;
        let Some(temporary) = temporary else {
            let own = format!("/proc/self/fd/{}", file.as_raw_fd());
            let flags = AtFlags::AT_SYMLINK_FOLLOW;
            return match retry(|| linkat(AT_FDCWD, own.as_str(), directory, *name, flags)) {
                Ok(()) => Ok(file),
                Err(Errno::ENOENT) if !Path::new(&own).exists() => {
                    Err(FileError::proc(path, &own)(Errno::ENOENT.into()))
                }
                Err(error) => Err(naming(path, error)),
            };
        };
        place.fill(&temporary.name).map_err(|error| naming(path, error))?;
        let _ = LockTable::at(0).unlock(file.as_fd(), LockTable::CREATION);
        Ok(file)
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

        let place = Place::vacant(&path).unwrap();
        let draft = Draft::named(&place).unwrap();
        assert_eq!(names(directory.path()).len(), 1);
        drop(draft);
        assert!(names(directory.path()).is_empty());

        Draft::named(&place).unwrap().publish().unwrap();
        assert_eq!(names(directory.path()), ["ring"]);
    }

    #[test]
    fn a_draft_clears_what_a_dead_one_left() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ring");
        let place = Place::vacant(&path).unwrap();
        let left = directory.path().join(temporary::new_name(place.name, [7; 16]));
        std::fs::write(&left, "half a ring").unwrap();
        let draft = Draft::named(&place).unwrap();
        assert!(!left.exists());
        assert_eq!(names(directory.path()).len(), 1);
        drop(draft);
    }

    #[test]
    fn a_draft_that_was_taken_for_left_over_is_given_up() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ring");
        let place = Place::vacant(&path).unwrap();
        let draft = Draft::named(&place).unwrap();
        assert!(draft.claim().unwrap());
        // A sweeper that takes it for left over holds its lock, and then has removed it.
        let name = draft.temporary.as_ref().unwrap().name.clone();
        let sweeper = File::options().write(true).open(directory.path().join(&name)).unwrap();
        LockTable::unlock_all(draft.file.as_fd()).unwrap();
        assert!(LockTable::at(0).try_lock(sweeper.as_fd(), LockTable::CREATION, Lock::Write).unwrap());
        assert!(!draft.claim().unwrap());
        std::fs::remove_file(directory.path().join(&name)).unwrap();
        drop(sweeper);
        assert!(!draft.claim().unwrap());
    }

    #[test]
    fn drafts_are_made_while_others_sweep() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ring");
        let make_and_sweep = || {
            for _ in 0..200 {
                let place = Place::vacant(&path).unwrap();
                temporary::sweep(&place, std::time::Duration::ZERO);
                let draft = Draft::named(&place).unwrap();
                temporary::sweep(&place, std::time::Duration::ZERO);
                assert_eq!(
                    place.found(&draft.temporary.as_ref().unwrap().name),
                    Identity::of_fd(&draft.file)
                );
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(make_and_sweep);
            }
        });
        assert!(names(directory.path()).is_empty());
    }

    #[test]
    fn no_draft_replaces_what_came_in_between() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ring");
        for named in [false, true] {
            let place = Place::vacant(&path).unwrap();
            let draft = if named { Draft::named(&place) } else { Draft::new(&place) }.unwrap();
            std::fs::write(&path, "theirs").unwrap();
            assert!(matches!(draft.publish(), Err(FileError::AlreadyExists { .. })));
            assert_eq!(std::fs::read(&path).unwrap(), b"theirs");
            assert_eq!(names(directory.path()), ["ring"]);
            std::fs::remove_file(&path).unwrap();
        }
    }
}
