//! Nanoseconds per message, published or published and received, by one thread. Prints one number.
//!
//! Built twice, by `cargo peers`. Nobody sleeps here, so all that the build with `--cfg ringway_spin_only` lacks is
//! finding that out.

#![allow(unsafe_code, reason = "to trust the peers on a ring in a file is to promise something")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use ringway::{Config, Consumer, Outcome, Producer, Ring, Start, WakeMode, file};

/// What is to be said to it.
const USAGE: &str =
    "arguments: RING SLOTS MILLISECONDS publish|publish-receive asymmetric|fenced trusted|as-it-comes";
/// Bytes of a message.
const SIZE: usize = 48;
/// Laps that don't count.
const WARM_UP: u64 = 4;
/// Parts of the time. The middle one counts, so that what disturbs a few of them doesn't.
const PARTS: usize = 31;

fn main() -> anyhow::Result<()> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let [ring, slots, millis, work, mode, trust] = &args[..] else { anyhow::bail!(USAGE) };
    let slots = slots.parse()?;
    let time = Duration::from_millis(millis.parse()?);
    let receives = match work.as_str() {
        "publish" => false,
        "publish-receive" => true,
        _ => anyhow::bail!(USAGE),
    };
    let mode = match mode.as_str() {
        "asymmetric" => WakeMode::Asymmetric,
        "fenced" => WakeMode::Fenced,
        _ => anyhow::bail!(USAGE),
    };
    let ring = file::create(ring, &Config::new().slots(slots).payload_capacity(SIZE as u64))?;
    let ring = match trust.as_str() {
        // SAFETY: nobody else knows of the file.
        "trusted" => unsafe { ring.trust_peers() },
        "as-it-comes" => ring,
        _ => anyhow::bail!(USAGE),
    };
    let mut consumer = if receives { Some(ring.consumer(Start::Oldest)?) } else { None };
    let mut producer = ring.producer()?;
    anyhow::ensure!(producer.set_wake_mode(mode)? == mode, "the kernel allows no membarrier here");
    let mut some = |count: u64| {
        let began = Instant::now();
        match &mut consumer {
            Some(consumer) => (0..count).for_each(|_| {
                publish(&mut producer, black_box(&[7; SIZE]));
                black_box(receive(consumer));
            }),
            None => (0..count).for_each(|_| publish(&mut producer, black_box(&[7; SIZE]))),
        }
        began.elapsed()
    };
    let warm_up = WARM_UP * slots;
    let took = some(warm_up).as_secs_f64();
    let count = (time.as_secs_f64() / took * warm_up as f64) as u64 / PARTS as u64 + 1;
    let mut parts: Vec<_> = (0..PARTS).map(|_| some(count)).collect();
    parts.sort();
    println!("{}", parts[PARTS / 2].as_nanos() as f64 / count as f64);
    Ok(())
}

#[inline(never)]
fn publish(producer: &mut Producer, message: &[u8; SIZE]) {
    producer.try_publish(message).expect("room");
}

#[inline(never)]
fn receive(consumer: &mut Consumer) -> u64 {
    match consumer.try_recv().expect("a sound ring") {
        // One word: reading the rest is the caller's business.
        Outcome::Message(message) => u64::from_ne_bytes(message[..8].try_into().expect("8 bytes")),
        other => panic!("expected a message, got {other:?}"),
    }
}
