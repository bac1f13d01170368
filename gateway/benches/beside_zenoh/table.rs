//! What was measured, as a table and as JSON.

use std::fmt::Write;

use serde::Serialize;
use serde_json::{Value, json};

use crate::roles::{Load, Seen};

/// What is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Messages a second, as a multiple of bare Zenoh's.
    Rate,
    /// Bytes a second, as a multiple of bare Zenoh's.
    Bytes,
    /// Median latency in nanoseconds, as what it has more than bare Zenoh's.
    Latency,
}

/// A measurement of both sides.
#[derive(Debug)]
pub struct Row {
    /// What it is called.
    pub name: &'static str,
    unit: Unit,
    target: f64,
    /// What is sent.
    pub load: Load,
    bare: Vec<Seen>,
    gateway: Vec<Seen>,
}

impl Row {
    /// One that has a target: at least so many times as much, or at most so many nanoseconds more.
    pub fn new(name: &'static str, unit: Unit, target: f64, load: Load) -> Self {
        Self { name, unit, target, load, bare: Vec::new(), gateway: Vec::new() }
    }

    /// Adds a round.
    pub fn add(&mut self, bare: Seen, gateway: Seen) {
        self.bare.push(bare);
        self.gateway.push(gateway);
    }

    fn figure(&self, seen: &Seen) -> f64 {
        match self.unit {
            Unit::Rate => seen.messages as f64 / seen.seconds,
            Unit::Bytes => (seen.messages * self.load.length as u64) as f64 / seen.seconds,
            Unit::Latency => {
                seen.latency.iter().find(|(share, _)| *share == 0.5).map_or(0.0, |at| at.1 as f64)
            }
        }
    }

    /// Medians of both sides, and how they compare.
    fn medians(&self) -> (f64, f64, f64) {
        let of = |all: &[Seen]| median(all.iter().map(|seen| self.figure(seen)).collect());
        let (bare, gateway) = (of(&self.bare), of(&self.gateway));
        (bare, gateway, if self.unit == Unit::Latency { gateway - bare } else { gateway / bare })
    }

    fn is_met(&self, compared: f64) -> bool {
        if self.unit == Unit::Latency { compared <= self.target } else { compared >= self.target }
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The table, and the latencies.
pub fn text(rows: &[Row]) -> String {
    let mut text = String::from(
        "| | bare Zenoh | gateway | compared | target | |\n| --- | ---: | ---: | ---: | ---: | --- |\n",
    );
    for row in rows {
        let (bare, gateway, compared) = row.medians();
        let (compared_as, target) = match row.unit {
            Unit::Latency => (format!("{compared:+.0}"), format!("<= +{}", row.target)),
            Unit::Rate | Unit::Bytes => (format!("{compared:.2} x"), format!(">= {} x", row.target)),
        };
        let verdict = if row.is_met(compared) { "met" } else { "missed" };
        // Writing to a string doesn't fail.
        let _ = writeln!(
            text,
            "| {} | {bare:.0} | {gateway:.0} | {compared_as} | {target} | {verdict} |",
            row.name
        );
    }
    for row in rows.iter().filter(|row| row.unit == Unit::Latency) {
        text.push_str("\nLatency of 48 B in microseconds, each round's:\n");
        for (side, all) in [("bare", &row.bare), ("gateway", &row.gateway)] {
            for seen in all {
                let _ = write!(text, "{side:>8}");
                for (share, nanoseconds) in &seen.latency {
                    let _ = write!(text, "  p{} {:.0}", share * 100.0, *nanoseconds as f64 / 1000.0);
                }
                text.push('\n');
            }
        }
    }
    text
}

/// All that was measured.
pub fn json(rows: &[Row]) -> Value {
    let row = |row: &Row| {
        let (bare, gateway, compared) = row.medians();
        json!({
            "name": row.name, "unit": row.unit, "load": row.load, "target": row.target,
            "bare": bare, "gateway": gateway, "compared": compared, "met": row.is_met(compared),
            "rounds": { "bare": row.bare, "gateway": row.gateway },
        })
    };
    Value::Array(rows.iter().map(row).collect())
}
