//! Structures that C fills in. Each begins with its size, so that later versions can append fields.
//!
//! # Safety
//! A pointer from C must be NULL, or lead to as many bytes as its `struct_size` says. What is read from them are
//! numbers and addresses, which may have any value.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char};
use std::path::Path;

use ringway::file::OpenOptions;
use ringway::memfd::MemfdOptions;
use ringway::{Config, Start, Stride, TypeInfo};

use crate::codes::*;
use crate::error::{Failure, Misuse};
use crate::handle::check_pointer;

/// The largest structure that a later version may have.
const MOST: u64 = 4096;

/// What a new ring should be like. Fields that are 0 take what the comments say.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct RingConfig {
    /// `sizeof(ringway_config)`.
    pub struct_size: u64,
    /// Number of slots: a power of two, 2 at least. 0: 1,024.
    pub slots: u64,
    /// Longest message, in bytes. 0: 48, or the size of the type.
    pub payload_capacity: u64,
    /// Most consumers at once, 1 to 1,024. 0: 16.
    pub max_consumers: u64,
    /// Alignment of the ring's sections, in bytes: a power of two, the page size at least. 0: the page size.
    pub section_align: u64,
    /// How slots lie one after another: one of `RINGWAY_STRIDE_…`.
    pub stride: u32,
    /// 1: the sequences begin at `first_seq`, and the producer may skip some (`ringway_producer_skip_to`). 0: neither.
    pub can_skip: u32,
    /// The name of the message type, 1 to 96 bytes of UTF-8, or NULL for plain bytes. The ring records it.
    pub type_name: *const c_char,
    /// `sizeof` the type.
    pub type_size: u64,
    /// `alignof` the type.
    pub type_align: u64,
    /// The sequence of the ring's first message, below 2^62. 0 unless `can_skip` is 1.
    pub first_seq: u64,
}

/// How a ring is made or opened. All 0 but for `struct_size` is the default.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// `sizeof(ringway_options)`.
    pub struct_size: u64,
    /// Permissions of a new file or memfd, whatever the umask. 0: 0600.
    pub mode: u32,
    /// Bits of `RINGWAY_TRUST_PEERS` and its like.
    pub flags: u32,
    /// Where the ring starts in its file, in bytes. Taken only with `RINGWAY_AT_OFFSET`.
    pub offset: u64,
}

/// A structure that begins with its size, and of which all bytes may be 0.
///
/// # Safety
/// It is `repr(C)`, begins with its size as a `u64`, has no padding, and may have any bytes.
pub(crate) unsafe trait Sized64: Copy {
    /// Its name in C.
    const NAME: &'static str;
    /// How many bytes its first version had.
    const FIRST: u64;
}

// SAFETY: numbers and an address, each at a multiple of its size.
unsafe impl Sized64 for RingConfig {
    const NAME: &'static str = "ringway_config";
    const FIRST: u64 = 72;
}

// SAFETY: numbers, each at a multiple of its size.
unsafe impl Sized64 for Options {
    const NAME: &'static str = "ringway_options";
    const FIRST: u64 = 24;
}

const _: () = assert!(size_of::<RingConfig>() == 80 && size_of::<Options>() == 24);

/// Checks the size that a structure says it has.
pub(crate) fn check_size<T: Sized64>(from: *const T) -> Result<usize, Failure> {
    check_pointer(from, T::NAME)?;
    // SAFETY: not NULL, aligned, and by the module's contract a structure that begins with its size.
    let found = unsafe { from.cast::<u64>().read() };
    if !(T::FIRST..=MOST).contains(&found) {
        return Err(Misuse::StructSize { what: T::NAME, found, least: T::FIRST, most: MOST }.into());
    }
    Ok(found as usize)
}

/// Reads a structure: a shorter one of an older version, or a longer one of a newer version whose new fields are 0.
pub(crate) fn read<T: Sized64>(from: *const T) -> Result<T, Failure> {
    let found = check_size(from)?;
    let known = size_of::<T>();
    // SAFETY: by the module's contract, so many bytes are there.
    let bytes = unsafe { std::slice::from_raw_parts(from.cast::<u8>(), found) };
    if let Some(at) = (known..found).find(|&at| bytes[at] != 0) {
        return Err(Misuse::Newer { what: T::NAME, found: found as u64, at, known }.into());
    }
    let mut value = std::mem::MaybeUninit::<T>::zeroed();
    // SAFETY: no more bytes than both have. All bytes are a value, by the contract of `Sized64`.
    Ok(unsafe {
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), value.as_mut_ptr().cast(), known.min(found));
        value.assume_init()
    })
}

/// Writes as much of a structure as the caller has room for, and leaves its size as it is.
pub(crate) fn write<T: Sized64>(value: &T, to: *mut T) -> Result<(), Failure> {
    let found = check_size(to.cast_const())?;
    let length = size_of::<T>().min(found) - size_of::<u64>();
    // SAFETY: by the module's contract, so many bytes are there; those of the size aren't among them.
    unsafe {
        let from = std::ptr::from_ref(value).cast::<u8>().add(size_of::<u64>());
        std::ptr::copy_nonoverlapping(from, to.cast::<u8>().add(size_of::<u64>()), length);
    }
    Ok(())
}

/// A text of C's.
pub(crate) fn text<'t>(text: *const c_char, what: &'static str) -> Result<&'t CStr, Failure> {
    check_pointer(text, what)?;
    // SAFETY: not NULL. That it ends with a zero byte is for the caller to see to.
    Ok(unsafe { CStr::from_ptr(text) })
}

/// A path of C's.
pub(crate) fn read_path<'t>(path: *const c_char) -> Result<&'t Path, Failure> {
    use std::os::unix::ffi::OsStrExt;
    Ok(Path::new(std::ffi::OsStr::from_bytes(text(path, "path")?.to_bytes())))
}

/// A type as C names it.
pub(crate) fn type_info(name: *const c_char, size: u64, align: u64) -> Result<TypeInfo, Failure> {
    let name = text(name, "type_name")?.to_str().map_err(|_| Misuse::NotText { what: "type_name" })?;
    Ok(TypeInfo::new(name, size, align))
}

impl RingConfig {
    /// What C asked for; NULL asks for the default.
    pub(crate) fn read(from: *const Self) -> Result<Config, Failure> {
        if from.is_null() {
            return Ok(Config::new());
        }
        let asked = read(from)?;
        let stride = match asked.stride {
            RINGWAY_STRIDE_ALIGNED => Stride::Aligned,
            RINGWAY_STRIDE_PACKED => Stride::Packed,
            RINGWAY_STRIDE_LINE => Stride::Line,
            RINGWAY_STRIDE_SPLIT => Stride::Split,
            found => {
                let expected = "RINGWAY_STRIDE_…";
                return Err(Misuse::Constant { what: "stride", found: found.into(), expected }.into());
            }
        };
        let first_seq = match (asked.can_skip, asked.first_seq) {
            (0, 0) => None,
            (1, seq) => Some(seq),
            (0, seq) => {
                let (what, found) = ("first_seq", i64::try_from(seq).unwrap_or(i64::MAX));
                return Err(Misuse::Constant { what, found, expected: "0, or can_skip 1 beside it" }.into());
            }
            (found, _) => {
                let (what, found) = ("can_skip", found.into());
                return Err(Misuse::Constant { what, found, expected: "0 or 1" }.into());
            }
        };
        let or = |asked: u64, default| if asked == 0 { default } else { asked };
        let mut config = Config::new().slots(or(asked.slots, 1024)).stride(stride);
        config = config.max_consumers(or(asked.max_consumers, 16));
        if let Some(seq) = first_seq {
            config = config.first_seq(seq);
        }
        if asked.section_align != 0 {
            config = config.section_align(asked.section_align);
        }
        if !asked.type_name.is_null() {
            config = config.of_type_info(type_info(asked.type_name, asked.type_size, asked.type_align)?);
        }
        match (asked.payload_capacity, asked.type_name.is_null()) {
            (0, true) => Ok(config.payload_capacity(48)),
            (0, false) => Ok(config),
            (bytes, _) => Ok(config.payload_capacity(bytes)),
        }
    }
}

/// What C asked for besides the ring's shape.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) mode: Option<u32>,
    pub(crate) flags: u32,
    pub(crate) offset: u64,
}

/// The flags of files, and of memfds.
const OF_FILES: u32 = RINGWAY_POISON * 2 - 1;
const OF_MEMFDS: u32 = RINGWAY_TRUST_PEERS
    | RINGWAY_POPULATE
    | RINGWAY_LOCK_MEMORY
    | RINGWAY_ANY_OWNER
    | RINGWAY_NO_MEMBARRIER
    | RINGWAY_POISON;

impl Asked {
    pub(crate) fn read(from: *const Options) -> Result<Self, Failure> {
        if from.is_null() {
            return Ok(Self { mode: None, flags: 0, offset: 0 });
        }
        let Options { mode, flags, offset, .. } = read(from)?;
        Ok(Self { mode: (mode != 0).then_some(mode), flags, offset })
    }

    pub(crate) fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    fn check(&self, known: u32, advice: &'static str) -> Result<(), Failure> {
        match self.flags & !known {
            0 => Ok(()),
            unknown => Err(Misuse::Flags { found: self.flags, unknown, advice }.into()),
        }
    }

    /// For rings in files.
    pub(crate) fn of_files(&self) -> Result<OpenOptions, Failure> {
        self.check(OF_FILES, "leave them 0, or update the library")?;
        let mut options = OpenOptions::new()
            .populate(self.has(RINGWAY_POPULATE))
            .lock_memory(self.has(RINGWAY_LOCK_MEMORY))
            .any_owner(self.has(RINGWAY_ANY_OWNER))
            .allow_other_boot(self.has(RINGWAY_ALLOW_OTHER_BOOT))
            .allow_copy_on_write(self.has(RINGWAY_ALLOW_COPY_ON_WRITE))
            .membarrier(!self.has(RINGWAY_NO_MEMBARRIER));
        if let Some(mode) = self.mode {
            options = options.mode(mode);
        }
        Ok(if self.has(RINGWAY_AT_OFFSET) { options.offset(self.offset) } else { options })
    }

    /// For rings in memfds.
    pub(crate) fn of_memfds(&self) -> Result<MemfdOptions, Failure> {
        self.check(OF_MEMFDS, "they are for rings in files; leave them 0")?;
        let options = MemfdOptions::new()
            .populate(self.has(RINGWAY_POPULATE))
            .lock_memory(self.has(RINGWAY_LOCK_MEMORY))
            .any_owner(self.has(RINGWAY_ANY_OWNER))
            .membarrier(!self.has(RINGWAY_NO_MEMBARRIER));
        Ok(self.mode.map_or(options.clone(), |mode| options.mode(mode)))
    }
}

/// Where C wants a reader to start.
pub(crate) fn start(start: i32, at: u64) -> Result<Start, Failure> {
    match start {
        RINGWAY_START_LATEST => Ok(Start::Latest),
        RINGWAY_START_OLDEST => Ok(Start::Oldest),
        RINGWAY_START_NEWEST => Ok(Start::Newest(at)),
        RINGWAY_START_AT => Ok(Start::At(at)),
        _ => Err(Misuse::Constant { what: "start", found: start.into(), expected: "RINGWAY_START_…" }.into()),
    }
}
