//! Observers that show themselves, for people who look at the ring.

use crate::format::error::AttachError;
use crate::format::layout::{cell, cell_looks_shown};
use crate::format::name::Name;
use crate::format::role_hint::RoleHint;
use crate::memory::access::{AsShown, Role};
use crate::memory::region::Region;
use crate::protocol::{role_words, shown};

/// An observer that shows itself ([`Observer::show`](crate::Observer::show)), as [`Stats`](crate::Stats) lists it. All
/// but the cell is what it wrote of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ShownObserver {
    /// Number of the cell in which it shows itself.
    pub cell: usize,
    /// What it wrote as its PID: it may be of another namespace.
    pub pid: u64,
    /// What it wrote as its effective user, if it did.
    pub uid: Option<u32>,
    /// The name that it gave itself, if it did.
    pub name: Option<Name>,
}

/// The cell in which an observer shows itself, with a mapping and locks of its own.
#[derive(Debug)]
pub(crate) struct ShownCell {
    region: Region<AsShown>,
    cell: usize,
}

impl ShownCell {
    /// Shows an observer of this name in `cell`, whose lock the region holds.
    pub(super) fn new(region: Region<AsShown>, cell: usize, name: Option<Name>) -> Result<Self, AttachError> {
        let region = region.with_name(name);
        shown::show(&region, cell);
        // Hidden again, if it can't be used.
        let shown = Self { region, cell };
        shown.region.fork.check_after()?;
        Ok(shown)
    }

    pub(super) fn rename(&mut self, name: Option<Name>) {
        self.region.name = name;
        if self.region.fork.check().is_ok() {
            role_words::sign_cell(&self.region.cells, self.cell, name);
        }
    }
}

impl Drop for ShownCell {
    fn drop(&mut self) {
        // In a forked child the cell is the parent's.
        if self.region.fork.check().is_ok() {
            shown::hide(&self.region, self.cell);
        }
    }
}

/// The observers that show themselves and live. After an error: how many bytes there is no memory for.
pub(super) fn observers<R: Role>(region: &Region<R>) -> Result<Vec<ShownObserver>, usize> {
    let mut found = Vec::new();
    for cell in 0..region.cells.count() {
        let word = region.cells.word::<{ cell::WORD }>(cell).load();
        if cell_looks_shown(word) && region.keeper.cell_alive(cell) {
            let RoleHint { pid, uid, name } = role_words::of_cell(&region.cells, cell);
            found.try_reserve(1).map_err(|_| (found.len() + 1) * size_of::<ShownObserver>())?;
            found.push(ShownObserver { cell, pid, uid, name });
        }
    }
    Ok(found)
}
