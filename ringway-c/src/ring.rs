//! Rings: made, opened, and removed.
//!
//! # Safety
//! Pointers are checked as `options` and `handle` say. `trust_peers` is called where C
//! passed `RINGWAY_TRUST_PEERS`, whose description is its promise. A descriptor is one that C says is open.
#![allow(unsafe_code)]

use std::ffi::c_char;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd};

use ringway::file::FileRing;
use ringway::memfd::MemfdRing;
use ringway::{Config, Geometry, file};

use crate::codes::*;
use crate::entry::entry;
use crate::error::{Failure, Misuse};
use crate::handle::{self, Freed, Kind};
use crate::options::{Asked, Options, RingConfig, read_path};

/// A ring. It holds a descriptor, and no memory. Roles that are taken on it outlive it.
pub struct RingHandle(());

/// What a ring's handle holds.
pub(crate) struct Ring {
    pub(crate) placed: Placed,
    /// Consumers fill what is released.
    pub(crate) poisons: bool,
}

/// A ring where it lies.
pub(crate) enum Placed {
    File(FileRing),
    Memfd(MemfdRing),
}

static FREED: Freed<Ring> = Freed::new();

impl Kind for Ring {
    type Opaque = RingHandle;
    const NAME: &'static str = "ring";
    const MAGIC: u32 = 0x52_67_77_10;

    fn freed() -> &'static Freed<Self> {
        &FREED
    }
}

impl Ring {
    pub(crate) fn as_ring(&self) -> &dyn ringway::Ring {
        match &self.placed {
            Placed::File(ring) => ring,
            Placed::Memfd(ring) => ring,
        }
    }

    pub(crate) fn geometry(&self) -> &Geometry {
        self.as_ring().geometry()
    }

    pub(crate) fn new(placed: Placed, asked: &Asked) -> Self {
        let poisons = asked.has(RINGWAY_POISON);
        if !asked.has(RINGWAY_TRUST_PEERS) || poisons {
            return Self { placed, poisons };
        }
        // SAFETY: the caller has promised what `RINGWAY_TRUST_PEERS` says.
        let placed = unsafe {
            match placed {
                Placed::File(ring) => Placed::File(ring.trust_peers()),
                Placed::Memfd(ring) => Placed::Memfd(ring.trust_peers()),
            }
        };
        Self { placed, poisons }
    }

    fn in_file(
        options: *const Options,
        get: impl FnOnce(&file::OpenOptions, &Asked) -> Result<FileRing, file::FileError>,
    ) -> Result<Self, Failure> {
        let asked = Asked::read(options)?;
        let ring = get(&asked.of_files()?, &asked)?;
        Ok(Self::new(Placed::File(ring), &asked))
    }
}

/// Makes a ring in a new file. `config` and `options` may be NULL, for what they say is the default.
///
/// Errors: `RINGWAY_E_EXISTS`, `RINGWAY_E_NOT_FOUND` (the directory), `RINGWAY_E_NO_SPACE`, `RINGWAY_E_UNSUITABLE`,
/// `RINGWAY_E_PERMISSION`, `RINGWAY_E_ARGUMENT`, `RINGWAY_E_OS`.
///
/// # Safety
/// `path` is a text; the structures are as long as they say; `out` leads to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_create(
    path: *const c_char,
    config: *const RingConfig,
    options: *const Options,
    out: *mut *mut RingHandle,
) -> i32 {
    entry(|| {
        handle::make(out, || {
            let config = RingConfig::read(config)?;
            let path = read_path(path)?;
            Ring::in_file(options, |options, _| options.create(path, &config))
        })
    })
}

/// Opens a ring in a file. With `RINGWAY_READ_ONLY`, only observers can be taken on it.
///
/// Errors: `RINGWAY_E_NOT_FOUND`, `RINGWAY_E_NOT_A_RING`, `RINGWAY_E_PERMISSION`, `RINGWAY_E_OTHER_BOOT`,
/// `RINGWAY_E_UNSUITABLE`, `RINGWAY_E_IN_USE`, `RINGWAY_E_ARGUMENT`, `RINGWAY_E_OS`.
///
/// # Safety
/// As for `ringway_create`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_open(
    path: *const c_char,
    options: *const Options,
    out: *mut *mut RingHandle,
) -> i32 {
    entry(|| {
        handle::make(out, || {
            let path = read_path(path)?;
            Ring::in_file(options, |options, asked| {
                if asked.has(RINGWAY_READ_ONLY) { options.open_read_only(path) } else { options.open(path) }
            })
        })
    })
}

/// Opens the ring in a file, or makes it if there is none. Of processes that do so at the same time one makes it.
///
/// Errors: those of both; `RINGWAY_E_MISMATCH` if the ring that is there isn't as `config` asks for.
///
/// # Safety
/// As for `ringway_create`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_open_or_create(
    path: *const c_char,
    config: *const RingConfig,
    options: *const Options,
    out: *mut *mut RingHandle,
) -> i32 {
    entry(|| {
        handle::make(out, || {
            let config = RingConfig::read(config)?;
            let path = read_path(path)?;
            Ring::in_file(options, |options, _| options.open_or_create(path, &config))
        })
    })
}

/// Makes a ring in a sealed memfd: memory without a name, for processes that are handed its descriptor.
///
/// # Safety
/// As for `ringway_create`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_memfd_create(
    config: *const RingConfig,
    options: *const Options,
    out: *mut *mut RingHandle,
) -> i32 {
    entry(|| {
        handle::make(out, || {
            let config: Config = RingConfig::read(config)?;
            let asked = Asked::read(options)?;
            let ring = asked.of_memfds()?.create(&config)?;
            Ok(Ring::new(Placed::Memfd(ring), &asked))
        })
    })
}

/// Opens the ring in a memfd that another process made: one inherited, or received over a socket. The descriptor stays
/// the caller's, which may close it.
///
/// # Safety
/// `fd` is an open descriptor, or none; else as for `ringway_create`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_memfd_open(
    fd: i32,
    options: *const Options,
    out: *mut *mut RingHandle,
) -> i32 {
    entry(|| {
        handle::make(out, || {
            if fd < 0 {
                return Err(Misuse::Constant {
                    what: "fd",
                    found: fd.into(),
                    expected: "of open descriptors",
                }
                .into());
            }
            let asked = Asked::read(options)?;
            let options = asked.of_memfds()?;
            // SAFETY: the caller says that it is open. If it isn't, duplicating it fails.
            let own = unsafe { BorrowedFd::borrow_raw(fd) }.try_clone_to_owned();
            let own = own.map_err(|error| Misuse::Descriptor { fd, error })?;
            Ok(Ring::new(Placed::Memfd(options.open(own)?), &asked))
        })
    })
}

/// The descriptor of a ring's memfd, to be handed to another process. It stays the handle's.
///
/// Errors: `RINGWAY_E_ARGUMENT` if the ring lies in a file.
///
/// # Safety
/// `ring` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_memfd_fd(ring: *const RingHandle) -> i32 {
    handle::call_shared::<Ring>(ring, |ring, _| match &ring.placed {
        Placed::Memfd(ring) => Ok(ring.as_fd().as_raw_fd()),
        Placed::File(_) => Err(Misuse::NoMemfd.into()),
    })
}

/// A new descriptor of a ring's memfd, for reading only, to be handed to an observer. The caller closes it.
///
/// # Safety
/// `ring` is NULL or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_memfd_fd_read_only(ring: *const RingHandle) -> i32 {
    handle::call_shared::<Ring>(ring, |ring, _| match &ring.placed {
        Placed::Memfd(ring) => Ok(ring.read_only()?.into_raw_fd()),
        Placed::File(_) => Err(Misuse::NoMemfd.into()),
    })
}

/// Frees a ring's handle. Roles that were taken on it go on. NULL is nothing to free.
///
/// # Safety
/// `ring` is NULL or a handle, which no other thread uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_free(ring: *mut RingHandle) -> i32 {
    handle::free::<Ring>(ring)
}

/// Removes a ring's file, unless some process uses it.
///
/// Errors: `RINGWAY_E_IN_USE`, `RINGWAY_E_NOT_FOUND`, `RINGWAY_E_NOT_A_RING`, `RINGWAY_E_PERMISSION`, `RINGWAY_E_OS`.
///
/// # Safety
/// `path` is a text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringway_remove(path: *const c_char) -> i32 {
    entry(|| {
        file::remove(read_path(path)?)?;
        Ok(0)
    })
}

/// Makes a file that is cut short under a handle an error, `RINGWAY_E_TRUNCATED`, rather than a `SIGBUS` that ends the
/// process. It installs a handler for `SIGBUS` once, which passes on what isn't Ringway's.
#[unsafe(no_mangle)]
pub extern "C" fn ringway_guard_truncation() -> i32 {
    entry(|| {
        file::guard_truncation().map_err(|error| Failure::new(RINGWAY_E_OS, error))?;
        Ok(0)
    })
}
