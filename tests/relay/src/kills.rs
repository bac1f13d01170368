//! A run in which each process is killed again and again, at random moments, and started anew.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use fastrand::Rng;
use indicatif::ProgressBar;
use serde::Serialize;
use serde_json::Value;

use crate::checker::Gap;
use crate::process::{Chain, Process, Role};
use crate::run::Rings;
use crate::witness::Witnesses;

/// A process lives for at most so long after its first message.
const LONGEST_LIFE: Duration = Duration::from_millis(40);

/// What came of it.
#[derive(Debug, Serialize)]
pub struct Killed {
    /// How often each of the four processes was killed.
    pub kills_each: u32,
    /// Messages published to the first ring: each was received by the witness that consumes it.
    pub published: u64,
    /// Messages published to the second ring: the same.
    pub relayed: u64,
    /// Messages of the first ring that came while no relay was there.
    pub missed_by_no_relay: u64,
    /// At how many places of the second ring they are missing.
    pub gaps: usize,
    /// What the witnesses that observed received and lost, of the first ring and of the second.
    pub observed_lost: [(u64, u64); 2],
    /// How long it took.
    pub seconds: f64,
}

/// Kills each process `kills` times.
pub fn run(rings: &Rings, chain: &Chain, kills: u32, seed: u64, bar: &ProgressBar) -> Result<Killed> {
    rings.create(chain)?;
    let began = Instant::now();
    let witnesses = [Witnesses::of(&chain.first)?, Witnesses::of(&chain.second)?];
    let resumed = Mutex::new(BTreeSet::new());
    let failed = AtomicBool::new(false);
    let mut rng = Rng::with_seed(seed);
    let last: Vec<Result<(Role, Process)>> = thread::scope(|scope| {
        let lives = Role::ALL.map(|role| {
            let (rng, resumed, failed) = (rng.fork(), &resumed, &failed);
            scope.spawn(move || {
                let lives = Lives { chain, role, resumed, failed, bar };
                let last = lives.run(kills, rng).with_context(|| format!("the {}", role.name()));
                failed.fetch_or(last.is_err(), Ordering::Relaxed);
                last.map(|last| (role, last))
            })
        });
        lives.into_iter().map(|lives| lives.join().expect("no life panics")).collect()
    });
    let mut last = last.into_iter().collect::<Result<Vec<_>>>()?;
    // The producer's end closes the first ring, by which the relay ends and closes the second.
    last.reverse();
    last[0].1.ask_to_end()?;
    for (_, process) in last {
        note(&resumed, &process.finish()?)?;
    }
    let [first, second] = witnesses.map(Witnesses::join);
    let (first, second) = (first?, second?);
    ensure!(first.missing == 0, "{} messages are missing in the first ring", first.missing);
    ensure!(
        second.sum.messages + second.missing == first.sum.messages,
        "{} messages in the second ring and {} missing, but {} in the first",
        second.sum.messages,
        second.missing,
        first.sum.messages,
    );
    let resumed = resumed.into_inner().expect("no life panics");
    for gap in &second.gaps {
        ensure!(
            resumed.contains(gap),
            "messages before number {} are missing at {} of the second ring, where no relay had begun anew",
            gap.source,
            gap.seq
        );
    }
    Ok(Killed {
        kills_each: kills,
        published: first.sum.messages,
        relayed: second.sum.messages,
        missed_by_no_relay: first.sum.messages - second.sum.messages,
        gaps: second.gaps.len(),
        observed_lost: [(first.observed, first.lost), (second.observed, second.lost)],
        seconds: began.elapsed().as_secs_f64(),
    })
}

/// Notes where a relay resumed, as its lines say.
fn note(resumed: &Mutex<BTreeSet<Gap>>, lines: &[Value]) -> Result<()> {
    for line in lines.iter().filter_map(|line| line.get("resumed")) {
        let gap = serde_json::from_value(line.clone())?;
        resumed.lock().expect("no life panics").insert(gap);
    }
    Ok(())
}

/// The lives of one role.
struct Lives<'a> {
    chain: &'a Chain,
    role: Role,
    resumed: &'a Mutex<BTreeSet<Gap>>,
    failed: &'a AtomicBool,
    bar: &'a ProgressBar,
}

impl Lives<'_> {
    /// Kills as many processes, and returns the one that lives on.
    fn run(&self, kills: u32, mut rng: Rng) -> Result<Process> {
        for _ in 0..kills {
            let process = self.born()?;
            let life = LONGEST_LIFE.mul_f64(rng.f64());
            thread::sleep(life);
            note(self.resumed, &process.kill()?)?;
            self.bar.inc(1);
            ensure!(!self.failed.load(Ordering::Relaxed), "ended, since another process failed");
        }
        self.born()
    }

    /// A process that has handed on, or received, a message.
    fn born(&self) -> Result<Process> {
        let mut process = self.chain.start(self.role, None)?;
        note(self.resumed, &process.until("ready")?)?;
        Ok(process)
    }
}
