//! Each system call of each operation fails once, with each of several errors: the operation returns an error
//! or succeeds after all, leaves nothing behind, and succeeds the next time.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs::{self, File};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::wait::WaitStatus;
use ringway::anon::{self, AnonRing};
use ringway::file::{Advice, FileRing, Flush, OpenOptions};
use ringway::memfd::{self, MemfdRing};
use ringway::{Resume, Ring, Start};
use ringway_file::placement::{Lock, LockTable};
use testkit::files::{contents, small};
use testkit::tracing;
use testkit::tracing::{Call, Verdict, opens_unnamed};

#[cfg(target_arch = "x86_64")]
const OPENING: &[i64] = &[libc::SYS_open, libc::SYS_openat];
#[cfg(not(target_arch = "x86_64"))]
const OPENING: &[i64] = &[libc::SYS_openat];

/// What fails, by the calls that it is made of.
const FAULTS: &[(&str, &[i64])] = &[
    ("mmap", &[libc::SYS_mmap]),
    ("mremap", &[libc::SYS_mremap]),
    ("mprotect", &[libc::SYS_mprotect]),
    ("madvise", &[libc::SYS_madvise]),
    ("msync", &[libc::SYS_msync]),
    ("fallocate", &[libc::SYS_fallocate]),
    ("ftruncate", &[libc::SYS_ftruncate]),
    ("fcntl", &[libc::SYS_fcntl]),
    ("open", OPENING),
    ("fstat", &[libc::SYS_fstat, libc::SYS_newfstatat, libc::SYS_statx]),
    ("fstatfs", &[libc::SYS_fstatfs]),
    ("fchmod", &[libc::SYS_fchmod]),
    ("link", &[libc::SYS_linkat]),
    ("rename", &[libc::SYS_renameat2]),
    ("unlink", &[libc::SYS_unlinkat]),
    ("read", &[libc::SYS_read, libc::SYS_pread64, libc::SYS_getdents64, libc::SYS_lseek]),
    ("write", &[libc::SYS_pwrite64]),
    ("getrandom", &[libc::SYS_getrandom]),
    ("memfd_create", &[libc::SYS_memfd_create]),
    ("sendmsg", &[libc::SYS_sendmsg]),
    ("recvmsg", &[libc::SYS_recvmsg]),
    ("mlock", &[libc::SYS_mlock]),
];

/// What a signal can interrupt, and is done again then.
const INTERRUPTED: [&str; 3] = ["open", "fcntl", "fallocate"];

const ERRORS: [Errno; 5] = [Errno::ENOSPC, Errno::ENOMEM, Errno::EMFILE, Errno::EPERM, Errno::EINTR];

type Done = Result<(), Box<dyn Error>>;

/// What an operation finds.
enum Given {
    Nothing,
    File(FileRing),
    Anonymous(AnonRing),
    Memfd(MemfdRing),
}

impl Given {
    fn ring(&self) -> &dyn Roles {
        match self {
            Given::Nothing => unreachable!("no operation on a ring is given none"),
            Given::File(ring) => ring,
            Given::Anonymous(ring) => ring,
            Given::Memfd(ring) => ring,
        }
    }

    fn memfd(&self) -> &MemfdRing {
        match self {
            Given::Memfd(ring) => ring,
            _ => unreachable!("a ring in a memfd"),
        }
    }
}

/// The roles, of whatever ring.
trait Roles {
    fn produce(&self) -> Done;
    fn consume(&self) -> Done;
    fn observe(&self) -> Done;
}

impl<R: Ring> Roles for R {
    fn produce(&self) -> Done {
        self.producer()?.publish(b"on")?;
        Ok(())
    }

    fn consume(&self) -> Done {
        self.consumer(Start::Latest)?.producer_alive()?;
        Ok(())
    }

    fn observe(&self) -> Done {
        self.observer(Start::Oldest, Resume::Latest)?.producer_alive()?;
        Ok(())
    }
}

/// An operation: what it finds, and what it does.
type Operation = (&'static str, fn(&Path) -> Given, fn(&Path, &Given) -> Done);

const OPERATIONS: &[Operation] = &[
    ("create", nothing, |path, _| done(ringway::file::create(path, &small()))),
    ("open_or_create", nothing, |path, _| done(ringway::file::open_or_create(path, &small()))),
    ("create_at_an_offset", larger_file, |path, _| done(at_64k().create(path, &small()))),
    ("open_or_create_at_an_offset", larger_file, |path, _| done(at_64k().open_or_create(path, &small()))),
    ("open", closed_ring, |path, _| done(ringway::file::open(path))),
    ("open_read_only", closed_ring, |path, _| done(ringway::file::open_read_only(path))),
    ("remove", closed_ring, |path, _| Ok(ringway::file::remove(path)?)),
    ("flush", file_ring, |_, given| match given {
        Given::File(ring) => Ok(ring.flush(Flush::Sync)?),
        _ => unreachable!("a ring in a file"),
    }),
    ("file_producer", file_ring, |_, given| given.ring().produce()),
    ("file_consumer", file_ring, |_, given| given.ring().consume()),
    ("file_observer", file_ring, |_, given| given.ring().observe()),
    ("file_producer_with_options", file_ring_with_options, |_, given| given.ring().produce()),
    ("memfd_create", nothing, |_, _| done(memfd::create(&small()))),
    ("memfd_open", memfd_ring, |_, given| {
        // A duplicate that has to be made again is none of the ring's business.
        let duplicate = || given.memfd().as_fd().try_clone_to_owned();
        done(memfd::open(duplicate().or_else(|_| duplicate())?))
    }),
    ("memfd_send_and_receive", memfd_ring, |_, given| {
        let (here, there) = UnixStream::pair()?;
        // What a fault keeps from being sent must not be waited for.
        there.set_read_timeout(Some(Duration::from_secs(5)))?;
        given.memfd().send(&here)?;
        done(memfd::receive(&there))
    }),
    ("memfd_read_only", memfd_ring, |_, given| done(given.memfd().read_only())),
    ("memfd_producer", memfd_ring, |_, given| given.ring().produce()),
    ("memfd_consumer", memfd_ring, |_, given| given.ring().consume()),
    ("memfd_observer", memfd_ring, |_, given| given.ring().observe()),
    ("guarded_consumer", guarded_file_ring, |_, given| given.ring().consume()),
    ("anon_create", nothing, |_, _| done(anon::create(&small()))),
    ("anon_producer", anonymous_ring, |_, given| given.ring().produce()),
    ("anon_consumer", anonymous_ring, |_, given| given.ring().consume()),
    ("anon_observer", anonymous_ring, |_, given| given.ring().observe()),
];

fn done<T, E: Error + 'static>(result: Result<T, E>) -> Done {
    result?;
    Ok(())
}

fn nothing(_: &Path) -> Given {
    Given::Nothing
}

fn larger_file(path: &Path) -> Given {
    File::create(path).expect("a file").write_all_at(b"somebody else's", 4096).expect("room");
    Given::Nothing
}

fn closed_ring(path: &Path) -> Given {
    drop(ringway::file::create(path, &small()).expect("a ring"));
    Given::Nothing
}

fn file_ring(path: &Path) -> Given {
    Given::File(ringway::file::create(path, &small()).expect("a ring"))
}

fn file_ring_with_options(path: &Path) -> Given {
    let options = OpenOptions::new().populate(true).lock_memory(true).advice(Advice::WillNeed);
    Given::File(options.create(path, &small()).expect("a ring"))
}

/// A ring whose roles are guarded against truncation. One was taken before, since the guard's table stays.
fn guarded_file_ring(path: &Path) -> Given {
    ringway::file::guard_truncation().expect("a handler");
    let given = file_ring(path);
    given.ring().consume().expect("a cell");
    given
}

fn memfd_ring(_: &Path) -> Given {
    Given::Memfd(memfd::create(&small()).expect("a ring"))
}

fn anonymous_ring(_: &Path) -> Given {
    Given::Anonymous(anon::create(&small()).expect("a ring"))
}

fn at_64k() -> OpenOptions {
    OpenOptions::new().offset(64 << 10)
}

fn main() {
    let mut tests: Vec<(String, Box<dyn FnOnce() + Send>)> = Vec::new();
    for operation in OPERATIONS {
        tests.push((operation.0.into(), Box::new(move || fail_everywhere(operation, false))));
    }
    for operation in OPERATIONS.iter().filter(|(name, ..)| *name == "create") {
        let name = format!("{}_where_every_file_has_a_name", operation.0);
        tests.push((name, Box::new(move || fail_everywhere(operation, true))));
    }
    tracing::run(tests);
}

/// Fails the nth call of each kind with each error, for every n that there is.
fn fail_everywhere(operation: &'static Operation, named: bool) {
    let made = calls(operation, named);
    let mut faults = BTreeMap::new();
    for &(kind, calls) in FAULTS.iter().filter(|(_, calls)| made.iter().any(|call| calls.contains(call))) {
        // As many as there are whatever the error is: none has been failed before.
        let with_each =
            |&nth: &usize| ERRORS.iter().all(|&error| fail(operation, named, calls, nth, kind, error));
        faults.insert(kind, (0..).take_while(with_each).count() * ERRORS.len());
    }
    println!("{} faults: {faults:?}", faults.values().sum::<usize>());
    assert!(!faults.is_empty());
}

/// The calls that an operation makes if none fails but the named one.
fn calls(operation: &Operation, named: bool) -> BTreeSet<i64> {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("ring");
    let mut made = BTreeSet::new();
    let note = |call: &Call| {
        made.insert(call.number);
        if call.is_entry && named && opens_unnamed(call) {
            return Verdict::Fail(Errno::EOPNOTSUPP);
        }
        Verdict::Go
    };
    let ended = tracing::traced(|| once_and_again(operation, &path, true), note);
    assert!(matches!(ended, WaitStatus::Exited(_, 0)), "undisturbed: {ended:?}");
    made
}

/// Fails the nth of the calls, counted from 0, with `error`; `false` if there weren't as many.
fn fail(operation: &Operation, named: bool, calls: &[i64], nth: usize, kind: &str, error: Errno) -> bool {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("ring");
    let (mut seen, mut failed) = (0, false);
    let decide = |call: &Call| {
        if !call.is_entry {
            return Verdict::Go;
        }
        if named && opens_unnamed(call) {
            return Verdict::Fail(Errno::EOPNOTSUPP);
        }
        if calls.contains(&call.number) {
            seen += 1;
            if seen == nth + 1 {
                failed = true;
                return Verdict::Fail(error);
            }
        }
        Verdict::Go
    };
    let must_succeed = error == Errno::EINTR && INTERRUPTED.contains(&kind);
    let ended = tracing::traced(|| once_and_again(operation, &path, must_succeed), decide);
    assert!(matches!(ended, WaitStatus::Exited(_, 0)), "{kind} number {nth} fails with {error}: {ended:?}");
    failed
}

/// In the child: the operation with the fault, what it left, and the operation without.
fn once_and_again(&(_, prepare, operate): &Operation, path: &Path, must_succeed: bool) {
    let directory = path.parent().expect("a directory");
    let mut given = prepare(path);
    let before = (contents(directory), Left::now(path));
    tracing::begin();
    let result = operate(path, &given);
    tracing::end();
    match &result {
        Err(error) => {
            assert!(!must_succeed, "{error}");
            assert!(!error.to_string().is_empty());
            assert_eq!(
                contents(directory).keys().collect::<Vec<_>>(),
                before.0.keys().collect::<Vec<_>>(),
                "{error}"
            );
            assert!(contents(directory) == before.0, "a file has changed, and yet: {error}");
            assert_eq!(Left::now(path), before.1, "{error}");
        }
        Ok(()) => {
            assert_eq!(Left::now(path).without_locks(), before.1.without_locks());
            drop(given);
            let _ = fs::remove_file(path);
            given = prepare(path);
        }
    }
    let before = Left::now(path).without_locks();
    operate(path, &given).unwrap_or_else(|again| panic!("{result:?}, and then {again}"));
    assert_eq!(Left::now(path).without_locks(), before);
}

/// What a process can leave behind but files.
#[derive(PartialEq, Debug)]
struct Left {
    descriptors: usize,
    /// Those of rings, and addresses that were reserved.
    mappings: Vec<String>,
    locks: Vec<Option<Lock>>,
}

impl Left {
    fn now(path: &Path) -> Self {
        let descriptors = fs::read_dir("/proc/self/fd").expect("procfs").count();
        let maps = fs::read_to_string("/proc/self/maps").expect("procfs");
        let directory = path.parent().and_then(Path::to_str).expect("UTF-8");
        let of_rings = |line: &&str| {
            line.contains(directory)
                || line.contains("/dev/zero")
                || line.contains("/memfd:")
                || line.contains(" ---p 00000000 00:00 0")
        };
        let mappings = maps.lines().filter(of_rings).map(String::from).collect();
        let mut locks = Vec::new();
        if let Ok(file) = File::open(path) {
            for offset in [0, 64 << 10] {
                let held = |byte| LockTable::at(offset).held(file.as_fd(), byte).expect("an answer");
                locks.extend((0..8).map(held));
            }
        }
        Self { descriptors, mappings, locks }
    }

    fn without_locks(mut self) -> Self {
        self.locks.clear();
        self
    }
}
