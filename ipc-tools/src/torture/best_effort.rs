//! A best-effort reader: it loses nothing while it keeps up, is passed over when it doesn't, and counts what it lost.

use std::thread::sleep;

use anyhow::{Context, bail};
use ringway::{Outcome, Resume, Start, Wait};

use super::account::Account;
use super::ledger::{Entry, Phase};
use super::role::{NAP, Part};

pub(super) fn play(part: &mut Part<'_>) -> anyhow::Result<()> {
    let start = if part.rng.bool() { Start::Oldest } else { Start::Latest };
    let mut reader = part.ring.best_effort_reader(start).context("can't join as a best-effort reader")?;
    reader.set_resume(if part.rng.bool() { Resume::OldestSafe } else { Resume::Latest });
    reader.set_wait(Wait::Yield);
    let mut account = Account::begin(part.ledger, part.desk(), reader.next_seq(), Entry::Uncounted);
    loop {
        match reader.recv_timeout(NAP) {
            Ok(Outcome::Message(message)) => account.message(message.seq(), &message),
            Ok(Outcome::Lagged(lost)) => account.lagged(lost),
            Ok(Outcome::Closed) if part.ledger.phase() == Phase::Closing => return Ok(()),
            Ok(Outcome::Closed) => bail!("the ring is closed, though nobody closed it"),
            Ok(_) => sleep(NAP),
            Err(error) => {
                return Err(error).with_context(|| format!("can't read message {}", account.next()));
            }
        }
        // What the library counts is what this process counts.
        let uncounted = account.next().abs_diff(reader.next_seq());
        if uncounted > 0 {
            part.desk().add(Entry::Uncounted, uncounted);
            bail!("expected message {} next, the ring says {}", account.next(), reader.next_seq());
        }
        // Now and then so long that it uses up the producer's patience.
        if part.rng.u32(..256) == 0 {
            sleep(part.patience.min(NAP * 20) * part.rng.u32(..4));
        }
    }
}
