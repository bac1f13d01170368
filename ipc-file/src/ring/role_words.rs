//! What a ring's file says of its roles, read without a mapping: hints.

use std::os::fd::AsFd;

use ringway_core::placement::layout::{CELL_BYTES, CELL_WORD_OFFSET, cell_looks_taken};
use ringway_core::placement::{RingSource, RoleHint};

use super::file_ring::FileRing;
use crate::content::header;
use crate::locks::{Lock, LockTable};

/// What the producer page says of the producer, as far as it can be read.
pub(super) fn recorded(ring: &FileRing) -> RoleHint {
    let page = ring.offset() + RingSource::geometry(ring).producer_section().offset;
    RoleHint::of_producer_page(|at| {
        let mut word = [0; 8];
        let read = header::read_up_to(ring.file(), page + at, &mut word).unwrap_or(0);
        (read == word.len()).then_some(u64::from_ne_bytes(word))
    })
}

/// What the cells say of their readers, as far as they can be read: by one system call.
pub(super) fn of_cells(ring: &FileRing) -> Vec<u64> {
    let geometry = RingSource::geometry(ring);
    let mut bytes = vec![0; (geometry.max_consumers() * CELL_BYTES) as usize];
    let at = ring.offset() + geometry.consumers_section().offset;
    let read = header::read_up_to(ring.file(), at, &mut bytes).unwrap_or(0);
    let (cells, _) = bytes[..read].as_chunks::<{ CELL_BYTES as usize }>();
    let word = |cell: &[u8; CELL_BYTES as usize]| {
        let (words, _) = cell.as_chunks::<8>();
        u64::from_ne_bytes(words[CELL_WORD_OFFSET as usize / 8])
    };
    cells.iter().map(word).collect()
}

/// Which cells have a live reader, as far as the kernel tells.
pub(super) fn cells_alive(ring: &FileRing) -> Vec<bool> {
    let held = |cell| LockTable::at(ring.offset()).held(ring.file().as_fd(), LockTable::cell(cell));
    let alive = |(cell, word)| cell_looks_taken(word) && !matches!(held(cell), Ok(None | Some(Lock::Read)));
    of_cells(ring).into_iter().enumerate().map(alive).collect()
}
