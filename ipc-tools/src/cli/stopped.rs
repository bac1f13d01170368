//! A command that a signal ended, and the exit status that says so.

use std::fmt::{self, Display};

use nix::sys::signal::Signal;

use crate::units::counted;

/// A signal ended the command. Its summary has said so; what is said here is what was lost by it.
#[derive(Debug)]
pub(super) struct Stopped {
    pub(super) signal: Signal,
    pub(super) cut: Option<Cut>,
}

/// Input that was read and isn't published.
#[derive(Debug)]
pub(super) struct Cut {
    /// Number of bytes that are lost.
    pub(super) discarded: u64,
    /// What they are the beginning of, if it is known: a line or a frame, and its number.
    pub(super) within: Option<(&'static str, u64)>,
}

impl Stopped {
    /// 128 and the signal's number, as shells have it.
    pub(super) fn exit_code(&self) -> u8 {
        128 + self.signal as u8
    }
}

impl Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signal = self.signal;
        let Some(Cut { discarded, within }) = &self.cut else { return write!(f, "stopped by {signal}") };
        let bytes = counted(*discarded, "byte");
        match within {
            Some((unit, n)) => {
                write!(
                    f,
                    "{signal} came within {unit} {n} of the input: what was read of it, {bytes}, is discarded"
                )
            }
            None => write!(
                f,
                "{signal} came before all that was read of the input was published: the last {bytes} of it are discarded"
            ),
        }
    }
}

impl std::error::Error for Stopped {}
