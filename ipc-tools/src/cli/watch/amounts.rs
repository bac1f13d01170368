//! Amounts in few columns.

/// A rate in at most eight columns: `0/s`, `12.3 k/s`, `1.05 M/s`.
pub(super) fn rate(per_second: f64) -> String {
    let (value, unit) = short(per_second);
    format!("{value}{}{unit}/s", if unit.is_empty() { "" } else { " " })
}

/// A count in at most six columns: `12`, `1.2 k`.
pub(super) fn count(count: u64) -> String {
    if count < 10_000 {
        return count.to_string();
    }
    let (value, unit) = short(count as f64);
    format!("{value} {unit}")
}

/// Three digits, and the unit that goes with them.
fn short(mut value: f64) -> (String, &'static str) {
    let mut units = ["", "k", "M", "G", "T", "P", "E"].iter();
    let mut unit = units.next().unwrap_or(&"");
    // What would be rounded to four digits belongs to the next unit.
    while value >= 999.5 {
        let Some(next) = units.next() else { break };
        (value, unit) = (value / 1000.0, next);
    }
    let text = match value {
        _ if unit.is_empty() && (value == 0.0 || value >= 9.5) => format!("{value:.0}"),
        _ if value < 9.995 && !unit.is_empty() => format!("{value:.2}"),
        _ if value < 99.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    };
    (text, unit)
}

/// A part of the whole, in at most five columns.
pub(super) fn percent(part: f64) -> String {
    if part >= 10.0 { ">999%".into() } else { format!("{:.0}%", part * 100.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_keep_three_digits_and_few_columns() {
        for (value, text) in [
            (0.0, "0/s"),
            (0.4, "0.4/s"),
            (9.7, "10/s"),
            (999.4, "999/s"),
            (999.6, "1.00 k/s"),
            (12_345.0, "12.3 k/s"),
            (1_050_000.0, "1.05 M/s"),
            (999_900.0, "1.00 M/s"),
        ] {
            assert_eq!(rate(value), text);
        }
        assert!(rate(f64::from(u32::MAX) * 4e9).len() <= 8);
        assert_eq!((count(9999), count(123_456), count(u64::MAX).len()), ("9999".into(), "123 k".into(), 6));
        assert_eq!(
            (percent(0.999), percent(1.0), percent(1e18)),
            ("100%".into(), "100%".into(), ">999%".into())
        );
    }
}
