//! The byte map of a ring: format version 3.
//!
//! ```text
//!              writer      mapped by    producer  consumer  observer
//! +----------+ 0
//! | geometry | creator, once                R         R         R     384 bytes used
//! +----------+ producer_offset
//! | producer | producer                     RW        R         R     512 bytes used
//! +----------+ hints_offset
//! | hints    | producer and consumers       RW        RW        R     128 bytes used
//! +----------+ consumers_offset
//! | cells    | consumers                    R         RW        R     128 bytes each
//! +----------+ slots_offset
//! | slots    | producer                     RW        R         R     stride bytes each
//! +----------+ total_length
//! ```
//!
//! Every section starts at a multiple of `section_align` (the page size, or more), so that each role can
//! map what it doesn't write read-only. Every number is a u64 in the machine's byte order, except the
//! bells, which are u32 because a futex is.
//!
//! ```text
//! geometry  8-byte words                    producer page  bytes
//!   0 magic "RINGWAY\0", stored last          0 head                  alone on 128 bytes
//!   1 byte order 0x0102030405060708         128 epoch << 2 | state    one line of rare stores
//!   2 format version                        136 first_seq_even
//!   3 features                              144 first_seq_odd
//!   4 placement                             152 wake_mode
//!   5 slots                                 160 producer_pid, 168 wake_every
//!   6 stride, bytes                         192 uid + 1               of the producer, for display
//!   7 stride kind                           200 name length, bytes
//!   8 payload capacity, bytes               208 name (32 bytes)
//!   9 max consumers                         256 blocked_on            one line for a full ring
//!  10 section_align, bytes                  264 wake_at
//!  11 producer_offset, bytes                272 times_full, 280 times_passed_over
//!  12 hints_offset                          384 doorbell u32          alone on 128 bytes
//!  13 consumers_offset                      512 end
//!  14 slots_offset
//!  15 total_length                         hints page
//!  16 ring id (16 bytes)                      0 sleepers u32          one line of both sides
//!  18 boot id (16 bytes)                      8 cells_used
//!  20 first_seq                              16 clones
//!  21 reserved, 0 (11 words)                cell, 128 bytes
//!  32 type size, bytes                        0 cursor
//!  33 type align, bytes                       8 incarnation << 2 | state
//!  34 type name length, bytes                16 pid
//!  35 type name (96 bytes)                   24 space bell u32
//!  47 checksum of words 1 to 46              32 registered
//!                                            40 lost, 48 times_lagged
//!                                            64 uid + 1               of the reader, for display
//!                                            72 name length, bytes
//!                                            80 name (32 bytes)
//!                                          slot, stride bytes
//!                                             0 stamp
//!                                             8 len in the low half, tag in the high half
//!                                            16 payload
//!                                          slot, stride kind 2
//!                                             0 payload
//!                                            56 stamp
//!                                          stride kind 3: 8-byte stamps of all slots, then payloads
//! ```

use memoffset::offset_of;
use static_assertions::{const_assert, const_assert_eq};

use crate::format::name::{NAME_MAX, NAME_WORDS};

/// First word of every ring: these eight bytes, whatever the byte order.
pub const MAGIC: u64 = u64::from_ne_bytes(*b"RINGWAY\0");
/// First word of a ring in the making, in a file that exists: what its creator leaves if it dies.
pub const UNFINISHED: u64 = u64::from_ne_bytes(*b"RINGWAY?");
/// Second word: reads differently on a machine of the other byte order.
pub const BYTE_ORDER: u64 = 0x0102_0304_0506_0708;
/// The format this crate writes and reads.
pub const FORMAT_VERSION: u64 = 3;
/// Longest type name a ring records, in bytes.
pub const TYPE_NAME_MAX: usize = 96;
/// Bytes of a slot ahead of its payload.
pub const SLOT_HEADER: u64 = 16;
/// Bytes of a cache line, as slots are laid out. Spelt out: a format must not vary by target.
pub const LINE: u64 = 64;
/// Bytes of a consumer's cell.
pub const CELL_BYTES: u64 = 128;
/// What keeps two words from sharing a cache line, or the pair of lines that is prefetched together.
/// Spelt out: `crossbeam_utils::CachePadded` varies by target, and a format must not.
pub const LINE_PAIR: usize = 128;
/// Most consumers a ring can have at once.
pub const MAX_CONSUMERS: u64 = 1024;
/// Most slots a ring can have.
pub const MAX_SLOTS: u64 = 1 << 32;

/// The geometry section as it lies in memory.
#[repr(C)]
pub(crate) struct GeometryWords {
    pub magic: u64,
    pub byte_order: u64,
    pub version: u64,
    pub features: u64,
    pub placement: u64,
    pub slots: u64,
    pub stride: u64,
    pub stride_kind: u64,
    pub payload_capacity: u64,
    pub max_consumers: u64,
    pub section_align: u64,
    pub producer_offset: u64,
    pub hints_offset: u64,
    pub consumers_offset: u64,
    pub slots_offset: u64,
    pub total_length: u64,
    pub ring_id: [u64; 2],
    pub boot_id: [u64; 2],
    pub first_seq: u64,
    pub reserved: [u64; 11],
    pub type_size: u64,
    pub type_align: u64,
    pub type_name_len: u64,
    pub type_name: [u64; TYPE_NAME_MAX / 8],
    pub checksum: u64,
}

/// The producer page as it lies in memory.
#[repr(C)]
pub(crate) struct ProducerPage {
    pub head: u64,
    _head_line: [u8; LINE_PAIR - 8],
    pub epoch_state: u64,
    pub first_seq_even: u64,
    pub first_seq_odd: u64,
    pub wake_mode: u64,
    pub producer_pid: u64,
    pub wake_every: u64,
    _display: [u8; 16],
    pub uid_plus_1: u64,
    pub name_len: u64,
    pub name: [u64; NAME_WORDS],
    _epoch_state_line: [u8; LINE_PAIR - 80 - NAME_MAX],
    pub blocked_on: u64,
    pub wake_at: u64,
    pub times_full: u64,
    pub times_passed_over: u64,
    _full_line: [u8; LINE_PAIR - 32],
    pub doorbell: u32,
    _doorbell_line: [u8; LINE_PAIR - 4],
}

/// The hints page as it lies in memory.
#[repr(C)]
pub(crate) struct HintsPage {
    pub sleepers: u32,
    _half: [u8; 4],
    pub cells_used: u64,
    pub clones: u64,
    _rest: [u8; LINE_PAIR - 24],
}

/// A consumer's cell as it lies in memory.
#[repr(C)]
pub(crate) struct CellWords {
    pub cursor: u64,
    pub word: u64,
    pub pid: u64,
    pub space: u32,
    _half: [u8; 4],
    pub registered: u64,
    pub lost: u64,
    pub times_lagged: u64,
    _display: [u8; 8],
    pub uid_plus_1: u64,
    pub name_len: u64,
    pub name: [u64; NAME_WORDS],
    _rest: [u8; LINE_PAIR - 80 - NAME_MAX],
}

/// A slot's header as it lies in memory.
#[repr(C)]
pub(crate) struct SlotHeader {
    pub stamp: u64,
    pub len_and_tag: u64,
}

/// Index of a field in 8-byte words.
macro_rules! word {
    ($name:ident = $section:ty, $field:ident, $index:literal) => {
        pub(crate) const $name: usize = offset_of!($section, $field) / 8;
        const_assert_eq!(offset_of!($section, $field), $index * 8);
    };
}

/// The geometry's words, by name.
pub(crate) mod geometry {
    use super::*;
    word!(MAGIC = GeometryWords, magic, 0);
    word!(BYTE_ORDER = GeometryWords, byte_order, 1);
    word!(VERSION = GeometryWords, version, 2);
    word!(FEATURES = GeometryWords, features, 3);
    word!(PLACEMENT = GeometryWords, placement, 4);
    word!(SLOTS = GeometryWords, slots, 5);
    word!(STRIDE = GeometryWords, stride, 6);
    word!(STRIDE_KIND = GeometryWords, stride_kind, 7);
    word!(PAYLOAD_CAPACITY = GeometryWords, payload_capacity, 8);
    word!(MAX_CONSUMERS = GeometryWords, max_consumers, 9);
    word!(SECTION_ALIGN = GeometryWords, section_align, 10);
    word!(PRODUCER_OFFSET = GeometryWords, producer_offset, 11);
    word!(HINTS_OFFSET = GeometryWords, hints_offset, 12);
    word!(CONSUMERS_OFFSET = GeometryWords, consumers_offset, 13);
    word!(SLOTS_OFFSET = GeometryWords, slots_offset, 14);
    word!(TOTAL_LENGTH = GeometryWords, total_length, 15);
    word!(RING_ID = GeometryWords, ring_id, 16);
    word!(BOOT_ID = GeometryWords, boot_id, 18);
    word!(FIRST_SEQ = GeometryWords, first_seq, 20);
    word!(RESERVED = GeometryWords, reserved, 21);
    word!(TYPE_SIZE = GeometryWords, type_size, 32);
    word!(TYPE_ALIGN = GeometryWords, type_align, 33);
    word!(TYPE_NAME_LEN = GeometryWords, type_name_len, 34);
    word!(TYPE_NAME = GeometryWords, type_name, 35);
    word!(CHECKSUM = GeometryWords, checksum, 47);
    /// Words in the geometry.
    pub(crate) const WORDS: usize = size_of::<GeometryWords>() / 8;
    const_assert_eq!(WORDS, 48);
}

/// The producer page's words, by name.
pub(crate) mod producer_page {
    use super::*;
    word!(HEAD = ProducerPage, head, 0);
    word!(EPOCH_STATE = ProducerPage, epoch_state, 16);
    word!(FIRST_SEQ_EVEN = ProducerPage, first_seq_even, 17);
    word!(FIRST_SEQ_ODD = ProducerPage, first_seq_odd, 18);
    word!(WAKE_MODE = ProducerPage, wake_mode, 19);
    word!(PRODUCER_PID = ProducerPage, producer_pid, 20);
    #[cfg(not(loom))]
    word!(WAKE_EVERY = ProducerPage, wake_every, 21);
    word!(UID_PLUS_1 = ProducerPage, uid_plus_1, 24);
    word!(NAME_LEN = ProducerPage, name_len, 25);
    word!(NAME = ProducerPage, name, 26);
    word!(BLOCKED_ON = ProducerPage, blocked_on, 32);
    word!(WAKE_AT = ProducerPage, wake_at, 33);
    word!(TIMES_FULL = ProducerPage, times_full, 34);
    word!(TIMES_PASSED_OVER = ProducerPage, times_passed_over, 35);
    /// The doorbell, in bytes.
    #[cfg(not(loom))]
    pub(crate) const DOORBELL: usize = offset_of!(ProducerPage, doorbell);
    /// Words in the producer page.
    pub(crate) const WORDS: usize = size_of::<ProducerPage>() / 8;
    const_assert_eq!(WORDS, 64);
}

/// The hints page's words, by name.
#[cfg(not(loom))]
pub(crate) mod hints {
    use super::*;
    word!(CELLS_USED = HintsPage, cells_used, 1);
    word!(CLONES = HintsPage, clones, 2);
}

/// A cell's words, by name.
pub(crate) mod cell {
    use super::*;
    word!(CURSOR = CellWords, cursor, 0);
    word!(WORD = CellWords, word, 1);
    word!(PID = CellWords, pid, 2);
    word!(REGISTERED = CellWords, registered, 4);
    word!(LOST = CellWords, lost, 5);
    word!(TIMES_LAGGED = CellWords, times_lagged, 6);
    #[cfg(not(loom))]
    word!(UID_PLUS_1 = CellWords, uid_plus_1, 8);
    #[cfg(not(loom))]
    word!(NAME_LEN = CellWords, name_len, 9);
    #[cfg(not(loom))]
    word!(NAME = CellWords, name, 10);
    /// The space bell, in bytes.
    #[cfg(not(loom))]
    pub(crate) const SPACE: usize = offset_of!(CellWords, space);
    /// Words in a cell.
    pub(crate) const WORDS: usize = size_of::<CellWords>() / 8;
    const_assert_eq!(WORDS, 16);
}

/// A slot's words, by name. (A model's slot is no row of words.)
#[cfg(not(loom))]
pub(crate) mod slot {
    use super::*;
    word!(STAMP = SlotHeader, stamp, 0);
    word!(LEN_AND_TAG = SlotHeader, len_and_tag, 1);
    /// Words ahead of the payload.
    pub(crate) const HEADER_WORDS: usize = size_of::<SlotHeader>() / 8;
}

// The bells are words of their own: no other field shares their bytes.
const_assert_eq!(offset_of!(ProducerPage, doorbell), 384);
const_assert_eq!(offset_of!(HintsPage, sleepers), 0);
const_assert_eq!(offset_of!(CellWords, space), 24);

const_assert_eq!(size_of::<GeometryWords>(), GEOMETRY_BYTES as usize);
const_assert_eq!(size_of::<HintsPage>(), HINTS_BYTES as usize);
const_assert_eq!(size_of::<CellWords>(), CELL_BYTES as usize);
const_assert_eq!(size_of::<SlotHeader>(), SLOT_HEADER as usize);
const_assert!(PRODUCER_BYTES as usize == size_of::<ProducerPage>());

/// Where a cell says whether it is in use, in bytes from the cell's start.
pub const CELL_WORD_OFFSET: u64 = 8;
const_assert_eq!(offset_of!(CellWords, word), CELL_WORD_OFFSET as usize);

/// Whether a cell's word says that a reader is in it. A hint: the kernel's locks know.
pub const fn cell_looks_taken(word: u64) -> bool {
    word & cell_state::MASK != cell_state::FREE
}

/// Whether a cell's word says that an observer shows itself in it.
pub const fn cell_looks_shown(word: u64) -> bool {
    word & cell_state::MASK == cell_state::SHOWN
}

/// Whether a cell's word says that a reader is in it which holds the producer back: a consumer, or a best-effort reader.
pub const fn cell_counts(word: u64) -> bool {
    matches!(word & cell_state::MASK, cell_state::ACTIVE | cell_state::BEST_EFFORT)
}

/// Bytes of the geometry that carry meaning.
pub const GEOMETRY_BYTES: u64 = 384;
/// Bytes of the producer page that carry meaning.
pub const PRODUCER_BYTES: u64 = 512;
/// Bytes of the hints page that carry meaning.
pub const HINTS_BYTES: u64 = 128;

/// What a reader must know to read a ring, a bit each.
pub(crate) mod feature {
    /// The ring's first sequence is given, and its producer may skip sequences.
    pub(crate) const SKIPS: u64 = 1;
    /// Those that this crate knows.
    pub(crate) const KNOWN: u64 = SKIPS;
}

/// States of a ring, in the low two bits of the producer page's word of epoch and state.
pub(crate) mod ring_state {
    pub(crate) const NO_PRODUCER_YET: u64 = 0;
    pub(crate) const OPEN: u64 = 1;
    pub(crate) const CLOSED: u64 = 2;
    pub(crate) const MASK: u64 = 3;
    pub(crate) const BITS: u32 = 2;
}

/// States of a cell, in the low two bits of its word.
pub(crate) mod cell_state {
    pub(crate) const FREE: u64 = 0;
    /// A consumer, which the producer waits for.
    pub(crate) const ACTIVE: u64 = 1;
    /// A best-effort reader, which the producer waits for as long as its patience lasts.
    pub(crate) const BEST_EFFORT: u64 = 2;
    /// An observer that shows itself, which the producer doesn't count.
    pub(crate) const SHOWN: u64 = 3;
    pub(crate) const MASK: u64 = 3;
    pub(crate) const BITS: u32 = 2;
}

/// How a producer lets sleepers know, as the producer page says it; 0 before the first producer.
pub(crate) mod wake_mode {
    pub(crate) const FENCED: u64 = 1;
    pub(crate) const ASYMMETRIC: u64 = 2;
}

/// What `sleepers` holds.
pub(crate) mod sleepers {
    /// Nobody sleeps.
    pub(crate) const NONE: u32 = 0;
    /// Somebody sleeps, or is about to.
    pub(crate) const SOME: u32 = 1;
    /// Nobody sleeps, as far as can be told without a fence.
    pub(crate) const LOOK: u32 = 2;
}

/// What `blocked_on` holds besides a cell's number plus 1.
pub(crate) mod blocked_on {
    /// To be read again after a fence.
    pub(crate) const LOOK: u64 = 1 << 63;
}
