//! What is said at the end.

use std::fmt::{self, Display};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::Args;
use super::audit::Findings;
use super::director::Conduct;
use crate::options::PlacementChoice;
use crate::units::counted;

/// The outcome of a run.
#[derive(Serialize)]
pub(super) struct Report {
    placement: PlacementChoice,
    seed: u64,
    slots: u64,
    slot_size_bytes: u64,
    consumers: u16,
    observers: u16,
    best_effort: u16,
    patience_ms: f64,
    successors: u16,
    seconds: f64,
    interrupted: bool,
    kills: u64,
    stops: u64,
    messages: u64,
    /// Read by observers, and lost by them, as they were told.
    observed: u64,
    lost_by_observers: u64,
    /// The same of best-effort readers.
    read_best_effort: u64,
    lost_best_effort: u64,
    times_passed_over: u64,
    /// How often a producer found no room in time.
    times_full: u64,
    torn: u64,
    duplicated: u64,
    reordered: u64,
    lost_by_consumers: u64,
    uncounted_by_observers: u64,
    uncounted_best_effort: u64,
    leaked_cells: u64,
    leaked_files: u64,
    /// See [`Conduct`].
    failures: u64,
    takeovers: u64,
    /// `None` if no takeover was timed.
    lock_free_ms: Option<Times>,
    takeover_ms: Option<Times>,
}

/// Of the takeovers in which no successor was killed or stopped.
#[derive(Serialize)]
struct Times {
    p50: f64,
    max: f64,
}

impl Times {
    fn of(nanos: &Histogram<u64>) -> Option<Self> {
        let ms = |nanos: u64| (nanos as f64 / 1e3).round() / 1e3;
        (!nanos.is_empty()).then(|| Self { p50: ms(nanos.value_at_quantile(0.5)), max: ms(nanos.max()) })
    }
}

impl Report {
    pub(super) fn new(args: &Args, conduct: &Conduct, findings: &Findings, took: Duration) -> Self {
        Self {
            placement: args.placement,
            seed: args.seed,
            slots: args.slots,
            slot_size_bytes: args.slot_size,
            consumers: args.consumers,
            observers: args.observers,
            best_effort: args.best_effort,
            patience_ms: args.patience.as_secs_f64() * 1e3,
            successors: args.successors,
            seconds: (took.as_secs_f64() * 1e3).round() / 1e3,
            interrupted: conduct.interrupted,
            kills: conduct.kills,
            stops: conduct.stops,
            messages: findings.messages,
            observed: findings.observed,
            lost_by_observers: findings.lost_by_observers,
            read_best_effort: findings.read_best_effort,
            lost_best_effort: findings.lost_best_effort,
            times_passed_over: findings.times_passed_over,
            times_full: findings.times_full,
            torn: findings.torn,
            duplicated: findings.duplicated,
            reordered: findings.reordered,
            lost_by_consumers: findings.lost_by_consumers,
            uncounted_by_observers: findings.uncounted_by_observers,
            uncounted_best_effort: findings.uncounted_best_effort,
            leaked_cells: findings.leaked_cells,
            leaked_files: findings.leaked_files,
            failures: conduct.failures,
            takeovers: conduct.takeovers.count,
            lock_free_ms: Times::of(&conduct.takeovers.lock_free),
            takeover_ms: Times::of(&conduct.takeovers.takeover),
        }
    }

    /// What must be 0, by its name.
    fn errors(&self) -> [(&'static str, u64); 9] {
        [
            ("torn", self.torn),
            ("duplicated", self.duplicated),
            ("reordered", self.reordered),
            ("lost by consumers", self.lost_by_consumers),
            ("uncounted by observers", self.uncounted_by_observers),
            ("uncounted, best effort", self.uncounted_best_effort),
            ("leaked cells", self.leaked_cells),
            ("leaked files", self.leaked_files),
            ("failures", self.failures),
        ]
    }

    /// What is wrong, if anything is.
    pub(super) fn fault(&self) -> Option<String> {
        let wrong = self.errors().into_iter().filter(|&(_, count)| count > 0);
        let wrong: Vec<_> = wrong.map(|(name, count)| format!("{name}: {count}")).collect();
        (!wrong.is_empty()).then(|| wrong.join(", "))
    }

    /// Writes the report to stdout.
    pub(super) fn show(&self, json: bool) -> anyhow::Result<()> {
        let text = if json { serde_json::to_string(self)? + "\n" } else { self.to_string() };
        crate::answer(&text)
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            slots, slot_size_bytes, consumers, observers, best_effort, successors, seed, seconds, ..
        } = self;
        let Self { kills, stops, messages, times_full, observed, lost_by_observers, takeovers, .. } = self;
        let placement = match self.placement {
            PlacementChoice::Anon => "anonymous memory",
            PlacementChoice::File => "a file",
        };
        let slot_size = counted(*slot_size_bytes, "byte");
        writeln!(f, "a ring of {slots} slots of {slot_size} in {placement}; seed {seed}")?;
        writeln!(
            f,
            "consumers: {consumers}, observers: {observers}, best-effort readers: {best_effort}, producers that wait: \
             {successors}; {seconds:.1} s\n"
        )?;
        let [messages, observed] = [*messages, *observed].map(|n| counted(n, "message"));
        let (takeovers, times_full) = (counted(*takeovers, "takeover"), counted(*times_full, "time"));
        writeln!(f, "{messages}, {takeovers}; the ring was full {times_full}")?;
        let processes = if *kills == 1 { "process" } else { "processes" };
        writeln!(f, "{kills} {processes} killed, {stops} stopped for a while; all replaced")?;
        writeln!(f, "observers got {observed}, and know of {lost_by_observers} that they lost")?;
        let (read, lost) = (counted(self.read_best_effort, "message"), self.lost_best_effort);
        let times = counted(self.times_passed_over, "time");
        writeln!(
            f,
            "best-effort readers got {read}, know of {lost} that they lost, and were passed over {times}\n"
        )?;
        for (name, count) in self.errors() {
            writeln!(f, "{name:24}{count:10}")?;
        }
        writeln!(f, "\n{:24}{:>10}{:>10}", "ms", "p50", "max")?;
        for (name, times) in
            [("kill to free lock", &self.lock_free_ms), ("free lock to message", &self.takeover_ms)]
        {
            match times {
                Some(Times { p50, max }) => writeln!(f, "{name:24}{p50:10.3}{max:10.3}")?,
                None => writeln!(f, "{name:24}{:>10}{:>10}", "none", "none")?,
            }
        }
        Ok(())
    }
}
