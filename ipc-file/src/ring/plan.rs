//! What [`OpenOptions`](super::OpenOptions) come to: where a ring lies, and how it is made, opened and mapped.

use crate::map::MapOptions;
use crate::path::checks::Trust;

/// The choices of one opening or creation.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// `None` for a ring that has its file for itself.
    pub(crate) offset: Option<u64>,
    pub(crate) mode: u32,
    pub(crate) map: MapOptions,
    pub(crate) trust: Trust,
    pub(crate) allow_other_boot: bool,
    pub(crate) membarrier: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            offset: None,
            mode: 0o600,
            map: MapOptions::default(),
            trust: Trust::default(),
            allow_other_boot: false,
            membarrier: true,
        }
    }
}

impl Plan {
    /// Where the ring starts in its file, in bytes.
    pub(crate) fn start(&self) -> u64 {
        self.offset.unwrap_or(0)
    }
}
