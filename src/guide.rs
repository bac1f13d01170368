//! README.md and the guide, so that the tests compile their programs, and run those that need no other program.

#[doc = include_str!("../README.md")]
mod readme {}
#[doc = include_str!("../docs/guide/getting-started.md")]
mod getting_started {}
#[doc = include_str!("../docs/guide/readers.md")]
mod readers {}
#[doc = include_str!("../docs/guide/waiting.md")]
mod waiting {}
#[doc = include_str!("../docs/guide/batches-and-claims.md")]
mod batches_and_claims {}
#[doc = include_str!("../docs/guide/typed-messages.md")]
mod typed_messages {}
#[doc = include_str!("../docs/guide/files.md")]
mod files {}
#[doc = include_str!("../docs/guide/crashes.md")]
mod crashes {}
#[doc = include_str!("../docs/guide/mappings.md")]
mod mappings {}
#[doc = include_str!("../docs/guide/tuning.md")]
mod tuning {}
#[doc = include_str!("../docs/guide/containers.md")]
mod containers {}
#[doc = include_str!("../docs/guide/geometry.md")]
mod geometry {}
#[doc = include_str!("../docs/guide/operating.md")]
mod operating {}
