//! The strides, and the messages that are tried with each.

use ringway_core::{Config, Geometry, Stride};

use super::input::Input;

/// Each stride, with the capacities among which an input chooses.
const STRIDES: [(Stride, [u64; 4]); 4] = [
    (Stride::Aligned, [48, 0, 13, 200]),
    (Stride::Packed, [48, 0, 13, 200]),
    (Stride::Line, [56, 0, 13, 48]),
    (Stride::Split, [64, 0, 13, 200]),
];

/// The configuration with the stride that the input's next byte names, and one of the capacities that go with it.
pub fn with_stride(config: Config, input: &mut Input<'_>, capacity: u8) -> Config {
    let (stride, capacities) = STRIDES[input.below(STRIDES.len())];
    config.stride(stride).payload_capacity(capacities[usize::from(capacity)])
}

/// How long the next message is: as long as fits and a little longer. If all must have one length, one in eight has
/// another.
pub fn message_length(geometry: &Geometry, input: &mut Input<'_>) -> usize {
    let capacity = geometry.payload_capacity() as usize;
    let length = input.below(capacity + 8);
    if geometry.stride_kind().is_fixed_length() && length % 8 != 7 { capacity } else { length }
}

/// The next message's tag. If none has one, one in eight is refused.
pub fn message_tag(geometry: &Geometry, how: u8) -> u32 {
    if geometry.stride_kind().is_fixed_length() && how % 8 != 7 { 0 } else { u32::from(how) }
}
