//! The options of an import.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde::Deserialize;

/// A ring that is imported.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Import {
    /// The name under which the source exports it.
    pub name: String,
    /// Path of the mirror.
    pub ring: PathBuf,
    /// Silence of the source after which the mirror's producer leaves.
    #[serde(default = "link_lost_after", deserialize_with = "crate::config::duration")]
    pub link_lost_after: Duration,
    /// Whether the mirror of another ring is replaced.
    #[serde(default)]
    pub replace: bool,
    /// Permissions of a new mirror.
    #[serde(default = "mode", deserialize_with = "crate::config::octal")]
    pub mode: u32,
    /// Most bytes of a new mirror.
    #[serde(default = "max_ring_bytes")]
    pub max_ring_bytes: u64,
}

/// The shortest silence after which a link counts as lost: the time of two heartbeats.
const SHORTEST_SILENCE: Duration = Duration::from_secs(1);

impl Import {
    /// Checks what doesn't depend on the source.
    pub(crate) fn check(&self) -> Result<()> {
        ensure!(
            self.link_lost_after >= SHORTEST_SILENCE,
            "link-lost-after of {:?}, expected at least {SHORTEST_SILENCE:?}: a source that has nothing to send is heard \
             twice a second",
            self.link_lost_after
        );
        Ok(())
    }
}

fn link_lost_after() -> Duration {
    Duration::from_secs(5)
}

fn mode() -> u32 {
    0o600
}

/// The default for the most bytes of a mirror.
pub fn max_ring_bytes() -> u64 {
    4 << 30
}
