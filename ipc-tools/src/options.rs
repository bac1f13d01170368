//! Choices that both tools offer, as the command line spells them.

use std::ffi::OsStr;
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Arg, Command, ValueEnum};
use ringway::{Stride, Wait};
use serde::{Serialize, Serializer};

use crate::units;

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
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum WaitChoice {
    Spin,
    Yield,
    Park,
    /// Polls for so long before it sleeps.
    ParkAfter(Duration),
    Adaptive,
}

impl WaitChoice {
    /// The ways that have a name, with what they do.
    const NAMED: [(Self, &'static str, &'static str); 4] = [
        (Self::Spin, "spin", "Poll without a pause: the shortest latency, and a whole core"),
        (Self::Yield, "yield", "Let other threads run between polls"),
        (
            Self::Park,
            "park",
            "Poll for a few microseconds (park:50us: for 50), then sleep until woken: no processor time while nothing \
             comes",
        ),
        (
            Self::Adaptive,
            "adaptive",
            "Poll for as long as pays at the messages' pace, then sleep until woken",
        ),
    ];

    fn parse(text: &str) -> Result<Self, String> {
        if let Some((choice, ..)) = Self::NAMED.into_iter().find(|(_, name, _)| *name == text) {
            return Ok(choice);
        }
        match text.strip_prefix("park:") {
            Some(time) => units::duration(time).map(Self::ParkAfter),
            None => Err("expected spin, yield, park, park:TIME (such as park:50us) or adaptive".into()),
        }
    }
}

impl Display for WaitChoice {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Self::ParkAfter(time) = self {
            // In one word, as it was given.
            return write!(f, "park:{}", humantime::format_duration(*time).to_string().replace(' ', ""));
        }
        let named = Self::NAMED.into_iter().find(|(choice, ..)| choice == self);
        f.write_str(named.map_or("park", |(_, name, _)| name))
    }
}

impl Serialize for WaitChoice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Reads a way to wait, and names those that have a name in the help and to shells.
#[derive(Clone)]
pub(crate) struct WaitParser;

impl TypedValueParser for WaitParser {
    type Value = WaitChoice;

    fn parse_ref(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &OsStr,
    ) -> Result<WaitChoice, clap::Error> {
        WaitChoice::parse.parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let value = |(_, name, help): (_, &'static str, &'static str)| PossibleValue::new(name).help(help);
        Some(Box::new(WaitChoice::NAMED.into_iter().map(value)))
    }
}

impl From<WaitChoice> for Wait {
    fn from(choice: WaitChoice) -> Self {
        match choice {
            WaitChoice::Spin => Wait::Spin,
            WaitChoice::Yield => Wait::Yield,
            WaitChoice::Park => Wait::Park,
            WaitChoice::ParkAfter(time) => Wait::park_after(time),
            WaitChoice::Adaptive => Wait::Adaptive,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_wait_is_read_as_it_is_written() {
        for text in ["spin", "yield", "park", "adaptive", "park:50us", "park:0s", "park:1ms500us"] {
            assert_eq!(WaitChoice::parse(text).map(|choice| choice.to_string()), Ok(text.to_owned()));
        }
        assert_eq!(WaitChoice::parse("park:50us"), Ok(WaitChoice::ParkAfter(Duration::from_micros(50))));
        for text in ["", "sleep", "park:", "park:5", "spin:5us"] {
            assert!(WaitChoice::parse(text).is_err_and(|error| error.contains("expected")), "{text}");
        }
    }
}
