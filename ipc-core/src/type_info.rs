//! What a ring records of its messages' type, and the check that a handle's type is that one.

use core::fmt;

use crate::error::GeometryError;
use crate::geometry::{Geometry, Stride};
use crate::layout::TYPE_NAME_MAX;
use crate::typed::Message;

/// Name, size and alignment of a message type, as a ring records them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TypeInfo {
    name: String,
    size: u64,
    align: u64,
}

impl TypeInfo {
    /// What describes `T`.
    pub fn of<T: Message>() -> Self {
        Self { name: T::NAME.into(), size: size_of::<T>() as u64, align: align_of::<T>() as u64 }
    }

    pub(crate) fn new(name: &str, size: u64, align: u64) -> Result<Self, GeometryError> {
        let info = Self { name: name.into(), size, align };
        if align.is_power_of_two() {
            Ok(info)
        } else {
            Err(GeometryError::Inconsistent { field: "type align", found: align, expected: 1 })
        }
    }

    /// Whether messages of this type fit slots of `capacity` bytes.
    pub(crate) fn fits(&self, capacity: u64, stride: Stride) -> Result<(), GeometryError> {
        if self.name.is_empty() || self.name.len() > TYPE_NAME_MAX {
            return Err(GeometryError::TypeName { found: self.name.len() as u64 });
        }
        let align = stride.payload_align();
        if self.size != capacity || self.align > align {
            return Err(GeometryError::TypeFit { info: self.clone(), capacity, align });
        }
        Ok(())
    }

    /// The type's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The size of a value, in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The alignment of a value, in bytes.
    pub fn align(&self) -> u64 {
        self.align
    }
}

impl fmt::Display for TypeInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} (size {}, align {})", self.name, self.size, self.align)
    }
}

/// The ring carries another message type than the one asked for.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "the ring carries {}, this program expects {}: open it with the type it was made with, or make a ring of its own for this one",
    describe(found),
    describe(expected)
)]
pub struct TypeMismatch {
    /// The type recorded in the ring; `None` for plain bytes.
    pub found: Option<TypeInfo>,
    /// The type asked for; `None` for plain bytes.
    pub expected: Option<TypeInfo>,
}

fn describe(info: &Option<TypeInfo>) -> String {
    info.as_ref().map_or_else(|| "plain bytes (no type)".into(), |info| format!("type {info}"))
}

/// Checks that a ring carries messages of type `T`.
///
/// # Errors
/// The ring carries another type, or plain bytes; the error names both.
pub fn check_type<T: Message>(geometry: &Geometry) -> Result<(), TypeMismatch> {
    let expected = TypeInfo::of::<T>();
    if geometry.type_info() == Some(&expected) {
        return Ok(());
    }
    Err(TypeMismatch { found: geometry.type_info().cloned(), expected: Some(expected) })
}

/// Checks that a ring carries plain bytes.
///
/// # Errors
/// The ring carries a type, which the error names.
pub(crate) fn check_untyped(geometry: &Geometry) -> Result<(), TypeMismatch> {
    geometry
        .type_info()
        .map_or(Ok(()), |info| Err(TypeMismatch { found: Some(info.clone()), expected: None }))
}
