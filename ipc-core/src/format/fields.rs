//! A ring's words by name, for programs that show what a copy of a ring holds, without a handle on it.
//!
//! Only where a word lies follows from the checked geometry. Its value is given as it was found, and may be anything.

use crate::format::geometry::Geometry;
use crate::format::layout::{CELL_BYTES, cell, cell_state, hints, producer_page, ring_state};
use crate::format::name::{NAME_WORDS, Name};
use crate::format::role_hint::{HintWords, RoleHint};
use crate::format::seq::Seq;

/// What the producer page holds.
///
/// # Examples
/// ```
/// use ringway_core::placement::ProducerFields;
/// use ringway_core::{Config, Placement};
///
/// # fn main() -> Result<(), ringway_core::GeometryError> {
/// let geometry = Config::new().geometry(4096, Placement::WholeFile, [1; 16], [2; 16])?;
/// // A ring that no producer has entered yet: all zero.
/// let page = ProducerFields::read(&geometry, |_| Some(0)).unwrap();
/// assert_eq!((page.head, page.epoch, page.state), (0, 0, 0));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProducerFields {
    /// Sequence of the next message to publish: the ring's first, if its word is still 0.
    pub head: u64,
    /// Number of the producer's incarnation; 0 before the first.
    pub epoch: u64,
    /// 0 before the first producer, 1 open, 2 closed; 3 is damage.
    pub state: u64,
    /// First sequence of the newest even epoch.
    pub first_seq_even: u64,
    /// First sequence of the newest odd epoch.
    pub first_seq_odd: u64,
    /// How sleepers are woken: 0 before the first producer, 1 fenced, 2 asymmetric.
    pub wake_mode: u64,
    /// Within how many nanoseconds publishing wakes readers once at most: 0 for each time that one sleeps.
    pub wake_every: u64,
    /// The producer's process, for display.
    pub pid: u64,
    /// Its effective user, if it said so, for display.
    pub uid: Option<u32>,
    /// The name that it gave itself, if what lies there is one, for display.
    pub name: Option<Name>,
    /// 0, or 1 and the cell that the producer waits for; bit 63 is a mark.
    pub blocked_on: u64,
    /// The cursor at which the producer wants to be woken.
    pub wake_at: u64,
    /// How often a scan found the ring full.
    pub times_full: u64,
    /// How often producers have passed over a best-effort reader.
    pub times_passed_over: u64,
    /// Changes when sleeping readers are to look again.
    pub doorbell: u32,
}

impl ProducerFields {
    /// Takes the words from `word`, which gives the one at an offset in bytes from the ring's start. `None` if it has
    /// not all of them.
    pub fn read(geometry: &Geometry, mut word: impl FnMut(u64) -> Option<u64>) -> Option<Self> {
        let start = geometry.producer_section().offset;
        let mut word = |index: usize| word(start + 8 * index as u64);
        let epoch_state = word(producer_page::EPOCH_STATE)?;
        let RoleHint { pid, uid, name } = HintWords {
            taken: epoch_state,
            pid: word(producer_page::PRODUCER_PID)?,
            uid_plus_1: word(producer_page::UID_PLUS_1)?,
            name_len: word(producer_page::NAME_LEN)?,
            name: name_words(|at| word(producer_page::NAME + at))?,
        }
        .decode();
        Some(Self {
            head: word(producer_page::HEAD)?.max(geometry.first_seq()),
            epoch: epoch_state >> ring_state::BITS,
            state: epoch_state & ring_state::MASK,
            first_seq_even: word(producer_page::FIRST_SEQ_EVEN)?,
            first_seq_odd: word(producer_page::FIRST_SEQ_ODD)?,
            wake_mode: word(producer_page::WAKE_MODE)?,
            wake_every: word(producer_page::WAKE_EVERY)?,
            pid,
            uid,
            name,
            blocked_on: word(producer_page::BLOCKED_ON)?,
            wake_at: word(producer_page::WAKE_AT)?,
            times_full: word(producer_page::TIMES_FULL)?,
            times_passed_over: word(producer_page::TIMES_PASSED_OVER)?,
            doorbell: first_half(word(producer_page::DOORBELL / 8)?),
        })
    }
}

/// What the hints page holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HintsFields {
    /// 0 no reader sleeps, 1 one sleeps or is about to, 2 none as far as known.
    pub sleepers: u32,
    /// 1 and the highest cell that was ever active.
    pub cells_used: u64,
    /// How many consumers were cloned, ever.
    pub clones: u64,
}

impl HintsFields {
    /// As [`ProducerFields::read`].
    pub fn read(geometry: &Geometry, mut word: impl FnMut(u64) -> Option<u64>) -> Option<Self> {
        let start = geometry.hints_section().offset;
        let mut word = |index: usize| word(start + 8 * index as u64);
        Some(Self {
            sleepers: first_half(word(0)?),
            cells_used: word(hints::CELLS_USED)?,
            clones: word(hints::CLONES)?,
        })
    }
}

/// What a cell holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CellFields {
    /// Sequence of the next message that the reader will read.
    pub cursor: u64,
    /// How many readers have joined in the cell.
    pub incarnation: u64,
    /// 0 free, 1 a consumer, 2 a best-effort reader, 3 an observer that shows itself.
    pub state: u64,
    /// The reader's process, for display.
    pub pid: u64,
    /// Its effective user, if it said so, for display.
    pub uid: Option<u32>,
    /// The name that it gave itself, if what lies there is one, for display.
    pub name: Option<Name>,
    /// Changes when the producer is to look again.
    pub space_bell: u32,
    /// 1 if the reader's process takes part in membarrier.
    pub registered: u64,
    /// How many messages the best-effort reader in the cell has lost, as it says.
    pub lost: u64,
    /// How often it was lapped, as it says.
    pub times_lagged: u64,
}

impl CellFields {
    /// As [`ProducerFields::read`], of the cell of this number; `None` also if the ring has no such cell.
    pub fn read(geometry: &Geometry, cell: u64, mut word: impl FnMut(u64) -> Option<u64>) -> Option<Self> {
        if cell >= geometry.max_consumers() {
            return None;
        }
        let start = geometry.consumers_section().offset + CELL_BYTES * cell;
        let mut word = |index: usize| word(start + 8 * index as u64);
        let state = word(cell::WORD)?;
        let RoleHint { pid, uid, name } = HintWords {
            taken: state,
            pid: word(cell::PID)?,
            uid_plus_1: word(cell::UID_PLUS_1)?,
            name_len: word(cell::NAME_LEN)?,
            name: name_words(|at| word(cell::NAME + at))?,
        }
        .decode();
        Some(Self {
            cursor: word(cell::CURSOR)?,
            incarnation: state >> cell_state::BITS,
            state: state & cell_state::MASK,
            pid,
            uid,
            name,
            space_bell: first_half(word(cell::SPACE / 8)?),
            registered: word(cell::REGISTERED)?,
            lost: word(cell::LOST)?,
            times_lagged: word(cell::TIMES_LAGGED)?,
        })
    }
}

/// Where the parts of one slot lie, in bytes from the ring's start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SlotOffsets {
    /// The stamp.
    pub stamp: u64,
    /// The word with the length in its low half and the tag in its high half; `None` where messages have one length.
    pub length_and_tag: Option<u64>,
    /// The payload.
    pub payload: u64,
}

impl SlotOffsets {
    /// Those of the slot of this number; `None` if the ring has no such slot.
    ///
    /// # Examples
    /// ```
    /// use ringway_core::placement::SlotOffsets;
    /// use ringway_core::{Config, Placement};
    ///
    /// # fn main() -> Result<(), ringway_core::GeometryError> {
    /// let geometry = Config::new().slots(8).geometry(4096, Placement::WholeFile, [1; 16], [2; 16])?;
    /// let second = SlotOffsets::of(&geometry, 1).unwrap();
    /// assert_eq!(second.stamp, geometry.slots_section().offset + geometry.stride());
    /// assert_eq!(SlotOffsets::of(&geometry, 8), None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn of(geometry: &Geometry, slot: u64) -> Option<Self> {
        if slot >= geometry.slots() {
            return None;
        }
        let parts = geometry.parts();
        let stamp = parts.stamps + parts.stamp_stride * slot;
        let length_and_tag = (!geometry.stride_kind().is_fixed_length()).then_some(stamp + 8);
        Some(Self { stamp, length_and_tag, payload: parts.payloads + geometry.stride() * slot })
    }
}

/// The message of which a stamp says that it was skipped; `None` of any other stamp.
///
/// # Examples
/// ```
/// use ringway_core::placement::skipped_by;
///
/// assert_eq!(skipped_by((1 << 63) + 2 * 7 + 1), Some(7));
/// assert_eq!(skipped_by(2 * 7 + 2), None);
/// ```
pub const fn skipped_by(stamp: u64) -> Option<u64> {
    match Seq::of_void(stamp) {
        Some(seq) => Some(seq.get()),
        None => None,
    }
}

/// The words of a name.
fn name_words(mut word: impl FnMut(usize) -> Option<u64>) -> Option<[u64; NAME_WORDS]> {
    let mut words = [0; NAME_WORDS];
    for (at, found) in words.iter_mut().enumerate() {
        *found = word(at)?;
    }
    Some(words)
}

/// The u32 at the start of a word.
fn first_half(word: u64) -> u32 {
    let [a, b, c, d, ..] = word.to_ne_bytes();
    u32::from_ne_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::geometry::{Config, Placement};

    #[test]
    fn fields_are_read_from_where_the_format_has_them() {
        let geometry = Config::new().geometry(4096, Placement::WholeFile, [1; 16], [2; 16]).unwrap();
        // Each word is its own offset.
        let page = ProducerFields::read(&geometry, Some).unwrap();
        let start = geometry.producer_section().offset;
        assert_eq!((page.head, page.epoch, page.times_full), (start, (start + 128) / 4, start + 272));
        assert_eq!((page.wake_mode, page.wake_every), (start + 152, start + 168));
        assert_eq!((page.times_passed_over, page.doorbell), (start + 280, first_half(start + 384)));
        let cell = CellFields::read(&geometry, 2, Some).unwrap();
        let start = geometry.consumers_section().offset + 256;
        assert_eq!((cell.cursor, cell.incarnation, cell.registered), (start, (start + 8) / 4, start + 32));
        assert_eq!((cell.lost, cell.times_lagged), (start + 40, start + 48));
        assert_eq!(CellFields::read(&geometry, geometry.max_consumers(), Some), None);
        assert_eq!(HintsFields::read(&geometry, |_| None), None);
    }
}
