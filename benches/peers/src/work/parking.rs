//! What readers that sleep in the kernel cost: not there yet, since Ringway's readers can't.
//!
//! Of what is to be measured here the report has rows without values, so that nobody takes them for measured.

/// Why there are no figures.
pub const WHY: &str = "no parking yet";

/// What will be measured, as the report has it.
pub const FIGURES: [&str; 3] = [
    "parked wake-up round trip",
    "wake-up system calls per message under load",
    "publish cost while consumers park again and again",
];
