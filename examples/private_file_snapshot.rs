//! A private mapping of a file (`MAP_PRIVATE`): a copy-on-write snapshot of a ring, which leaves the file untouched.
//!
//! The kernel copies a page of such a mapping when it is stored to, and the store stays in the copy.
//! `FileRing::snapshot` has every page copied, and keeps what is whole: the messages that the producer didn't overwrite
//! meanwhile. The danger: a page that wasn't copied goes on showing what others store, so a private mapping alone is no
//! snapshot. And the copy takes as much memory as the ring. `cargo run --example private_file_snapshot`

#![allow(unsafe_code, reason = "what is stored to the snapshot is unsafe: see the SAFETY comments")]

use std::error::Error;
use std::ffi::c_void;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread;

use nix::sys::mman::{ProtFlags, mprotect};
use ringway::file::{self, Snapshot};
use ringway::{Config, Outcome, Producer, Resume, Ring, Start};

const LENGTH: usize = 1000;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir())?;
    let path = directory.path().join("ring");
    let config = Config::new().slots(256).payload_capacity(LENGTH as u64);
    let mut producer = file::create(&path, &config)?.producer()?;
    for _ in 0..300 {
        publish(&mut producer);
    }
    let ring = file::open_read_only(&path)?;

    // Idle: all that the ring keeps, and not a byte of the file changes.
    let before = std::fs::read(&path)?;
    let snapshot = ring.snapshot()?;
    assert_eq!((snapshot.messages(), read(&snapshot)?), (44..300, 256));
    store(&path)?;
    assert!(matches!(read(&snapshot), Err(error) if error.to_string().contains("message 299")));
    assert_eq!(std::fs::read(&path)?, before);

    // While the producer goes on: whatever a snapshot holds is whole, and stays.
    let stop = AtomicBool::new(false);
    let whole = thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                publish(&mut producer);
            }
        });
        let whole: Result<u64, Box<dyn Error>> = (0..20).map(|_| read(&ring.snapshot()?)).sum();
        stop.store(true, Ordering::Relaxed);
        whole
    })?;
    assert_eq!(snapshot.messages(), 44..300);
    println!("20 snapshots of a running ring held {whole} messages");
    println!("checked: no message in a snapshot was torn, and what was stored to one never reached the file");
    Ok(())
}

fn publish(producer: &mut Producer) {
    let message = [producer.next_seq() as u8; LENGTH];
    producer.try_publish(&message).expect("no consumer holds it back");
}

/// Reads all messages of a snapshot, and makes sure of each byte. How many there were.
fn read(snapshot: &Snapshot) -> Result<u64, Box<dyn Error>> {
    let messages = snapshot.messages();
    let mut observer = snapshot.observer(Start::At(messages.start), Resume::OldestSafe)?;
    while let Outcome::Message(message) = observer.try_recv()? {
        if message[..] != [message.seq() as u8; LENGTH] {
            return Err(format!("message {} isn't as it was published", message.seq()).into());
        }
    }
    let received = observer.received();
    if received != messages.end - messages.start { Err("a message is missing".into()) } else { Ok(received) }
}

/// Stores a byte to message 299 of the snapshot, whose mappings are this process's only private ones of the file.
fn store(path: &Path) -> Result<(), Box<dyn Error>> {
    let maps = std::fs::read_to_string("/proc/self/maps")?;
    let path = path.to_str().ok_or("a path of text")?;
    // Several, if the file has holes.
    for line in maps.lines().filter(|line| line.ends_with(path) && line.contains("r--p")) {
        let (start, end) =
            line.split_once(' ').and_then(|(range, _)| range.split_once('-')).ok_or("a range")?;
        let (start, end) = (usize::from_str_radix(start, 16)?, usize::from_str_radix(end, 16)?);
        let base =
            NonNull::new(std::ptr::with_exposed_provenance_mut::<c_void>(start)).ok_or("an address")?;
        // The right to write, which the descriptor doesn't have: a private mapping needs none.
        // SAFETY: the mapping stays readable, which is all that its readers want.
        unsafe { mprotect(base, end - start, ProtFlags::PROT_READ | ProtFlags::PROT_WRITE) }?;
        // As long a run of its bytes as only the message has.
        let byte = |at: usize| {
            // SAFETY: within the mapping, which the snapshot keeps; its readers' accesses are atomic, too.
            unsafe { AtomicU8::from_ptr(std::ptr::with_exposed_provenance_mut(at)) }
        };
        let is_own =
            |at: &usize| (0..64).all(|next| byte(at + next).load(Ordering::Relaxed) == 299_u64 as u8);
        if let Some(at) = (start..end - 64).find(is_own) {
            byte(at).store(0, Ordering::Relaxed);
            return Ok(());
        }
    }
    Err("message 299 isn't in the snapshot".into())
}
