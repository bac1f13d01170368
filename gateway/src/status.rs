//! The output of `status` and `list`.

use std::fmt::Write;
use std::time::Duration;

use anyhow::{Result, bail};
use serde::Serialize;
use zenoh::Session;

use crate::meta::{Meta, MirrorMeta, Wakes};
use crate::metrics;
use crate::names::{Name, PREFIX, last_part};
use crate::policy::{Guarantee, Policy};
use crate::session;

/// How long gateways may take to answer.
const WAIT: Duration = Duration::from_secs(2);

/// Output format of `status` and `list`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Style {
    /// For people.
    Plain,
    /// One JSON object.
    Json,
    /// Prometheus's text format.
    Prometheus,
}

/// Sources and sinks, as they describe themselves.
#[derive(Debug, Default, Serialize)]
pub struct Found {
    /// Exported rings.
    pub sources: Vec<Source>,
    /// Mirrors.
    pub mirrors: Vec<MirrorMeta>,
}

/// An exported ring, and what is guaranteed.
#[derive(Debug, Serialize)]
pub struct Source {
    /// The ring.
    #[serde(flatten)]
    pub meta: Meta,
    /// What its policy guarantees.
    pub guarantees: Vec<&'static Guarantee>,
}

/// Asks the gateways that can be reached.
///
/// # Errors
/// If they can't be asked.
pub fn find(session: &Session, name: Option<&Name>) -> Result<Found> {
    let selector = match name {
        Some(name) => format!("{}/**", name.meta()),
        None => format!("{PREFIX}/**/meta/**"),
    };
    let mut found = Found::default();
    for (key, bytes) in session::ask(session, &selector, WAIT)? {
        if last_part(&key) == "meta" {
            if let Ok(meta) = Meta::read(&bytes) {
                let guarantees = meta.policy.guarantees().collect();
                found.sources.push(Source { meta, guarantees });
            }
        } else if let Ok(meta) = serde_json::from_slice(&bytes) {
            found.mirrors.push(meta);
        }
    }
    // An answer may come by two ways.
    let source = |source: &Source| (source.meta.name.clone(), source.meta.ring_id.clone());
    found.sources.sort_by_key(source);
    found.sources.dedup_by_key(|of| source(of));
    let mirror = |mirror: &MirrorMeta| (mirror.name.clone(), mirror.path.clone(), mirror.mirror.clone());
    found.mirrors.sort_by_key(mirror);
    found.mirrors.dedup_by(|one, other| one.mirror.is_some() && mirror(one) == mirror(other));
    if let Some(name) = name
        && found.sources.is_empty()
        && found.mirrors.is_empty()
    {
        bail!(
            "no gateway that can be reached exports or imports {}: `list` shows what there is",
            name.as_str()
        );
    }
    Ok(found)
}

/// Shows how sources and sinks stand.
///
/// # Errors
/// If serialization fails.
pub fn status(found: &Found, style: Style) -> Result<String> {
    match style {
        Style::Json => Ok(serde_json::to_string_pretty(found)? + "\n"),
        Style::Prometheus => {
            let sources: Vec<_> = found.sources.iter().map(|source| source.meta.clone()).collect();
            Ok(metrics::text(&sources, &found.mirrors))
        }
        Style::Plain => Ok(plain(found)),
    }
}

/// Shows which rings are exported.
///
/// # Errors
/// If serialization fails.
pub fn list(found: &Found, style: Style) -> Result<String> {
    if style == Style::Json {
        let metas: Vec<_> = found.sources.iter().map(|source| &source.meta).collect();
        return Ok(serde_json::to_string_pretty(&metas)? + "\n");
    }
    let mut text = String::new();
    for Source { meta, .. } in &found.sources {
        let _ = writeln!(
            text,
            "{}  {}, {} slots of {} bytes, head {}, {}",
            meta.name,
            meta.policy.name(),
            meta.shape.slots,
            meta.shape.payload_capacity,
            meta.head,
            counted(meta.sinks.len(), "sink")
        );
    }
    Ok(text)
}

fn plain(found: &Found) -> String {
    let mut text = String::new();
    // Writing to a string doesn't fail.
    for Source { meta, guarantees } in &found.sources {
        let Meta { name, policy, head, window, sent, sinks, .. } = meta;
        let _ = writeln!(text, "export {name}: {}, head {head}, window {window}", policy.name());
        let _ =
            writeln!(text, "  ring {}, epoch {}, producer {:?}", meta.ring_id, meta.epoch, meta.condition);
        let wakes = match meta.wakes {
            Wakes::Consumer => "consumer",
            Wakes::Polling => "polling",
        };
        let _ = writeln!(text, "  wakes: {wakes}");
        if let Some(held) = meta.held {
            let _ = write!(text, "  holds messages from {held} on");
            if *policy == Policy::Reliable {
                let covered = if meta.covered { "is covered" } else { "isn't covered yet" };
                let _ = write!(text, "; the kill of this gateway {covered}");
            }
            text.push('\n');
        }
        let _ = writeln!(
            text,
            "  sent {} messages in {} frames, {} again; lost {}, skipped {}, refused {}",
            sent.messages, sent.frames, sent.repaired, sent.lost, sent.skipped, sent.refused
        );
        by_reason(&mut text, &sent.refusals.reasons());
        for sink in sinks {
            let _ = writeln!(
                text,
                "  sink {}: at {}, {} behind, skipped {}, heard {} ms ago",
                sink.id, sink.next, sink.lag, sink.skipped, sink.silent_ms
            );
        }
        for sink in &meta.awaited {
            let _ = writeln!(text, "  sink {sink}: waited for, since an earlier gateway had it");
        }
        let _ = writeln!(text, "  guarantees of {}:", policy.name());
        for guarantee in guarantees {
            let _ = writeln!(text, "  - {} ({})", guarantee.sentence, guarantee.tests.join(", "));
        }
    }
    for mirror in &found.mirrors {
        let MirrorMeta { name, path, head, counts, .. } = mirror;
        let _ = writeln!(
            text,
            "import {name}: {path}, head {head}, {} missing",
            mirror.sent.saturating_sub(*head)
        );
        let _ = writeln!(
            text,
            "  received {}, skipped {}; frames repeated {}, dropped {}, refused {}; asked {} times",
            counts.received,
            counts.skipped,
            counts.repeated,
            counts.dropped,
            counts.refused,
            counts.questions
        );
        by_reason(&mut text, &counts.refusals.reasons());
        if let Some(silent) = mirror.silent_ms {
            let _ = writeln!(text, "  source heard {silent} ms ago");
        }
        if let Some(trouble) = &mirror.trouble {
            let _ = writeln!(text, "  trouble: {trouble}");
        }
    }
    if text.is_empty() {
        text.push_str("no ring is exported or imported by a gateway that can be reached\n");
    }
    text
}

/// The refusals, as text; empty if there are none.
fn by_reason(text: &mut String, reasons: &[(&str, u64)]) {
    let found: Vec<_> = reasons.iter().filter(|(_, count)| *count > 0).collect();
    if found.is_empty() {
        return;
    }
    text.push_str("  refused for");
    for (index, (reason, count)) in found.iter().enumerate() {
        let _ = write!(text, "{} {reason} {count}", if index == 0 { "" } else { "," });
    }
    text.push('\n');
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
