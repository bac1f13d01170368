//! What a command did, for stderr: a line for people or an object for programs.

use std::fmt::{self, Display};

use serde::Serialize;

use crate::units::counted;

/// How a command's summary is shown.
#[derive(clap::Args)]
pub(super) struct Show {
    /// Write the summary as one JSON object
    #[arg(long)]
    json: bool,
    /// Write no summary; a warning that messages get lost stays
    #[arg(long, conflicts_with = "json")]
    quiet: bool,
}

impl Show {
    /// Whether stderr may have lines for people.
    pub(super) fn talks(&self) -> bool {
        !self.quiet && !self.json
    }

    /// Whether stderr may have warnings that messages get lost.
    pub(super) fn warns(&self) -> bool {
        !self.json
    }

    pub(super) fn summary<S: Serialize + Display>(&self, command: &str, summary: &S) -> anyhow::Result<()> {
        if self.json {
            crate::say(format_args!("{}", serde_json::to_string(summary)?));
        } else if !self.quiet {
            crate::say(format_args!("ringway {command}: {summary}"));
        }
        Ok(())
    }
}

/// The messages that went through a command's hands.
#[derive(Default, Serialize)]
pub(super) struct Tally {
    #[serde(skip)]
    pub(super) messages: u64,
    /// Bytes of the input that went into the messages: the newlines too.
    #[serde(skip)]
    pub(super) input: u64,
    /// Bytes of payload.
    pub(super) bytes: u64,
    pub(super) first_seq: Option<u64>,
    pub(super) last_seq: Option<u64>,
}

impl Tally {
    /// Counts a message.
    pub(super) fn add(&mut self, seq: u64, len: usize) {
        self.add_many(seq, 1, len as u64);
    }

    /// Counts `n` messages from sequence `first` on, of `bytes` together.
    pub(super) fn add_many(&mut self, first: u64, n: u64, bytes: u64) {
        if n > 0 {
            self.messages += n;
            self.bytes += bytes;
            self.first_seq.get_or_insert(first);
            self.last_seq = Some(first + n - 1);
        }
    }
}

impl Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { messages, bytes, .. } = self;
        write!(f, "{}, {}", counted(*messages, "message"), counted(*bytes, "byte"))?;
        match (self.first_seq, self.last_seq) {
            (Some(first), Some(last)) if first == last => write!(f, ", sequence {first}"),
            (Some(first), Some(last)) => write!(f, ", sequences {first} to {last}"),
            _ => Ok(()),
        }
    }
}
