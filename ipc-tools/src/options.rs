//! Choices that both tools offer, as the command line spells them.

use clap::ValueEnum;
use ringway::{Stride, Wait};
use serde::Serialize;

/// Where a ring lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PlacementChoice {
    /// In anonymous memory, inherited over fork
    Anon,
    /// In a file, which each process opens
    File,
}

/// How the slots of a ring lie one after another.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum StrideChoice {
    /// A multiple of 64 bytes: no two slots share a cache line.
    Aligned,
    /// A multiple of 8 bytes: less memory.
    Packed,
    /// One line of 64 bytes for each message: all have exactly as many bytes as a slot holds, 56 at most, and no tag.
    Line,
    /// Lines of 64 bytes apart from their stamps, for streams: all messages have exactly as many bytes as a slot holds.
    Split,
}

impl StrideChoice {
    /// The word that stands for `stride`.
    pub(crate) fn name(stride: Stride) -> &'static str {
        match stride {
            Stride::Packed => "packed",
            Stride::Line => "line",
            Stride::Split => "split",
            _ => "aligned",
        }
    }
}

impl From<StrideChoice> for Stride {
    fn from(choice: StrideChoice) -> Self {
        match choice {
            StrideChoice::Aligned => Stride::Aligned,
            StrideChoice::Packed => Stride::Packed,
            StrideChoice::Line => Stride::Line,
            StrideChoice::Split => Stride::Split,
        }
    }
}

/// How a process passes its time when there is nothing to read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum WaitChoice {
    /// Poll without a pause: the shortest latency, and a whole core.
    Spin,
    /// Let other threads run between polls.
    Yield,
    /// Poll for a few microseconds, then sleep until woken: no processor time while nothing comes.
    Park,
}

impl From<WaitChoice> for Wait {
    fn from(choice: WaitChoice) -> Self {
        match choice {
            WaitChoice::Spin => Wait::Spin,
            WaitChoice::Yield => Wait::Yield,
            WaitChoice::Park => Wait::Park,
        }
    }
}
