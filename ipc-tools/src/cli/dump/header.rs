//! The header: what it says, what is wrong with it, and what can be made of it nevertheless.

use ringway::{Config, Geometry, GeometryError, Placement, Stride};
use ringway_core::placement::Header as Words;
use ringway_core::placement::layout::GEOMETRY_BYTES;
use serde::Serialize;

use super::image::Image;
use crate::options::StrideChoice;
use crate::units::hex;

/// The smallest pages there are: the ring may be of a machine with others than this one's.
const PAGE: u64 = 4096;

/// Words of the header by their number, as docs/format.md calls them.
const NAMES: [(usize, &str); 23] = [
    (0, "magic"),
    (1, "byte order"),
    (2, "format version"),
    (3, "features"),
    (4, "placement"),
    (5, "slots"),
    (6, "stride"),
    (7, "stride kind"),
    (8, "payload capacity"),
    (9, "max consumers"),
    (10, "section_align"),
    (11, "producer_offset"),
    (12, "hints_offset"),
    (13, "consumers_offset"),
    (14, "slots_offset"),
    (15, "total_length"),
    (16, "ring id"),
    (18, "boot id"),
    (20, "first_seq"),
    (32, "type size"),
    (33, "type align"),
    (34, "type name length"),
    (47, "checksum"),
];

/// A word of a header that can't be believed.
#[derive(Serialize)]
pub(super) struct Word {
    pub(super) name: &'static str,
    pub(super) value: u64,
}

/// What a header that can be read says.
#[derive(Serialize)]
pub(super) struct Header {
    pub(super) placement: &'static str,
    pub(super) slots: u64,
    pub(super) slot_size_bytes: u64,
    pub(super) stride: &'static str,
    pub(super) stride_bytes: u64,
    pub(super) max_consumers: u64,
    pub(super) section_align_bytes: u64,
    pub(super) total_length_bytes: u64,
    pub(super) message_type: Option<String>,
    /// Sequence of the ring's first message.
    pub(super) first_seq: u64,
    /// Whether the producer may skip sequences.
    pub(super) can_skip: bool,
    pub(super) ring_id: String,
    pub(super) boot_id: String,
    /// Whether the ring is of this boot; `null` if the system doesn't say which boot this is.
    pub(super) this_boot: Option<bool>,
}

/// What was made of the bytes at the ring's start.
#[derive(Default)]
pub(super) struct Found {
    pub(super) geometry: Option<Geometry>,
    /// The header as it lies there, if it isn't that of a ring.
    pub(super) words: Vec<Word>,
    pub(super) problems: Vec<String>,
    pub(super) unfinished: bool,
}

pub(super) fn read(image: &Image) -> Found {
    let mut bytes = [0; GEOMETRY_BYTES as usize];
    let there = image.bytes(0, &mut bytes);
    let mut found = Found::default();
    let words = match Words::from_bytes(&bytes[..there]) {
        Ok(words) => words,
        Err(error) => {
            found.problems.push(error.to_string());
            return found;
        }
    };
    match words.decode(PAGE) {
        Ok(geometry) => found.geometry = Some(geometry),
        Err(error) => {
            found.problems.push(error.to_string());
            found.unfinished = error == GeometryError::Unfinished;
            found.words = NAMES.map(|(at, name)| Word { name, value: words.words()[at] }).into();
            let finished = words.clone().finished().and_then(|words| words.decode(PAGE).ok());
            found.geometry = finished.or_else(|| {
                let geometry = rebuilt(words.words(), &error)?;
                found.problems.push("what follows is read as the header's first fields say".into());
                Some(geometry)
            });
        }
    }
    found.problems.extend(found.geometry.as_ref().and_then(|geometry| misplaced(image, geometry)));
    found
}

/// The geometry that follows from the fields that others are computed from, if the header is a damaged one of this
/// format.
fn rebuilt(words: &[u64; 48], error: &GeometryError) -> Option<Geometry> {
    match error {
        GeometryError::Checksum { .. }
        | GeometryError::Inconsistent { .. }
        | GeometryError::TypeName { .. } => {}
        // The magic number alone is damaged, or it is no ring at all.
        GeometryError::NotARing { .. } if words[1] == 0x0102_0304_0506_0708 && words[2] == 3 => {}
        _ => return None,
    }
    let stride = match words[7] {
        0 => Stride::Aligned,
        1 => Stride::Packed,
        2 => Stride::Line,
        3 => Stride::Split,
        _ => return None,
    };
    let placement = match words[4] {
        0 => Placement::Anonymous,
        2 => Placement::Embedded,
        _ => Placement::WholeFile,
    };
    let config = Config::new().slots(words[5]).payload_capacity(words[8]).stride(stride);
    let config = config.max_consumers(words[9]).section_align(words[10]);
    let config = if words[3] & 1 == 1 { config.first_seq(words[20]) } else { config };
    config.geometry(PAGE, placement, id(words, 16), id(words, 18)).ok()
}

fn id(words: &[u64; 48], at: usize) -> [u8; 16] {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&words[at].to_ne_bytes());
    id[8..].copy_from_slice(&words[at + 1].to_ne_bytes());
    id
}

/// What is wrong with where the ring lies in its file.
fn misplaced(image: &Image, geometry: &Geometry) -> Option<String> {
    let (found, expected) = (image.length(), geometry.total_length());
    let whole = geometry.placement() == Placement::WholeFile;
    if found < expected || (whole && found > expected) {
        return Some(GeometryError::Length { found, expected }.to_string());
    }
    let offset = image.offset();
    if whole && offset != 0 {
        return Some(format!("the ring at {offset} was made to fill a file of its own: it is a copy of one"));
    }
    (!offset.is_multiple_of(geometry.section_align())).then(|| {
        format!(
            "the ring starts at {offset}, expected a multiple of {}: it was moved",
            geometry.section_align()
        )
    })
}

impl Header {
    pub(super) fn of(geometry: &Geometry) -> Self {
        let this_boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
        let this_boot = this_boot.ok().map(|uuid| uuid.trim().replace('-', ""));
        let boot_id = hex(&geometry.boot_id());
        Self {
            placement: match geometry.placement() {
                Placement::Anonymous => "anonymous",
                Placement::WholeFile => "whole-file",
                Placement::Embedded => "embedded",
                _ => "unknown",
            },
            slots: geometry.slots(),
            slot_size_bytes: geometry.payload_capacity(),
            stride: StrideChoice::name(geometry.stride_kind()),
            stride_bytes: geometry.stride(),
            max_consumers: geometry.max_consumers(),
            section_align_bytes: geometry.section_align(),
            total_length_bytes: geometry.total_length(),
            message_type: geometry.type_info().map(ToString::to_string),
            first_seq: geometry.first_seq(),
            can_skip: geometry.can_skip(),
            ring_id: hex(&geometry.ring_id()),
            this_boot: this_boot.map(|this| this == boot_id),
            boot_id,
        }
    }
}
