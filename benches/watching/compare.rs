//! Pairs of windows: the ratio of their throughputs, and how sure it is.

use serde_json::{Value, json};

/// Throughput with a watcher against that without.
pub struct Compared {
    name: String,
    without: f64,
    with: f64,
    /// Median of the pairs' ratios, and its interval of 95 % confidence.
    ratio: f64,
    interval: [f64; 2],
    pairs: usize,
    /// Part of a core that the watcher takes.
    busy: f64,
}

impl Compared {
    pub fn new(name: &str, without: &[f64], with: &[f64], busy: f64) -> Self {
        let mut ratios: Vec<f64> = with.iter().zip(without).map(|(with, without)| with / without).collect();
        ratios.sort_by(f64::total_cmp);
        let rank = rank(ratios.len());
        Self {
            name: name.into(),
            without: median(without),
            with: median(with),
            ratio: median(&ratios),
            interval: [ratios[rank], ratios[ratios.len() - 1 - rank]],
            pairs: ratios.len(),
            busy,
        }
    }

    /// Whether the whole interval is nearer to no change than `most`.
    pub fn is_within(&self, most: f64) -> bool {
        self.interval.iter().all(|ratio| (ratio - 1.0).abs() < most)
    }

    pub fn json(&self) -> Value {
        json!({
            "beside": self.name, "pairs": self.pairs,
            "without_per_s": self.without, "with_per_s": self.with,
            "ratio": self.ratio, "ratio_from": self.interval[0], "ratio_to": self.interval[1],
            "watcher_cores": self.busy,
        })
    }
}

pub fn print(compared: &[Compared]) {
    println!(
        "{:<38}{:>11}{:>11}{:>8}{:>17}{:>12}",
        "beside it", "without", "with", "ratio", "95 % interval", "its time"
    );
    for Compared { name, without, with, ratio, interval: [from, to], busy, .. } in compared {
        let [without, with] = [without, with].map(|rate| format!("{:.2} M/s", rate / 1e6));
        let interval = format!("{from:.4} to {to:.4}");
        let busy = format!("{:.2} % core", busy * 100.0);
        println!("{name:<38}{without:>11}{with:>11}{ratio:>8.4}{interval:>17}{busy:>12}");
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[half] } else { (sorted[half - 1] + sorted[half]) / 2.0 }
}

/// How many of `n` sorted values lie below an interval that holds their median with 95 % confidence, whatever they are
/// distributed like: each lies below the median as a coin falls.
fn rank(n: usize) -> usize {
    let mut chance = 0.5_f64.powi(n as i32);
    let mut below = chance;
    let mut rank = 0;
    while below <= 0.025 && rank < n / 2 {
        rank += 1;
        chance *= (n - rank + 1) as f64 / rank as f64;
        below += chance;
    }
    rank.saturating_sub(1)
}
