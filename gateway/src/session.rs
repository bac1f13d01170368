//! A session of Zenoh, as a gateway needs it, and questions asked in one.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Result, anyhow};
use serde::Deserialize;
use zenoh::query::{ConsolidationMode, QueryTarget};
use zenoh::sample::Locality;
use zenoh::{Config, Session, Wait};

use crate::meta::MAX_BYTES;

/// The default endpoint, to listen at and to connect to.
pub const LOOPBACK: &str = "tcp/127.0.0.1:7447";

/// Most bytes of all answers to one question.
pub const ANSWERS_BYTES: usize = 8 << 20;
/// Bytes that an answer costs besides its key and its content.
const ANSWER: usize = 256;

/// How a gateway is connected.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Link {
    /// Listens there, as tcp/ADDRESS:PORT. An export listens on tcp/127.0.0.1:7447 if it is told neither this nor where to
    /// connect.
    #[arg(long, value_name = "ENDPOINT")]
    pub listen: Vec<String>,
    /// Connects to there, as tcp/ADDRESS:PORT, again and again until it can. An import connects to tcp/127.0.0.1:7447 if
    /// it is told neither this nor where to listen.
    #[arg(long, value_name = "ENDPOINT")]
    pub connect: Vec<String>,
    /// A configuration of Zenoh's, in JSON5: TLS, access control, or whatever else it offers.
    #[arg(long, value_name = "FILE")]
    pub zenoh_config: Option<PathBuf>,
}

/// Settings in which a gateway differs from Zenoh's defaults. The file of `--zenoh-config` takes precedence.
const WANTED: &[(&str, &str)] = &[
    // Options name the peers to connect to.
    ("scouting/multicast/enabled", "false"),
    ("scouting/gossip/enabled", "false"),
    // Connecting is tried for ever, with back-off.
    ("connect/timeout_ms", "-1"),
    ("connect/exit_on_failure", "false"),
    ("connect/retry", r#"{ "period_init_ms": 100, "period_max_ms": 2000, "period_increase_factor": 2 }"#),
    // The kernel may still hold the endpoint of a gateway that was just killed.
    ("listen/timeout_ms", "3000"),
    ("listen/retry", r#"{ "period_init_ms": 100, "period_max_ms": 1000, "period_increase_factor": 2 }"#),
    // The queue takes what a source has in flight, so that it seldom waits for the link.
    ("transport/link/tx/queue/size/data", "16"),
    // A frame of the longest message that is mirrored, and what precedes it. Zenoh would take a GiB into memory.
    ("transport/link/rx/max_message_size", "68157440"),
    // In microseconds: the longest wait of a source for a peer that reads nothing. It is less than the silence after which
    // the mirrors of the others lose their producers.
    ("transport/link/tx/queue/congestion_control/block/wait_before_close", "2000000"),
];

/// Zenoh's configuration for this link.
///
/// # Errors
/// If the file, an endpoint or a setting is wrong.
pub fn config(link: &Link) -> Result<Config> {
    let unset = Config::default();
    let mut config = match &link.zenoh_config {
        None => Config::default(),
        Some(path) => Config::from_file(path)
            .map_err(|error| anyhow!("{}: no configuration of Zenoh's: {}", path.display(), plain(&error)))?,
    };
    let default_of = |key: &str| unset.get_json(key).ok();
    for (key, value) in WANTED {
        if config.get_json(key).ok() == default_of(key) {
            config
                .insert_json5(key, value)
                .map_err(|error| anyhow!("setting {key} of Zenoh's: {}", plain(&error)))?;
        }
    }
    for (key, given) in [("listen/endpoints", &link.listen), ("connect/endpoints", &link.connect)] {
        // Without endpoints Zenoh would listen on all addresses.
        if !given.is_empty() || config.get_json(key).ok() == default_of(key) {
            let value = serde_json::to_string(given)?;
            config.insert_json5(key, &value).map_err(|error| {
                anyhow!(
                    "endpoints {given:?}: {}: expected PROTOCOL/ADDRESS:PORT, such as tcp/10.0.0.1:7447",
                    plain(&error)
                )
            })?;
        }
    }
    Ok(config)
}

/// Opens a session.
///
/// # Errors
/// If the configuration is wrong, or an endpoint can't be listened at.
pub fn open(link: &Link) -> Result<Session> {
    let config = config(link)?;
    zenoh::open(config).wait().map_err(|error| {
        anyhow!(
            "can't listen at {:?}, or connect to {:?}: {}: is the address taken by another process, or not this machine's?",
            link.listen,
            link.connect,
            plain(&error)
        )
    })
}

/// Opens a session as a client of a gateway, for a few questions.
///
/// # Errors
/// If no gateway can be reached.
pub fn open_client(link: &Link) -> Result<Session> {
    let link = match link.connect.is_empty() && link.zenoh_config.is_none() {
        true => Link { connect: vec![LOOPBACK.into()], listen: Vec::new(), zenoh_config: None },
        false => link.clone(),
    };
    let mut config = config(&link)?;
    for (key, value) in
        [("mode", r#""client""#), ("connect/timeout_ms", "3000"), ("connect/exit_on_failure", "true")]
    {
        config
            .insert_json5(key, value)
            .map_err(|error| anyhow!("setting {key} of Zenoh's: {}", plain(&error)))?;
    }
    zenoh::open(config).wait().map_err(|error| {
        anyhow!(
            "no gateway at {:?}: {}: start one, or give its endpoint by --connect",
            link.connect,
            plain(&error)
        )
    })
}

/// The text of an error of Zenoh, without positions in its source code.
///
/// # Examples
/// ```
/// let error: zenoh::Error = "no link at /src/net/link.rs:7. - Caused by timeout at /src/io.rs:50.".into();
/// assert_eq!(ringway_gateway::session::plain(&error), "no link - Caused by timeout");
/// ```
pub fn plain(error: &zenoh::Error) -> String {
    let text = error.to_string();
    let mut parts = text.split(" at ");
    let mut plain = parts.next().unwrap_or_default().to_string();
    for part in parts {
        let (place, rest) = part.split_once(' ').unwrap_or((part, ""));
        if !place.contains(".rs:") {
            plain.push_str(" at ");
            plain.push_str(part);
        } else if !rest.is_empty() {
            plain.push(' ');
            plain.push_str(rest);
        }
    }
    plain.trim_end_matches('.').into()
}

/// An answer of a peer: its key and its content.
pub type Answer = (String, Vec<u8>);

/// The answers to `selector` that come within `wait`. A longer one than [`MAX_BYTES`] is dropped as it comes, and so is
/// what comes beyond [`ANSWERS_BYTES`].
///
/// # Errors
/// If the question can't be asked.
pub fn ask(session: &Session, selector: &str, wait: Duration) -> Result<Vec<Answer>> {
    let (sender, answers) = mpsc::channel();
    let left = AtomicUsize::new(ANSWERS_BYTES);
    session
        .get(selector)
        .allowed_destination(Locality::Remote)
        .target(QueryTarget::All)
        .consolidation(ConsolidationMode::None)
        .timeout(wait)
        .callback(move |reply| {
            let Ok(sample) = reply.result() else { return };
            let (key, length) = (sample.key_expr().as_str(), sample.payload().len());
            let take = |left: usize| left.checked_sub(ANSWER + key.len() + length);
            if length <= MAX_BYTES && left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
                let _ = sender.send((key.to_string(), sample.payload().to_bytes().into_owned()));
            }
        })
        .wait()
        .map_err(|error| anyhow!("asking for {selector}: {}", plain(&error)))?;
    // Zenoh drops the sender after the last answer.
    Ok(answers.iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(config: &Config, key: &str) -> String {
        config.get_json(key).unwrap()
    }

    #[test]
    fn nothing_is_listened_to_or_searched_for_unless_told() {
        let config = config(&Link::default()).unwrap();
        assert_eq!(setting(&config, "listen/endpoints"), "[]");
        assert_eq!(setting(&config, "scouting/multicast/enabled"), "false");
        assert_eq!(setting(&config, "scouting/gossip/enabled"), "false");
    }

    #[test]
    fn a_configuration_of_zenoh_comes_first() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("zenoh.json5");
        std::fs::write(&file, r#"{ listen: { endpoints: ["tcp/127.0.0.1:7001"] }, scouting: { multicast: { enabled: true } } }"#)
            .unwrap();
        let link = Link { zenoh_config: Some(file), ..Link::default() };
        let found = config(&link).unwrap();
        assert_eq!(setting(&found, "listen/endpoints"), r#"["tcp/127.0.0.1:7001"]"#);
        assert_eq!(setting(&found, "scouting/multicast/enabled"), "true");
        let told = config(&Link { listen: vec!["tcp/127.0.0.1:7002".into()], ..link }).unwrap();
        assert_eq!(setting(&told, "listen/endpoints"), r#"["tcp/127.0.0.1:7002"]"#);
    }

    #[test]
    fn no_peer_sends_more_at_once_than_a_frame_has() {
        let found = setting(&config(&Link::default()).unwrap(), "transport/link/rx/max_message_size");
        let found: u64 = found.parse().unwrap();
        let most = crate::meta::MAX_PAYLOAD + crate::frame::FRAME_BYTES as u64;
        assert!((most..most + (2 << 20)).contains(&found), "{found}");
    }

    #[test]
    fn a_wrong_endpoint_is_refused() {
        let wrong = config(&Link { listen: vec!["10.0.0.1".into()], ..Link::default() });
        assert!(wrong.unwrap_err().to_string().contains("expected PROTOCOL/ADDRESS:PORT"));
    }
}
