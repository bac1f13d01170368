//! The distributions of round trips, as a table of percentiles and as a plot.

use std::fmt::Write;

use hdrhistogram::Histogram;

use super::measure::Figures;
use super::{Args, Game};
use crate::floor::cores::Cores;
use crate::floor::machine;
use crate::options::PlacementChoice;
use crate::plot::{Axis, Head, Kind, Lines, Series};
use crate::units::counted;

/// The table's first line: a percentile in percent, and round trips in nanoseconds.
const COLUMNS: &str = "percentile_percent,ring_ns,rotating_floor_ns,two_line_floor_ns";
/// A point of the plot has so many trips beyond it, at least: fewer tell little.
const BEYOND: f64 = 10.0;

/// The percentiles of the table: nine for each nine, and the longest trip.
fn percentiles() -> impl Iterator<Item = f64> {
    let nine = |nines: i32| {
        let left = 10_f64.powi(2 - nines);
        (0..9).map(move |step| 100.0 - left + left * f64::from(step) / 10.0)
    };
    (0..5).flat_map(nine).chain([99.999, 100.0])
}

/// The table, for other programs.
pub(super) fn csv(figures: &Figures) -> String {
    let mut text = format!("{COLUMNS}\n");
    for percentile in percentiles() {
        let at = |times: &Histogram<u64>| times.value_at_percentile(percentile);
        let [ring, rotation, floor] = [&figures.rtt, &figures.rotation, &figures.floor].map(at);
        // More digits are the arithmetic's.
        let percentile = format!("{percentile:.4}");
        let percentile = percentile.trim_end_matches('0').trim_end_matches('.');
        let _ = writeln!(text, "{percentile},{ring},{rotation},{floor}");
    }
    text
}

/// The plot.
pub(super) fn svg(args: &Args, cores: &Cores, game: &Game<'_>, figures: &Figures) -> anyhow::Result<String> {
    let most = (1.0 - BEYOND / figures.rtt.len().max(1) as f64).clamp(0.9, 0.99999);
    let series = |name: &str, kind, times: &Histogram<u64>| {
        let shares = (0..=200).map(|step| 1.0 - (1.0 - most).powf(f64::from(step) / 200.0));
        let points = shares.map(|share| (share, times.value_at_quantile(share) as f64)).collect();
        Series { name: format!("{name}: {} ns", times.value_at_quantile(0.5)), kind, points }
    };
    let series = vec![
        series("floor, rotating lines", Kind::Floor, &figures.rotation),
        series("floor, two lines", Kind::Floor, &figures.floor),
        series("Ringway", Kind::Ours, &figures.rtt),
    ];
    let values = series.iter().flat_map(|series| series.points.iter().map(|point| point.1));
    let placement = match args.placement {
        PlacementChoice::Anon => "anonymous memory",
        PlacementChoice::File => "files",
    };
    let plot = Lines {
        up: Axis::log("round trip, nanoseconds", values.collect::<Vec<_>>()),
        across: Axis::percentiles("percentile: share of round trips that take no longer", most),
        head: Head {
            title: format!("Round trips of {} between two processes", counted(args.size, "byte")),
            note: format!(
                "medians beside the names; {} round trips, {} slots in {placement}, {}",
                game.plan.iterations(),
                args.slots,
                machine::kind(cores.usable),
            ),
        },
        series,
    };
    plot.svg()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_percentiles_of_the_table_rise_to_the_longest_trip() {
        let all: Vec<_> = percentiles().collect();
        assert_eq!((all.len(), all[0], all[46]), (47, 0.0, 100.0));
        assert!(all.is_sorted_by(|one, next| one < next), "{all:?}");
    }
}
