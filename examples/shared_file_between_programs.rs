//! A shared mapping of a file: a publisher and a subscriber that have nothing in common but a path.
//!
//! The ring is the file, mapped shared by each role, so it outlives both programs. Neither `write` nor a flush is
//! needed: a store is there for the other at once. In `/dev/shm` the file is memory alone.
//! The dangers: the file stays until it is removed, and a process that may write it can damage the ring.
//!
//! Run without arguments, this program makes a ring, starts itself as the subscriber and publishes. To see
//! it in two terminals, start `sub /dev/shm/example.ring` in one and `pub /dev/shm/example.ring` in the other,
//! in any order: `cargo run --example shared_file_between_programs -- sub /dev/shm/example.ring`. The ring stays,
//! closed: remove the file before the next time.

use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use ringway::{Config, Outcome, Ring, Start, file};

const MESSAGES: u64 = 1000;
const PATIENCE: Duration = Duration::from_secs(20);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["pub", path] => publish(path.as_ref()),
        ["sub", path] => subscribe(path.as_ref()),
        [] => both(),
        _ => Err("expected no arguments, `pub PATH` or `sub PATH`".into()),
    }
}

/// The process that comes first makes the ring.
fn config() -> Config {
    Config::new().slots(64).payload_capacity(48)
}

fn publish(path: &Path) -> Result<(), Box<dyn Error>> {
    let mut producer = file::open_or_create(path, &config())?.producer()?;
    // Optional: a ring without a consumer takes messages, too, and keeps the last 64 for observers.
    let deadline = Instant::now() + PATIENCE;
    while producer.consumer_count()? == 0 {
        if Instant::now() > deadline {
            return Err("nobody subscribed".into());
        }
        std::thread::yield_now();
    }
    for number in 0..MESSAGES {
        producer.publish_timeout(format!("message {number}").as_bytes(), PATIENCE)?;
    }
    producer.close()?;
    println!("published {MESSAGES} messages");
    Ok(())
}

fn subscribe(path: &Path) -> Result<(), Box<dyn Error>> {
    let ring = file::open_or_create(path, &config())?;
    let mut consumer = ring.consumer(Start::Oldest)?;
    let (mut received, mut last) = (0, String::new());
    loop {
        match consumer.recv_timeout(PATIENCE)? {
            Outcome::Message(message) => {
                last = String::from_utf8(message.to_vec())?;
                received += 1;
            }
            Outcome::Closed => break,
            other => return Err(format!("expected a message, got {other:?}").into()),
        }
    }
    println!("received {received} messages, the last was {last:?}");
    assert_eq!((received, last), (MESSAGES, format!("message {}", MESSAGES - 1)));
    Ok(())
}

fn both() -> Result<(), Box<dyn Error>> {
    let shm = Path::new("/dev/shm");
    let directory = if shm.is_dir() { tempfile::tempdir_in(shm)? } else { tempfile::tempdir()? };
    let path = directory.path().join("example.ring");

    let mut subscriber = Command::new(std::env::current_exe()?).arg("sub").arg(&path).spawn()?;
    let published = publish(&path);
    assert!(subscriber.wait()?.success());
    published?;
    println!("checked: another program received all {MESSAGES} messages by the ring's path alone");
    Ok(())
}
