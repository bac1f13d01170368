//! Opening a ring, or making it if there is none.

use std::path::Path;

use ringway_core::{Config, Geometry, GeometryError, Ring};

use super::file_ring::FileRing;
use super::plan::Plan;
use super::{create, open, remove};
use crate::error::FileError;
use crate::map::page_size;
use crate::path::place::ATTEMPTS;

/// Opens the ring, or makes it if there is none; the ring is as `config` asks for.
pub(crate) fn or_create(path: &Path, config: &Config, plan: &Plan) -> Result<FileRing, FileError> {
    let expected = create::planned(path, config, plan)?;
    let mut last = FileError::NotFound { path: path.into() };
    for _ in 0..ATTEMPTS {
        match open::ring(path, plan, true) {
            Ok(ring) => {
                matches(path, ring.geometry(), &expected)?;
                return Ok(ring);
            }
            // Somebody was quicker to remove it.
            Err(error @ FileError::Replaced { .. }) => last = error,
            Err(error) if is_absence(&error, plan) => last = error,
            // A dead creator's. It held its lock, so opening has waited for it.
            Err(error @ FileError::Geometry { error: GeometryError::Unfinished, .. }) => {
                match remove::unfinished(path) {
                    Ok(()) | Err(FileError::NotFound { .. } | FileError::Replaced { .. }) => last = error,
                    Err(other) => return Err(other),
                }
            }
            Err(error) => return Err(error),
        }
        last = match create::create(path, config, plan) {
            Err(error @ (FileError::AlreadyExists { .. } | FileError::Replaced { .. })) => error,
            Err(FileError::Overlap { other_offset, .. }) if other_offset == plan.start() => last,
            other => return other,
        };
    }
    Err(last)
}

/// Whether an error of opening means that there is nothing yet.
pub(super) fn is_absence(error: &FileError, plan: &Plan) -> bool {
    match error {
        FileError::NotFound { .. } => true,
        // In a larger file: a part that is empty, or not there yet.
        FileError::Geometry {
            error:
                GeometryError::TooShort { .. } | GeometryError::NotARing { found: 0 } | GeometryError::Unfinished,
            ..
        } => plan.offset.is_some(),
        _ => false,
    }
}

fn matches(path: &Path, found: &Geometry, expected: &Geometry) -> Result<(), FileError> {
    let kind = |geometry: &Geometry| {
        geometry.type_info().map_or_else(|| "of plain bytes".into(), |info| info.to_string())
    };
    let first = |geometry: &Geometry| {
        if geometry.can_skip() { geometry.first_seq().to_string() } else { "none".into() }
    };
    // Sections as wide as pages are what an unspecific configuration gets: any will do then.
    let any_align = expected.section_align() == page_size();
    let described = |geometry: &Geometry| {
        [
            ("placement", format!("{:?}", geometry.placement())),
            ("type", kind(geometry)),
            ("slots", geometry.slots().to_string()),
            ("payload_capacity", geometry.payload_capacity().to_string()),
            ("stride", format!("{:?}", geometry.stride_kind())),
            ("max_consumers", geometry.max_consumers().to_string()),
            ("first_seq", first(geometry)),
            ("section_align", if any_align { "any".into() } else { geometry.section_align().to_string() }),
        ]
    };
    for ((field, found), (_, expected)) in described(found).into_iter().zip(described(expected)) {
        if found != expected {
            return Err(FileError::ConfigMismatch { path: path.into(), field, found, expected });
        }
    }
    Ok(())
}
