//! The shared header: format, read, check.

use crate::format::error::GeometryError;
use crate::format::first_seq::check_first_seq;
use crate::format::geometry::{Geometry, Placement};
use crate::format::layout::{self, feature, geometry as g};
use crate::format::plan::Plan;
use crate::format::stride::Stride;
use crate::format::type_info::TypeInfo;
use crate::memory::HeaderWords;
use crate::memory::access::{ReadOnly, ReadWrite};
use crate::ordering::edge::{Edge, fence};

/// The words of a ring's geometry, read once and private.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Header([u64; g::WORDS]);

impl Geometry {
    /// The words that a ring of this geometry starts with.
    pub fn encode(&self) -> Header {
        let mut w = [0; g::WORDS];
        w[g::MAGIC] = layout::MAGIC;
        w[g::BYTE_ORDER] = layout::BYTE_ORDER;
        w[g::VERSION] = layout::FORMAT_VERSION;
        w[g::PLACEMENT] = self.placement.code();
        w[g::SLOTS] = self.slots;
        w[g::STRIDE] = self.plan.stride;
        w[g::STRIDE_KIND] = self.stride_kind.code();
        w[g::PAYLOAD_CAPACITY] = self.payload_capacity;
        w[g::MAX_CONSUMERS] = self.max_consumers;
        w[g::SECTION_ALIGN] = self.section_align;
        w[g::PRODUCER_OFFSET] = self.plan.producer_offset;
        w[g::HINTS_OFFSET] = self.plan.hints_offset;
        w[g::CONSUMERS_OFFSET] = self.plan.consumers_offset;
        w[g::SLOTS_OFFSET] = self.plan.slots_offset;
        w[g::TOTAL_LENGTH] = self.plan.total_length;
        w[g::RING_ID..g::RING_ID + 2].copy_from_slice(&words_of(self.ring_id));
        w[g::BOOT_ID..g::BOOT_ID + 2].copy_from_slice(&words_of(self.boot_id));
        if let Some(info) = &self.type_info {
            w[g::TYPE_SIZE] = info.size();
            w[g::TYPE_ALIGN] = info.align();
            w[g::TYPE_NAME_LEN] = info.name().len() as u64;
            let mut name = [0; layout::TYPE_NAME_MAX];
            name[..info.name().len()].copy_from_slice(info.name().as_bytes());
            for (word, bytes) in w[g::TYPE_NAME..].iter_mut().zip(name.as_chunks::<8>().0) {
                *word = u64::from_ne_bytes(*bytes);
            }
        }
        if let Some(first) = self.first_seq {
            w[g::FEATURES] |= feature::SKIPS;
            w[g::FIRST_SEQ] = first;
        }
        w[g::CHECKSUM] = checksum(&w);
        Header(w)
    }
}

impl Header {
    /// Takes the first bytes of a ring, as read from a file.
    ///
    /// # Errors
    /// `TooShort` if there are fewer than [`layout::GEOMETRY_BYTES`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, GeometryError> {
        let short = GeometryError::TooShort { found: bytes.len() as u64, expected: layout::GEOMETRY_BYTES };
        let (chunks, _) = bytes.as_chunks::<8>();
        let chunks: &[[u8; 8]; g::WORDS] = chunks.first_chunk().ok_or(short)?;
        Ok(Header(chunks.map(u64::from_ne_bytes)))
    }

    /// The same header, of a ring that isn't complete yet: no reader takes it for one.
    #[must_use]
    pub fn unfinished(mut self) -> Self {
        self.0[g::MAGIC] = layout::UNFINISHED;
        self
    }

    /// What the header of an unfinished ring was to become; `None` of any other header.
    #[must_use]
    pub fn finished(mut self) -> Option<Self> {
        if self.0[g::MAGIC] != layout::UNFINISHED {
            return None;
        }
        self.0[g::MAGIC] = layout::MAGIC;
        Some(self)
    }

    /// The words, in order.
    pub fn words(&self) -> &[u64; (layout::GEOMETRY_BYTES / 8) as usize] {
        &self.0
    }

    /// Checks everything that the words say, and computes with nothing unchecked.
    ///
    /// # Errors
    /// What is wrong first: see [`GeometryError`].
    pub fn decode(&self, page_size: u64) -> Result<Geometry, GeometryError> {
        let w = &self.0;
        if w[g::MAGIC] == layout::UNFINISHED {
            return Err(GeometryError::Unfinished);
        }
        if w[g::MAGIC] != layout::MAGIC {
            return Err(GeometryError::NotARing { found: w[g::MAGIC] });
        }
        let (found, expected) = (w[g::BYTE_ORDER], layout::BYTE_ORDER);
        if found == expected.swap_bytes() {
            return Err(GeometryError::ByteOrder { found, expected });
        }
        if found != expected {
            return Err(GeometryError::ByteOrderMark { found, expected });
        }
        if w[g::VERSION] != layout::FORMAT_VERSION {
            return Err(GeometryError::Version { found: w[g::VERSION] });
        }
        let expected = checksum(w);
        if w[g::CHECKSUM] != expected {
            return Err(GeometryError::Checksum { found: w[g::CHECKSUM], expected });
        }
        if w[g::FEATURES] & !feature::KNOWN != 0 {
            return Err(GeometryError::Features { found: w[g::FEATURES] });
        }
        let inconsistent =
            |field, found, expected| Err(GeometryError::Inconsistent { field, found, expected });
        let Some(stride_kind) = Stride::from_code(w[g::STRIDE_KIND]) else {
            return inconsistent("stride kind", w[g::STRIDE_KIND], 0);
        };
        let Some(placement) = Placement::from_code(w[g::PLACEMENT]) else {
            return inconsistent("placement", w[g::PLACEMENT], 0);
        };
        let plan = Plan::new(
            w[g::SLOTS],
            w[g::PAYLOAD_CAPACITY],
            stride_kind,
            w[g::MAX_CONSUMERS],
            w[g::SECTION_ALIGN],
            page_size,
        )?;
        for (field, found, expected) in [
            ("stride", w[g::STRIDE], plan.stride),
            ("producer_offset", w[g::PRODUCER_OFFSET], plan.producer_offset),
            ("hints_offset", w[g::HINTS_OFFSET], plan.hints_offset),
            ("consumers_offset", w[g::CONSUMERS_OFFSET], plan.consumers_offset),
            ("slots_offset", w[g::SLOTS_OFFSET], plan.slots_offset),
            ("total_length", w[g::TOTAL_LENGTH], plan.total_length),
        ] {
            if found != expected {
                return inconsistent(field, found, expected);
            }
        }
        let first_seq = (w[g::FEATURES] & feature::SKIPS != 0).then_some(w[g::FIRST_SEQ]);
        match first_seq {
            Some(first) => check_first_seq(first)?,
            None if w[g::FIRST_SEQ] != 0 => return inconsistent("first_seq", w[g::FIRST_SEQ], 0),
            None => {}
        }
        if let Some(&found) = w[g::RESERVED..g::TYPE_SIZE].iter().find(|&&word| word != 0) {
            return inconsistent("reserved word", found, 0);
        }
        Ok(Geometry {
            plan,
            slots: w[g::SLOTS],
            payload_capacity: w[g::PAYLOAD_CAPACITY],
            stride_kind,
            max_consumers: w[g::MAX_CONSUMERS],
            section_align: w[g::SECTION_ALIGN],
            placement,
            ring_id: bytes_of([w[g::RING_ID], w[g::RING_ID + 1]]),
            boot_id: bytes_of([w[g::BOOT_ID], w[g::BOOT_ID + 1]]),
            type_info: self.type_info(stride_kind)?,
            first_seq,
        })
    }

    fn type_info(&self, stride: Stride) -> Result<Option<TypeInfo>, GeometryError> {
        let w = &self.0;
        let len = w[g::TYPE_NAME_LEN];
        let mut name = [0; layout::TYPE_NAME_MAX];
        for (bytes, word) in name.as_chunks_mut::<8>().0.iter_mut().zip(&w[g::TYPE_NAME..g::CHECKSUM]) {
            *bytes = word.to_ne_bytes();
        }
        let used = usize::try_from(len).ok().filter(|&len| len <= name.len());
        let (text, rest) = name.split_at(used.ok_or(GeometryError::TypeName { found: len })?);
        if rest.iter().any(|&byte| byte != 0) {
            return Err(GeometryError::TypeName { found: len });
        }
        if len == 0 {
            for (field, found) in [("type size", w[g::TYPE_SIZE]), ("type align", w[g::TYPE_ALIGN])] {
                if found != 0 {
                    return Err(GeometryError::Inconsistent { field, found, expected: 0 });
                }
            }
            return Ok(None);
        }
        let text = core::str::from_utf8(text).map_err(|_| GeometryError::TypeName { found: len })?;
        let align = w[g::TYPE_ALIGN];
        if !align.is_power_of_two() {
            return Err(GeometryError::Inconsistent { field: "type align", found: align, expected: 1 });
        }
        let info = TypeInfo::new(text, w[g::TYPE_SIZE], align);
        info.fits(w[g::PAYLOAD_CAPACITY], stride)?;
        Ok(Some(info))
    }
}

/// Formats a ring: writes its geometry into zeroed memory, the magic number last.
///
/// The other sections need nothing: zero is the right start for all of their words.
pub fn format(words: &HeaderWords<ReadWrite>, geometry: &Geometry) {
    let Header(header) = geometry.encode();
    for (index, &word) in header.iter().enumerate().filter(|&(index, _)| index != g::MAGIC) {
        words.word(index).store(word);
    }
    // F1 pairs with F2: a reader that sees the magic number sees everything stored before it.
    words.word(g::MAGIC).store_release(header[g::MAGIC], Edge::F1);
}

/// Reads a ring's geometry words once, the magic number first.
pub fn snapshot(words: &HeaderWords<ReadOnly>) -> Header {
    let mut header = [0; g::WORDS];
    header[g::MAGIC] = words.word(g::MAGIC).load();
    if header[g::MAGIC] != layout::MAGIC {
        return Header(header);
    }
    // F2 pairs with F1.
    fence(Edge::F2);
    for (index, word) in header.iter_mut().enumerate().filter(|&(index, _)| index != g::MAGIC) {
        *word = words.word(index).load();
    }
    Header(header)
}

/// FNV-1a over words 1 to 46, a byte at a time in memory order: each step is a bijection, so no single
/// changed bit goes unseen.
fn checksum(words: &[u64; g::WORDS]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    // No chain of iterators: without optimisation, that took most of the instructions of attaching.
    for word in &words[g::BYTE_ORDER..g::CHECKSUM] {
        for &byte in &word.to_ne_bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash
}

fn words_of(bytes: [u8; 16]) -> [u64; 2] {
    let (words, _) = bytes.as_chunks::<8>();
    [u64::from_ne_bytes(words[0]), u64::from_ne_bytes(words[1])]
}

fn bytes_of(words: [u64; 2]) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&words[0].to_ne_bytes());
    bytes[8..].copy_from_slice(&words[1].to_ne_bytes());
    bytes
}
