//! The type that typed rings carry here.

use ringway_core::Message;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Three words.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Quote {
    /// What it costs.
    pub price: u64,
    /// How much there is of it.
    pub quantity: u64,
    /// Where.
    pub venue: u64,
}

impl Message for Quote {
    const NAME: &'static str = "fuzz.Quote.v1";
}
