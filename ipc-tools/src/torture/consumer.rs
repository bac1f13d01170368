//! A consumer: it reads everything, in every way there is, and loses nothing.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, bail};
use fastrand::Rng;
use ringway::{Consumer, Outcome, RecvError, Start, Wait};

use super::account::Account;
use super::ledger::{Entry, Phase};
use super::letter::Letter;
use super::role::{NAP, Part};

/// How long a wait polls.
const SLICE: Duration = Duration::from_micros(300);
/// Most messages in a batch.
const BATCH: usize = 32;

pub(super) fn play(part: &mut Part<'_>) -> anyhow::Result<()> {
    // The consumer that is never killed is there before the first message.
    let start = if part.life == 0 || part.rng.bool() { Start::Oldest } else { Start::Latest };
    let mut consumer = part.ring.consumer(start).context("can't join")?;
    let mut account = Account::begin(part.ledger, part.desk(), consumer.next_seq(), Entry::Missed);
    // Where it starts must be kept for it, however long it takes.
    sleep(NAP * part.rng.u32(..5));
    let mut buffer = vec![0; usize::try_from(consumer.geometry().payload_capacity())?];
    loop {
        match read(&mut consumer, &mut account, &mut part.rng, &mut buffer) {
            Ok(Outcome::Message(())) => {}
            Ok(Outcome::Closed) if part.ledger.phase() == Phase::Closing => return Ok(()),
            Ok(Outcome::Closed) => bail!("the ring is closed, though nobody closed it"),
            // That its producer died, or another one came, makes no difference to what is read.
            Ok(_) => sleep(NAP),
            Err(error) => {
                // The message that should have been there isn't.
                part.desk().add(Entry::Missed, 1);
                return Err(error).with_context(|| format!("can't read message {}", account.next()));
            }
        }
    }
}

fn read(
    consumer: &mut Consumer,
    account: &mut Account<'_>,
    rng: &mut Rng,
    buffer: &mut [u8],
) -> Result<Outcome<()>, RecvError> {
    consumer.set_wait(Wait::Yield);
    // A slow reader is one whose slots the producer needs.
    let slow = rng.u32(..512) == 0;
    match rng.u32(..4) {
        0 => Ok(consumer.recv_into_timeout(buffer, SLICE)?.map(|copied| {
            account.message(copied.seq, &buffer[..copied.len]);
        })),
        1 => Ok(consumer.recv_batch_timeout(rng.usize(1..=BATCH), SLICE)?.map(|batch| {
            for message in &batch {
                account.message(message.seq(), &message);
            }
            dawdle(slow, account, || batch.iter().all(|message| Letter::read(&message).is_some()));
        })),
        _ => Ok(consumer.recv_timeout(SLICE)?.map(|message| {
            account.message(message.seq(), &message);
            dawdle(slow, account, || Letter::read(&message).is_some());
        })),
    }
}

/// Holds on to what is borrowed, and looks whether it is still `whole`.
fn dawdle(slow: bool, account: &Account<'_>, whole: impl FnOnce() -> bool) {
    if slow {
        sleep(NAP * 4);
        if !whole() {
            account.torn();
        }
    }
}
