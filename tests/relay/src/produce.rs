//! The first process: a Rust producer.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use ringway::{Ring, file};
use serde_json::json;
use signal_hook::consts::SIGTERM;
use signal_hook::flag;

use crate::message::{Sum, message};

/// What `relay produce` takes.
#[derive(clap::Args)]
pub struct Args {
    /// The ring to publish to.
    ring: PathBuf,
    /// How many messages there are to be in the ring, its earlier ones included; without it, until SIGTERM.
    #[arg(long)]
    messages: Option<u64>,
}

/// Publishes messages whose numbers are their sequences, and closes the ring.
pub fn run(args: &Args) -> Result<()> {
    let stopped = Arc::new(AtomicBool::new(false));
    flag::register(SIGTERM, Arc::clone(&stopped))?;
    let mut producer = file::open(&args.ring)?.producer()?;
    println!("{}", json!({ "ready": producer.next_seq() }));
    let mut sum = Sum::default();
    let end = args.messages.unwrap_or(u64::MAX);
    while producer.next_seq() < end && !stopped.load(Ordering::Relaxed) {
        let next = message(producer.next_seq());
        producer.publish(&next)?;
        sum.add(&next);
    }
    let head = producer.next_seq();
    producer.close()?;
    println!("{}", json!({ "head": head, "messages": sum.messages, "sum": sum.sum }));
    Ok(())
}
