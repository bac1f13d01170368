//! A file that is cut short under a live mapping: an error rather than the end of the process.
//!
//! Touching a page behind the file's end is a SIGBUS, which ends a process. After `file::guard_truncation` a
//! role whose file was cut short says `Truncated`, and the process goes on.
//! The dangers: without the guard any process that may write the file can end all others that map it. With it, one
//! publish may still say `Ok` of a message that went nowhere. A memfd is sealed, and can't be cut short at all.
//! `cargo run --example truncation_under_a_mapping`

use std::error::Error;
use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::Signal;
use ringway::{Config, Outcome, PublishError, RecvError, Ring, Start, file};

fn main() -> Result<(), Box<dyn Error>> {
    if let [_, path] = &std::env::args().collect::<Vec<_>>()[..] {
        // It is to die, and to leave no core dump.
        setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
        return truncated(path.as_ref());
    }
    let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir())?;

    let unguarded = directory.path().join("unguarded");
    let status = Command::new(std::env::current_exe()?).arg(&unguarded).status()?;
    assert_eq!(status.signal(), Some(Signal::SIGBUS as i32));

    // Before the roles are taken.
    file::guard_truncation()?;
    truncated(&directory.path().join("guarded"))?;

    // Nothing is left of it in this process.
    let ring = file::create(directory.path().join("another"), &Config::new())?;
    let mut consumer = ring.consumer(Start::Oldest)?;
    ring.producer()?.publish(b"still here")?;
    assert!(matches!(consumer.try_recv()?, Outcome::Message(message) if *message == *b"still here"));
    println!(
        "checked: without the guard SIGBUS ended the process; with it each role said `Truncated`, and life went on"
    );
    Ok(())
}

/// Makes a ring in a new file, cuts the file short under its roles, and goes on using them.
fn truncated(path: &Path) -> Result<(), Box<dyn Error>> {
    let ring = file::create(path, &Config::new())?;
    let (mut producer, mut consumer) = (ring.producer()?, ring.consumer(Start::Oldest)?);
    producer.publish(b"before")?;
    assert!(matches!(consumer.try_recv()?, Outcome::Message(_)));

    File::options().write(true).open(path)?.set_len(0)?;
    assert!(matches!(consumer.try_recv(), Err(RecvError::Truncated(_))));
    // The first may have gone nowhere unnoticed; from the second on it is known.
    let _ = producer.try_publish(b"lost");
    assert!(matches!(producer.try_publish(b"known to be lost"), Err(PublishError::Truncated(_))));
    Ok(())
}
