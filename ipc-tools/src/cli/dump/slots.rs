//! What a slot holds, by its stamp.

use std::fmt;

use ringway::{Geometry, MAX_SEQ};
use ringway_core::placement::{SlotOffsets, skipped_by};
use serde::Serialize;

use super::image::Image;
use crate::units::hex;

/// Bytes of a payload that are shown.
const PREVIEW: usize = 16;

/// What a slot's stamp says of it, beside head.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum State {
    /// Its message is whole.
    Published,
    /// It is claimed or being written, or was when its producer died.
    InFlight,
    /// It was claimed, and never published, by a producer that closed the ring.
    Abandoned,
    /// Its message was skipped.
    Skipped,
    /// Head counts its message, but its stamp says that it is being written.
    Torn,
    /// Head counts a later message in it.
    EarlierLap,
    /// No message was ever written to it.
    NeverWritten,
    /// Its stamp can't be.
    Damaged,
    /// The file ends before it.
    CutOff,
}

impl State {
    /// What is wrong with a slot that no producer leaves like this.
    fn fault(self) -> Option<&'static str> {
        match self {
            State::Torn => Some("head counts it, but its stamp says that it is being written"),
            State::EarlierLap => Some("head counts a later message here, which was never written"),
            State::Damaged => Some("its stamp can't be: it belongs to no message of this slot near head"),
            State::Published
            | State::InFlight
            | State::Abandoned
            | State::Skipped
            | State::NeverWritten
            | State::CutOff => None,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            State::Published => "published",
            State::InFlight => "in flight",
            State::Abandoned => "abandoned",
            State::Skipped => "skipped",
            State::Torn => "torn",
            State::EarlierLap => "earlier lap",
            State::NeverWritten => "never written",
            State::Damaged => "damaged",
            State::CutOff => "cut off",
        })
    }
}

/// A slot, and the message in it.
#[derive(Serialize)]
pub(super) struct Slot {
    pub(super) slot: u64,
    pub(super) state: State,
    /// Of the message that the stamp names.
    pub(super) seq: Option<u64>,
    pub(super) stamp: Option<u64>,
    /// Whether head counts the message.
    pub(super) counted: bool,
    /// As the slot says, which may be more than it holds. Of a message that isn't published it may be another's.
    pub(super) length_bytes: Option<u64>,
    pub(super) tag: Option<u32>,
    /// The first 16 bytes of the payload, in hexadecimal digits.
    pub(super) payload_hex: String,
    /// The same as text, with a dot for what is no printable ASCII character.
    pub(super) payload_text: String,
}

/// What the ring says of all slots.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context {
    pub(super) head: u64,
    pub(super) slots: u64,
    pub(super) closed: bool,
    /// The ring's first sequence.
    pub(super) first: u64,
    pub(super) can_skip: bool,
}

impl Context {
    /// What a stamp makes of a slot, and of which message it is.
    pub(super) fn judge(self, slot: u64, stamp: u64) -> (State, Option<u64>) {
        let Self { head, slots, closed, first, can_skip } = self;
        // The newest message of this slot that head counts.
        let last = head.checked_sub(1).filter(|&last| last >= slot);
        let counted =
            last.map(|last| last - ((last - slot) & (slots - 1))).filter(|&counted| counted >= first);
        if stamp == 0 {
            let state = if counted.is_some() { State::Damaged } else { State::NeverWritten };
            return (state, None);
        }
        let skipped = skipped_by(stamp).filter(|_| can_skip);
        let seq = skipped.unwrap_or((stamp - 1) / 2);
        if seq & (slots - 1) != slot || seq >= MAX_SEQ || seq >= head.saturating_add(slots) {
            return (State::Damaged, None);
        }
        let state = match (stamp.is_multiple_of(2), seq >= head) {
            // Of a skip of more than a lap the slots keep the first lap's sequences.
            _ if skipped.is_some() => State::Skipped,
            _ if counted.is_some_and(|counted| seq < counted) => State::EarlierLap,
            (true, _) => State::Published,
            (false, false) => State::Torn,
            (false, true) if closed => State::Abandoned,
            (false, true) => State::InFlight,
        };
        (state, Some(seq))
    }

    /// Reads a slot. What is wrong with it is said to `problem`.
    pub(super) fn read(
        self,
        image: &Image,
        geometry: &Geometry,
        slot: u64,
        problem: &mut dyn FnMut(String),
    ) -> Slot {
        let at = offsets(geometry, slot);
        let mut found = Slot {
            slot,
            state: State::CutOff,
            seq: None,
            stamp: image.word(at.stamp),
            counted: false,
            length_bytes: None,
            tag: None,
            payload_hex: String::new(),
            payload_text: String::new(),
        };
        let Some(stamp) = found.stamp else { return found };
        (found.state, found.seq) = self.judge(slot, stamp);
        found.counted = found.seq.is_some_and(|seq| seq < self.head);
        if let Some(fault) = found.state.fault() {
            problem(format!("slot {slot}, stamp {stamp:#x}: {fault}"));
        }
        if matches!(found.state, State::NeverWritten | State::Skipped) {
            return found;
        }
        let capacity = geometry.payload_capacity();
        match at.length_and_tag {
            None => found.length_bytes = Some(capacity),
            Some(at) => {
                let word = image.word(at);
                found.length_bytes = word.map(|word| word & u64::from(u32::MAX));
                found.tag = word.map(|word| (word >> 32) as u32);
            }
        }
        match found.length_bytes {
            Some(length) if length > capacity && found.state == State::Published => problem(format!(
                "slot {slot}: the message has a length of {length} bytes, and a slot holds at most {capacity}"
            )),
            _ => {}
        }
        let length = found.length_bytes.unwrap_or(0).min(capacity).min(PREVIEW as u64) as usize;
        let mut payload = [0; PREVIEW];
        let read = image.bytes(at.payload, &mut payload[..length]);
        let payload = &payload[..read];
        found.payload_hex = hex(payload);
        let printable = |&byte: &u8| if byte == b' ' || byte.is_ascii_graphic() { byte.into() } else { '.' };
        found.payload_text = payload.iter().map(printable).collect();
        found
    }
}

/// Where the parts of a slot lie whose number is below theirs.
pub(super) fn offsets(geometry: &Geometry, slot: u64) -> SlotOffsets {
    SlotOffsets::of(geometry, slot & (geometry.slots() - 1)).expect("the number of slots is a power of two")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Context = Context { head: 10, slots: 8, closed: false, first: 0, can_skip: false };

    #[test]
    fn a_stamp_and_head_say_what_a_slot_holds() {
        for (slot, stamp, state, seq) in [
            (1, 2 * 9 + 2, State::Published, Some(9)),
            (7, 2 * 7 + 2, State::Published, Some(7)),
            (2, 2 * 2 + 2, State::Published, Some(2)),
            // Published, and not counted by head yet.
            (2, 2 * 10 + 2, State::Published, Some(10)),
            (2, 2 * 10 + 1, State::InFlight, Some(10)),
            (1, 2 * 9 + 1, State::Torn, Some(9)),
            (1, 2 + 2, State::EarlierLap, Some(1)),
            (1, 0, State::Damaged, None),
            (1, 2 * 10 + 2, State::Damaged, None),
            (2, 2 * 18 + 2, State::Damaged, None),
            (2, u64::MAX, State::Damaged, None),
        ] {
            assert_eq!(OPEN.judge(slot, stamp), (state, seq), "slot {slot}, stamp {stamp}");
        }
        let new = Context { head: 1, ..OPEN };
        assert_eq!(new.judge(0, 0), (State::Damaged, None));
        assert_eq!(new.judge(1, 0), (State::NeverWritten, None));
        let closed = Context { closed: true, ..OPEN };
        assert_eq!(closed.judge(2, 2 * 10 + 1), (State::Abandoned, Some(10)));
        let skipping = Context { first: 6, can_skip: true, ..OPEN };
        let skipped = |seq: u64| (1 << 63) + 2 * seq + 1;
        assert_eq!(skipping.judge(1, skipped(9)), (State::Skipped, Some(9)));
        assert_eq!(skipping.judge(2, skipped(2)), (State::Skipped, Some(2)));
        assert_eq!(skipping.judge(2, skipped(18)), (State::Damaged, None));
        assert_eq!(skipping.judge(3, skipped(9)), (State::Damaged, None));
        assert_eq!(OPEN.judge(1, skipped(9)), (State::Damaged, None));
        // Before the ring's first message there was none.
        assert_eq!(skipping.judge(4, 0), (State::NeverWritten, None));
        assert_eq!(skipping.judge(6, 0), (State::Damaged, None));
    }

    #[test]
    fn no_stamp_and_no_head_overflows() {
        let edges = [0, 1, 2, 3, 7, 8, 9, u64::MAX / 2, MAX_SEQ, u64::MAX - 1, u64::MAX];
        for (head, stamp, slots) in edges.into_iter().flat_map(|head| {
            edges.into_iter().flat_map(move |stamp| [2, 1 << 32].map(|slots| (head, stamp, slots)))
        }) {
            for slot in [0, 1, slots - 1] {
                for can_skip in [false, true] {
                    let _ = Context { head, slots, closed: false, first: 0, can_skip }.judge(slot, stamp);
                }
            }
        }
    }
}
