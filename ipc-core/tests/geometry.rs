//! The one function that sizes rings gives sections that don't overlap, or an error.

#![cfg(not(loom))]

use proptest::prelude::*;
use ringway_core::placement::{AsConsumer, AsObserver, AsProducer, layout, sections};
use ringway_core::{Config, GeometryError, Placement, Stride};

fn stride() -> impl Strategy<Value = Stride> {
    prop_oneof![Just(Stride::Aligned), Just(Stride::Packed), Just(Stride::Line), Just(Stride::Split)]
}

/// Bytes of a slot besides its payload.
fn overhead(stride: Stride) -> u64 {
    match stride {
        Stride::Line => 8,
        Stride::Split => 0,
        _ => 16,
    }
}

/// Any number, with powers of two and the edges of the legal range more often than chance has them.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        any::<u64>(),
        (0_u32..64).prop_map(|bit| 1 << bit),
        0_u64..5000,
        (0_u32..64, 0_u64..3).prop_map(|(bit, less)| (1_u64 << bit).saturating_sub(less)),
    ]
}

#[test]
fn a_config_of_at_least_so_many_slots_has_the_next_power_of_two() {
    let max = layout::MAX_SLOTS;
    let slots = |n| {
        Config::at_least(n).geometry(4096, Placement::Anonymous, [1; 16], [2; 16]).map(|made| made.slots())
    };
    for (asked, found) in [(0, 2), (1, 2), (2, 2), (3, 4), (4, 4), (5, 8), (1000, 1024), (1025, 2048)] {
        assert_eq!(slots(asked), Ok(found));
    }
    for asked in [max + 1, u64::MAX] {
        assert_eq!(slots(asked), Err(GeometryError::Slots { found: asked }));
    }
    assert_eq!(Config::at_least(max), Config::new().slots(max));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 4096, ..ProptestConfig::default() })]

    #[test]
    fn no_numbers_panic_and_every_ring_decodes_to_itself(
        slots in number(), payload in number(), stride in stride(), consumers in number(), align in number(),
    ) {
        let config = Config::new().slots(slots).payload_capacity(payload).stride(stride)
            .max_consumers(consumers).section_align(align);
        let made = config.geometry(4096, Placement::Anonymous, [1; 16], [2; 16]);
        prop_assert_eq!(config.footprint(4096), made.as_ref().ok().map(|geometry| geometry.total_length()));
        if let Ok(geometry) = made {
            prop_assert_eq!(geometry.encode().decode(4096), Ok(geometry));
        }
    }

    #[test]
    fn sections_span_the_ring_without_gap_or_overlap(
        slots in 1_u32..20, payload in 0_u64..100_000, stride in stride(), consumers in 1_u64..=1024,
        align in 12_u32..22,
    ) {
        let config = Config::new().slots(1 << slots).payload_capacity(payload).stride(stride)
            .max_consumers(consumers).section_align(1 << align);
        let made = config.geometry(4096, Placement::Anonymous, [1; 16], [2; 16]);
        if stride == Stride::Line && payload > 56 {
            prop_assert_eq!(made, Err(GeometryError::LineCapacity { found: payload }));
            return Ok(());
        }
        let geometry = made.unwrap();
        let spans = sections::<AsProducer>(&geometry);
        let mut end = 0;
        for (section, _) in spans {
            prop_assert_eq!(section.offset, end);
            prop_assert!(section.length > 0);
            prop_assert_eq!(section.offset % (1 << align), 0);
            end = section.offset + section.length;
        }
        prop_assert_eq!(end, geometry.total_length());
        prop_assert!(geometry.consumers_section().length >= consumers * 128);
        prop_assert!(geometry.slots_section().length >= geometry.stride() << slots);
        prop_assert!(geometry.stride() >= overhead(stride) + payload);
        prop_assert!(geometry.stride() <= (overhead(stride) + payload + 63).max(64));
        let stamps = if stride == Stride::Split { 8 << slots } else { 0 };
        prop_assert!(geometry.slots_section().length >= (geometry.stride() << slots) + stamps);
    }
}

#[test]
fn no_section_is_written_by_two_classes_of_roles() {
    let geometry = Config::new().geometry(4096, Placement::Anonymous, [1; 16], [2; 16]).unwrap();
    let writes = |spans: [(ringway_core::Section, bool); 5]| spans.map(|(_, writes)| writes);
    assert_eq!(writes(sections::<AsProducer>(&geometry)), [false, true, true, false, true]);
    assert_eq!(writes(sections::<AsConsumer>(&geometry)), [false, false, true, true, false]);
    assert_eq!(writes(sections::<AsObserver>(&geometry)), [false; 5]);
}

#[test]
fn a_message_of_48_bytes_fills_one_cache_line() {
    let stride = |payload, kind| {
        let config = Config::new().payload_capacity(payload).stride(kind);
        config.geometry(4096, Placement::Anonymous, [1; 16], [2; 16]).unwrap().stride()
    };
    assert_eq!(stride(48, Stride::Aligned), 64);
    assert_eq!(stride(49, Stride::Aligned), 128);
    assert_eq!(stride(64, Stride::Packed), 80);
    assert_eq!(stride(0, Stride::Packed), 16);
    assert_eq!(stride(56, Stride::Line), 64);
    assert_eq!(stride(0, Stride::Line), 64);
    assert_eq!(stride(64, Stride::Split), 64);
    assert_eq!(stride(65, Stride::Split), 128);
    assert_eq!(stride(0, Stride::Split), 64);
}
