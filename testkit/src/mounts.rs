//! File systems that are mounted where no other process sees them.

use std::path::Path;

use nix::mount::MsFlags;
use nix::sched::{CloneFlags, unshare};

/// Gives this process mounts of its own; says why if it can't.
pub fn own_mounts() -> bool {
    let none = None::<&str>;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    let done =
        unshare(CloneFlags::CLONE_NEWNS).and_then(|()| nix::mount::mount(none, "/", none, private, none));
    if let Err(error) = done {
        println!("skipped: no mount namespace ({error})");
    }
    done.is_ok()
}

/// Mounts a file system, after [`own_mounts`]; says why if it can't.
pub fn mount(kind: &str, target: &Path, flags: MsFlags, options: &str) -> bool {
    let mounted = nix::mount::mount(Some(kind), target, Some(kind), flags, Some(options));
    if let Err(error) = mounted {
        println!("skipped: {kind} can't be mounted ({error})");
    }
    mounted.is_ok()
}
