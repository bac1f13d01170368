//! What a forked child finds of its parent's handles.
//!
//! The library refuses the handles themselves. Python objects need two things more. A lock that another thread of the
//! parent held is never released in the child, so a handle's generation tells whether it was forked. And the library
//! keeps mappings from children, so an array over a slot would lead to no memory. Zeros are mapped there instead:
//! reading such an array is no crash.
//!
//! # Safety
//! The handler of the child runs in its only thread, before anything else does. It maps only where nothing is mapped.
#![allow(unsafe_code)]

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use ringway::Geometry;

/// How often this process's ancestors were forked since the module was loaded.
static GENERATION: AtomicU32 = AtomicU32::new(0);

/// Where slots lie that arrays may lead to: pairs of an address and a length.
static SLOTS: Mutex<Vec<(usize, usize)>> = Mutex::new(Vec::new());

/// The generation of this process.
pub fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

/// Has forked children told.
pub fn watch() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        // SAFETY: the handler is a function of this module, which Python never unloads.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    });
}

extern "C" fn in_child() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
    // The lock is taken only with the GIL, which a thread that forks by Python has, too.
    let Ok(slots) = SLOTS.try_lock() else { return };
    // SAFETY: `sysconf` has no preconditions.
    let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096);
    for &(address, len) in slots.iter() {
        let start = address / page * page;
        let end = (address + len).next_multiple_of(page);
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_FIXED_NOREPLACE;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: the range is mapped only if nothing is there.
        unsafe { libc::mmap(start as *mut libc::c_void, end - start, access, flags, -1, 0) };
    }
}

/// Slots that arrays may lead to, as long as this lives.
pub struct Slots {
    range: (usize, usize),
    generation: u32,
}

impl Slots {
    /// The slots of a ring of this shape, of which that of message `seq` has its payload at `address`.
    pub fn around(address: *const u8, seq: u64, geometry: &Geometry) -> Self {
        let (count, stride) = (geometry.slots(), geometry.stride());
        let before = (seq % count * stride) as usize;
        let len = (count - 1) * stride + geometry.payload_capacity();
        let range = (address as usize - before, len as usize);
        SLOTS.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(range);
        Self { range, generation: generation() }
    }
}

impl Drop for Slots {
    fn drop(&mut self) {
        if self.generation == generation()
            && let Ok(mut slots) = SLOTS.lock()
            && let Some(at) = slots.iter().position(|range| *range == self.range)
        {
            slots.swap_remove(at);
        }
    }
}
