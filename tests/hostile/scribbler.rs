//! A peer that keeps to nothing: it maps the whole ring for writing, and stores what it likes where it likes.
//!
//! # Safety
//! The words are reached through atomics alone, at addresses that no other Rust pointer of this process accesses
//! otherwise: a mapping of its own of the ring's file, or the one that an anonymous ring hands on to children and
//! that roles only duplicate. What other processes make of the stores is what is being tested.

#![allow(unsafe_code)]
#![allow(clippy::disallowed_types, reason = "it plays the peer that writes what it likes, by atomic stores")]

use std::fs::{File, read_to_string};
use std::num::NonZeroUsize;
use std::ptr::NonNull;
use std::slice;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::sys::mman::{MapFlags, ProtFlags, mmap};
use ringway::{Geometry, MAX_SEQ, Ring};
use testkit::TestRing;
use testkit::header::{self, cell, hints, in_cell, in_hints, in_page, in_slot, page, slot};

/// Numbers that follow from a seed: SplitMix64.
pub struct Numbers(pub u64);

impl Numbers {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub fn below(&mut self, count: u64) -> u64 {
        self.next() % count
    }

    /// A small number around 0.
    fn delta(&mut self) -> u64 {
        self.below(9).wrapping_sub(4)
    }
}

/// The ring, as a hostile process sees it.
pub struct Scribbler<'p> {
    words: &'p [AtomicU64],
    geometry: Geometry,
    numbers: Numbers,
    /// A word of the header that was changed, and what it was.
    changed: Option<(usize, u64)>,
}

impl<'p> Scribbler<'p> {
    pub fn new(ring: &'p TestRing, seed: u64) -> Self {
        let geometry = ring.geometry().clone();
        let length = usize::try_from(geometry.total_length()).expect("a small ring");
        let base = match ring {
            TestRing::Anonymous(_) => inherited(length),
            TestRing::File { path, .. } => mapped(path, length),
        };
        // SAFETY: `length` bytes are mapped for writing at `base`, and stay as long as the ring (an inherited
        // mapping) or the process (one of its own); all accesses through them are atomic.
        let words = unsafe { slice::from_raw_parts(base.cast::<AtomicU64>().as_ptr(), length / 8) };
        Self { words, geometry, numbers: Numbers(seed), changed: None }
    }

    /// Stores something.
    pub fn step(&mut self) {
        if self.numbers.below(4) == 0 {
            self.restore_header();
        }
        match self.numbers.below(64) {
            0 => self.change_header(),
            1 => self.make_quiet(),
            _ => {
                let (at, value) = (self.target(), self.numbers.below(10));
                let value = self.value(value, at);
                self.store(at, value);
            }
        }
    }

    /// As in a new ring: a role that gave up may begin again.
    pub fn make_quiet(&mut self) {
        self.restore_header();
        for word in [page::HEAD, page::EPOCH_AND_STATE, page::FIRST_SEQ[0], page::FIRST_SEQ[1]] {
            self.store(self.page(word), 0);
        }
        for index in 0..self.geometry.slots() {
            self.store(self.slot(index, slot::STAMP), 0);
        }
    }

    fn change_header(&mut self) {
        self.restore_header();
        let at = self.numbers.below(header::WORDS as u64) as usize;
        let found = self.words[at].load(Ordering::Relaxed);
        let changed = found ^ 1 << self.numbers.below(64);
        self.changed = Some((at, found));
        self.store(at, changed);
    }

    fn restore_header(&mut self) {
        if let Some((at, value)) = self.changed.take() {
            self.store(at, value);
        }
    }

    /// A word to store to.
    fn target(&mut self) -> usize {
        let number = self.numbers.below(self.geometry.max_consumers());
        let index = self.numbers.below(self.geometry.slots());
        let in_cell = |word| at(in_cell(&self.geometry, number, word));
        match self.numbers.below(18) {
            16 => {
                let sleepers = at(in_hints(&self.geometry, hints::SLEEPERS));
                let clones = at(in_hints(&self.geometry, hints::CLONES));
                let words = [self.page(page::WAKE_MODE), self.page(page::DOORBELL), sleepers, clones];
                words[self.numbers.below(4) as usize]
            }
            17 => {
                let (space, registered) = (in_cell(cell::SPACE), in_cell(cell::REGISTERED));
                let words = [self.page(page::BLOCKED_ON), self.page(page::WAKE_AT), space, registered];
                words[self.numbers.below(4) as usize]
            }
            0 | 1 => self.page(page::HEAD),
            2 => self.page(page::EPOCH_AND_STATE),
            3 | 4 => {
                let word = page::FIRST_SEQ[self.numbers.below(2) as usize];
                self.page(word)
            }
            5 | 6 => in_cell(cell::CURSOR),
            7 => in_cell(cell::WORD),
            8 => in_cell(cell::PID),
            9..=11 => self.slot(index, slot::STAMP),
            12 | 13 if !self.geometry.stride_kind().is_fixed_length() => self.slot(index, slot::LENGTH),
            12..=14 => {
                let payload = self.geometry.payload_capacity().div_ceil(8);
                self.slot(index, slot::PAYLOAD) + self.numbers.below(payload) as usize
            }
            // Anything behind the header.
            _ => {
                let start = self.page(0);
                start + self.numbers.below((self.words.len() - start) as u64) as usize
            }
        }
    }

    fn value(&mut self, kind: u64, at: usize) -> u64 {
        let head = self.words[self.page(page::HEAD)].load(Ordering::Relaxed);
        let near = head.wrapping_add(self.numbers.delta());
        match kind {
            0 => self.numbers.next(),
            1 => self.words[at].load(Ordering::Relaxed) ^ 1 << self.numbers.below(64),
            2 => self.words[at].load(Ordering::Relaxed).wrapping_add(self.numbers.delta()),
            3 => near,
            4 => near.wrapping_mul(2),
            5 => near.wrapping_mul(2).wrapping_add(1),
            6 => near.wrapping_add(self.geometry.slots()).wrapping_mul(2),
            7 => MAX_SEQ.wrapping_add(self.numbers.delta()),
            8 => self.geometry.payload_capacity().wrapping_add(self.numbers.delta()),
            _ => self.numbers.delta(),
        }
    }

    fn page(&self, word: u64) -> usize {
        at(in_page(&self.geometry, word))
    }

    fn slot(&self, index: u64, word: u64) -> usize {
        at(in_slot(&self.geometry, index, word))
    }

    fn store(&self, at: usize, value: u64) {
        self.words[at].store(value, Ordering::Relaxed);
    }
}

/// Which of the ring's words lies at this byte.
fn at(offset: u64) -> usize {
    usize::try_from(offset / 8).expect("a small ring")
}

/// A mapping of the file, for as long as this process lives.
fn mapped(path: &std::path::Path, length: usize) -> NonNull<u8> {
    let file = File::options().read(true).write(true).open(path).expect("the ring's file");
    let length = NonZeroUsize::new(length).expect("no ring is empty");
    let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    // SAFETY: a new mapping at an address of the kernel's choice touches nothing that exists.
    unsafe { mmap(None, length, access, MapFlags::MAP_SHARED, &file, 0) }.expect("a mapping").cast()
}

/// The mapping of an anonymous ring that this process inherited: shared, writable, and as long as the ring.
fn inherited(length: usize) -> NonNull<u8> {
    let maps = read_to_string("/proc/self/maps").expect("the list of mappings");
    let range = |line: &str| {
        let (range, rest) = line.split_once(' ')?;
        let (start, end) = range.split_once('-')?;
        let [start, end] =
            [start, end].map(|address| usize::from_str_radix(address, 16).expect("an address"));
        (rest.starts_with("rw-s") && end - start == length).then_some(start)
    };
    let start = maps.lines().find_map(range).expect("the ring's mapping");
    NonNull::new(std::ptr::with_exposed_provenance_mut(start)).expect("an address")
}
