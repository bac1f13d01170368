//! Waiting until the way to a path, or the file at its end, may have changed.
//!
//! Every directory on the way is watched for the one name that is looked up in it: a directory that comes, goes or is
//! replaced changes where the path leads. Names appear by creation or by a rename, so these are the events that count.
//! The file itself is watched for bytes that are written, since a ring can be made within a file that exists. A mount
//! changes the way, too, and has no such event: the process's list of mounts tells of it.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};

use super::route;

/// Pause between two looks where no watch tells of changes.
const BLIND: Duration = Duration::from_millis(10);

/// Pause between two looks where all watches are set. Some file systems tell of no change that was made elsewhere:
/// through another mount, on another machine, in a layer of an overlay.
const SIGHTED: Duration = Duration::from_secs(1);

const NAMES: AddWatchFlags =
    AddWatchFlags::IN_CREATE.union(AddWatchFlags::IN_MOVED_TO).union(AddWatchFlags::IN_ONLYDIR);
/// Not that it is closed: each look at the file ends so.
const BYTES: AddWatchFlags = AddWatchFlags::IN_MODIFY;

/// Tells when to look at a path again.
pub(crate) struct Watch<'p> {
    /// Absolute.
    path: &'p Path,
    inotify: Option<Inotify>,
    mounts: Option<File>,
    watched: Vec<Watched>,
    /// Whether a part of the way isn't watched.
    blind: bool,
}

/// A watch, and what of it counts: one name in a directory, or all that happens to a file.
struct Watched {
    descriptor: WatchDescriptor,
    name: Option<OsString>,
}

impl<'p> Watch<'p> {
    /// For an absolute path. Nothing is watched before [`renew`](Self::renew).
    pub(crate) fn new(path: &'p Path) -> Self {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).ok();
        let mounts = File::open("/proc/self/mountinfo").ok();
        Self { path, inotify, mounts, watched: Vec::new(), blind: true }
    }

    /// Watches the way as it is now. What changes after this call ends the next wait, so the path is looked at
    /// between the two.
    pub(crate) fn renew(&mut self) {
        let Some(inotify) = &self.inotify else { return };
        let mut watched = Vec::new();
        let mut blind = false;
        let mut add = |path: &Path, name: Option<&OsStr>, flags| {
            let added = inotify.add_watch(path, flags | AddWatchFlags::IN_DONT_FOLLOW);
            match added {
                Ok(descriptor) => watched.push(Watched { descriptor, name: name.map(OsStr::to_os_string) }),
                // The file isn't there, or the directory has gone: the watch before it tells when it comes.
                Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => {}
                Err(_) => blind = true,
            }
        };
        route::walk(self.path, |directory, name| add(directory, Some(name), NAMES));
        add(self.path, None, BYTES);
        for old in &self.watched {
            if !watched.iter().any(|new| new.descriptor == old.descriptor) {
                // The kernel has removed those of directories that are gone.
                let _ = inotify.rm_watch(old.descriptor);
            }
        }
        (self.watched, self.blind) = (watched, blind);
    }

    /// Waits until the path is worth another look, at most until `deadline`, and for a second at most. It may return
    /// early.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> io::Result<()> {
        let look = Instant::now() + self.pause();
        let until = deadline.map_or(look, |deadline| deadline.min(look));
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || self.has_changed(left)? {
                return Ok(());
            }
        }
    }

    /// For how long the path isn't looked at without an event.
    fn pause(&self) -> Duration {
        if self.blind { BLIND } else { SIGHTED }
    }

    /// Sleeps until events come, for `left` at most. Whether one of them counts.
    fn has_changed(&self, left: Duration) -> io::Result<bool> {
        let mut fds = Vec::with_capacity(2);
        fds.extend(self.inotify.iter().map(|inotify| PollFd::new(inotify.as_fd(), PollFlags::POLLIN)));
        fds.extend(self.mounts.iter().map(|mounts| PollFd::new(mounts.as_fd(), PollFlags::POLLPRI)));
        match poll(&mut fds, up(left)) {
            Ok(_) => {}
            Err(Errno::EINTR) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        let mounted = self.mounts.is_some() && fds.last().and_then(PollFd::any).unwrap_or(false);
        let mut counts = mounted;
        let Some(inotify) = &self.inotify else { return Ok(counts) };
        loop {
            match inotify.read_events() {
                Ok(events) => counts |= events.iter().any(|event| self.counts(event)),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return Ok(counts),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Whether an event may have changed where the path leads. Others come of names that share a directory with it.
    fn counts(&self, event: &InotifyEvent) -> bool {
        event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW)
            || self.watched.iter().any(|watched| {
                let named = watched.name.is_none() || event.name.is_none() || watched.name == event.name;
                watched.descriptor == event.wd && named
            })
    }
}

/// In whole milliseconds, rounded up: a wait that is shorter mustn't become a busy loop.
fn up(left: Duration) -> PollTimeout {
    PollTimeout::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(PollTimeout::MAX)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{FileExt, symlink};
    use std::path::PathBuf;

    use tempfile::TempDir;

    use super::*;

    fn scene() -> (TempDir, PathBuf) {
        let directory = tempfile::tempdir_in("/dev/shm").unwrap();
        let path = directory.path().join("deep/er/ring");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        (directory, path)
    }

    /// Whether what `change` does is told of, without waiting for it.
    fn tells(path: &Path, change: impl FnOnce()) -> bool {
        let mut watch = Watch::new(path);
        watch.renew();
        assert!(!watch.blind, "all directories can be watched");
        assert!(!watch.has_changed(Duration::ZERO).unwrap(), "nothing has changed yet");
        change();
        watch.has_changed(Duration::ZERO).unwrap()
    }

    #[test]
    fn a_watch_tells_of_each_change_on_the_way() {
        let (directory, path) = scene();
        let top = directory.path();
        let other = top.join("other");
        fs::write(&other, "").unwrap();
        assert!(tells(&path, || fs::write(&path, "").unwrap()));
        fs::remove_file(&path).unwrap();
        assert!(tells(&path, || fs::hard_link(&other, &path).unwrap()));
        fs::remove_file(&path).unwrap();
        assert!(tells(&path, || fs::rename(&other, &path).unwrap()));

        // Every directory may be replaced, and those that aren't there may come.
        assert!(tells(&path, || {
            fs::rename(top.join("deep"), top.join("gone")).unwrap();
            fs::create_dir(top.join("deep")).unwrap();
        }));
        assert!(tells(&path, || fs::create_dir(top.join("deep/er")).unwrap()));
        fs::remove_dir_all(top.join("deep")).unwrap();
        assert!(tells(&path, || symlink("none", top.join("deep")).unwrap()));
        assert!(tells(&path, || fs::create_dir(top.join("none")).unwrap()));
        symlink("gone", top.join("next")).unwrap();
        assert!(tells(&path, || fs::rename(top.join("next"), top.join("deep")).unwrap()));
        assert!(tells(&path, || fs::write(top.join("gone/er/ring"), "bytes").unwrap()));
    }

    #[test]
    fn a_watch_tells_of_bytes_that_are_written_and_not_of_looks() {
        let (_directory, path) = scene();
        let file = File::create(&path).unwrap();
        assert!(tells(&path, || file.write_all_at(b"byte", 0).unwrap()));
        assert!(tells(&path, || file.set_len(4096).unwrap()));
        assert!(!tells(&path, || drop(File::options().read(true).write(true).open(&path).unwrap())));
    }

    #[test]
    fn without_an_event_there_is_a_look_all_the_same() {
        let (_directory, path) = scene();
        let mut watch = Watch::new(&path);
        // Nothing is watched yet.
        assert_eq!(watch.pause(), BLIND);
        watch.wait(None).unwrap();
        watch.renew();
        assert_eq!(watch.pause(), SIGHTED);
        watch.inotify = None;
        assert!(!watch.has_changed(Duration::ZERO).unwrap());
    }

    #[test]
    fn a_watch_is_silent_about_other_names_until_events_are_lost() {
        let (_directory, path) = scene();
        let [one, other] = ["one", "other"].map(|name| path.with_file_name(name));
        fs::write(&one, "").unwrap();
        let busy = |times: u64| {
            for _ in 0..times {
                fs::rename(&one, &other).unwrap();
                fs::rename(&other, &one).unwrap();
            }
        };
        assert!(!tells(&path, || busy(100)));
        let queue = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
        let queue: u64 = queue.trim().parse().unwrap();
        if queue > 1 << 17 {
            println!("skipped: it takes {queue} events to lose one");
            return;
        }
        assert!(tells(&path, || busy(queue / 2 + 1)));
    }
}
