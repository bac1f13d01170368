//! What `ringway sub` did.

use std::fmt::{self, Display};

use serde::Serialize;

use super::summary::Tally;
use crate::units::counted;

#[derive(Serialize)]
pub(super) struct Summary {
    pub(super) role: &'static str,
    pub(super) received: u64,
    #[serde(flatten)]
    pub(super) tally: Tally,
    /// Number of rings read: more than one if a follower's was replaced.
    pub(super) rings: u64,
    /// Sequences of the ring, which add up: `received + lost == next - start`. Those of several rings don't, and are
    /// left out.
    #[serde(flatten)]
    pub(super) span: Option<Span>,
    /// Messages that overtook an observer or a best-effort reader, and those that the producer skipped.
    pub(super) lost: u64,
    /// What ended the reading; nothing did but an error where it is missing.
    pub(super) ended: Option<Ended>,
    /// Bytes of received messages that could not be written any more.
    pub(super) unwritten_bytes: u64,
}

/// What of a ring was to be read.
#[derive(Serialize)]
pub(super) struct Span {
    /// First sequence that was this reader's to read.
    pub(super) start: u64,
    /// Next sequence to read.
    pub(super) next: u64,
    /// Next sequence to be published: the same as `next` once all is read, and before `start` where the reader
    /// waited for a message that is still to come.
    pub(super) head: u64,
}

impl Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "received {}", self.tally)?;
        if self.rings > 1 {
            write!(f, "; from {} rings, one after another", self.rings)?;
        }
        // A consumer loses what the producer skipped, and nothing else.
        let loses = self.role != "consumer";
        if loses || self.lost > 0 {
            write!(f, "; {} {}", if loses { "lost" } else { "skipped" }, self.lost)?;
            if let Some(Span { start, head, .. }) = self.span {
                write!(f, " (start {start}, head {head})")?;
            }
        }
        match self.ended {
            Some(Ended::Closed) => write!(f, "; the ring is closed"),
            Some(Ended::ProducerLost) => write!(f, "; the producer is gone"),
            Some(Ended::Replaced) => write!(f, "; the ring is no longer at its path"),
            Some(Ended::Count) => write!(f, "; that is all that was asked for"),
            Some(Ended::TimedOut) => write!(f, "; gave up waiting"),
            Some(Ended::Signal) => write!(f, "; stopped by a signal"),
            Some(Ended::StdoutClosed) => write!(f, "; stdout was closed"),
            None => Ok(()),
        }?;
        match self.unwritten_bytes {
            0 => Ok(()),
            n => write!(f, "; {} of them could not be written", counted(n, "byte")),
        }
    }
}

/// What ended the reading, errors apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Ended {
    Closed,
    ProducerLost,
    Replaced,
    Count,
    TimedOut,
    Signal,
    StdoutClosed,
}
