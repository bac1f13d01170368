//! What is counted, in Prometheus's text format.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

use crate::meta::{Meta, MirrorMeta};
use crate::{export, import};

/// The metrics of this process.
pub fn of(exported: &[export::Shown], imported: &[import::Shown]) -> String {
    let sources: Vec<Meta> = shown(exported).into_iter().flatten().collect();
    text(&sources, &shown(imported))
}

fn shown<T: Clone>(all: &[Arc<Mutex<T>>]) -> Vec<T> {
    all.iter().map(|one| one.lock().unwrap_or_else(PoisonError::into_inner).clone()).collect()
}

/// The metrics of these sources and sinks.
///
/// # Examples
/// ```
/// assert_eq!(ringway_gateway::metrics::text(&[], &[]), "");
/// ```
pub fn text(sources: &[Meta], sinks: &[MirrorMeta]) -> String {
    let mut families = Families::default();
    for source in sources {
        let labels = labels(&[("name", &source.name), ("ring", &source.ring_id)]);
        let sent = &source.sent;
        families.gauge("source_head", "Next sequence of the exported ring.", &labels, source.head);
        families.gauge(
            "source_covered",
            "Whether a killed source leaves no loss.",
            &labels,
            source.covered.into(),
        );
        for (name, help, value) in [
            ("source_frames_total", "Frames pushed.", sent.frames),
            ("source_messages_total", "Messages pushed.", sent.messages),
            ("source_bytes_total", "Bytes pushed.", sent.bytes),
            ("source_lost_total", "Messages that the ring didn't keep until they were pushed.", sent.lost),
            ("source_skipped_total", "Messages that the ring's producer skipped.", sent.skipped),
            ("source_repairs_total", "Questions answered.", sent.repairs),
            ("source_repaired_total", "Messages in answers.", sent.repaired),
        ] {
            families.counter(name, help, &labels, value);
        }
        for (reason, value) in sent.refusals.reasons() {
            let labels = format!("{labels},reason={reason:?}");
            families.counter("source_refused_total", "Acks and questions refused.", &labels, value);
        }
        for sink in &source.sinks {
            let labels = format!("{labels},{}", label("sink", &sink.id));
            families.gauge("sink_lag", "Messages that a sink is behind its source.", &labels, sink.lag);
            families.gauge("sink_silent_ms", "Milliseconds since a sink was heard.", &labels, sink.silent_ms);
        }
    }
    for sink in sinks {
        // Two hosts may mirror one ring under the same path.
        let mirror = sink.mirror.as_deref().unwrap_or_default();
        let labels = labels(&[("name", &sink.name), ("path", &sink.path), ("mirror", mirror)]);
        let counts = &sink.counts;
        families.gauge("mirror_head", "Next sequence of the mirror.", &labels, sink.head);
        families.gauge(
            "mirror_missing",
            "Messages sent that the mirror lacks.",
            &labels,
            sink.sent.saturating_sub(sink.head),
        );
        families.gauge("mirror_parked_bytes", "Bytes kept for later.", &labels, sink.parked_bytes as u64);
        families.gauge(
            "mirror_up",
            "Whether the source is mirrored without trouble.",
            &labels,
            is_up(sink).into(),
        );
        for (name, help, value) in [
            ("mirror_received_total", "Messages published in the mirror.", counts.received),
            ("mirror_skipped_total", "Sequences skipped in the mirror.", counts.skipped),
            ("mirror_repeated_frames_total", "Frames that were there already.", counts.repeated),
            ("mirror_parked_frames_total", "Frames kept for later.", counts.parked),
            ("mirror_dropped_frames_total", "Frames dropped for want of room.", counts.dropped),
            ("mirror_far_frames_total", "Frames that skip too much to be believed unasked.", counts.far),
            ("mirror_questions_total", "Questions for what was missing.", counts.questions),
            ("mirror_entered_total", "How often the mirror's producer entered.", counts.entered),
        ] {
            families.counter(name, help, &labels, value);
        }
        for (reason, value) in counts.refusals.reasons() {
            let labels = format!("{labels},reason={reason:?}");
            families.counter("mirror_refused_frames_total", "Frames refused.", &labels, value);
        }
    }
    families.text()
}

fn is_up(sink: &MirrorMeta) -> bool {
    sink.trouble.is_none() && sink.silent_ms.is_some_and(|silent| silent < sink.link_lost_ms)
}

fn labels(all: &[(&str, &str)]) -> String {
    all.iter().map(|(name, value)| label(name, value)).collect::<Vec<_>>().join(",")
}

/// Formats a label. Prometheus knows three escapes in its value.
fn label(name: &str, value: &str) -> String {
    let value = value.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n");
    format!("{name}=\"{value}\"")
}

/// Samples by the name of their metric: those of one belong together.
#[derive(Default)]
struct Families(BTreeMap<&'static str, Family>);

#[derive(Default)]
struct Family {
    text: String,
    /// Labels of its samples: one that comes twice makes the whole text invalid.
    labels: BTreeSet<String>,
}

impl Families {
    fn counter(&mut self, name: &'static str, help: &str, labels: &str, value: u64) {
        self.add(name, "counter", help, labels, value);
    }

    fn gauge(&mut self, name: &'static str, help: &str, labels: &str, value: u64) {
        self.add(name, "gauge", help, labels, value);
    }

    fn add(&mut self, name: &'static str, kind: &str, help: &str, labels: &str, value: u64) {
        let head = format!("# HELP ringway_gateway_{name} {help}\n# TYPE ringway_gateway_{name} {kind}\n");
        let family = self.0.entry(name).or_insert_with(|| Family { text: head, ..Family::default() });
        if family.labels.insert(labels.into()) {
            // Writing to a string doesn't fail.
            let _ = writeln!(family.text, "ringway_gateway_{name}{{{labels}}} {value}");
        }
    }

    fn text(self) -> String {
        self.0.into_values().map(|family| family.text).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::Counts;

    fn sink(name: &str, path: &str, mirror: Option<&str>) -> MirrorMeta {
        MirrorMeta {
            name: name.into(),
            path: path.into(),
            mirror: mirror.map(Into::into),
            source: None,
            policy: None,
            head: 5,
            sent: 7,
            silent_ms: Some(1),
            link_lost_ms: 5000,
            parked_bytes: 0,
            counts: Counts { received: 3, ..Counts::default() },
            trouble: None,
        }
    }

    #[test]
    fn a_metric_is_described_once_and_has_a_line_for_each_ring() {
        let text = text(&[], &[sink("one", "/dev/shm/r", Some("ab")), sink("two", "/dev/shm/r", Some("cd"))]);
        assert_eq!(text.matches("# TYPE ringway_gateway_mirror_received_total counter").count(), 1);
        for reason in ["version", "ring", "sequences", "geometry", "bytes"] {
            let line = format!(
                "mirror_refused_frames_total{{name=\"one\",path=\"/dev/shm/r\",mirror=\"ab\",reason=\"{reason}\"}} 0\n"
            );
            assert!(text.contains(&line), "{text}");
        }
        for (name, mirror) in [("one", "ab"), ("two", "cd")] {
            let line =
                format!("mirror_missing{{name=\"{name}\",path=\"/dev/shm/r\",mirror=\"{mirror}\"}} 2\n");
            assert!(text.contains(&line), "{text}");
        }
    }

    #[test]
    fn no_two_lines_have_the_same_labels() {
        let of = |mirror| sink("quotes", "/dev/shm/quotes", mirror);
        let text = text(&[], &[of(Some("ab")), of(Some("cd")), of(None), of(None)]);
        let mut series: Vec<_> = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.rsplit_once(' '))
            .collect();
        let all = series.len();
        series.sort_unstable();
        series.dedup_by_key(|(series, _)| *series);
        assert_eq!((series.len(), text.matches("mirror_head{").count()), (all, 3), "{text}");
    }

    #[test]
    fn only_what_prometheus_knows_is_escaped() {
        let path = "/dev/shm/\"ödd\"\\\u{1b}\n";
        let text = text(&[], &[sink("one", path, None)]);
        assert!(text.contains("path=\"/dev/shm/\\\"ödd\\\"\\\\\u{1b}\\n\","), "{text}");
    }

    #[test]
    fn a_mirror_is_up_as_long_as_its_import_was_told() {
        let of = |silent_ms| MirrorMeta { silent_ms, link_lost_ms: 20_000, ..sink("one", "/r", None) };
        assert!(is_up(&of(Some(19_999))) && !is_up(&of(Some(20_000))) && !is_up(&of(None)));
    }
}
