//! Axes: what is on them, and where.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

/// An axis, with all that is written along it.
#[derive(Clone, Debug)]
pub struct Axis {
    title: String,
    scale: Scale,
    range: Range<f64>,
    ticks: Vec<(f64, String)>,
}

#[derive(Clone, Copy, Debug)]
enum Scale {
    Log,
    Nines,
}

impl Axis {
    /// A logarithmic axis that all of `values` lie on.
    pub fn log(title: impl Into<String>, values: impl IntoIterator<Item = f64>) -> Self {
        let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
        for value in values.into_iter().filter(|value| *value > 0.0 && value.is_finite()) {
            (least, most) = (least.min(value), most.max(value));
        }
        if least > most {
            (least, most) = (1.0, 10.0);
        }
        let range = (least / 1.15).log10()..(most * 1.15).log10();
        // A narrow range has no power of ten to go by.
        let steps: &[f64] = match range.end - range.start {
            decades if decades < 1.2 => &[1.0, 2.0, 3.0, 5.0],
            decades if decades < 2.2 => &[1.0, 2.0, 5.0],
            _ => &[1.0],
        };
        let decades = range.start.floor() as i32..=range.end.ceil() as i32;
        let values = decades.flat_map(|decade| steps.iter().map(move |step| step * 10_f64.powi(decade)));
        let ticks = values.map(|value| (value.log10(), number(value)));
        let ticks = ticks.filter(|(at, _)| range.contains(at)).collect();
        Self { title: title.into(), scale: Scale::Log, range, ticks }
    }

    /// A logarithmic axis with ticks at `values`, which it ends at.
    pub fn log_at(title: impl Into<String>, values: &[(f64, &str)]) -> Self {
        let ticks: Vec<_> = values.iter().map(|&(value, name)| (value.log10(), name.to_owned())).collect();
        let (first, last) =
            (ticks.first().map_or(0.0, |tick| tick.0), ticks.last().map_or(1.0, |tick| tick.0));
        let room = (last - first).max(0.1) * 0.03;
        Self { title: title.into(), scale: Scale::Log, range: first - room..last + room, ticks }
    }

    /// Percentiles up to `most`, a share below 1: each nine is as long as the one before it.
    pub fn percentiles(title: impl Into<String>, most: f64) -> Self {
        let end = nines(most).max(1.0);
        let all = [(0.5, "50 %"), (0.9, "90 %"), (0.99, "99 %"), (0.999, "99.9 %")];
        let more = [(0.9999, "99.99 %"), (0.99999, "99.999 %")];
        let ticks = all.into_iter().chain(more).map(|(share, name)| (nines(share), name.to_owned()));
        let ticks = ticks.filter(|(at, _)| *at <= end + 1e-6).collect();
        Self { title: title.into(), scale: Scale::Nines, range: 0.0..end, ticks }
    }

    pub(super) fn title(&self) -> &str {
        &self.title
    }

    /// Where a value lies, if it lies on the axis.
    pub(super) fn at(&self, value: f64) -> Option<f64> {
        let at = match self.scale {
            Scale::Log if value > 0.0 => value.log10(),
            Scale::Log => return None,
            Scale::Nines => nines(value),
        };
        // The last point may be the end itself, but for rounding.
        (self.range.start - 1e-6..=self.range.end + 1e-6).contains(&at).then_some(at)
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, at: &f64, (start, end): (i32, i32)) -> i32 {
        let share = (at - self.range.start) / (self.range.end - self.range.start);
        start + (f64::from(end - start) * share).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        // Between ticks there are none.
        if hint.weight().allow_light_points() {
            return Vec::new();
        }
        self.ticks.iter().map(|tick| tick.0).collect()
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, at: &f64) -> String {
        let tick = self.ticks.iter().find(|tick| (tick.0 - at).abs() < 1e-9);
        tick.map_or_else(String::new, |tick| tick.1.clone())
    }
}

/// How many nines a share has: 1 for 90 %, 2 for 99 %.
fn nines(share: f64) -> f64 {
    -(1.0 - share).log10()
}

/// A number as a tick has it: 0.01, 300, 20,000.
fn number(value: f64) -> String {
    if value < 0.999 {
        return format!("{:.*}", (-value.log10() - 1e-9).ceil().max(0.0) as usize, value);
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_numbers_as_people_write_them() {
        let names = [0.01, 0.2, 1.0, 50.0, 20_000.0, 1_000_000.0].map(number);
        assert_eq!(names, ["0.01", "0.2", "1", "50", "20,000", "1,000,000"]);
    }

    #[test]
    fn each_nine_is_as_long_as_the_one_before() {
        let axis = Axis::percentiles("share", 0.9999);
        let at = |share| axis.at(share).unwrap();
        assert!((at(0.99) - at(0.9) - (at(0.999) - at(0.99))).abs() < 1e-9);
        assert_eq!(axis.at(0.99999), None, "beyond the end");
        assert_eq!(axis.format_ext(&at(0.5)), "50 %");
    }

    #[test]
    fn an_axis_holds_its_values_and_has_ticks() {
        for values in [vec![1.0], vec![290.0, 310.0], vec![0.01, 70_000.0], vec![]] {
            let axis = Axis::log("ns", values.clone());
            assert!(values.iter().all(|value| axis.at(*value).is_some()), "{values:?}");
            assert!(axis.range().start < axis.range().end, "{values:?}");
        }
        assert_eq!(Axis::log("ns", [1.0]).at(0.0), None, "no logarithm");
    }
}
