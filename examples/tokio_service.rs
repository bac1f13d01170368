//! A service of tokio's with fifty rings: a task for each, which reads what its producer publishes, and one that
//! publishes a summary of all to a ring of its own, while a timer goes on.
//!
//! The producers are another process. Neither fifty threads nor a loop that polls is needed: one thread sleeps for all
//! fifty rings.
//! `cargo run --example tokio_service --features async`

#![allow(unsafe_code, reason = "forking a process is unsafe: see the SAFETY comment")]

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use ringway::aio::{AsyncConsumer, AsyncProducer};
use ringway::anon::fork;
use ringway::{Config, Outcome, RecvError, Ring, Start, file};
use tokio::sync::mpsc::{self, Sender};
use tokio::task::JoinSet;

const RINGS: usize = 50;
/// How many quotes each ring gets.
const QUOTES: u64 = 1000;

/// What a task tells of its ring once it is closed.
struct Total {
    ring: usize,
    quotes: u64,
    sum: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir_in("/dev/shm")?;
    let config = Config::new().slots(64).payload_capacity(8);
    let path = |ring: usize| directory.path().join(format!("quotes-{ring}"));
    // The service joins first, so that it misses nothing.
    let consumers = (0..RINGS)
        .map(|ring| Ok(AsyncConsumer::new(file::create(path(ring), &config)?.consumer(Start::Oldest)?)))
        .collect::<Result<Vec<_>, Box<dyn Error>>>()?;
    let summary = file::create(directory.path().join("summary"), &config)?;
    let mut reader = summary.consumer(Start::Oldest)?;
    // SAFETY: no guard, claim or batch exists here, so the child uses none.
    let mut producers = unsafe { fork(|| i32::from(publish_all(directory.path()).is_err())) }?;

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build()?;
    runtime.block_on(serve(consumers, AsyncProducer::new(summary.producer()?)))?;

    assert!(producers.wait()?.success());
    let mut told = 0;
    while let Outcome::Message(message) = reader.recv()? {
        assert_eq!(message[..], (QUOTES * (QUOTES - 1) / 2).to_ne_bytes());
        told += 1;
    }
    assert_eq!(told, RINGS);
    println!("checked: {RINGS} rings, {} quotes, none lost", RINGS as u64 * QUOTES);
    Ok(())
}

/// The service: ends once all rings are closed.
async fn serve(consumers: Vec<AsyncConsumer>, mut summary: AsyncProducer) -> Result<(), Box<dyn Error>> {
    let (totals, mut finished) = mpsc::channel(RINGS);
    let mut tasks = JoinSet::new();
    for (ring, consumer) in consumers.into_iter().enumerate() {
        tasks.spawn(read(ring, consumer, totals.clone()));
    }
    drop(totals);
    let mut timer = tokio::time::interval(Duration::from_millis(10));
    let mut open = RINGS;
    loop {
        // Whichever comes first. The call that is dropped has lost nothing.
        tokio::select! {
            total = finished.recv() => {
                let Some(Total { ring, quotes, sum }) = total else { break };
                assert_eq!(quotes, QUOTES, "quotes of ring {ring}");
                summary.publish(&sum.to_ne_bytes()).await?; // waits for its readers if they are slow
                open -= 1;
            }
            _ = timer.tick() => println!("{open} rings are open"),
        }
    }
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    summary.get_mut().close()?;
    Ok(())
}

/// Reads a ring until its producer closes it.
async fn read(ring: usize, mut consumer: AsyncConsumer, totals: Sender<Total>) -> Result<(), RecvError> {
    let (mut quotes, mut sum) = (0, 0);
    loop {
        let price = consumer.recv_with(|quote, _seq, _tag| quote.try_into().map(u64::from_ne_bytes));
        match price.await? {
            Outcome::Message(Ok(price)) => (quotes, sum) = (quotes + 1, sum + price),
            Outcome::Message(Err(_)) => eprintln!("ring {ring}: a quote that isn't 8 bytes long"),
            Outcome::Closed => break,
            event => eprintln!("ring {ring}: {event:?}"),
        }
    }
    // The service may have ended by an error.
    let _ = totals.send(Total { ring, quotes, sum }).await;
    Ok(())
}

/// The other process: it publishes to all the rings in turn, and closes them.
fn publish_all(directory: &Path) -> Result<(), Box<dyn Error>> {
    let mut producers = (0..RINGS)
        .map(|ring| Ok(file::open(directory.join(format!("quotes-{ring}")))?.producer()?))
        .collect::<Result<Vec<_>, Box<dyn Error>>>()?;
    for price in 0..QUOTES {
        for producer in &mut producers {
            producer.publish(&price.to_ne_bytes())?;
        }
    }
    for producer in &mut producers {
        producer.close()?;
    }
    Ok(())
}
