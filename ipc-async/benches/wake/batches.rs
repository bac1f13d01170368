//! Messages per second from one thread to a task, in batches.

use std::time::{Duration, Instant};

use ringway::aio::AsyncConsumer;
use ringway::{Config, Outcome, Ring, Start, anon};
use tokio::sync::mpsc;

use crate::Figure;

/// Bytes of a message.
const SIZE: usize = 48;
/// The most messages of a batch.
const BATCH: usize = 256;
/// Messages that there is room for.
const ROOM: usize = 4096;
/// Rounds of each way, and the time of a round.
const ROUNDS: usize = 8;
const ROUND: Duration = Duration::from_millis(250);

pub fn measure() -> Vec<Figure> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let (mut rings, mut channels) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        rings.push(runtime.block_on(by_ring()));
        channels.push(runtime.block_on(by_mpsc()));
    }
    let [ring, channel] = [&mut rings, &mut channels].map(|rates| {
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    });
    vec![
        ("batches, ring: million messages of 48 bytes a second", ring / 1e6),
        ("batches, tokio mpsc: million messages of 48 bytes a second", channel / 1e6),
        ("batches, ring / tokio mpsc (at least 5)", ring / channel),
    ]
}

async fn by_ring() -> f64 {
    let config = Config::new().slots(ROOM as u64).payload_capacity(SIZE as u64);
    let ring = anon::create(&config).expect("a ring");
    let mut consumer = AsyncConsumer::new(ring.consumer(Start::Oldest).expect("its only consumer"));
    let mut producer = ring.producer().expect("its only producer");
    let thread = std::thread::spawn(move || {
        let (began, messages) = (Instant::now(), [[7_u8; SIZE]; BATCH]);
        while began.elapsed() < ROUND {
            producer.publish_batch(&messages).expect("a consumer that reads");
        }
        producer.close().expect("an open ring");
    });
    let (began, mut count, mut sum) = (Instant::now(), 0, 0);
    loop {
        let batch = consumer.recv_batch_with(BATCH, |batch| {
            sum += batch.iter().map(|message| u64::from(message[0])).sum::<u64>();
            batch.len()
        });
        match batch.await.expect("a sound ring") {
            Outcome::Message(messages) => count += messages,
            _ => break,
        }
    }
    let rate = count as f64 / began.elapsed().as_secs_f64();
    assert_eq!(sum, 7 * count as u64);
    thread.join().expect("no panic");
    rate
}

async fn by_mpsc() -> f64 {
    let (sender, mut receiver) = mpsc::channel::<[u8; SIZE]>(ROOM);
    let thread = std::thread::spawn(move || {
        let began = Instant::now();
        while began.elapsed() < ROUND {
            for _ in 0..BATCH {
                sender.blocking_send([7; SIZE]).expect("a task that listens");
            }
        }
    });
    let (began, mut count, mut sum) = (Instant::now(), 0, 0);
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        let messages = receiver.recv_many(&mut batch, BATCH).await;
        if messages == 0 {
            break;
        }
        count += messages;
        sum += batch.drain(..).map(|message| u64::from(message[0])).sum::<u64>();
    }
    let rate = count as f64 / began.elapsed().as_secs_f64();
    assert_eq!(sum, 7 * count as u64);
    thread.join().expect("no panic");
    rate
}
