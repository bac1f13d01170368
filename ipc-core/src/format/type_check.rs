//! The checks of a message type: that it fits the ring's slots, and that a handle's type is the ring's.

use crate::format::error::{GeometryError, TypeMismatch};
use crate::format::geometry::Geometry;
use crate::format::layout::TYPE_NAME_MAX;
use crate::format::message_type::Message;
use crate::format::stride::Stride;
use crate::format::type_info::TypeInfo;

impl TypeInfo {
    /// Whether messages of this type fit slots of `capacity` bytes.
    pub(crate) fn fits(&self, capacity: u64, stride: Stride) -> Result<(), GeometryError> {
        if self.name().is_empty() || self.name().len() > TYPE_NAME_MAX {
            return Err(GeometryError::TypeName { found: self.name().len() as u64 });
        }
        let align = stride.payload_align();
        if self.size() != capacity || self.align() > align || !self.align().is_power_of_two() {
            return Err(GeometryError::TypeFit { info: self.clone(), capacity, align });
        }
        Ok(())
    }
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
