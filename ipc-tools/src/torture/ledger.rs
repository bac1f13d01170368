//! The processes' accounts, in memory that outlives them.
//!
//! # Safety
//!
//! The words are those of one shared mapping of a file that nobody else has and that never shrinks. It is never
//! unmapped, and only ever accessed as atomics.

#![allow(unsafe_code)]
#![allow(clippy::disallowed_types, reason = "these words belong to no ring")]

use std::fs::File;
use std::num::NonZeroUsize;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::mman::{MapFlags, ProtFlags, mmap};
use nix::time::{ClockId, clock_gettime};
use ringway::file::Shown;

/// Words before the first account: number of accounts, phase, holder.
const GLOBALS: usize = 16;
/// Words of an account.
const ENTRIES: usize = 16;

/// Laps of messages whose content is remembered. A reader is never further behind than one.
const LAPS: u64 = 4;
/// Of a remembered message's word: which bits tell its lap, and which its content.
const LAP_BITS: u32 = 24;
const CONTENT_BITS: u32 = 64 - LAP_BITS;
/// Set in the content of every message, so that a word that is 0 remembers none.
const PRESENT: u64 = 1 << (CONTENT_BITS - 1);

/// How far the run is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Phase {
    /// Everybody does what their role is.
    Running,
    /// Producers that wait for the ring leave.
    NoSuccession,
    /// The producer closes the ring, and readers read to its end.
    Closing,
}

/// What an account says. Errors add up over all the processes that have had the account; the rest is of one.
#[derive(Clone, Copy)]
pub(super) enum Entry {
    /// 1 once the process has its role.
    Ready,
    /// The first message that a reader reads.
    Start,
    /// The next one.
    Next,
    /// Number of messages that a reader got.
    Received,
    /// Number of messages that an observer was told it lost.
    Lost,
    /// The same, of all the processes before this one.
    ReceivedBefore,
    LostBefore,
    /// When a producer began to watch for the ring to fall free, when it found it free, and when it had it: see
    /// [`now`].
    Watching,
    Freed,
    Taken,
    /// Number of times that a producer found no room in time.
    Full,
    Torn,
    Duplicated,
    Reordered,
    Missed,
    Uncounted,
}

/// The entries that start anew with each process.
const OWN: [Entry; 8] = [
    Entry::Ready,
    Entry::Start,
    Entry::Next,
    Entry::Received,
    Entry::Lost,
    Entry::Watching,
    Entry::Freed,
    Entry::Taken,
];

/// All accounts, and what every message was like.
pub(super) struct Ledger {
    memory: OwnedFd,
    words: &'static [AtomicU64],
}

/// One process's account.
#[derive(Clone, Copy)]
pub(super) struct Desk(&'static [AtomicU64]);

impl Ledger {
    /// An empty one.
    pub(super) fn new(desks: usize, slots: u64) -> anyhow::Result<Self> {
        let memory: File = memfd_create(c"ringway-torture-ledger", MFdFlags::MFD_CLOEXEC)
            .context("can't make memory to share")?
            .into();
        let length = (GLOBALS + desks * ENTRIES) as u64 + LAPS * slots;
        memory.set_len(length * 8).context("can't make memory to share")?;
        let ledger = Self::map(memory)?;
        ledger.words[0].store(desks as u64, Ordering::Relaxed);
        Ok(ledger)
    }

    /// The one at `path`, which another process made.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let memory = File::options().read(true).write(true).open(path);
        Self::map(memory.with_context(|| format!("can't open {}", Shown(path)))?)
    }

    fn map(memory: File) -> anyhow::Result<Self> {
        let length = usize::try_from(memory.metadata()?.len())?;
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        let size = NonZeroUsize::new(length).context("the ledger is empty")?;
        // SAFETY: a new mapping, where the kernel finds room.
        let base = unsafe { mmap(None, size, access, MapFlags::MAP_SHARED, &memory, 0) };
        let base = base.context("can't map the ledger")?.cast::<AtomicU64>();
        // SAFETY: `length` bytes were just mapped, aligned to a page, and stay; all accesses are atomic.
        let words = unsafe { std::slice::from_raw_parts(base.as_ptr(), length / 8) };
        Ok(Self { memory: memory.into(), words })
    }

    /// Where other processes of this user can open it, as long as this process lives.
    pub(super) fn path(&self) -> PathBuf {
        format!("/proc/{}/fd/{}", std::process::id(), self.memory.as_raw_fd()).into()
    }

    fn desks(&self) -> usize {
        self.words[0].load(Ordering::Relaxed) as usize
    }

    pub(super) fn desk(&self, number: usize) -> Desk {
        assert!(number < self.desks(), "account {number}");
        Desk(&self.words[GLOBALS + number * ENTRIES..][..ENTRIES])
    }

    pub(super) fn phase(&self) -> Phase {
        match self.words[1].load(Ordering::Acquire) {
            0 => Phase::Running,
            1 => Phase::NoSuccession,
            _ => Phase::Closing,
        }
    }

    pub(super) fn set_phase(&self, phase: Phase) {
        self.words[1].store(phase as u64, Ordering::Release);
    }

    /// The last producer that got the ring: number of its account, and which process of that account it is.
    pub(super) fn holder(&self) -> Option<(usize, u64)> {
        let word = self.words[2].load(Ordering::Acquire);
        let desk = usize::from((word as u16).checked_sub(1)?);
        Some((desk, word >> 16))
    }

    /// A reader that sees this sees what the process wrote to its account before.
    pub(super) fn set_holder(&self, desk: usize, life: u64) {
        self.words[2].store(life << 16 | (desk as u64 + 1), Ordering::Release);
    }

    /// Whether a message has the content that every other reader found under its number. The first reader
    /// decides what that is.
    pub(super) fn agree(&self, seq: u64, sum: u64) -> bool {
        let table = &self.words[GLOBALS + self.desks() * ENTRIES..];
        let size = table.len() as u64;
        let word = &table[(seq % size) as usize];
        let lap = (seq / size) & ((1 << LAP_BITS) - 1);
        let own = lap << CONTENT_BITS | PRESENT | sum & (PRESENT - 1);
        let mut found = word.load(Ordering::Relaxed);
        loop {
            let ahead = (found >> CONTENT_BITS).wrapping_sub(lap) & ((1 << LAP_BITS) - 1);
            if found != 0 && ahead == 0 {
                return found == own;
            }
            // A later message's, in which case there is nothing left to compare with.
            if found != 0 && ahead < 1 << (LAP_BITS - 1) {
                return true;
            }
            match word.compare_exchange_weak(found, own, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(other) => found = other,
            }
        }
    }
}

impl Desk {
    pub(super) fn get(self, entry: Entry) -> u64 {
        self.0[entry as usize].load(Ordering::Acquire)
    }

    pub(super) fn set(self, entry: Entry, value: u64) {
        self.0[entry as usize].store(value, Ordering::Release);
    }

    /// One process writes an account at a time.
    pub(super) fn add(self, entry: Entry, n: u64) {
        self.set(entry, self.get(entry) + n);
    }

    /// Prepares the account for a new process.
    pub(super) fn begin(self) {
        self.add(Entry::ReceivedBefore, self.get(Entry::Received));
        self.add(Entry::LostBefore, self.get(Entry::Lost));
        for entry in OWN {
            self.set(entry, 0);
        }
    }
}

/// The time, in nanoseconds, on a clock that all processes share.
pub(super) fn now() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("a clock that every Linux has");
    time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_are_compared_while_they_are_remembered() {
        let ledger = Ledger::new(3, 8).unwrap();
        assert!(ledger.agree(5, 0xabc));
        assert!(ledger.agree(5, 0xabc));
        assert!(!ledger.agree(5, 0xabd));
        let later = 5 + 8 * LAPS;
        assert!(ledger.agree(later, 1) && !ledger.agree(later, 2));
        assert!(ledger.agree(5, 3), "forgotten");
        assert!(ledger.agree(0, 0) && !ledger.agree(0, 1));
    }

    #[test]
    fn another_process_finds_the_accounts_by_their_path() {
        let ledger = Ledger::new(2, 8).unwrap();
        ledger.desk(1).set(Entry::Uncounted, 7);
        ledger.set_holder(1, 300);
        let other = Ledger::open(&ledger.path()).unwrap();
        assert_eq!(other.desk(1).get(Entry::Uncounted), 7);
        assert_eq!(other.holder(), Some((1, 300)));
        other.desk(1).begin();
        assert_eq!(ledger.desk(1).get(Entry::Uncounted), 7, "errors stay");
        other.set_phase(Phase::Closing);
        assert_eq!(ledger.phase(), Phase::Closing);
    }
}
