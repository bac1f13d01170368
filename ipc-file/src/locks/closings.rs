//! The news that a handle of a ring was closed, after which a lock may have fallen free.
//!
//! The kernel frees the locks of an open file description when its last descriptor and mapping are gone, and just
//! before that tells those that watch the file (inotify). A watch is for one event: the kernel takes it away with that.
//! To close a watch that is there, or was until just now, takes the kernel some 10 ms, which a successor has no time
//! for. So a producer that waited for its role keeps the instance until it is dropped, and no watch with it.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};
use ringway_core::placement::Vacancy;

const CLOSED: AddWatchFlags = AddWatchFlags::IN_CLOSE.union(AddWatchFlags::IN_ONESHOT);

/// Tells of each handle of a file that is closed, in whatever process.
#[derive(Debug)]
pub struct Closings {
    /// `None` only while it is dropped.
    inotify: Option<Inotify>,
    /// The watched file, under `/proc`.
    path: String,
    /// The watch, until its event has come.
    watch: Option<WatchDescriptor>,
}

impl Closings {
    /// For the file of a descriptor, which stays open as long as this is used. `None` if the system has no watch left
    /// for this user, or knows none.
    pub fn of(fd: BorrowedFd<'_>) -> Option<Self> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).ok()?;
        let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
        Some(Self { inotify: Some(inotify), path, watch: None })
    }

    /// Takes all events that have come. Whether there were any, or none can come.
    fn take(&mut self, inotify: &Inotify) -> bool {
        let mut told = false;
        loop {
            match inotify.read_events() {
                Ok(_) => told = true,
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return told,
                Err(_) => return true,
            }
        }
    }
}

impl Vacancy for Closings {
    fn arm(&mut self) -> bool {
        let Some(inotify) = &self.inotify else { return false };
        if self.watch.is_none() {
            self.watch = inotify.add_watch(self.path.as_str(), CLOSED).ok();
        }
        self.watch.is_some()
    }

    fn wait(&mut self, time: Duration) -> bool {
        let Some(inotify) = self.inotify.take() else { return true };
        let mut fds = [PollFd::new(inotify.as_fd(), PollFlags::POLLIN)];
        // Rounded up: a wait of less than a millisecond mustn't become a busy loop.
        let milliseconds = time.as_nanos().div_ceil(1_000_000);
        let polled = poll(&mut fds, PollTimeout::try_from(milliseconds).unwrap_or(PollTimeout::MAX));
        let told = match polled {
            Ok(0) | Err(Errno::EINTR) => false,
            Ok(_) => self.take(&inotify),
            Err(_) => true,
        };
        if told {
            // It came to its one event.
            self.watch = None;
        }
        self.inotify = Some(inotify);
        told
    }

    fn disarm(&mut self) {
        if let (Some(inotify), Some(watch)) = (&self.inotify, self.watch.take()) {
            let _ = inotify.rm_watch(watch);
        }
    }
}

impl Drop for Closings {
    fn drop(&mut self) {
        let Some(inotify) = self.inotify.take() else { return };
        let descriptor = OwnedFd::from(inotify);
        let link = std::fs::read_link(format!("/proc/self/fd/{}", descriptor.as_raw_fd()));
        if !link.is_ok_and(|link| link.as_os_str() == "anon_inode:inotify") {
            // Other code has closed it: the number is nobody's, or another file's, and not this one's to close.
            let _ = descriptor.into_raw_fd();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;
    use crate::locks::LockFile;

    const NOW: Duration = Duration::ZERO;

    fn is_told(closings: &mut Closings, change: impl FnOnce()) -> bool {
        assert!(closings.arm());
        assert!(!closings.wait(NOW));
        change();
        closings.wait(NOW)
    }

    #[test]
    fn each_handle_that_is_closed_is_told_of_and_no_other_change() {
        let directory = tempfile::tempdir_in("/dev/shm").unwrap();
        let path = directory.path().join("file");
        let file = File::create(&path).unwrap();
        let mut closings = Closings::of(file.as_fd()).unwrap();
        for write in [false, true] {
            let other = File::options().read(true).write(write).open(&path).unwrap();
            let copy = other.try_clone().unwrap();
            // The description lives as long as one of its descriptors.
            assert!(!is_told(&mut closings, || drop(other)));
            assert!(is_told(&mut closings, || drop(copy)));
        }
        assert!(!is_told(&mut closings, || file.set_len(4096).unwrap()));
        closings.disarm();
        drop(File::open(&path).unwrap());
        // What came before it was armed is another look's.
        assert!(closings.arm());
        let _ = closings.wait(NOW);
        assert!(is_told(&mut closings, || drop(File::open(&path).unwrap())));
    }

    #[test]
    fn a_memfd_tells_too() {
        let locks = LockFile::new("test").unwrap();
        let fd = locks.fd().unwrap();
        let mut closings = Closings::of(fd).unwrap();
        let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
        assert!(is_told(&mut closings, || drop(File::options().write(true).open(path).unwrap())));
    }

    #[test]
    #[allow(unsafe_code, reason = "plays the code that closes descriptors which aren't its own")]
    fn a_number_that_other_code_has_given_to_another_file_is_left_alone() {
        let file = tempfile::tempfile().unwrap();
        let closings = Closings::of(file.as_fd()).unwrap();
        let number = closings.inotify.as_ref().unwrap().as_fd().as_raw_fd();
        // SAFETY: the owner of the number is dropped next, and looks what it stands for.
        let _number = unsafe { nix::unistd::dup2_raw(&file, number) }.unwrap();
        drop(closings);
        let other = std::fs::read_link(format!("/proc/self/fd/{number}")).unwrap();
        assert_ne!(other.as_os_str(), "anon_inode:inotify");
    }
}
