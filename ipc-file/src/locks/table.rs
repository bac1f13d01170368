//! The table of locks that says which roles are alive: one byte of the file for each.
//!
//! | byte, from the ring's start | write lock | read lock |
//! | --- | --- | --- |
//! | 0 | the producer | |
//! | 1 | the ring's remover | every handle, and every opened ring |
//! | 2 | the ring's creator; at the start of a file, the creator of any ring in it | |
//! | 3 + i | the consumer of cell i | |
//!
//! The locks are open-file-description locks. The kernel frees them when the last descriptor of the
//! description is closed, be it by a crash. Classic POSIX locks wouldn't do: they vanish at any close of the
//! file in the process. The bytes lie under the ring's geometry, which they neither read nor write.
//!
//! A process that may only read the file can hold read locks, so no read lock counts as life, and one found
//! where roles take write locks is reported as what it is.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};

use crate::system::retry::retry;

/// How long another process may take to create or remove a ring.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

/// A kind of lock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lock {
    /// Shared with other read locks.
    Read,
    /// Shared with none.
    Write,
}

/// The lock bytes of one ring, by the offset in the file at which the ring starts.
#[derive(Clone, Copy, Debug)]
pub struct LockTable {
    origin: u64,
}

impl LockTable {
    /// Byte of the producer.
    pub const PRODUCER: u64 = 0;
    /// Byte of every handle and every opened ring.
    pub const PRESENCE: u64 = 1;
    /// Byte of the ring's creator.
    pub const CREATION: u64 = 2;

    /// Byte of the consumer in `cell`.
    pub const fn cell(cell: usize) -> u64 {
        3 + cell as u64
    }

    /// The lock bytes of a ring at `origin`, in bytes from the start of its file.
    pub const fn at(origin: u64) -> Self {
        Self { origin }
    }

    /// Locks a byte through `fd`, if no other description holds a lock against it.
    ///
    /// # Errors
    /// What the system says but "no": a write lock needs a descriptor open for writing.
    pub fn try_lock(self, fd: BorrowedFd<'_>, byte: u64, lock: Lock) -> io::Result<bool> {
        let range = self.range(byte, kind(lock))?;
        match retry(|| fcntl(fd, FcntlArg::F_OFD_SETLK(&range))) {
            Ok(_) => Ok(true),
            Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// As [`try_lock`](Self::try_lock), trying again until `patience` is over.
    ///
    /// For locks that are held for an instant, as by a creator or remover of a ring.
    ///
    /// # Errors
    /// As for [`try_lock`](Self::try_lock).
    pub fn lock_within(
        self,
        fd: BorrowedFd<'_>,
        byte: u64,
        lock: Lock,
        patience: Duration,
    ) -> io::Result<bool> {
        let deadline = Instant::now() + patience;
        loop {
            if self.try_lock(fd, byte, lock)? {
                return Ok(true);
            }
            if Instant::now() >= deadline {
                return Ok(false);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Frees a byte that was locked through `fd`.
    ///
    /// # Errors
    /// What the system says.
    pub fn unlock(self, fd: BorrowedFd<'_>, byte: u64) -> io::Result<()> {
        let range = self.range(byte, libc::F_UNLCK)?;
        retry(|| fcntl(fd, FcntlArg::F_OFD_SETLK(&range)))?;
        Ok(())
    }

    /// The lock that another description than that of `fd` holds on a byte, if any. Any descriptor will do.
    ///
    /// # Errors
    /// What the system says.
    pub fn held(self, fd: BorrowedFd<'_>, byte: u64) -> io::Result<Option<Lock>> {
        // Asking for a write lock finds readers, too: a byte has one writer or readers, never both.
        let mut range = self.range(byte, libc::F_WRLCK)?;
        retry(|| fcntl(fd, FcntlArg::F_OFD_GETLK(&mut range)))?;
        Ok(match i32::from(range.l_type) {
            libc::F_UNLCK => None,
            libc::F_RDLCK => Some(Lock::Read),
            _ => Some(Lock::Write),
        })
    }

    /// Frees everything that was locked through the description of `fd`.
    ///
    /// # Errors
    /// What the system says.
    pub fn unlock_all(fd: BorrowedFd<'_>) -> io::Result<()> {
        let all = libc::flock { l_len: 0, ..Self::at(0).range(0, libc::F_UNLCK)? };
        retry(|| fcntl(fd, FcntlArg::F_OFD_SETLK(&all)))?;
        Ok(())
    }

    fn range(self, byte: u64, kind: libc::c_int) -> io::Result<libc::flock> {
        let start = self.origin.checked_add(byte).and_then(|start| libc::off_t::try_from(start).ok());
        Ok(libc::flock {
            l_type: kind as libc::c_short,
            l_whence: libc::SEEK_SET as libc::c_short,
            l_start: start.ok_or(Errno::EOVERFLOW)?,
            l_len: 1,
            // The kernel requires 0 for locks of descriptions.
            l_pid: 0,
        })
    }
}

fn kind(lock: Lock) -> libc::c_int {
    match lock {
        Lock::Read => libc::F_RDLCK,
        Lock::Write => libc::F_WRLCK,
    }
}
