//! The way that a path leads: through which directories, and by which names.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::readlink;
use nix::sys::stat::{SFlag, lstat};

use crate::system::retry::retry;

/// Most symbolic links on one way, as the kernel has it. Opening says what is wrong with a path that has more.
const LINKS: usize = 40;

/// Walks along an absolute `path`, as far as it leads now. `step` is called for each directory on the way, and
/// the name that is looked up in it, before that name is looked at: a change after that is a change that a watch set
/// by `step` sees. The directories are named without symbolic links. The last name's link isn't followed.
pub(super) fn walk(path: &Path, mut step: impl FnMut(&Path, &OsStr)) {
    let mut here = PathBuf::from("/");
    let mut ahead: VecDeque<OsString> = names(path);
    let mut links = 0;
    while let Some(name) = ahead.pop_front() {
        if name == ".." {
            here.pop();
            continue;
        }
        step(&here, &name);
        let next = here.join(&name);
        let Ok(stat) = retry(|| lstat(&next)) else { return };
        match SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT {
            SFlag::S_IFDIR => here = next,
            SFlag::S_IFLNK if !ahead.is_empty() && links < LINKS => {
                links += 1;
                let Ok(target) = read_link(&next) else { return };
                if target.is_absolute() {
                    here = PathBuf::from("/");
                }
                for name in names(&target).into_iter().rev() {
                    ahead.push_front(name);
                }
            }
            _ => return,
        }
    }
}

fn read_link(path: &Path) -> Result<PathBuf, Errno> {
    retry(|| readlink(path)).map(PathBuf::from)
}

/// The parts of a path, but for those that lead nowhere else.
fn names(path: &Path) -> VecDeque<OsString> {
    let named = |component: Component<'_>| match component {
        Component::Normal(name) => Some(name.to_os_string()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    };
    path.components().filter_map(named).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// The steps below `directory`, as paths from there.
    fn steps(directory: &Path, path: &str) -> Vec<String> {
        let mut steps = Vec::new();
        walk(&directory.join(path), |here, name| {
            if let Ok(here) = here.strip_prefix(directory) {
                steps.push(here.join(name).to_str().unwrap().to_owned());
            }
        });
        steps
    }

    #[test]
    fn a_way_leads_through_links_to_their_targets_and_ends_where_nothing_is() {
        let directory = tempfile::tempdir().unwrap();
        let top = directory.path().canonicalize().unwrap();
        fs::create_dir_all(top.join("real/deep")).unwrap();
        symlink("real", top.join("relative")).unwrap();
        symlink(top.join("real/deep"), top.join("absolute")).unwrap();
        symlink("../relative/deep", top.join("real/up")).unwrap();
        symlink("loop", top.join("loop")).unwrap();
        fs::write(top.join("file"), "").unwrap();
        symlink("file", top.join("last")).unwrap();

        assert_eq!(steps(&top, "real/deep/ring"), ["real", "real/deep", "real/deep/ring"]);
        assert_eq!(steps(&top, "none/deep/ring"), ["none"]);
        assert_eq!(steps(&top, "relative/ring"), ["relative", "real", "real/ring"]);
        let absolute = steps(&top, "absolute/ring");
        assert_eq!(absolute, ["absolute", "real", "real/deep", "real/deep/ring"]);
        let up = steps(&top, "real/up/ring");
        assert_eq!(up, ["real", "real/up", "relative", "real", "real/deep", "real/deep/ring"]);
        assert_eq!(steps(&top, "real/../file"), ["real", "file"]);
        // What stands in the way ends it, and so does a link that opening doesn't follow.
        assert_eq!(steps(&top, "file/ring"), ["file"]);
        assert_eq!(steps(&top, "last"), ["last"]);
        assert_eq!(steps(&top, "loop/ring").len(), LINKS + 1);
    }
}
