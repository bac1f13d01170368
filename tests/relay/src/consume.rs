//! The last process but one: a tokio consumer.

use std::path::PathBuf;

use anyhow::{Context, Result};
use ringway::aio::AsyncConsumer;
use ringway::prelude::*;
use ringway::{Ring, file};
use serde_json::json;

use crate::checker::Checker;

/// What `relay consume` takes.
#[derive(clap::Args)]
pub struct Args {
    /// The ring to read.
    ring: PathBuf,
}

/// The most messages of a batch.
const BATCH: usize = 256;

/// Reads until the ring is closed, on a runtime of one thread.
pub fn run(args: &Args) -> Result<()> {
    tokio::runtime::Builder::new_current_thread().build()?.block_on(receive(args))
}

async fn receive(args: &Args) -> Result<()> {
    let consumer = file::open(&args.ring)?.consumer(Start::Oldest)?;
    let mut consumer = AsyncConsumer::new(consumer);
    println!("{}", json!({ "joined": true }));
    let mut checker = Checker::default();
    let mut first = None;
    loop {
        let outcome = consumer.recv_batch_with(BATCH, |batch| {
            batch.iter().try_for_each(|message| checker.message(message.seq(), &message))?;
            anyhow::Ok(batch.get(0).map(|message| message.seq()))
        });
        match outcome.await? {
            Outcome::Message(seq) => {
                let seq = seq.context("what the tokio consumer received is wrong")?;
                if first.is_none() {
                    first = seq;
                    println!("{}", json!({ "ready": seq }));
                }
            }
            Outcome::Closed => break,
            _ => {}
        }
    }
    println!(
        "{}",
        json!({
            "first": first, "messages": checker.sum.messages, "sum": checker.sum.sum,
            "missing": checker.missing,
        })
    );
    Ok(())
}
