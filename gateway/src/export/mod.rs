//! A source: the threads that read a ring and send what they find.

mod answer;
mod forgotten;
pub(crate) mod hold;
mod options;
mod questions;
mod record;
mod send;
mod served;
mod shared;
mod waiting;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use zenoh::sample::Locality;
use zenoh::{Session, Wait};

pub use self::answer::ANSWER_BYTES;
pub use self::options::{Export, in_flight};
use self::send::End;
use self::served::Served;
pub use self::shared::Shown;
use self::waiting::lock;
use crate::log;
use crate::names::{Name, hex};
use crate::session::plain;
use crate::source::Reader;
use crate::stop::{SetOnDrop, Stop};

/// Pause between two attempts to serve a ring.
const PAUSE: Duration = Duration::from_millis(500);

/// An attempt that lasted longer has succeeded: the error that ends it is told, also if it was told before.
const FORGIVEN: Duration = Duration::from_secs(10);

/// Threads that answer questions. A peer that isn't a sink, and doesn't read its answer, holds up one of them.
const ANSWERING: usize = 2;

/// Serves a ring until `stop` is set. Each failure is followed by another attempt.
///
/// # Errors
/// If the name isn't valid.
pub fn run(session: &Session, export: &Export, shown: &Shown, stop: &Stop) -> Result<()> {
    let name = Name::new(&export.name)?;
    let (mut told, mut served, mut successor) = (None, None, None);
    while !stop.is_set() {
        let began = Instant::now();
        let current = match served.take() {
            Some(current) => Ok(current),
            None => Served::open(&name, export, successor.take()),
        };
        let error = match current {
            Err(error) => error,
            Ok(current) => match serve(session, &name, export, &current, shown, stop) {
                Ok(End::Stopped) => break,
                Ok(End::Replaced) => {
                    log::line(&format!("export {}: serving the ring that has the path now", export.name));
                    successor = current.into_successor();
                    *lock(shown) = None;
                    continue;
                }
                // The next attempt goes on with what is held, and with what the sinks have.
                Err(error) => {
                    served = Some(current).filter(|current| !current.is_hopeless(Instant::now()));
                    error
                }
            },
        };
        let error = format!("{error:#}");
        if began.elapsed() > FORGIVEN {
            told = None;
        }
        if told.as_ref() != Some(&error) {
            log::line(&format!("export {}: {error}; trying again without end", export.name));
            told = Some(error);
        }
        *lock(shown) = None;
        stop.sleep(PAUSE);
    }
    Ok(())
}

fn serve(
    session: &Session,
    name: &Name,
    export: &Export,
    served: &Served,
    shown: &Shown,
    stop: &Stop,
) -> Result<End> {
    let Served { ring, shared, .. } = served;
    let mut reader = Reader::new(ring)?;
    reader.wake_by(lock(&shared.held).hold.waker(ring));
    shared.is_woken.store(reader.is_woken(), Ordering::Relaxed);
    let failed = |error| anyhow!("declaring the ring to Zenoh: {}", plain(&error));

    let of = shared.clone();
    let _acks = session
        .declare_subscriber(name.ack("*"))
        .allowed_origin(Locality::Remote)
        .callback(move |sample| of.hear(&sample))
        .wait()
        .map_err(failed)?;
    let of = shared.clone();
    let _metas = session
        .declare_queryable(name.meta())
        .allowed_origin(Locality::Remote)
        .callback(move |query| {
            of.to_describe.push(query, 0);
        })
        .wait()
        .map_err(failed)?;
    let of = shared.clone();
    let _forgotten = session
        .declare_queryable(name.forget("*"))
        .allowed_origin(Locality::Remote)
        .callback(move |query| {
            // A question to all for their descriptions comes here, too: `**/meta/**` might be a sink's name.
            if of.is_to_forget(&query) {
                of.to_describe.push(query, 0);
            }
        })
        .wait()
        .map_err(failed)?;
    let of = shared.clone();
    let _ranges = session
        .declare_queryable(name.range())
        .allowed_origin(Locality::Remote)
        .callback(move |query| of.ask(query))
        .wait()
        .map_err(failed)?;
    let _token = session.liveliness().declare_token(name.source_token()).wait().map_err(failed)?;
    log::line(&format!(
        "export {}: {} of ring {}, {}",
        name.as_str(),
        export.ring.display(),
        hex(&reader.ring_id()),
        shared.limits.policy.name()
    ));

    let over = AtomicBool::new(false);
    let is_on = || !over.load(Ordering::Relaxed) && !stop.is_set();
    std::thread::scope(|scope| {
        // Also if this thread panics: the scope waits for the others.
        let sets_over = SetOnDrop(&over);
        let mut helpers = Vec::from([(); ANSWERING].map(|()| {
            scope.spawn(|| {
                while is_on() {
                    if let Err(error) = shared.answer(ring) {
                        log::line(&format!("export {}: answering a question: {error:#}", name.as_str()));
                        stop.sleep(PAUSE);
                    }
                }
            })
        }));
        helpers.push(scope.spawn(|| {
            while is_on() {
                shared.describe();
            }
        }));
        let is_over = || helpers.iter().any(|thread| thread.is_finished());
        let ended = shared.send(session, served, &mut reader, shown, stop, is_over);
        drop(sets_over);
        for thread in helpers {
            thread.join().map_err(|_| anyhow!("a thread that answers panicked"))?;
        }
        ended
    })
}

#[cfg(test)]
mod tests;
