//! How long a call waits, in slices between which Python handles signals.

use std::time::{Duration, Instant};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// The longest time for which a call leaves Python's signal handlers waiting.
const SLICE: Duration = Duration::from_millis(100);

/// The end of a call's waiting.
#[derive(Clone, Copy)]
pub enum Limit {
    /// It has none.
    Never,
    /// The call doesn't wait.
    Now,
    /// A point in time.
    At(Instant),
}

/// A time-out that was checked. Its time begins where the waiting does.
#[derive(Clone, Copy)]
pub struct Timeout(Option<f64>);

impl Timeout {
    /// What `timeout` says: seconds, `None` for no end, 0 for a call that doesn't wait. It is checked before anything
    /// is done, so that a wrong one is refused whether the call comes to wait or not.
    pub fn new(timeout: Option<f64>) -> PyResult<Self> {
        match timeout {
            Some(seconds) if seconds.is_nan() || seconds < 0.0 => Err(PyValueError::new_err(format!(
                "timeout is {seconds}, expected seconds from 0 on, or None to wait without end"
            ))),
            _ => Ok(Self(timeout)),
        }
    }

    /// The end of waiting that begins now.
    pub fn limit(self) -> Limit {
        let Some(seconds) = self.0 else { return Limit::Never };
        if seconds == 0.0 {
            return Limit::Now;
        }
        let time = Duration::try_from_secs_f64(seconds).ok();
        time.and_then(|time| Instant::now().checked_add(time)).map_or(Limit::Never, Limit::At)
    }
}

impl Limit {
    /// For how long to wait now, before Python's signal handlers have their turn. `None` if the time is up.
    pub fn slice(self) -> Option<Duration> {
        match self {
            Self::Never => Some(SLICE),
            Self::Now => None,
            Self::At(end) => {
                let left = end.saturating_duration_since(Instant::now());
                (!left.is_zero()).then(|| left.min(SLICE))
            }
        }
    }
}
