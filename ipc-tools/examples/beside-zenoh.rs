//! Draws the latencies that the gateway's benchmark has saved:
//! `cargo run --package ringway-tools --example beside-zenoh -- FIGURES.json PLOT.svg`.

use std::path::Path;

use anyhow::Context;
use ringway_tools::plot::{Axis, Head, Kind, Lines, Series, write};
use serde_json::Value;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [json, svg] = &arguments[..] else {
        anyhow::bail!("expected two arguments: the file of figures, and the one to draw")
    };
    let bytes = std::fs::read(json).with_context(|| format!("can't read {json}"))?;
    let rows: Value = serde_json::from_slice(&bytes).with_context(|| format!("{json} isn't JSON"))?;
    let row = rows.as_array().into_iter().flatten().find(|row| row["unit"] == "latency");
    let row = row.with_context(|| format!("{json} has no latencies: measure them, too"))?;
    write(Path::new(svg), &plot(row)?.svg()?)
}

fn plot(row: &Value) -> anyhow::Result<Lines> {
    let sides = [
        ("bare", "bare Zenoh", Kind::Peer),
        ("gateway", "gateway", Kind::Ours),
        ("forwarder", "forwarder", Kind::Floor),
    ];
    let series: Vec<_> = sides
        .into_iter()
        .map(|(key, name, kind)| Series { name: name.into(), kind, points: medians(&row["rounds"][key]) })
        .collect();
    let values: Vec<_> = series.iter().flat_map(|line| line.points.iter().map(|point| point.1)).collect();
    let (length, rate) = (&row["load"]["length"], &row["load"]["rate"]);
    let rounds = row["rounds"]["bare"].as_array().map_or(0, Vec::len);
    let cores = std::thread::available_parallelism()?;
    Ok(Lines {
        head: Head {
            title: format!("The gateway beside bare Zenoh: {length} bytes one way, by percentile"),
            note: format!("{cores} cores, TCP on loopback, {rate} messages/s, medians of {rounds} rounds"),
        },
        across: Axis::percentiles("percentile: share of messages that take no longer", 0.999),
        up: Axis::log("publish to receive, microseconds (logarithmic)", values),
        series,
    })
}

/// At each share of the messages the median of the rounds, in microseconds.
fn medians(rounds: &Value) -> Vec<(f64, f64)> {
    let rounds: Vec<Vec<(f64, f64)>> = rounds
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|round| serde_json::from_value(round["latency"].clone()).ok())
        .collect();
    let shares = rounds.first().map_or(0, Vec::len);
    let at = |index: usize| {
        let mut all: Vec<_> = rounds.iter().filter_map(|round| round.get(index).copied()).collect();
        all.sort_by(|one, other| one.1.total_cmp(&other.1));
        all.get(all.len() / 2).map(|(share, nanoseconds)| (*share, nanoseconds / 1000.0))
    };
    (0..shares).filter_map(at).collect()
}
