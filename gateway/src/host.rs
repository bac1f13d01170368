//! One process: a session, a thread for each ring, and the end.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use zenoh::Wait;

use crate::apply::Counts;
use crate::config::Config;
use crate::meta::MirrorMeta;
use crate::stop::Stop;
use crate::{export, files, import, kept, metrics, session};

/// How long a thread may take to see that it should end.
const SLICE: Duration = Duration::from_millis(20);
/// Metrics are written so often.
const METRICS: Duration = Duration::from_secs(1);

/// Exports and imports what `config` says, until SIGTERM or SIGINT comes. The second one ends the process at once.
///
/// # Errors
/// If the process can't listen where it should, or the configuration says what can't be.
pub fn run(config: &Config) -> Result<()> {
    config.check()?;
    let stop = Stop::of_signals()?;
    if kept::keeper().is_some() {
        kept::end_with_keeper(&stop);
    }
    let link = config.link();
    let session = session::open(&link)?;
    eprintln!("listening at {:?}, connecting to {:?}", link.listen, link.connect);
    let exported: Vec<_> = config.exports.iter().map(|_| export::Shown::default()).collect();
    let imported: Vec<_> = config.imports.iter().map(described).collect();

    let ended = std::thread::scope(|scope| {
        let mut threads = Vec::new();
        for (export, shown) in config.exports.iter().zip(&exported) {
            threads.push(scope.spawn(|| export::run(&session, export, shown, &stop)));
        }
        for (import, shown) in config.imports.iter().zip(&imported) {
            threads.push(scope.spawn(|| import::run(&session, import, shown, &stop)));
        }
        // A thread ends before it is told to only where something is wrong.
        while !stop.is_set() && threads.iter().all(|thread| !thread.is_finished()) {
            if let Some(path) = &config.metrics {
                let text = metrics::of(&exported, &imported);
                if let Err(error) = files::replace(path, text.as_bytes()) {
                    eprintln!("{error:#}");
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
                Err(_) => bail!("a thread panicked: this is a bug of the gateway's"),
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
        parked_bytes: 0,
        counts: Counts::default(),
        trouble: None,
    }))
}
