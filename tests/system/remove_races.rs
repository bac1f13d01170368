//! Before and after each system call of a removal, another process replaces the file or begins to use it: what
//! is replaced or used stays.

use std::cell::RefCell;
use std::fs::{self, File};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::wait::WaitStatus;
use ringway::Ring;
use ringway::file::{FileError, FileRing};
use ringway_file::placement::{Lock, LockTable};
use testkit::files::{contents, small};
use testkit::tracing;
use testkit::tracing::Verdict;

/// What the file system, or a sandbox, has to offer.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Rename {
    ReplacesNothing,
    Replaces,
}

fn main() {
    let mut tests: Vec<(String, Box<dyn FnOnce() + Send>)> = Vec::new();
    for rename in [Rename::ReplacesNothing, Rename::Replaces] {
        let name = |test| format!("{test}::rename_{rename:?}");
        let test = Box::new(move || replaced(rename, rename_over));
        tests.push((name("a_ring_renamed_over_another_is_not_removed"), test));
        let test = Box::new(move || replaced(rename, make_anew));
        tests.push((name("a_ring_made_anew_is_not_removed"), test));
        let test = Box::new(move || begun_to_use(rename));
        tests.push((name("a_ring_that_somebody_begins_to_use_is_not_removed"), test));
    }
    tracing::run(tests);
}

/// Removes a ring, and has `intrude` run once, at each stop of each system call of the removal in turn. `check`
/// gets what it returned, and whether the removal says that it succeeded.
fn intrude_everywhere<T>(rename: Rename, intrude: impl Fn(&Path) -> T, check: impl Fn(&Path, T, bool)) {
    for position in 0.. {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("ring");
        drop(ringway::file::create(&path, &small()).expect("a ring"));
        let (mut stops, intruded) = (0, RefCell::new(None));
        let outcome = directory.path().join("removed");
        let remover = || {
            tracing::begin();
            let result = ringway::file::remove(&path);
            tracing::end();
            match result {
                Ok(()) => drop(File::create(&outcome).expect("a file")),
                Err(FileError::InUse { .. } | FileError::Replaced { .. } | FileError::NotFound { .. }) => {}
                Err(other) => panic!("{other}"),
            }
        };
        let ended = tracing::traced(remover, |call| {
            if stops == position {
                *intruded.borrow_mut() = Some(intrude(&path));
            }
            stops += 1;
            match rename {
                Rename::Replaces if call.is_entry && call.number == libc::SYS_renameat2 => {
                    Verdict::Fail(Errno::EINVAL)
                }
                _ => Verdict::Go,
            }
        });
        assert!(matches!(ended, WaitStatus::Exited(_, 0)), "{position}: {ended:?}");
        let removed = fs::remove_file(&outcome).is_ok();
        let Some(intruded) = intruded.into_inner() else {
            assert!(removed);
            println!("intruded at {position} positions");
            return;
        };
        check(&path, intruded, removed);
    }
}

fn replaced(rename: Rename, replace: fn(&Path) -> FileRing) {
    intrude_everywhere(rename, replace, |path, ring, _| {
        let found = ringway::file::open(path).expect("the new ring");
        assert_eq!(found.geometry().ring_id(), ring.geometry().ring_id());
        ring.producer().expect("the new ring's").publish(b"on").expect("room");
        let directory = path.parent().expect("a directory");
        assert_eq!(contents(directory).into_keys().collect::<Vec<_>>(), ["ring"]);
    });
}

fn rename_over(path: &Path) -> FileRing {
    let new = path.with_file_name("new");
    drop(ringway::file::create(&new, &small()).expect("a ring"));
    fs::rename(&new, path).expect("renamed");
    ringway::file::open(path).expect("the new ring")
}

fn make_anew(path: &Path) -> FileRing {
    let _ = fs::remove_file(path);
    ringway::file::create(path, &small()).expect("a ring")
}

fn begun_to_use(rename: Rename) {
    // As opening the ring does, but without waiting for its remover.
    let announce = |path: &Path| {
        let file = File::options().read(true).write(true).open(path).ok()?;
        let present = LockTable::at(0).try_lock(file.as_fd(), LockTable::PRESENCE, Lock::Read);
        present.expect("an answer").then_some(file)
    };
    intrude_everywhere(rename, announce, |path, user, removed| {
        let Some(user) = user else { return assert!(removed) };
        let linked = user.metadata().expect("an open file").nlink() == 1;
        let found = fs::metadata(path).is_ok_and(|found| found.ino() == user.metadata().expect("open").ino());
        assert!(linked && found && !removed, "linked: {linked}, found: {found}, removed: {removed}");
    });
}
