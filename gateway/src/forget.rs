//! A sink that won't come back: how a source is asked to forget it, and what the source says.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use zenoh::Session;

use crate::names::{Name, from_hex};
use crate::pace::Forgotten;
use crate::session;

/// How long a source may take to answer.
const WAIT: Duration = Duration::from_secs(2);
const WORDS: [(&str, Forgotten); 3] =
    [("forgotten", Forgotten::Done), ("heard", Forgotten::Heard), ("unknown", Forgotten::Unknown)];

/// What a source answers.
pub fn word(forgotten: Forgotten) -> &'static str {
    WORDS.iter().find(|(_, found)| *found == forgotten).map_or("", |(word, _)| word)
}

/// Asks the source of `name` to forget this sink. Returns the line to print.
///
/// # Errors
/// If there is no such source or no such sink, or the sink is alive.
pub fn ask(session: &Session, name: &Name, sink: &str) -> Result<String> {
    if from_hex(sink).is_none() {
        bail!("sink {sink:?}: expected its id, 32 hexadecimal digits: `status {}` shows them", name.as_str());
    }
    let answers = session::ask(session, &name.forget(sink), WAIT)?;
    let (_, bytes) = answers.first().with_context(|| {
        format!("no gateway that can be reached exports {}: `list` shows what there is", name.as_str())
    })?;
    let said = WORDS.iter().find(|(word, _)| word.as_bytes() == bytes.as_slice());
    match said.map(|(_, said)| said) {
        Some(Forgotten::Done) => Ok(format!("{}: sink {sink} is forgotten\n", name.as_str())),
        Some(Forgotten::Heard) => {
            bail!("{}: sink {sink} was heard just now: end its import first", name.as_str())
        }
        Some(Forgotten::Unknown) => {
            bail!("{} has no sink {sink}: `status {0}` shows those that it has", name.as_str())
        }
        None => bail!(
            "the source of {} says what this gateway doesn't know: run the same release of both",
            name.as_str()
        ),
    }
}
