//! Plots: the round trips of 48 bytes and how they are distributed, throughput by message size, and what a publish
//! costs by number of consumers. A peer has one line: that of its best variant.
//!
//! They are drawn of the report for programs, so that a saved one can be drawn again.

mod saved;

use std::path::Path;

use anyhow::Context;
use ringway_tools::plot::{Axis, Dots, Lines, Row, Series, write};
use serde_json::Value;

use self::saved::{Best, Saved};
use crate::plan::{CONSUMERS, SIZES, SLOTS};

/// Draws what there are figures for into files in `dir`, which is made if it isn't there.
pub fn draw(report: &Value, dir: &Path) -> anyhow::Result<()> {
    let saved: Saved = serde::Deserialize::deserialize(report)
        .context("this isn't what `cargo peers -- --json` writes: save its output anew")?;
    std::fs::create_dir_all(dir).with_context(|| format!("can't make the directory {}", dir.display()))?;
    for (name, svg) in all(&saved)? {
        write(&dir.join(name), &svg)?;
    }
    Ok(())
}

/// The plots that there are figures for, each with its file's name.
fn all(saved: &Saved) -> anyhow::Result<Vec<(String, String)>> {
    let mut plots = Vec::new();
    if let Some(plot) = round_trips(saved) {
        plots.push(("round-trip.svg".into(), plot.svg()?));
    }
    if let Some(plot) = distributions(saved) {
        plots.push(("latency.svg".into(), plot.svg()?));
    }
    if let Some(plot) = throughput(saved) {
        plots.push(("throughput.svg".into(), plot.svg()?));
    }
    for slots in SLOTS {
        if let Some(plot) = publish(saved, slots) {
            plots.push((format!("publish-{slots}.svg"), plot.svg()?));
        }
    }
    Ok(plots)
}

/// The experiment whose round trips are drawn.
const TRIPS: &str = "round-trip-48";

/// A row for each peer, the fastest first.
fn round_trips(saved: &Saved) -> Option<Dots> {
    let experiment = saved.experiment(TRIPS)?;
    let mut rows: Vec<_> = experiment
        .bests("p50 ns")
        .into_iter()
        .map(|Best { name, kind, variant, figure }| {
            let until = variant.figure("p99 ns").unwrap_or(figure).max(figure);
            Row { name, kind, value: figure, until, told: format!("{} ns", grouped(figure)) }
        })
        .collect();
    rows.sort_by(|one, other| one.value.total_cmp(&other.value));
    if rows.is_empty() {
        return None;
    }
    Some(Dots {
        head: saved.head(
            "Round trip of 48 bytes between two processes or threads, median",
            "line: to the 99th percentile",
        ),
        across: Axis::log("round trip, nanoseconds", rows.iter().flat_map(|row| [row.value, row.until])),
        rows,
    })
}

/// The middle round's distribution, of those that are no slower than all the kernel's.
fn distributions(saved: &Saved) -> Option<Lines> {
    let bests = saved.experiment(TRIPS)?.bests("p50 ns");
    let lines = bests.into_iter().filter(|best| best.figure < 10_000.0).filter_map(|best| {
        let points: Vec<_> = best.variant.cdf.iter().map(|&(time, share)| (share, time)).collect();
        (!points.is_empty()).then_some(Series { name: best.name, kind: best.kind, points })
    });
    let series: Vec<_> = lines.collect();
    let values: Vec<_> = series.iter().flat_map(|line| line.points.iter().map(|point| point.1)).collect();
    (!series.is_empty()).then(|| Lines {
        head: saved.head(
            "Round trips of 48 bytes by percentile",
            "each peer's best variant; sockets and pipes left out",
        ),
        across: Axis::percentiles("percentile: share of round trips that take no longer", 0.999),
        up: Axis::log("round trip, nanoseconds", values),
        series,
    })
}

/// The best variant at each size.
fn throughput(saved: &Saved) -> Option<Lines> {
    let at = SIZES.iter().filter_map(|&size| {
        // The larger ring, where there are two.
        let experiment = saved.last(&format!("stream-{size}-"))?;
        Some((size as f64, experiment.bests("GB/s")))
    });
    let series = joined(at);
    let values: Vec<_> = series.iter().flat_map(|line| line.points.iter().map(|point| point.1)).collect();
    (!series.is_empty()).then(|| Lines {
        head: saved.head(
            "One way without loss, by message size",
            "each peer's best variant at each size, one by one or in batches",
        ),
        across: Axis::log_at(
            "message, bytes (logarithmic)",
            &[(48.0, "48"), (1_024.0, "1,024"), (65_536.0, "65,536")],
        ),
        up: Axis::log("throughput, gigabytes a second", values),
        series,
    })
}

/// The best variant at each number of consumers.
fn publish(saved: &Saved, slots: usize) -> Option<Lines> {
    let at = CONSUMERS.iter().filter_map(|&consumers| {
        let experiment = saved.experiment(&format!("publish-{slots}-{consumers}"))?;
        Some((consumers as f64, experiment.bests("ns")))
    });
    let series = joined(at);
    let values: Vec<_> = series.iter().flat_map(|line| line.points.iter().map(|point| point.1)).collect();
    let title = format!("Publishing 64 bytes to many consumers, ring of {} slots", grouped(slots as f64));
    (!series.is_empty()).then(|| Lines {
        head: saved.head(&title, "each peer's best variant, over half laps"),
        across: Axis::log_at("number of consumers (logarithmic)", &[(1.0, "1"), (8.0, "8"), (64.0, "64")]),
        up: Axis::log("one publish, nanoseconds", values),
        series,
    })
}

/// Lines through the bests at each place, from left to right.
fn joined<'a>(places: impl Iterator<Item = (f64, Vec<Best<'a>>)>) -> Vec<Series> {
    let mut all: Vec<Series> = Vec::new();
    for (x, bests) in places {
        for Best { name, kind, figure, .. } in bests {
            match all.iter_mut().find(|line| line.name == name) {
                Some(line) => line.points.push((x, figure)),
                None => all.push(Series { name, kind, points: vec![(x, figure)] }),
            }
        }
    }
    all
}

/// A whole number with commas.
fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let groups = digits.as_bytes().rchunks(3).rev().map(|group| String::from_utf8_lossy(group).into_owned());
    groups.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests;
