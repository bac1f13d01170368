//! Other users to be, for programs whose tests run as root.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use nix::sys::wait::WaitStatus;
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};

use crate::child::{Child, child};
use crate::files::vacant;

/// A user that no system has: the owner of a ring.
pub const OWNER: u32 = 64_001;
/// Another user that no system has.
pub const OTHER: u32 = 64_002;
/// A group of which both are members.
pub const BOTH: u32 = 64_100;

/// Runs as another user, in a child; in a directory that all may write, as /tmp is.
pub fn user(uid: u32, run: impl FnOnce()) -> Child {
    child(|| {
        let (user, group) = (Uid::from_raw(uid), Gid::from_raw(uid));
        setgroups(&[Gid::from_raw(BOTH)]).unwrap();
        setresgid(group, group, group).unwrap();
        setresuid(user, user, user).unwrap();
        run();
    })
}

/// A directory like /tmp, and a path in it; `None`, with the reason printed, without the right to be others.
pub fn shared() -> Option<(tempfile::TempDir, PathBuf)> {
    if !Uid::effective().is_root() {
        eprintln!("skipped: only root can run as other users");
        return None;
    }
    if !matches!(user(OTHER, || ()).join(), WaitStatus::Exited(_, 0)) {
        eprintln!("skipped: this process may not become another user");
        return None;
    }
    let (directory, path) = vacant();
    std::fs::set_permissions(directory.path(), Permissions::from_mode(0o1777)).unwrap();
    Some((directory, path))
}
