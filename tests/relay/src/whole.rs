//! A run in which nothing is killed: every process must count the same messages, with the same sum.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use crate::message::Sum;
use crate::process::{Chain, Process, Role};
use crate::run::Rings;
use crate::witness::Witnesses;

/// What was handed on.
#[derive(Debug, Serialize)]
pub struct Whole {
    /// Messages that each process counted.
    pub messages: u64,
    /// The sum that each process formed.
    pub sum: u64,
    /// From the producer's start to the end of the last process.
    pub seconds: f64,
    /// What the witnesses that observed received and lost, of the first ring and of the second.
    pub observed_lost: [(u64, u64); 2],
}

#[derive(Deserialize)]
struct Report {
    messages: u64,
    sum: u64,
}

/// Hands on `messages`.
pub fn run(rings: &Rings, chain: &Chain, messages: u64) -> Result<Whole> {
    rings.create(chain)?;
    let witnesses = [Witnesses::of(&chain.first)?, Witnesses::of(&chain.second)?];
    let mut readers: Vec<(Role, Process)> = Vec::new();
    // In the order in which a failure of one shows in the others.
    for role in [Role::Relay, Role::Python, Role::Tokio] {
        let mut reader = chain.start(role, None)?;
        // It is there from the first message on.
        reader.until("joined")?;
        readers.push((role, reader));
    }
    let began = Instant::now();
    let producer = chain.start(Role::Producer, Some(messages))?;
    let mut reports = vec![(Role::Producer.name(), producer.finish()?)];
    for (role, reader) in readers {
        reports.push((role.name(), reader.finish()?));
    }
    let seconds = Duration::as_secs_f64(&began.elapsed());
    let [first, second] = witnesses.map(Witnesses::join);
    let (first, second) = (first?, second?);
    let sum = first.sum;
    ensure!(sum.messages == messages, "{} messages were published, expected {messages}", sum.messages);
    let reports = reports.into_iter().map(|(name, mut lines)| {
        let report = lines.pop().unwrap_or_default();
        let Report { messages, sum } = serde_json::from_value(report)?;
        anyhow::Ok((name, Sum { messages, sum }))
    });
    for (name, found) in reports.collect::<Result<Vec<_>>>()?.into_iter().chain([("witness", second.sum)]) {
        ensure!(found == sum, "the {name} counted {found:?}, expected {sum:?}");
    }
    ensure!(first.missing + second.missing == 0, "messages are missing, and nothing was killed");
    let observed_lost = [(first.observed, first.lost), (second.observed, second.lost)];
    Ok(Whole { messages, sum: sum.sum, seconds, observed_lost })
}
