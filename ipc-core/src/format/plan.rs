//! Where the sections of a ring lie: computed by one function, for a new ring as for one that is checked.

use crate::format::error::GeometryError;
use crate::format::layout::{self, CELL_BYTES};
use crate::format::stride::Stride;

/// Where everything lies: the one computation that sizes a new ring and checks an existing one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Plan {
    pub(crate) stride: u64,
    pub(crate) producer_offset: u64,
    pub(crate) hints_offset: u64,
    pub(crate) consumers_offset: u64,
    pub(crate) slots_offset: u64,
    pub(crate) total_length: u64,
}

impl Plan {
    pub(crate) fn new(
        slots: u64,
        payload_capacity: u64,
        stride: Stride,
        max_consumers: u64,
        section_align: u64,
        page_size: u64,
    ) -> Result<Self, GeometryError> {
        if !(2..=layout::MAX_SLOTS).contains(&slots) || !slots.is_power_of_two() {
            return Err(GeometryError::Slots { found: slots });
        }
        stride.check_capacity(payload_capacity)?;
        if !(1..=layout::MAX_CONSUMERS).contains(&max_consumers) {
            return Err(GeometryError::MaxConsumers { found: max_consumers });
        }
        if section_align < page_size || !section_align.is_power_of_two() {
            return Err(GeometryError::SectionAlign { found: section_align, page_size });
        }
        Self::lay_out(slots, payload_capacity, stride, max_consumers, section_align)
            .ok_or(GeometryError::Overflow { slots, payload_capacity, section_align })
    }

    fn lay_out(
        slots: u64,
        payload_capacity: u64,
        stride: Stride,
        max_consumers: u64,
        section_align: u64,
    ) -> Option<Self> {
        let section = |bytes: u64| bytes.checked_next_multiple_of(section_align);
        let kind = stride;
        let stride = kind.bytes(payload_capacity)?;
        let producer_offset = section(layout::GEOMETRY_BYTES)?;
        let hints_offset = producer_offset.checked_add(section(layout::PRODUCER_BYTES)?)?;
        let consumers_offset = hints_offset.checked_add(section(layout::HINTS_BYTES)?)?;
        let slots_offset = consumers_offset.checked_add(section(max_consumers.checked_mul(CELL_BYTES)?)?)?;
        let total_length = slots_offset.checked_add(section(kind.section(slots, stride)?)?)?;
        // Every offset must also be an `isize`, since it will be added to a pointer, and a file offset.
        isize::try_from(total_length).ok()?;
        Some(Self { stride, producer_offset, hints_offset, consumers_offset, slots_offset, total_length })
    }
}
