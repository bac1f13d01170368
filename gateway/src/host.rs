//! One process: a session, a thread for each ring, and the end.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use zenoh::Wait;

use crate::apply::Counts;
use crate::config::Config;
use crate::export::Export;
use crate::frame::FRAME_BYTES;
use crate::meta::MirrorMeta;
use crate::policy::Policy;
use crate::stop::Stop;
use crate::{export, files, import, kept, log, metrics, session};

/// Longest time until a thread sees that it should end.
const SLICE: Duration = Duration::from_millis(20);
/// Time between two writes of the metrics.
const METRICS: Duration = Duration::from_secs(1);

/// Exports and imports what `config` says, until SIGTERM or SIGINT comes. The second one ends the process at once.
///
/// # Errors
/// If an endpoint can't be listened at, or a setting is wrong.
pub fn run(config: &Config) -> Result<()> {
    config.check()?;
    let stop = Stop::of_signals()?;
    if kept::keeper().is_some() {
        kept::end_with_keeper(&stop);
    }
    let link = config.link();
    let session = session::open(&link)?;
    log::line(&format!("listening at {:?}, connecting to {:?}", link.listen, link.connect));
    let exports = with_shares(&config.exports);
    let exported: Vec<_> = config.exports.iter().map(|_| export::Shown::default()).collect();
    let imported: Vec<_> = config.imports.iter().map(described).collect();

    let ended = std::thread::scope(|scope| {
        let mut threads = Vec::new();
        for (export, shown) in exports.iter().zip(&exported) {
            threads.push(scope.spawn(|| export::run(&session, export, shown, &stop)));
        }
        for (import, shown) in config.imports.iter().zip(&imported) {
            threads.push(scope.spawn(|| import::run(&session, import, shown, &stop)));
        }
        // A thread that ends early has failed.
        while !stop.is_set() && threads.iter().all(|thread| !thread.is_finished()) {
            if let Some(path) = &config.metrics {
                let text = metrics::of(&exported, &imported);
                if let Err(error) = files::replace(path, text.as_bytes()) {
                    log::line(&format!("{error:#}"));
                }
            }
            let next = Instant::now() + METRICS;
            while !stop.is_set()
                && Instant::now() < next
                && threads.iter().all(|thread| !thread.is_finished())
            {
                std::thread::sleep(SLICE);
            }
        }
        stop.set();
        for thread in threads {
            match thread.join() {
                Ok(ended) => ended?,
                Err(_) => bail!(
                    "a thread panicked: this is a bug of the gateway, please report it with the lines above"
                ),
            }
        }
        Ok(())
    });
    let closed = session
        .close()
        .wait()
        .map_err(|error| anyhow::anyhow!("closing the session: {}", session::plain(&error)));
    ended.and(closed)
}

/// The exports. Those that wait for a link have their share of what all of them may have in flight: one frame at least.
fn with_shares(exports: &[Export]) -> Vec<Export> {
    // The other policies don't wait for a link.
    let waiting = exports.iter().filter(|export| export.policy == Policy::Reliable).count().max(1);
    let share = (export::in_flight() / waiting as u64).max(FRAME_BYTES as u64);
    exports
        .iter()
        .map(|export| {
            let share = (export.policy == Policy::Reliable).then_some(share);
            Export { in_flight: export.in_flight.or(share), ..export.clone() }
        })
        .collect()
}

fn described(import: &import::Import) -> import::Shown {
    Arc::new(Mutex::new(MirrorMeta {
        name: import.name.clone(),
        path: import.ring.display().to_string(),
        mirror: None,
        source: None,
        policy: None,
        head: 0,
        sent: 0,
        silent_ms: None,
        link_lost_ms: import.link_lost_after.as_millis() as u64,
        parked_bytes: 0,
        counts: Counts::default(),
        trouble: None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rings_of_one_process_share_what_fits_zenohs_queue() {
        let export =
            |more: &str| toml::from_str::<Export>(&format!("ring = \"/r\"\nname = \"n\"\n{more}")).unwrap();
        let shares = |of: &[&str]| {
            let exports: Vec<_> = of.iter().map(|more| export(more)).collect();
            with_shares(&exports)
                .iter()
                .map(|export| export.in_flight.unwrap_or_else(export::in_flight))
                .collect::<Vec<_>>()
        };
        assert_eq!(shares(&[""]), [export::in_flight()]);
        let all = export::in_flight();
        assert_eq!(shares(&["", "", "policy = \"history\""]), [all / 2, all / 2, all]);
        assert_eq!(shares(&["in-flight = 5"]), [5]);
        assert!(shares(&[""; 100]).iter().all(|share| *share >= FRAME_BYTES as u64));
    }

    #[test]
    fn a_peer_that_reads_nothing_is_left_before_the_links_of_others_are_lost() {
        let config = session::config(&session::Link::default()).unwrap();
        let wait =
            config.get_json("transport/link/tx/queue/congestion_control/block/wait_before_close").unwrap();
        let lost: import::Import = toml::from_str("name = \"n\"\nring = \"/r\"").unwrap();
        // A heartbeat may be half a second old when the wait begins.
        let silence = Duration::from_micros(wait.parse().unwrap()) + Duration::from_millis(500);
        assert!(silence * 2 <= lost.link_lost_after, "{silence:?}");
    }
}
