//! The measurements, as a table and as JSON.

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
    forwarder: Vec<Seen>,
}

impl Row {
    /// One that has a target: at least so many times as much, or at most so many nanoseconds more.
    pub fn new(name: &'static str, unit: Unit, target: f64, load: Load) -> Self {
        Self { name, unit, target, load, bare: Vec::new(), gateway: Vec::new(), forwarder: Vec::new() }
    }

    /// Adds a round.
    pub fn add(&mut self, bare: Seen, gateway: Seen, forwarder: Seen) {
        self.bare.push(bare);
        self.gateway.push(gateway);
        self.forwarder.push(forwarder);
    }

    /// Whether latency is measured.
    pub fn is_latency(&self) -> bool {
        self.unit == Unit::Latency
    }

    /// What was seen of each side.
    pub fn sides(&self) -> [(&'static str, &[Seen]); 3] {
        [("bare Zenoh", &self.bare), ("gateway", &self.gateway), ("forwarder", &self.forwarder)]
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

    /// Medians of all sides, and how the gateway compares with bare Zenoh.
    fn medians(&self) -> Medians {
        let of = |all: &[Seen]| median(all.iter().map(|seen| self.figure(seen)).collect());
        let (bare, gateway, forwarder) = (of(&self.bare), of(&self.gateway), of(&self.forwarder));
        let compared = if self.is_latency() { gateway - bare } else { gateway / bare };
        Medians { bare, gateway, forwarder, compared }
    }

    fn is_met(&self, compared: f64) -> bool {
        if self.unit == Unit::Latency { compared <= self.target } else { compared >= self.target }
    }
}

struct Medians {
    bare: f64,
    gateway: f64,
    forwarder: f64,
    compared: f64,
}

/// The middle one.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The table, and the latencies.
pub fn text(rows: &[Row]) -> String {
    let mut text = String::from(
        "| | bare Zenoh | gateway | compared | target | | forwarder |\n| --- | ---: | ---: | ---: | ---: | --- | ---: |\n",
    );
    for row in rows {
        let Medians { bare, gateway, forwarder, compared } = row.medians();
        let (compared_as, target) = match row.unit {
            Unit::Latency => (format!("{compared:+.0}"), format!("<= +{}", row.target)),
            Unit::Rate | Unit::Bytes => (format!("{compared:.2} x"), format!(">= {} x", row.target)),
        };
        let verdict = if row.is_met(compared) { "met" } else { "missed" };
        // Writing to a string doesn't fail.
        let _ = writeln!(
            text,
            "| {} | {bare:.0} | {gateway:.0} | {compared_as} | {target} | {verdict} | {forwarder:.0} |",
            row.name
        );
    }
    for row in rows.iter().filter(|row| row.unit == Unit::Latency) {
        text.push_str("\nLatency of 48 B in microseconds, each round's:\n");
        for (side, all) in row.sides() {
            for seen in all {
                let _ = write!(text, "{side:>10}");
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
        let Medians { bare, gateway, forwarder, compared } = row.medians();
        json!({
            "name": row.name, "unit": row.unit, "load": row.load, "target": row.target,
            "bare": bare, "gateway": gateway, "forwarder": forwarder, "compared": compared, "met": row.is_met(compared),
            "rounds": { "bare": row.bare, "gateway": row.gateway, "forwarder": row.forwarder },
        })
    };
    Value::Array(rows.iter().map(row).collect())
}
