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

/// A re-created ring is served this long for sinks that nothing says will come: under `reliable` those never heard.
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
    /// Why it isn't held yet, if the log says so already.
    told: Option<String>,
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
            *replaced = Some(Replaced { since: now, end, successor: None, told: None });
        }
        let Some(Replaced { since, end, successor, told }) = &mut *replaced else { return Ok(false) };
        if successor.is_none() {
            match Successor::open(export) {
                Ok(opened) => *successor = Some(opened),
                // There may be no ring yet.
                Err(_) if !export.ring.exists() => {}
                Err(error) => {
                    let error = format!("{error:#}");
                    if told.as_ref() != Some(&error) {
                        log::line(&format!(
                            "export {}: the ring that has the path now isn't held yet: {error}",
                            export.name
                        ));
                        *told = Some(error);
                    }
                }
            }
        }
        let is_soon = now.saturating_duration_since(*since) < DRAINED_WITHIN;
        let held = lock(&self.shared.held);
        let left = end.saturating_sub(held.hold.first().unwrap_or(*end));
        if export.policy == Policy::Reliable && !held.pace.has_known_all() && left > 0 {
            // A sink that was never heard may be about to come.
            if is_soon {
                return Ok(false);
            }
            if held.pace.is_everywhere(*end, now) {
                let known = held.pace.names().len();
                drop(held);
                log::line(&format!(
                    "export {}: {known} sinks had come, expected {}; {left} messages of the old ring are left for no other",
                    export.name, export.sinks
                ));
                return Ok(true);
            }
            return Ok(false);
        }
        let has_time = export.policy == Policy::Reliable || is_soon;
        Ok(!has_time || held.pace.is_everywhere(*end, now))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ack::Ack;
    use ringway::{Config, Producer, Ring};
    use tempfile::TempDir;

    const SLOTS: u64 = 16;

    /// A ring with messages that no sink has heard of, and whose path another ring has.
    fn replaced(sinks: usize) -> (TempDir, Producer, Served) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ring");
        let make = || ringway::file::create(&path, &Config::new().slots(SLOTS)).unwrap();
        let mut producer = make().producer().unwrap();
        let export: Export =
            toml::from_str(&format!("ring = {path:?}\nname = \"n\"\nsinks = {sinks}")).unwrap();
        let served = Served::open(&Name::new("n").unwrap(), &export, None).unwrap();
        producer.publish(b"one").unwrap();
        std::fs::remove_file(&path).unwrap();
        make();
        (directory, producer, served)
    }

    fn ack(served: &Served, sink: &str, now: Instant) {
        let ack = Ack { ring_id: served.ring.geometry().ring_id(), next: 1, skipped: 0 };
        lock(&served.shared.held).pace.heard(sink, &ack, 1, now);
    }

    #[test]
    fn a_ring_whose_sinks_havent_come_yet_is_served_for_a_while() {
        let ((_directory, _producer, served), now) = (replaced(1), Instant::now());
        assert!(!served.is_done(now).unwrap());
        assert!(!served.is_done(now + DRAINED_WITHIN / 2).unwrap());
        assert!(served.is_done(now + DRAINED_WITHIN).unwrap());
        ack(&served, "a", now);
        assert!(served.is_done(now + DRAINED_WITHIN / 2).unwrap());
    }

    #[test]
    fn a_ring_of_which_one_of_two_sinks_has_come_waits_for_the_other_for_a_while() {
        let ((_directory, _producer, served), now) = (replaced(2), Instant::now());
        ack(&served, "a", now);
        assert!(!served.is_done(now).unwrap());
        assert!(served.is_done(now + DRAINED_WITHIN).unwrap());
        ack(&served, "b", now);
        assert!(served.is_done(now).unwrap());
    }
}
