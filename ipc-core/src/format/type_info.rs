//! What a ring records of its messages' type.

use core::fmt;

use crate::format::message_type::Message;

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

    /// A description of a type: its name, and the size and the alignment of its values, in bytes. Making a ring of it
    /// says whether they fit.
    pub fn new(name: &str, size: u64, align: u64) -> Self {
        Self { name: name.into(), size, align }
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
