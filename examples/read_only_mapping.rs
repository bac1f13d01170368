//! A read-only shared mapping of a file: an observer can't change a byte of the ring, nor can code gone wild.
//!
//! `file::open_read_only` opens the file for reading, and an observer maps it `r--s`. A store is a SIGSEGV, and
//! `mprotect` can't make the mapping writable, since the descriptor isn't, even for root.
//! The danger: a process that may write the file can open it once more. Give the file a mode that says which may.
//! `cargo run --example read_only_mapping`

#![allow(unsafe_code, reason = "what is shown to fail is unsafe: see the SAFETY comments")]

use std::error::Error;
use std::ffi::c_void;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use std::ptr::NonNull;

use nix::errno::Errno;
use nix::sys::mman::{ProtFlags, mprotect};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::Signal;
use ringway::{AttachError, Config, Resume, Ring, Start, file};

fn main() -> Result<(), Box<dyn Error>> {
    if let [_, path] = &std::env::args().collect::<Vec<_>>()[..] {
        return store(path.as_ref());
    }
    let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir())?;
    let path = directory.path().join("ring");
    file::create(&path, &Config::new())?.producer()?.publish(b"to be read")?;

    let ring = file::open_read_only(&path)?;
    let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe)?;
    assert_eq!(&*observer.try_recv()?.into_message().ok_or("one message")?, b"to be read");
    assert!(matches!(ring.producer(), Err(AttachError::ReadOnly { .. })));

    let (start, length, rights) = mapping(&path)?;
    assert_eq!((length as u64, &*rights), (ring.geometry().total_length(), "r--s"));
    let writable = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    // SAFETY: it fails; if it did not, the observer would still only read.
    let changed = unsafe { mprotect(start, length, writable) };
    assert_eq!(changed, Err(Errno::EACCES));

    let before = std::fs::read(&path)?;
    let status = Command::new(std::env::current_exe()?).arg(&path).status()?;
    assert_eq!(status.signal(), Some(Signal::SIGSEGV as i32));
    assert_eq!(std::fs::read(&path)?, before);
    println!(
        "checked: mapped {rights}, mprotect says EACCES, a store ended its process with SIGSEGV, no byte changed"
    );
    Ok(())
}

/// Another process, which observes, and stores to the ring all the same.
fn store(path: &Path) -> Result<(), Box<dyn Error>> {
    // It is to die, and to leave no core dump.
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    let _observer = file::open_read_only(path)?.observer(Start::Oldest, Resume::OldestSafe)?;
    let (start, ..) = mapping(path)?;
    // SAFETY: the page is mapped without the right to write, so the store ends the process and changes nothing.
    unsafe { start.cast::<u8>().write_volatile(1) };
    Err("a store to a read-only mapping went through".into())
}

/// This process's only mapping of the file: where it starts, its length in bytes, and its rights.
fn mapping(path: &Path) -> Result<(NonNull<c_void>, usize, String), Box<dyn Error>> {
    let maps = std::fs::read_to_string("/proc/self/maps")?;
    let path = path.to_str().ok_or("a path of text")?;
    let mut found = maps.lines().filter(|line| line.ends_with(path));
    let (Some(line), None) = (found.next(), found.next()) else { return Err("expected one mapping".into()) };
    let mut fields = line.split_whitespace();
    let (range, rights) = (fields.next().ok_or("a range")?, fields.next().ok_or("rights")?);
    let (start, end) = range.split_once('-').ok_or("two ends")?;
    let (start, end) = (usize::from_str_radix(start, 16)?, usize::from_str_radix(end, 16)?);
    let base = NonNull::new(std::ptr::with_exposed_provenance_mut(start)).ok_or("an address")?;
    Ok((base, end - start, rights.to_owned()))
}
