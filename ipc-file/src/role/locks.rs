//! The locks of one role.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use ringway_core::placement::layout::{cell_looks_shown, cell_looks_taken};
use ringway_core::placement::{HandleStatus, RoleHint};
use ringway_core::{AttachError, Forked};

use crate::locks::descriptors::{self, RoleDescriptor, os};
use crate::locks::{Lock, LockTable};
use crate::map::{Span, page_size};

/// How often a lock that falls free just when it is asked about is tried again.
const ATTEMPTS: u32 = 100;

/// How long a remover of the ring may take to finish.
const REMOVAL: Duration = Duration::from_millis(200);

/// The locks of one handle, on an open file description of its own. Dropping it frees them.
#[derive(Debug)]
pub struct RoleLocks {
    /// Keeps the locks if other code closes the descriptor; before it, so that they are free once it is dropped.
    pin: Option<Span>,
    descriptor: RoleDescriptor,
    table: LockTable,
    /// The byte that this handle holds for writing.
    own: Option<u64>,
}

/// What came of the attempt to lock a role's byte.
enum Taken {
    Yes,
    ByRole,
    ByReader,
}

impl RoleLocks {
    /// Takes the producer's lock. `recorded` tells what the producer page says of the producer.
    ///
    /// # Errors
    /// `ProducerTaken`, `LockHeldByReader`, `ProcUnavailable`, `Os`.
    pub fn producer(
        source: BorrowedFd<'_>,
        table: LockTable,
        recorded: impl FnOnce() -> RoleHint,
    ) -> Result<Self, AttachError> {
        let mut locks = Self::present(source, table, OFlag::O_RDWR)?;
        match locks.take(LockTable::PRODUCER)? {
            Taken::Yes => Ok(locks),
            Taken::ByRole => {
                let RoleHint { pid, uid, name } = recorded();
                Err(AttachError::ProducerTaken { pid, uid, name })
            }
            Taken::ByReader => Err(AttachError::LockHeldByReader { byte: LockTable::PRODUCER }),
        }
    }

    /// Takes the lock of any of the first `cells` cells; returns which. Those that look taken, by the words that `word`
    /// gives, are tried last: a word is a hint, by which a dead consumer's cell looks taken too.
    ///
    /// # Errors
    /// `NoFreeCell`; `LockHeldByReader` if none is free and some are only held for reading;
    /// `ProcUnavailable`, `Os`.
    pub fn consumer(
        source: BorrowedFd<'_>,
        table: LockTable,
        cells: u64,
        word: impl Fn(usize) -> u64,
    ) -> Result<(Self, usize), AttachError> {
        let mut locks = Self::present(source, table, OFlag::O_RDWR)?;
        let (mut by_reader, mut observers) = (None, 0);
        let all = 0..usize::try_from(cells).unwrap_or(usize::MAX);
        // The kernel walks all the locks of the file for each question. So the cells that look free are tried first.
        let (taken, free): (Vec<usize>, Vec<usize>) = all.partition(|&cell| cell_looks_taken(word(cell)));
        for cell in free.into_iter().chain(taken) {
            let byte = LockTable::cell(cell);
            match locks.take(byte)? {
                Taken::Yes => return Ok((locks, cell)),
                Taken::ByRole => observers += u64::from(cell_looks_shown(word(cell))),
                Taken::ByReader => by_reader = by_reader.or(Some(byte)),
            }
        }
        Err(match by_reader {
            Some(byte) => AttachError::LockHeldByReader { byte },
            None => AttachError::NoFreeCell { max: cells, observers },
        })
    }

    /// Takes the lock of the highest of `cells` cells that is free, for an observer that shows itself there; returns
    /// which. The lower half is left to consumers.
    ///
    /// # Errors
    /// `NoCellToShow`, `ProcUnavailable`, `Os`.
    pub fn shown(source: BorrowedFd<'_>, table: LockTable, cells: u64) -> Result<(Self, usize), AttachError> {
        let mut locks = Self::present(source, table, OFlag::O_RDWR)?;
        for cell in (cells.div_ceil(2)..cells).rev() {
            let cell = cell as usize;
            if let Taken::Yes = locks.take(LockTable::cell(cell))? {
                return Ok((locks, cell));
            }
        }
        Err(AttachError::NoCellToShow { max: cells, shown: cells / 2 })
    }

    /// Takes what an observer needs: presence, and a descriptor that can't write.
    ///
    /// # Errors
    /// `ProcUnavailable`, `Os`.
    pub fn observer(source: BorrowedFd<'_>, table: LockTable) -> Result<Self, AttachError> {
        Self::present(source, table, OFlag::O_RDONLY)
    }

    /// Takes what a waker needs: presence, and a descriptor that can write.
    ///
    /// # Errors
    /// `ProcUnavailable`, `Os`.
    pub fn waker(source: BorrowedFd<'_>, table: LockTable) -> Result<Self, AttachError> {
        Self::present(source, table, OFlag::O_RDWR)
    }

    fn present(source: BorrowedFd<'_>, table: LockTable, access: OFlag) -> Result<Self, AttachError> {
        let descriptor = RoleDescriptor::reopen(source, access)?;
        let present =
            table.lock_within(descriptor.fd()?, LockTable::PRESENCE, Lock::Read, REMOVAL).map_err(locking)?;
        if !present {
            let action = "taking the ring's presence lock, which a process that removes the ring holds,";
            return Err(AttachError::Os { action, error: Errno::EAGAIN.into() });
        }
        Ok(Self { pin: None, descriptor, table, own: None })
    }

    /// Keeps the locks as long as this handle lives, whatever becomes of its descriptor: other code of the process
    /// may close it. A mapping of the file does that; this is for files that nothing else maps. It maps a page,
    /// which nobody touches.
    ///
    /// # Errors
    /// `Os`, `Forked`.
    pub fn pin(&mut self) -> Result<(), AttachError> {
        let action = "keeping the ring's locks by a mapping";
        let mut span = Span::reserve(page_size(), page_size()).map_err(os(action))?;
        span.map_file(span.whole(), self.fd()?, 0, false).map_err(os(action))?;
        span.keep_out_of_dumps().map_err(os(action))?;
        self.pin = Some(span);
        Ok(())
    }

    fn take(&mut self, byte: u64) -> Result<Taken, AttachError> {
        let fd = self.descriptor.fd()?;
        for _ in 0..ATTEMPTS {
            if self.table.try_lock(fd, byte, Lock::Write).map_err(locking)? {
                self.own = Some(byte);
                return Ok(Taken::Yes);
            }
            match self.table.held(fd, byte).map_err(locking)? {
                Some(Lock::Write) => return Ok(Taken::ByRole),
                Some(Lock::Read) => return Ok(Taken::ByReader),
                // It fell free meanwhile.
                None => {}
            }
        }
        Ok(Taken::ByRole)
    }

    /// The descriptor that the locks are held by.
    ///
    /// # Errors
    /// `Forked` in a child forked since.
    pub fn fd(&self) -> Result<BorrowedFd<'_>, Forked> {
        self.descriptor.fd()
    }

    /// Whether some description, this one included, holds the producer's lock.
    pub fn producer_alive(&self) -> bool {
        self.alive(LockTable::PRODUCER)
    }

    /// Whether some description, this one included, holds the lock of `cell`.
    pub fn cell_alive(&self, cell: usize) -> bool {
        self.alive(LockTable::cell(cell))
    }

    /// Frees the lock of the role, and keeps what else there is, until this is dropped. Whether it did: not in a
    /// forked child, whose parent's lock it is, nor if other code of the process has closed the descriptor.
    pub fn free_own(&self) -> bool {
        match (self.own, self.fd()) {
            (Some(byte), Ok(fd)) if self.descriptor.is_intact() => {
                let freed = self.table.unlock(fd, byte).is_ok();
                // This description stays open for a while yet. A standby is told of one that is closed, be it this one.
                descriptors::tell_of_a_closing(fd);
                freed
            }
            _ => false,
        }
    }

    /// The word that tells the process that took these locks from its forked children.
    pub fn handle_status(&self) -> HandleStatus {
        self.descriptor.handle_status()
    }

    fn alive(&self, byte: u64) -> bool {
        // The kernel never tells a description of its own locks.
        if self.own == Some(byte) {
            return true;
        }
        let held = self.fd().map(|fd| self.table.held(fd, byte));
        match held {
            // "Nobody" counts only if it was asked of the right file.
            Ok(Ok(None | Some(Lock::Read))) => !self.descriptor.is_intact(),
            // Nobody is declared dead for want of an answer.
            _ => true,
        }
    }
}

fn locking(error: io::Error) -> AttachError {
    AttachError::Os { action: "locking a byte of the ring's file", error }
}
