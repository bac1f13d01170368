//! The descriptors that roles hold their locks by, and what a fork does to them.
//!
//! A lock belongs to an open file description, which a forked child shares: unless the child closes its
//! copy, the parent's role would seem alive after the parent's death. So all role descriptors are listed, and
//! a `pthread_atfork` handler closes them in the child. The list is locked across the fork, so that it is
//! neither half-written nor behind what is open. A mapping keeps its file's description as a descriptor does, so
//! the same lock is held while one is made and kept out of children ([`hold_forks`]).
//!
//! Other code of the process may close descriptors that aren't its own, as daemons do with all of them. The
//! system gives their numbers out again, to other roles, too. So each entry has a serial number, and one whose
//! number was given out again is no longer listed: the descriptor isn't its role's to ask by, or to close.
//!
//! Limits: a child made by a raw `clone` or by `_Fork` runs no handler and keeps the locks until it execs
//! (the descriptors are `O_CLOEXEC`) or ends. So does one forked by another thread during this process's
//! very first call here. A signal handler that forks while its thread takes or drops a role deadlocks: the fork waits
//! for the lock on the list, which that thread holds.
//!
//! # Safety
//! The list is reached only while the mutex is held. It is a `pthread_mutex_t`, since POSIX lets such a one
//! be locked by the handler before a fork and unlocked by the handlers after it, in parent and child.

#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::path::PathBuf;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::geteuid;
use ringway_core::placement::HandleStatus;
use ringway_core::{AttachError, Forked};

use crate::locks::LockTable;
use crate::system::handle_status;
use crate::system::identity::Identity;
use crate::system::retry::retry;

struct Registry {
    mutex: UnsafeCell<libc::pthread_mutex_t>,
    list: UnsafeCell<List>,
}

struct List {
    handlers_set: bool,
    open: Vec<Entry>,
    /// The last serial number given out.
    last: u64,
}

impl List {
    /// Enters a descriptor that was just opened.
    fn enter(&mut self, fd: RawFd, identity: Identity, fork: HandleStatus) -> Entry {
        // The system has given this number out just now: whatever had it before was closed by other code.
        self.open.retain(|listed| listed.fd != fd);
        self.last += 1;
        let entry = Entry { fd, identity, fork, serial: self.last };
        self.open.push(entry);
        entry
    }

    /// Takes an entry out of the list, if it is there.
    fn leave(&mut self, entry: &Entry) -> bool {
        let listed = self.has(entry);
        self.open.retain(|listed| listed.serial != entry.serial);
        listed
    }

    fn has(&self, entry: &Entry) -> bool {
        self.open.iter().any(|listed| listed.serial == entry.serial)
    }
}

/// A descriptor, and what tells whether its number still stands for it.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Not an `OwnedFd`: in a forked child, the number may be somebody else's.
    fd: RawFd,
    identity: Identity,
    fork: HandleStatus,
    serial: u64,
}

impl Entry {
    /// Whether the number designates the file that it was opened on: other code of the process may have
    /// closed it, and the system may have given it out again.
    fn is_intact(&self) -> bool {
        // SAFETY: used for calls that fail if nothing is open.
        self.identity.is_still_of(unsafe { BorrowedFd::borrow_raw(self.fd) })
    }
}

// SAFETY: `list` is reached only through `Locked`, which holds `mutex`.
unsafe impl Sync for Registry {}

static REGISTRY: Registry = Registry {
    mutex: UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER),
    list: UnsafeCell::new(List { handlers_set: false, open: Vec::new(), last: 0 }),
};

unsafe extern "C" {
    // Not in the `libc` crate for Linux.
    fn pthread_atfork(
        prepare: Option<unsafe extern "C" fn()>,
        parent: Option<unsafe extern "C" fn()>,
        child: Option<unsafe extern "C" fn()>,
    ) -> libc::c_int;
}

/// The registry's mutex, held.
#[must_use = "forks are held as long as it lives"]
pub(crate) struct Locked;

/// Keeps the process from being forked by other threads until the result is dropped. For short steps alone, and
/// not to be called twice by one thread.
///
/// # Errors
/// The fork handlers can't be set.
pub(crate) fn hold_forks() -> Result<Locked, Errno> {
    let mut locked = Locked::now();
    locked.set_handlers()?;
    Ok(locked)
}

impl Locked {
    fn now() -> Self {
        // SAFETY: initialised statically, never moved or destroyed. It can't fail: no thread locks it twice.
        unsafe { libc::pthread_mutex_lock(REGISTRY.mutex.get()) };
        Locked
    }

    fn list(&mut self) -> &mut List {
        // SAFETY: the mutex is held as long as `self` lives, and `&mut self` makes this the only borrow.
        unsafe { &mut *REGISTRY.list.get() }
    }

    /// Sets the fork handlers, once per process image: children inherit them.
    fn set_handlers(&mut self) -> Result<(), Errno> {
        let list = self.list();
        if !list.handlers_set {
            // SAFETY: the handlers stay in place as long as this code does.
            match unsafe { pthread_atfork(Some(prepare), Some(parent), Some(child)) } {
                0 => list.handlers_set = true,
                error => return Err(Errno::from_raw(error)),
            }
        }
        Ok(())
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // SAFETY: `now` or, for a handler, `prepare` locked it, in this thread.
        unsafe { libc::pthread_mutex_unlock(REGISTRY.mutex.get()) };
    }
}

unsafe extern "C" fn prepare() {
    let mut locked = Locked::now();
    // Left over from a parent by a raw `clone`, which ran no handler: not this process's to close.
    locked.list().open.retain(|entry| entry.fork.check_fork().is_ok());
    // `parent` or `child` unlocks.
    std::mem::forget(locked);
}

unsafe extern "C" fn parent() {
    drop(Locked);
}

unsafe extern "C" fn child() {
    let mut locked = Locked;
    for entry in locked.list().open.drain(..).filter(Entry::is_intact) {
        // SAFETY: the child's copy of a descriptor that only a handle uses, which touches nothing here:
        // its status word differs.
        unsafe { libc::close(entry.fd) };
    }
}

/// A descriptor on an open file description of its own, by which one role holds its locks.
///
/// Dropping it frees the locks. In a forked child it is closed already, and dropping it does nothing.
#[derive(Debug)]
pub(crate) struct RoleDescriptor(Entry);

impl RoleDescriptor {
    /// Opens the file of `source` anew, through `/proc/self/fd`.
    pub(crate) fn reopen(source: BorrowedFd<'_>, access: OFlag) -> Result<Self, AttachError> {
        let fork = handle_status::current().map_err(|error| {
            let action = "making the word that detects forks";
            AttachError::Os { action, error }
        })?;
        let mut locked = hold_forks().map_err(os("setting the fork handlers"))?;
        let (opened, identity) = reopen(source, access)?;
        Ok(Self(locked.list().enter(opened.into_raw_fd(), identity, fork)))
    }

    /// The descriptor, in the process that opened it.
    pub(crate) fn fd(&self) -> Result<BorrowedFd<'_>, Forked> {
        self.0.fork.check_fork()?;
        // SAFETY: open until `self` is dropped, in this process.
        Ok(unsafe { BorrowedFd::borrow_raw(self.0.fd) })
    }

    /// Whether it is open, in this process, on the file it was opened on, and is this role's still.
    pub(crate) fn is_intact(&self) -> bool {
        self.0.fork.check_fork().is_ok() && self.0.is_intact() && Locked::now().list().has(&self.0)
    }

    pub(crate) fn handle_status(&self) -> HandleStatus {
        self.0.fork
    }
}

impl Drop for RoleDescriptor {
    fn drop(&mut self) {
        let Self(entry) = self;
        if entry.fork.check_fork().is_err() {
            return;
        }
        let mut locked = Locked::now();
        // If other code closed it, the number isn't this handle's to close.
        if locked.list().leave(entry) && entry.is_intact() {
            // SAFETY: opened by `reopen`, not closed yet, and out of the list.
            let fd = unsafe { OwnedFd::from_raw_fd(entry.fd) };
            // Explicitly: a process just being spawned may share the description until it execs.
            let _ = LockTable::unlock_all(fd.as_fd());
        }
    }
}

/// Opens the file of `source` anew and closes it, for those who are told of that. No child inherits it meanwhile.
pub(crate) fn tell_of_a_closing(source: BorrowedFd<'_>) {
    if let Ok(held) = hold_forks() {
        drop(reopen(source, OFlag::O_RDONLY));
        drop(held);
    }
}

/// Opens the file of `source` anew, on a description of its own.
pub(crate) fn reopen(source: BorrowedFd<'_>, access: OFlag) -> Result<(OwnedFd, Identity), AttachError> {
    let identity = Identity::of_fd(source).map_err(os("looking at the ring's descriptor"))?;
    let path = PathBuf::from(format!("/proc/self/fd/{}", source.as_raw_fd()));
    let unavailable = |error: Errno| AttachError::ProcUnavailable { path: path.clone(), error: error.into() };
    let flags = access | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
    let opened = retry(|| open(&path, flags, Mode::empty())).map_err(|error| match error {
        Errno::ENOENT | Errno::ENOTDIR => unavailable(error),
        Errno::EACCES | Errno::EPERM => {
            AttachError::NotPermitted { uid: geteuid().as_raw(), error: error.into() }
        }
        error => os("opening the ring's descriptor anew")(error),
    })?;
    // Something that isn't procfs may be mounted there.
    match Identity::of_fd(&opened) {
        Ok(found) if found == identity => Ok((opened, identity)),
        Ok(_) => Err(unavailable(Errno::ESTALE)),
        Err(error) => Err(os("looking at the ring's descriptor")(error)),
    }
}

/// Makes an attach error of what the system said.
pub(crate) fn os(action: &'static str) -> impl FnOnce(Errno) -> AttachError {
    move |error| AttachError::Os { action, error: error.into() }
}
