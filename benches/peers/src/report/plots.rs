//! Plots: the latencies' distribution, throughput by message size, and what a publish costs by number of consumers.

use std::ops::Range;
use std::path::Path;

use anyhow::anyhow;
use plotters::coord::Shift;
use plotters::prelude::*;

use crate::plan::{CONSUMERS, SIZES, SLOTS};
use crate::rounds::Done;

const SIZE: (u32, u32) = (960, 600);

/// A line's name and points.
type Series = (String, Vec<(f64, f64)>);

/// Draws all plots into files in `dir`, which is made if it isn't there.
pub fn draw(done: &[Done], dir: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(dir)?;
    let latencies = latencies(done);
    let (slowest, unit) = (most(&latencies, |point| point.0).min(100_000.0), 0.0..1.0);
    plot(
        dir,
        "latency.svg",
        ["Round trips of 64 B", "ns", "share of all trips"],
        &latencies,
        100.0..slowest,
        unit,
    )?;
    let rates = throughput(done);
    let (rate, sizes) = (0.01..most(&rates, |point| point.1), 40.0..100_000.0);
    plot(dir, "throughput.svg", ["One way, lossless", "bytes of a message", "GB/s"], &rates, sizes, rate)?;
    for slots in SLOTS {
        let costs = publish(done, slots);
        let title = format!("Publish 64 B, {slots} slots, over half laps");
        let (cost, consumers) = (1.0..most(&costs, |point| point.1), 1.0..64.0);
        let words = [title.as_str(), "consumers", "ns"];
        plot(dir, &format!("publish-{slots}.svg"), words, &costs, consumers, cost)?;
    }
    Ok(())
}

/// The middle round's distribution of each variant.
fn latencies(done: &[Done]) -> Vec<Series> {
    let rows = done.iter().filter(|done| done.experiment.id == "round-trip-64").flat_map(|done| &done.rows);
    let middle = rows.filter_map(|row| {
        let mut rounds: Vec<_> = row.rounds.iter().collect();
        rounds.sort_by(|one, other| one.figures["p50 ns"].total_cmp(&other.figures["p50 ns"]));
        Some((row.name.clone(), rounds.get(rounds.len() / 2)?.cdf.clone()))
    });
    middle.collect()
}

/// Each variant's best throughput at each size, with as many bytes in flight as there are.
fn throughput(done: &[Done]) -> Vec<Series> {
    let mut all: Vec<Series> = Vec::new();
    for size in SIZES {
        let prefix = format!("stream-{size}-");
        // The larger ring, where there are two.
        let Some(done) = done.iter().rfind(|done| done.experiment.id.starts_with(&prefix)) else { continue };
        for row in &done.rows {
            let Some(rate) = row.figure("GB/s") else { continue };
            let point = (size as f64, rate.median);
            match all.iter_mut().find(|(name, _)| *name == row.name) {
                Some((_, points)) => points.push(point),
                None => all.push((row.name.clone(), vec![point])),
            }
        }
    }
    all
}

fn publish(done: &[Done], slots: usize) -> Vec<Series> {
    let mut all: Vec<Series> = Vec::new();
    for consumers in CONSUMERS {
        let id = format!("publish-{slots}-{consumers}");
        for row in done.iter().filter(|done| done.experiment.id == id).flat_map(|done| &done.rows) {
            let Some(cost) = row.figure("ns") else { continue };
            let point = (consumers as f64, cost.median);
            match all.iter_mut().find(|(name, _)| *name == row.name) {
                Some((_, points)) => points.push(point),
                None => all.push((row.name.clone(), vec![point])),
            }
        }
    }
    all
}

fn most(series: &[Series], of: impl Fn(&(f64, f64)) -> f64) -> f64 {
    series.iter().flat_map(|(_, points)| points).map(of).fold(1.0, f64::max) * 1.1
}

/// One plot, if there is anything on it; sizes and times on a logarithmic scale.
fn plot(
    dir: &Path,
    file: &str,
    [title, across, up]: [&str; 3],
    series: &[Series],
    x: Range<f64>,
    y: Range<f64>,
) -> anyhow::Result<()> {
    if series.is_empty() {
        return Ok(());
    }
    let path = dir.join(file);
    let area = SVGBackend::new(&path, SIZE).into_drawing_area();
    let drawn = if y.start > 0.0 {
        lines(&area, title, [across, up], series, Axes::Log(x, y))
    } else {
        lines(&area, title, [across, up], series, Axes::Shares(x, y))
    };
    drawn.map_err(|error| anyhow!("{}: {error}", path.display()))
}

/// What the axes are.
enum Axes {
    /// Both logarithmic.
    Log(Range<f64>, Range<f64>),
    /// Upwards from none to all.
    Shares(Range<f64>, Range<f64>),
}

type Failed<'a> = DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>;

fn lines<'a>(
    area: &DrawingArea<SVGBackend<'a>, Shift>,
    title: &str,
    words: [&str; 2],
    series: &[Series],
    range: Axes,
) -> Result<(), Failed<'a>> {
    area.fill(&WHITE)?;
    let mut builder = ChartBuilder::on(area);
    builder.caption(title, ("sans-serif", 22)).margin(12).x_label_area_size(40).y_label_area_size(60);
    macro_rules! chart {
        ($x:expr, $y:expr) => {{
            let mut chart = builder.build_cartesian_2d($x, $y)?;
            chart.configure_mesh().x_desc(words[0]).y_desc(words[1]).draw()?;
            for (index, (name, points)) in series.iter().enumerate() {
                let points = points.iter().copied();
                // What the machine does without a ring stands back.
                let floor = name.ends_with("(floor)");
                let style = if floor {
                    BLACK.mix(0.45).stroke_width(2)
                } else {
                    Palette99::pick(index).mix(1.0).stroke_width(2)
                };
                let drawn = if floor {
                    chart.draw_series(DashedLineSeries::new(points, 8, 6, style))?
                } else {
                    chart.draw_series(LineSeries::new(points, style))?
                };
                drawn.label(name).legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
            }
            chart.configure_series_labels().background_style(WHITE.mix(0.8)).border_style(BLACK).draw()?;
        }};
    }
    match range {
        Axes::Log(x, y) => chart!(x.log_scale(), y.log_scale()),
        Axes::Shares(x, y) => chart!(x.log_scale(), y),
    }
    area.present()
}
