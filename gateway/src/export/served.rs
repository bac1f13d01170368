//! A ring that is exported, and what outlasts a failed attempt to serve it: what is held, and how far its sinks are.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ringway::file::{FileRing, OpenOptions};

use super::options::Export;
use super::shared::Shared;
use super::waiting::lock;
use crate::gate::Gate;
use crate::log;
use crate::names::Name;
use crate::policy::Policy;

/// So long a ring that was made anew is served to the end, if nothing else than its sinks says how long.
const DRAINED_WITHIN: Duration = Duration::from_secs(10);

/// A ring that is exported.
pub(super) struct Served {
    export: Export,
    pub(super) ring: FileRing,
    pub(super) shared: Arc<Shared>,
    /// Since when another ring has its path, or none.
    replaced: Mutex<Option<Replaced>>,
}

struct Replaced {
    since: Instant,
    /// What is published later isn't waited for.
    end: u64,
    /// The ring that has the path now, held from its beginning.
    successor: Option<Successor>,
}

/// A ring that is served next. Until then its producer is held back.
pub(super) struct Successor {
    ring: FileRing,
    gate: Option<Gate>,
}

impl Successor {
    fn open(export: &Export) -> Result<Self> {
        let ring = OpenOptions::new().open(&export.ring).context("opening the ring to export")?;
        let holds = export.policy == Policy::Reliable;
        let gate = holds.then(|| Gate::close(&ring)).transpose()?;
        Ok(Self { ring, gate })
    }
}

impl Served {
    /// Opens the ring to export, unless it was opened already.
    pub(super) fn open(name: &Name, export: &Export, opened: Option<Successor>) -> Result<Self> {
        let Successor { ring, gate } = opened.map_or_else(|| Successor::open(export), Ok)?;
        let shared = Arc::new(Shared::new(name.clone(), export, &ring, gate)?);
        Ok(Self { export: export.clone(), ring, shared, replaced: Mutex::default() })
    }

    /// Whether another ring is to be served: this one has lost its path, and its sinks have what was in it. Under
    /// `reliable` each of them is waited for; else those that are heard, for a while.
    pub(super) fn is_done(&self, now: Instant) -> Result<bool> {
        let export = &self.export;
        let mut replaced = lock(&self.replaced);
        if replaced.is_none() {
            if self.ring.has_its_name()? {
                return Ok(false);
            }
            let end = self.shared.monitor.stats()?.head;
            log::line(&format!(
                "export {}: the ring was made anew, or removed; its sinks get what is left of it first, up to message {end}",
                export.name
            ));
            *replaced = Some(Replaced { since: now, end, successor: None });
        }
        let Some(Replaced { since, end, successor }) = &mut *replaced else { return Ok(false) };
        if successor.is_none() {
            // There may be no ring yet.
            *successor = Successor::open(export).ok();
        }
        let has_time =
            export.policy == Policy::Reliable || now.saturating_duration_since(*since) < DRAINED_WITHIN;
        Ok(!has_time || lock(&self.shared.held).pace.is_everywhere(*end, now))
    }

    /// Whether to give it up when it can't be served: it has lost its path for a while.
    pub(super) fn is_hopeless(&self, now: Instant) -> bool {
        lock(&self.replaced)
            .as_ref()
            .is_some_and(|replaced| now.saturating_duration_since(replaced.since) >= DRAINED_WITHIN)
    }

    /// The ring that is served next, if there is one.
    pub(super) fn into_successor(self) -> Option<Successor> {
        let replaced = self.replaced.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        replaced.and_then(|replaced| replaced.successor)
    }
}
