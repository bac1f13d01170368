//! What is counted, in Prometheus's text format.

use std::collections::BTreeMap;
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
        let labels = format!("name={:?}", source.name);
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
            let labels = format!("{labels},sink={:?}", sink.id);
            families.gauge("sink_lag", "Messages that a sink is behind its source.", &labels, sink.lag);
            families.gauge("sink_silent_ms", "Milliseconds since a sink was heard.", &labels, sink.silent_ms);
        }
    }
    for sink in sinks {
        let labels = format!("name={:?},path={:?}", sink.name, sink.path);
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
    sink.trouble.is_none() && sink.silent_ms.is_some_and(|silent| silent < 5000)
}

/// Samples by the name of their metric: those of one belong together.
#[derive(Default)]
struct Families(BTreeMap<&'static str, String>);

impl Families {
    fn counter(&mut self, name: &'static str, help: &str, labels: &str, value: u64) {
        self.add(name, "counter", help, labels, value);
    }

    fn gauge(&mut self, name: &'static str, help: &str, labels: &str, value: u64) {
        self.add(name, "gauge", help, labels, value);
    }

    fn add(&mut self, name: &'static str, kind: &str, help: &str, labels: &str, value: u64) {
        let head = || format!("# HELP ringway_gateway_{name} {help}\n# TYPE ringway_gateway_{name} {kind}\n");
        let family = self.0.entry(name).or_insert_with(head);
        // Writing to a string doesn't fail.
        let _ = writeln!(family, "ringway_gateway_{name}{{{labels}}} {value}");
    }

    fn text(self) -> String {
        self.0.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::Counts;

    #[test]
    fn a_metric_is_described_once_and_has_a_line_for_each_ring() {
        let sink = |name: &str| MirrorMeta {
            name: name.into(),
            path: "/dev/shm/\"odd\"".into(),
            mirror: None,
            source: None,
            policy: None,
            head: 5,
            sent: 7,
            silent_ms: Some(1),
            parked_bytes: 0,
            counts: Counts { received: 3, ..Counts::default() },
            trouble: None,
        };
        let text = text(&[], &[sink("one"), sink("two")]);
        assert_eq!(text.matches("# TYPE ringway_gateway_mirror_received_total counter").count(), 1);
        for reason in ["version", "ring", "sequences", "geometry", "bytes"] {
            let line = format!(
                "mirror_refused_frames_total{{name=\"one\",path=\"/dev/shm/\\\"odd\\\"\",reason=\"{reason}\"}} 0\n"
            );
            assert!(text.contains(&line), "{text}");
        }
        for name in ["one", "two"] {
            let line = format!("mirror_missing{{name=\"{name}\",path=\"/dev/shm/\\\"odd\\\"\"}} 2\n");
            assert!(text.contains(&line), "{text}");
        }
    }
}
