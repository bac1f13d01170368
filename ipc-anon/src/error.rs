//! Why a ring can't be made, or the process can't be forked.

use std::io;
use std::path::PathBuf;

use ringway_core::{GeometryError, Shown};

/// Why no anonymous ring could be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnonError {
    /// No ring can be as asked for.
    #[error("no ring can be as asked for: {0}")]
    Geometry(GeometryError),
    /// `/proc` isn't there.
    #[error("{path} can't be used ({error}): mount /proc", path = Shown(path))]
    ProcUnavailable {
        /// The path tried.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The operating system refused.
    #[error("{action} failed: {error}{advice}", advice = ringway_core::advice(error))]
    Os {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        error: io::Error,
    },
}

impl From<GeometryError> for AnonError {
    fn from(error: GeometryError) -> Self {
        AnonError::Geometry(error)
    }
}

/// Why the process wasn't forked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ForkError {
    /// The process has more than one thread.
    #[error(
        "the process has {threads} threads, expected 1: a lock that another thread holds would stay held for ever in the child; fork before starting threads, or run the child as a program of its own on a ring in a file"
    )]
    MultiThreaded {
        /// Number of threads found.
        threads: usize,
    },
    /// `/proc` isn't there.
    #[error("{path} can't be used ({error}): it tells how many threads there are; mount /proc", path = Shown(path))]
    ProcUnavailable {
        /// The path tried.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The operating system refused.
    #[error("{action} failed: {error}")]
    Os {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        error: io::Error,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_system_comes_with_advice() {
        let error = io::Error::from_raw_os_error(libc::ENOMEM);
        let error = AnonError::Os { action: "reserving addresses", error }.to_string();
        assert!(error.contains("ulimit -v"), "{error}");
    }
}
