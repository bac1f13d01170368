//! Rings' figures in Prometheus's text exposition format.

use std::fmt::Write;
use std::path::PathBuf;

use super::report::{Consumer, Info};
use crate::cli::inspect::snapshot::Standing;
use crate::cli::inspect::table;

/// A metric: name, type, help.
struct Metric(&'static str, &'static str, &'static str);

/// The value of each ring's own metrics; `None` where it isn't known.
type Value = fn(&Info) -> Option<f64>;

const OF_RINGS: [(Metric, Value); 13] = [
    (Metric("ringway_head", "counter", "Messages published since the ring was made."), |i| {
        Some(i.head as f64)
    }),
    (Metric("ringway_epoch", "counter", "Number of the producer's incarnation."), |i| Some(i.epoch as f64)),
    (Metric("ringway_producer_alive", "gauge", "Whether a process holds the producer's lock."), |i| {
        Some(f64::from(u8::from(i.producer_alive)))
    }),
    (Metric("ringway_messages_per_second", "gauge", "Messages published a second, over --interval."), |i| {
        i.messages_per_s
    }),
    (
        Metric(
            "ringway_times_full",
            "counter",
            "How often a producer found the ring full, as producers count it.",
        ),
        |i| Some(i.times_full as f64),
    ),
    (
        Metric(
            "ringway_times_passed_over",
            "counter",
            "How often a producer passed over a best-effort reader, as producers count it.",
        ),
        |i| Some(i.times_passed_over as f64),
    ),
    (Metric("ringway_room", "gauge", "Messages that fit until the ring is full."), |i| Some(i.room as f64)),
    (Metric("ringway_consumers", "gauge", "Consumers and best-effort readers attached and alive."), |i| {
        Some(i.consumers.len() as f64)
    }),
    (Metric("ringway_max_consumers", "gauge", "Most consumers and best-effort readers at once."), |i| {
        Some(i.max_consumers as f64)
    }),
    (Metric("ringway_slots", "gauge", "Number of slots."), |i| Some(i.slots as f64)),
    (Metric("ringway_slot_size_bytes", "gauge", "Longest message."), |i| Some(i.slot_size_bytes as f64)),
    (Metric("ringway_length_bytes", "gauge", "Length of the ring."), |i| Some(i.total_length_bytes as f64)),
    (Metric("ringway_other_boot", "gauge", "Whether the ring is of another boot of the machine."), |i| {
        Some(f64::from(u8::from(i.other_boot)))
    }),
];

/// The value of each reader's metrics.
type ConsumerValue = fn(&Consumer) -> f64;

const OF_CONSUMERS: [(Metric, ConsumerValue); 5] = [
    (Metric("ringway_consumer_lag", "gauge", "Published messages that the reader hasn't released."), |c| {
        c.lag as f64
    }),
    (
        Metric(
            "ringway_consumer_lag_ratio",
            "gauge",
            "The lag as a part of the slots: a consumer at 1 stops the producer, a best-effort reader past 1 was passed over.",
        ),
        |c| c.lag_of_capacity,
    ),
    (Metric("ringway_consumer_next", "counter", "The next message that the reader will read."), |c| {
        c.next as f64
    }),
    (
        Metric(
            "ringway_consumer_lost",
            "counter",
            "Messages that a best-effort reader lost since it joined, by its own word; 0 of a consumer.",
        ),
        |c| c.lost as f64,
    ),
    (
        Metric(
            "ringway_consumer_times_lagged",
            "counter",
            "How often a best-effort reader lost messages, by its own word; 0 of a consumer.",
        ),
        |c| c.times_lagged as f64,
    ),
];

/// The text for all rings, and the paths of those that couldn't be looked at.
pub(super) fn text(infos: &[Info], failed: &[&PathBuf]) -> String {
    let mut text = String::new();
    let up = Metric("ringway_up", "gauge", "Whether the ring could be looked at.");
    let shown = infos.iter().map(|info| (info.ring.clone(), 1.0));
    let failed = failed.iter().map(|path| (path.display().to_string(), 0.0));
    family(&mut text, &up, shown.chain(failed).map(|(ring, value)| (labels(&[("ring", &ring)]), value)));
    for (metric, value) in &OF_RINGS {
        let samples = infos.iter().filter_map(|info| Some((labels(&[("ring", &info.ring)]), value(info)?)));
        family(&mut text, metric, samples);
    }
    let state = Metric("ringway_state", "gauge", "1 for the state that the ring is in.");
    let samples = infos.iter().flat_map(|info| {
        Standing::ALL.map(|state| {
            let value = f64::from(u8::from(info.state == state));
            (labels(&[("ring", &info.ring), ("state", state.name())]), value)
        })
    });
    family(&mut text, &state, samples);
    for (metric, value) in &OF_CONSUMERS {
        let samples = infos.iter().flat_map(|info| {
            info.consumers.iter().map(|consumer| (labels_of(info, consumer), value(consumer)))
        });
        family(&mut text, metric, samples);
    }
    text
}

/// One metric with its samples, if there are any.
fn family(
    text: &mut String,
    Metric(name, kind, help): &Metric,
    samples: impl Iterator<Item = (String, f64)>,
) {
    let mut samples = samples.peekable();
    if samples.peek().is_none() {
        return;
    }
    // Writing to a string doesn't fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    for (labels, value) in samples {
        let _ = writeln!(text, "{name}{{{labels}}} {value}");
    }
}

/// The labels of a reader's samples. A reader without a name has an empty one, which is the same to Prometheus as none.
fn labels_of(info: &Info, reader: &Consumer) -> String {
    let (cell, pid, kind) = (reader.cell.to_string(), reader.pid.to_string(), reader.kind.name());
    let name = reader.name().map_or(String::new(), |name| table::clean(name.as_str()));
    labels(&[("ring", &info.ring), ("cell", &cell), ("pid", &pid), ("kind", kind), ("name", &name)])
}

fn labels(labels: &[(&str, &str)]) -> String {
    labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect::<Vec<_>>().join(",")
}

/// A label's value, of which the format escapes three characters. Other control characters would break no line, but
/// reach a terminal; so they are replaced.
fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '\\' => text += r"\\",
            '"' => text += "\\\"",
            '\n' => text += r"\n",
            c if c.is_control() => text.push(char::REPLACEMENT_CHARACTER),
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_of_a_label_ends_its_quotes_or_its_line() {
        assert_eq!(labels(&[("ring", "a\"b\\c\nd\x1b")]), "ring=\"a\\\"b\\\\c\\nd\u{fffd}\"");
    }

    #[test]
    fn a_ring_that_cannot_be_looked_at_is_down() {
        let text = text(&[], &[&PathBuf::from("gone")]);
        assert_eq!(text.lines().last(), Some("ringway_up{ring=\"gone\"} 0"));
    }
}
