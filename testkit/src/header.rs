//! Words of a ring that a test forges, by their places in docs/format.md: offsets in bytes from the start of what they
//! belong to.
//!
//! They are written down here a second time, on purpose: a test that took them from the library would follow a change
//! of the format, and not notice it.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use ringway::{Geometry, Ring, Stride};

use slots::{length_offset, payload_offset, stamp_offset};

#[path = "slots.rs"]
pub mod slots;

/// Length of the geometry, in bytes.
pub const LENGTH: usize = 384;
/// Length of the geometry, in words.
pub const WORDS: usize = LENGTH / 8;

/// Words of the geometry, by number.
pub mod word {
    /// Number of slots.
    pub const SLOTS: usize = 5;
    /// Distance of one slot from the next.
    pub const STRIDE: usize = 6;
    /// Longest payload.
    pub const CAPACITY: usize = 8;
    /// What sections are aligned to.
    pub const SECTION_ALIGN: usize = 10;
    /// Where the slots begin.
    pub const SLOTS_OFFSET: usize = 14;
    /// Where the ring ends.
    pub const TOTAL: usize = 15;
    /// The ring's id, two words.
    pub const RING_ID: usize = 16;
    /// The boot's id, two words.
    pub const BOOT_ID: usize = 18;
    /// Of all words between the magic number and this one.
    pub const CHECKSUM: usize = 47;
}

/// Words of the producer page, by their first bytes.
pub mod page {
    /// Sequence of the next message.
    pub const HEAD: u64 = 0;
    /// The epoch, and what became of its producer.
    pub const EPOCH_AND_STATE: u64 = 128;
    /// First message of an even epoch, and of an odd one.
    pub const FIRST_SEQ: [u64; 2] = [136, 144];
    /// How the producer wakes.
    pub const WAKE_MODE: u64 = 152;
    /// The cell that fills the ring.
    pub const BLOCKED_ON: u64 = 256;
    /// The cursor at which the sleeping producer is woken.
    pub const WAKE_AT: u64 = 264;
    /// How often the ring was found full.
    pub const TIMES_FULL: u64 = 272;
    /// The futex word on which readers sleep.
    pub const DOORBELL: u64 = 384;
}

/// Words of the hints page, by their first bytes.
pub mod hints {
    /// Whether readers sleep on the doorbell.
    pub const SLEEPERS: u64 = 0;
    /// How many cells have ever been used.
    pub const CELLS_USED: u64 = 8;
    /// How many consumers were cloned, ever.
    pub const CLONES: u64 = 16;
}

/// Words of a consumer's cell, by their first bytes.
pub mod cell {
    /// Length of a cell.
    pub const LENGTH: u64 = 128;
    /// The next message that the consumer reads.
    pub const CURSOR: u64 = 0;
    /// Whether there is a consumer, and which incarnation of the cell.
    pub const WORD: u64 = 8;
    /// The consumer's process.
    pub const PID: u64 = 16;
    /// The futex word on which the producer sleeps.
    pub const SPACE: u64 = 24;
    /// Whether the consumer's process is registered for membarrier.
    pub const REGISTERED: u64 = 32;
}

/// Words of a slot, by their first bytes where the slot has a header. [`in_slot`] finds them whatever the stride.
pub mod slot {
    /// Which message the slot holds, or that it is being written.
    pub const STAMP: u64 = 0;
    /// The payload's length, and the tag.
    pub const LENGTH: u64 = 8;
    /// The payload.
    pub const PAYLOAD: u64 = 16;
}

/// Where a word of the producer page lies in the ring.
pub fn in_page(geometry: &Geometry, word: u64) -> u64 {
    geometry.producer_section().offset + word
}

/// Where a word of the hints page lies in the ring.
pub fn in_hints(geometry: &Geometry, word: u64) -> u64 {
    geometry.hints_section().offset + word
}

/// Where a word of a consumer's cell lies in the ring.
pub fn in_cell(geometry: &Geometry, cell: u64, word: u64) -> u64 {
    geometry.consumers_section().offset + cell::LENGTH * cell + word
}

/// Where a word of a slot lies in the ring: one of those in [`slot`](mod@slot).
pub fn in_slot(geometry: &Geometry, slot: u64, word: u64) -> u64 {
    match word {
        slot::STAMP => stamp_offset(geometry, slot),
        slot::LENGTH => {
            length_offset(geometry, slot).expect("a stride whose slots say how long messages are")
        }
        slot::PAYLOAD => payload_offset(geometry, slot),
        unknown => panic!("no slot has a word {unknown}"),
    }
}

/// Overwrites words of a ring in a file behind the backs of its roles.
pub struct Forger {
    file: File,
    geometry: Geometry,
}

impl Forger {
    /// Of the ring that begins where the file at `path` does.
    pub fn new(path: &Path, ring: &impl Ring) -> Self {
        Self { file: writable(path), geometry: ring.geometry().clone() }
    }

    /// Overwrites a word of the producer page.
    pub fn page(&self, word: u64, value: u64) {
        self.store(in_page(&self.geometry, word), value);
    }

    /// Overwrites a word of the hints page.
    pub fn hints(&self, word: u64, value: u64) {
        self.store(in_hints(&self.geometry, word), value);
    }

    /// Overwrites a word of a consumer's cell.
    pub fn cell(&self, cell: usize, word: u64, value: u64) {
        self.store(in_cell(&self.geometry, cell as u64, word), value);
    }

    /// Overwrites a word of a slot.
    pub fn slot(&self, slot: u64, word: u64, value: u64) {
        self.store(in_slot(&self.geometry, slot, word), value);
    }

    fn store(&self, at: u64, value: u64) {
        self.file.write_all_at(&value.to_ne_bytes(), at).expect("a writable file");
    }
}

/// The geometry of a ring in a file, word by word.
pub struct Words([u64; WORDS]);

impl Words {
    /// The geometry that is in these bytes.
    pub fn of(bytes: &[u8; LENGTH]) -> Self {
        let (words, _) = bytes.as_chunks();
        Self(std::array::from_fn(|at| u64::from_ne_bytes(words[at])))
    }

    /// Reads the geometry of the ring at the start of the file.
    pub fn read(file: &File) -> Self {
        let mut bytes = [0; LENGTH];
        file.read_exact_at(&mut bytes, 0).expect("a header");
        Self::of(&bytes)
    }

    /// A word, by its number.
    pub fn get(&self, at: usize) -> u64 {
        self.0[at]
    }

    /// Overwrites a word.
    pub fn set(&mut self, at: usize, value: u64) {
        self.0[at] = value;
    }

    /// Puts the checksum right.
    pub fn seal(&mut self) {
        let bytes = self.0[1..word::CHECKSUM].iter().flat_map(|word| word.to_ne_bytes());
        self.0[word::CHECKSUM] = bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    }

    /// The geometry's bytes.
    pub fn bytes(&self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        let (chunks, _) = bytes.as_chunks_mut();
        for (chunk, word) in chunks.iter_mut().zip(&self.0) {
            *chunk = word.to_ne_bytes();
        }
        bytes
    }

    /// Writes the geometry, with a right checksum, to the start of the file.
    pub fn write(mut self, file: &File) {
        self.seal();
        file.write_all_at(&self.bytes(), 0).expect("a writable file");
    }
}

/// Puts a header's checksum right.
pub fn seal(header: &mut [u8; LENGTH]) {
    let mut words = Words::of(header);
    words.seal();
    *header = words.bytes();
}

/// Makes the ring at the start of the file one of another boot, otherwise intact.
pub fn move_to_another_boot(path: &Path) {
    let file = writable(path);
    let mut words = Words::read(&file);
    words.set(word::BOOT_ID, words.get(word::BOOT_ID) ^ 0xff);
    words.write(&file);
}

/// Makes the ring in the file one whose slots hold `capacity` bytes each: sparse, so that it takes no room on the disk.
pub fn swell(path: &Path, capacity: u64) {
    let file = writable(path);
    let mut words = Words::read(&file);
    let stride = (16 + capacity).next_multiple_of(64);
    let slots = (stride * words.get(word::SLOTS)).next_multiple_of(words.get(word::SECTION_ALIGN));
    let total = words.get(word::SLOTS_OFFSET) + slots;
    for (at, value) in [(word::STRIDE, stride), (word::CAPACITY, capacity), (word::TOTAL, total)] {
        words.set(at, value);
    }
    words.write(&file);
    file.set_len(total).expect("a sparse file");
}

fn writable(path: &Path) -> File {
    File::options().read(true).write(true).open(path).expect("the ring's file")
}
