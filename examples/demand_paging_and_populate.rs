//! Demand paging: a mapping is empty until it is touched, and the first touch of each page is a fault.
//!
//! A role maps its ring without its pages, so the first lap faults, once for a page. With `populate`, taking the
//! role brings them all in, and the first lap is as fast as any other.
//! The danger: populating takes time and memory for the whole ring at once, and pages can be taken away again.
//! `lock_memory` keeps them. `cargo run --example demand_paging_and_populate`

use std::error::Error;

use nix::sys::resource::{UsageWho, getrusage};
use ringway::memfd::MemfdOptions;
use ringway::{Config, Ring};

const SLOTS: u64 = 512;

fn main() -> Result<(), Box<dyn Error>> {
    // Once for what the program itself faults on.
    first_lap(false)?;
    let (on_demand, populated) = (first_lap(false)?, first_lap(true)?);
    println!("minor faults of the first {SLOTS} messages: {on_demand} on demand, {populated} populated");
    assert!(populated < on_demand);
    println!("checked: populating a ring takes the faults out of its first lap");
    Ok(())
}

/// How many pages are faulted in while a new ring is filled for the first time.
fn first_lap(populate: bool) -> Result<i64, Box<dyn Error>> {
    let config = Config::new().slots(SLOTS).payload_capacity(4000);
    let mut producer = MemfdOptions::new().populate(populate).create(&config)?.producer()?;
    let message = [0; 4000];
    let before = getrusage(UsageWho::RUSAGE_THREAD)?.minor_page_faults();
    for _ in 0..SLOTS {
        producer.try_publish(&message)?;
    }
    Ok(getrusage(UsageWho::RUSAGE_THREAD)?.minor_page_faults() - before)
}
