//! A shared mapping of a part of a file: two rings beside each other, behind what the application keeps there.
//!
//! `OpenOptions::offset` says where a ring starts. Each ring has locks, a geometry and an end of its own. Ringway
//! makes one only where there is nothing but zeros, and leaves all other bytes of the file alone.
//! The danger is the rest of the file, which belongs to the application: cutting it short takes the rings with it,
//! and `file::remove` removes all of it. `cargo run --example ring_at_an_offset`

use ringway::file::{FileError, OpenOptions};
use ringway::{Config, Outcome, Ring, Start};

/// What the application keeps at the start of its file: a multiple of any page size.
const OWN: u64 = 1 << 16;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir())?;
    let path = directory.path().join("application.data");
    let own = vec![b'#'; OWN as usize];
    std::fs::write(&path, &own)?;

    let config = Config::new().slots(64).payload_capacity(48);
    let quotes = OpenOptions::new().offset(OWN).create(&path, &config)?;
    let behind = OWN + quotes.geometry().total_length();
    let trades = OpenOptions::new().offset(behind).create(&path, &config)?;
    assert_eq!(std::fs::metadata(&path)?.len(), behind + trades.geometry().total_length());

    // Neither over another ring, nor over anything else.
    match OpenOptions::new().offset(behind).create(&path, &config) {
        Err(FileError::Overlap { other_offset, .. }) => assert_eq!(other_offset, behind),
        other => panic!("there is a ring already, but got {other:?}"),
    }
    let one_slot = Config::new().slots(2).payload_capacity(8).max_consumers(1);
    let taken = OpenOptions::new().offset(0).create(&path, &one_slot);
    assert!(matches!(taken, Err(FileError::NotEmpty { at: 0, .. } | FileError::Overlap { .. })));

    // Two streams that know nothing of each other.
    for (name, offset, end) in [("quotes", OWN, true), ("trades", behind, false)] {
        let mut producer = OpenOptions::new().offset(offset).open(&path)?.producer()?;
        producer.publish(name.as_bytes())?;
        if end {
            producer.close()?;
        }
    }
    let mut readers = [quotes.consumer(Start::Oldest)?, trades.consumer(Start::Oldest)?];
    for (reader, name) in readers.iter_mut().zip(["quotes", "trades"]) {
        let message = reader.try_recv()?.into_message().ok_or("one message each")?;
        assert_eq!(&*message, name.as_bytes());
    }
    let [quotes, trades] = &mut readers;
    assert!(matches!(quotes.try_recv()?, Outcome::Closed));
    assert!(matches!(trades.try_recv()?, Outcome::Empty));

    assert_eq!(std::fs::read(&path)?[..own.len()], own);
    println!(
        "checked: rings at {OWN} and {behind} of one file, each with its own stream; the first {OWN} bytes unchanged"
    );
    Ok(())
}
