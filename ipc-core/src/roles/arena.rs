//! Private copies of messages that are held at once.

use core::ops::Range;

use crate::format::layout::SLOT_HEADER;
use crate::memory::access::ReadOnly;
use crate::memory::scratch::{NoMemory, Scratch};
use crate::memory::sized::Len;
use crate::memory::{Payload, Slot};

/// Private copies of messages that are held at once.
#[derive(Debug, Default)]
pub(crate) struct Arena {
    bytes: Scratch,
    pub(crate) messages: Vec<(Range<usize>, u32)>,
}

/// Bytes of an arena's note of one message.
const ENTRY: usize = size_of::<(Range<usize>, u32)>();

impl Arena {
    /// The bytes and the tag of the copy at `index`.
    pub(crate) fn get(&self, index: usize) -> Option<(Payload<'_>, u32)> {
        let (range, tag) = self.messages.get(index)?;
        Some((Payload::from(&self.bytes.as_bytes()[range.clone()]), *tag))
    }

    /// Copies one message more.
    pub(crate) fn add(&mut self, slot: Slot<'_, ReadOnly>, len: Len, tag: u32) -> Result<(), NoMemory> {
        // Aligned like a payload in its slot.
        let end = self.messages.last().map_or(0, |(range, _)| range.end);
        let start = end.next_multiple_of(SLOT_HEADER as usize);
        let range = start..start + len.get();
        self.bytes.grow(range.end)?;
        self.messages.try_reserve(1).map_err(|_| NoMemory((self.messages.len() + 1) * ENTRY))?;
        slot.copy_out(len, &mut self.bytes.all()[range.clone()]);
        self.messages.push((range, tag));
        Ok(())
    }
}
