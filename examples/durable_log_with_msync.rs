//! `msync` of a shared file mapping: a log of timestamps that outlives its writer.
//!
//! A ring in a file lies in the kernel's page cache, so a killed writer takes nothing with it. A loss of power
//! does: `FileRing::flush` writes the pages to the disk, `Async` without waiting, `Sync` until they are there.
//! The dangers: a ring keeps its last lap alone, so the log must fit in it. A flush is no transaction: after a loss
//! of power only what was published before a `Sync` is sure, and only an observer may look
//! (`OpenOptions::allow_other_boot`). `cargo run --example durable_log_with_msync`

use std::error::Error;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::sys::signal::Signal;
use ringway::file::{self, Flush};
use ringway::{Config, Outcome, Resume, Ring, Start};

const MESSAGES: u64 = 50;
const PATIENCE: Duration = Duration::from_secs(20);

fn main() -> Result<(), Box<dyn Error>> {
    if let [_, path] = &std::env::args().collect::<Vec<_>>()[..] {
        return write(path.as_ref());
    }
    // Not in /dev/shm, which is no disk.
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("log");

    let mut program = Command::new(std::env::current_exe()?);
    let mut writer = program.arg(&path).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut said = String::new();
    BufReader::new(writer.stdout.take().ok_or("a pipe")?).read_line(&mut said)?;
    assert_eq!(said, "flushed\n");
    writer.kill()?;
    assert_eq!(writer.wait()?.signal(), Some(Signal::SIGKILL as i32));

    let mut log = file::open_read_only(&path)?.observer(Start::At(0), Resume::OldestSafe)?;
    let mut last = 0;
    while let Outcome::Message(message) = log.try_recv()? {
        let nanoseconds = u64::from_ne_bytes(message[..].try_into()?);
        assert!(nanoseconds >= last, "message {} is older than the one before", message.seq());
        last = nanoseconds;
    }
    assert_eq!((log.received(), log.lost()), (MESSAGES, 0));
    // The log says, too, how it ended.
    assert!(matches!(log.recv_timeout(PATIENCE)?, Outcome::ProducerLost));
    println!("checked: all {MESSAGES} timestamps read back in order, though their writer was killed");
    Ok(())
}

/// The writer, which has written everything and hangs.
fn write(path: &Path) -> Result<(), Box<dyn Error>> {
    let ring = file::create(path, &Config::new().slots(64).payload_capacity(8))?;
    let mut producer = ring.producer()?;
    let mut last = 0;
    for _ in 0..MESSAGES {
        // The clock of the day may be set back; the log's never is.
        last = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos())?.max(last);
        producer.publish(&last.to_ne_bytes())?;
        ring.flush(Flush::Async)?;
    }
    ring.flush(Flush::Sync)?;
    println!("flushed");
    // Its parent keeps this pipe open as long as it lives.
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
