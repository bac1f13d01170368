//! A handle's type that isn't the ring's.

use crate::format::type_info::TypeInfo;

/// The ring carries another message type than the one asked for.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "the ring carries {}, this program expects {}: {}, or make a ring of its own for this one",
    describe(found),
    describe(expected),
    match (found, expected) {
        (None, _) => "take plain roles (`producer()`, `consumer()`)",
        (_, None) => "take typed roles (`typed_producer::<T>()`, `typed_consumer::<T>()`)",
        _ => "open it with the type it was made with",
    }
)]
#[non_exhaustive]
pub struct TypeMismatch {
    /// The type recorded in the ring; `None` for plain bytes.
    pub found: Option<TypeInfo>,
    /// The type asked for; `None` for plain bytes.
    pub expected: Option<TypeInfo>,
}

fn describe(info: &Option<TypeInfo>) -> String {
    info.as_ref().map_or_else(|| "plain bytes (no type)".into(), |info| format!("type {info}"))
}
