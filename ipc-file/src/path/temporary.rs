//! The hidden names of files on their way to their name, or gone from it, and what becomes of those whose
//! process died.
//!
//! | name | what it is |
//! | --- | --- |
//! | `.NAME.ringway-new-RANDOM` | a ring being made, where the file system has no files without names |
//! | `.NAME.ringway-old-RING INODE` | a ring being removed; the file of that inode, with that ring in it, unless another came in between |
//!
//! A maker or remover of a ring holds its file's creation lock, so a free lock says that the file is left over, or
//! that it was taken for another: its maker or remover finds out.

use std::ffi::{OsStr, OsString};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{Mode, SFlag, fstat};
use nix::unistd::geteuid;
use ringway_core::Geometry;

use super::place::Place;
use crate::content::unfinished;
use crate::locks::{Held, Lock, LockTable};
use crate::system::identity::Identity;
use crate::system::retry::retry;

/// How much of a name its temporary names repeat: they are no longer than names may be.
const REPEATED: usize = 160;

const NEW: &str = "ringway-new-";
const OLD: &str = "ringway-old-";

/// The name of a file in the making.
pub(crate) fn new_name(of: &OsStr, random: [u8; 16]) -> OsString {
    hidden(of, &format!("{NEW}{:032x}", u128::from_be_bytes(random)))
}

/// The name that a file gets before it is removed.
///
/// By the first ring in it and the inode: a device's number may be another after the machine has started anew.
pub(crate) fn old_name(of: &OsStr, ring: &Geometry, identity: Identity) -> OsString {
    let ring = (u128::from_be_bytes(ring.ring_id()) >> 64) as u64;
    hidden(of, &format!("{OLD}{ring:016x}{:016x}", identity.inode()))
}

fn hidden(of: &OsStr, rest: &str) -> OsString {
    let mut name = OsString::from(".");
    if of.len() <= REPEATED {
        name.push(of);
    } else {
        // Names that begin alike must not share temporary ones. FNV-1a, as docs/files-and-trust.md has it: every
        // program that looks for what the dead left must come to the same name.
        let hash = of.as_bytes().iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        name.push(OsStr::from_bytes(&of.as_bytes()[..REPEATED]));
        name.push(format!("~{hash:016x}"));
    }
    name.push(".");
    name.push(rest);
    name
}

/// Whether `name` is one that a file of name `of` may have for a while.
fn is_hidden(name: &[u8], of: &OsStr) -> bool {
    [NEW, OLD].iter().any(|kind| {
        let digits = name.strip_prefix(hidden(of, kind).as_bytes());
        digits.is_some_and(|digits| digits.len() == 32 && digits.iter().all(u8::is_ascii_hexdigit))
    })
}

/// Removes what dead processes left of rings that were to have this name, or had it. Whatever can't be
/// looked at or removed stays. Processes that hold a lock get `patience` to finish.
pub(crate) fn sweep(place: &Place<'_>, patience: Duration) {
    let Ok(directory) = std::fs::read_dir(place.parent) else { return };
    for name in directory.map_while(Result::ok).map(|entry| entry.file_name()) {
        if is_hidden(name.as_bytes(), place.name) {
            sweep_one(place, &name, patience);
        }
    }
}

fn sweep_one(place: &Place<'_>, name: &OsStr, patience: Duration) {
    let flags = OFlag::O_RDWR | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let Ok(fd) = retry(|| openat(&place.directory, name, flags, Mode::empty())) else { return };
    let file = Held::new(fd.into());
    let Ok(stat) = fstat(&*file) else { return };
    let regular = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFREG;
    if !regular || stat.st_uid != geteuid().as_raw() {
        return;
    }
    let left = LockTable::at(0).lock_within(file.as_fd(), LockTable::CREATION, Lock::Write, patience);
    let identity = Identity::of(&stat);
    // Locked perhaps only because it has got its name, or is gone.
    if !left.unwrap_or(false) || place.found(name) != Ok(identity) {
        return;
    }
    let Ok(rings) = unfinished::and_rings(place.path, &file) else { return };
    let is_old = name.as_bytes().starts_with(hidden(place.name, OLD).as_bytes());
    if is_old && rings.first().is_none_or(|(_, ring)| name != old_name(place.name, ring, identity)) {
        // Not the one that was to be removed: it gets its name back, if nothing has it now.
        let _ = place.fill(name);
        return;
    }
    let has_its_name = place.found(place.name) == Ok(identity);
    // Nobody has any ring in the file open.
    let unused = |offset| LockTable::at(offset).try_lock(file.as_fd(), LockTable::PRESENCE, Lock::Write);
    if has_its_name || rings.iter().all(|&(offset, _)| unused(offset).unwrap_or(false)) {
        let _ = place.unlink(name);
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::path::Path;

    use ringway_core::Ring;

    use super::*;

    fn file(directory: &Path, name: &OsStr) -> File {
        File::options().read(true).write(true).create_new(true).open(directory.join(name)).unwrap()
    }

    fn names(directory: &Path) -> Vec<OsString> {
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    }

    #[test]
    fn what_the_dead_left_is_swept_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ring");
        let place = Place::of(&path).unwrap();
        let left = new_name(place.name, [1; 16]);
        drop(file(directory.path(), &left));
        let worked_on = file(directory.path(), &new_name(place.name, [2; 16]));
        let locked = LockTable::at(0).try_lock(worked_on.as_fd(), LockTable::CREATION, Lock::Write);
        assert!(locked.unwrap());
        for theirs in [".ring.ringway-new-", ".ring.ringway-new-0", ".ring.swp", ".other.ringway-new-0"] {
            drop(file(directory.path(), OsStr::new(theirs)));
        }
        sweep(&place, Duration::ZERO);
        let kept = names(directory.path());
        assert_eq!(kept.len(), 5);
        assert!(!kept.contains(&left), "{kept:?}");
        drop(worked_on);
        sweep(&place, Duration::ZERO);
        assert_eq!(names(directory.path()).len(), 4);
    }

    #[test]
    fn a_file_taken_for_another_gets_its_name_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ring");
        let place = Place::of(&path).unwrap();
        let removed = directory.path().join("removed");
        let ring = crate::create(&removed, &ringway_core::Config::new()).unwrap();
        let old = old_name(place.name, ring.geometry(), Identity::of_fd(ring.file()).unwrap());
        drop(ring);
        let theirs = file(directory.path(), &old);
        sweep(&place, Duration::ZERO);
        assert_eq!(place.found(place.name).unwrap(), Identity::of_fd(&theirs).unwrap());

        // The right one goes.
        std::fs::rename(&removed, directory.path().join(&old)).unwrap();
        sweep(&place, Duration::ZERO);
        assert_eq!(names(directory.path()), ["ring"]);
    }

    #[test]
    fn a_second_name_is_taken_off() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ring");
        let made = crate::create(&path, &ringway_core::Config::new()).unwrap();
        let place = Place::of(&path).unwrap();
        let second = directory.path().join(new_name(place.name, [3; 16]));
        std::fs::hard_link(&path, &second).unwrap();
        crate::open(&path).unwrap();
        assert!(!second.exists());
        drop(made);
    }

    #[test]
    fn temporary_names_of_long_names_are_no_longer_than_names_may_be() {
        let long = OsString::from("n".repeat(255));
        let name = new_name(&long, [0xff; 16]);
        assert!(name.len() <= 255 && is_hidden(name.as_bytes(), &long));
        // As docs/files-and-trust.md says, section 4.
        let expected = format!(".{}~c2c977771654d7a9.ringway-new-{}", "n".repeat(160), "f".repeat(32));
        assert_eq!(name, OsString::from(expected));
        let just = OsString::from("n".repeat(160));
        let expected = format!(".{}.ringway-new-{}", "n".repeat(160), "0".repeat(32));
        assert_eq!(new_name(&just, [0; 16]), OsString::from(expected));
        let longer_alike = OsString::from("n".repeat(254));
        assert!(!is_hidden(name.as_bytes(), &longer_alike));
    }
}
