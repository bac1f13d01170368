//! How messages are told apart in a stream of bytes, on the way in and on the way out.

use clap::ValueEnum;

/// Bytes of the length in front of a message: its number of bytes, little-endian.
pub(super) const PREFIX: usize = 4;

/// A binary framing, as the command line spells it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum FrameChoice {
    /// Before each message its length, as 4 bytes, little-endian.
    Length,
    /// Messages of --chunk bytes, or of what a slot holds, one after another.
    Fixed,
}

/// How the input is cut into messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Framing {
    /// At each newline.
    Lines,
    /// As reads return it.
    Raw,
    /// After so many bytes, put together from as many reads as it takes. The last message may be shorter.
    Fixed(u64),
    /// As the length in front of each message says.
    Length,
}
