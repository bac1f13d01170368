//! What C holds: an address whose first 4 bytes, its word, say what lies there.
//!
//! The memory of a handle that is freed goes to handles of the same kind, and never back to the allocator. So the first
//! word of a freed handle can be read for ever, and tells a call that comes too late. A handle's memory isn't given out
//! again before `QUARANTINE` more were freed.
//!
//! # Safety
//! A pointer from C must be NULL, or lead to four bytes that can be read. From there on the first word tells: only
//! `make` writes a kind's words, and only to memory that is a handle's for ever. The word also says that the
//! handle is in a call. So the body is never borrowed twice, even if a signal handler calls again in the middle.
#![allow(unsafe_code)]
#![allow(clippy::disallowed_types, reason = "the words are private to the process, not shared memory")]

use std::cell::UnsafeCell;
use std::collections::VecDeque;
use std::mem::MaybeUninit;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::entry::entry;
use crate::error::{Failure, Misuse};
use crate::interrupt::Interrupts;

/// How many handles of a kind are freed before the memory of one is given out again.
const QUARANTINE: usize = 64;

/// What a handle's first word says besides its kind.
const LIVE: u32 = 0;
const BUSY: u32 = 1;
const BROKEN: u32 = 2;
const FREED: u32 = 3;
/// Live, with a body that takes no short ways.
const ASIDE: u32 = 4;
/// The bits of all these.
const STATES: u32 = 7;

/// A handle's memory.
#[repr(C)]
pub(crate) struct Handle<K> {
    state: AtomicU32,
    pub(crate) interrupts: Interrupts,
    body: UnsafeCell<MaybeUninit<K>>,
}

/// Freed handles, the oldest first.
pub(crate) struct Freed<K>(Mutex<VecDeque<*mut Handle<K>>>);

// SAFETY: what is in the list is a handle without a body.
unsafe impl<K> Send for Freed<K> {}
// SAFETY: as above, and behind a lock.
unsafe impl<K> Sync for Freed<K> {}

impl<K> Freed<K> {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(VecDeque::new()))
    }

    /// Memory that was freed long ago.
    fn take(&self) -> Option<*mut Handle<K>> {
        // A lock that another thread held at a fork stays held in the child.
        let mut list = self.0.try_lock().ok()?;
        if list.len() > QUARANTINE { list.pop_front() } else { None }
    }

    /// Keeps the memory, or forgets it while another thread has the list.
    fn keep(&self, handle: *mut Handle<K>) {
        if let Ok(mut list) = self.0.try_lock() {
            list.push_back(handle);
        }
    }
}

/// A kind of handle, and what lies in one.
pub(crate) trait Kind: Sized + 'static {
    /// What C takes it for: the type that the header leaves open.
    type Opaque;
    /// Its name in the interface.
    const NAME: &'static str;
    /// The first word of a live one. The lowest three bits are 0.
    const MAGIC: u32;

    /// Where its freed handles wait.
    fn freed() -> &'static Freed<Self>;

    /// The word of one that is in no call. What has no short ways is another word, so that a short way asks for nothing
    /// else.
    #[inline(always)]
    fn live(&self) -> u32 {
        Self::MAGIC | if self.goes_aside() { ASIDE } else { LIVE }
    }

    /// Whether all calls have to go the long way.
    fn goes_aside(&self) -> bool {
        false
    }

    /// Whether it may be freed.
    fn check_free(&mut self) -> Result<(), Failure> {
        Ok(())
    }
}

/// Makes a handle, whose address goes to `out`.
pub(crate) fn make<K: Kind>(
    out: *mut *mut K::Opaque,
    body: impl FnOnce() -> Result<K, Failure>,
) -> Result<i32, Failure> {
    check_pointer(out, "out")?;
    // SAFETY: by the module's contract, it leads to a pointer of C's.
    unsafe { out.write(std::ptr::null_mut()) };
    let body = body()?;
    let live = body.live();
    let handle = K::freed().take().unwrap_or_else(|| {
        Box::into_raw(Box::new(Handle {
            state: AtomicU32::new(0),
            interrupts: Interrupts::new(),
            body: UnsafeCell::new(MaybeUninit::uninit()),
        }))
    });
    // SAFETY: the memory is a handle's for ever, and only this call has it: it is new, or was freed.
    unsafe {
        (*(*handle).body.get()).write(body);
        (*handle).interrupts.forget();
        (*handle).state.store(live, Ordering::Release);
        out.write(handle.cast());
    }
    Ok(0)
}

/// Runs a call on a handle.
#[inline(always)]
pub(crate) fn call<K: Kind>(
    handle: *const K::Opaque,
    run: impl FnOnce(&mut K, &Interrupts) -> Result<i32, Failure>,
) -> i32 {
    entry(|| {
        let handle = take::<K>(handle, false)?;
        let broken = Broken(handle);
        // SAFETY: the word said that it is live, and now says that it is in this call.
        let body = unsafe { (*handle.body.get()).assume_init_mut() };
        let answer = run(body, &handle.interrupts);
        std::mem::forget(broken);
        handle.state.store(body.live(), Ordering::Release);
        answer
    })
}

/// Runs the short way of a call, on a handle that takes those. `None` on others, and on what is no handle: the long way
/// says why.
///
/// `run` must not panic, for nothing catches that here. It calls nothing, so that C's function is as short as it looks.
#[inline(always)]
pub(crate) fn shortly<K: Kind, R>(
    handle: *const K::Opaque,
    run: impl FnOnce(&mut K, &Interrupts) -> R,
) -> Option<R> {
    let at = handle.cast::<Handle<K>>();
    if at.is_null() {
        aside();
        return None;
    }
    if !at.cast::<u64>().is_aligned() {
        aside();
        return None;
    }
    // SAFETY: by the module's contract, four bytes can be read there.
    let state = unsafe { &*at.cast::<AtomicU32>() };
    if state.load(Ordering::Acquire) != K::MAGIC | LIVE {
        return None;
    }
    state.store(K::MAGIC | BUSY, Ordering::Relaxed);
    // SAFETY: the word is a handle's, whose memory is never given back.
    let handle = unsafe { &*at };
    // SAFETY: the word said that it is live, and now says that it is in this call.
    let answer = run(unsafe { (*handle.body.get()).assume_init_mut() }, &handle.interrupts);
    handle.state.store(K::MAGIC | LIVE, Ordering::Release);
    Some(answer)
}

/// Runs a call on a handle that several threads may use at once.
pub(crate) fn call_shared<K: Kind + Sync>(
    handle: *const K::Opaque,
    run: impl FnOnce(&K, &Interrupts) -> Result<i32, Failure>,
) -> i32 {
    entry(|| {
        let handle = check::<K>(handle)?;
        match handle.state.load(Ordering::Acquire) ^ K::MAGIC {
            // SAFETY: it is live, and calls on this kind take no exclusive reference. Freeing it meanwhile is what the
            // header forbids.
            LIVE | ASIDE => run(unsafe { (*handle.body.get()).assume_init_ref() }, &handle.interrupts),
            state => Err(refusal::<K>(state)),
        }
    })
}

/// Ends the current or next wait of a handle. It touches nothing but two words of the handle, sets no text and
/// allocates nothing: a signal handler may call it.
pub(crate) fn interrupt<K: Kind>(handle: *const K::Opaque) -> i32 {
    let handle = handle.cast::<Handle<K>>();
    if handle.is_null() || !handle.cast::<u64>().is_aligned() {
        return -crate::codes::RINGWAY_E_ARGUMENT;
    }
    // SAFETY: by the module's contract, four bytes can be read there.
    let state = unsafe { &*handle.cast::<AtomicU32>() }.load(Ordering::Acquire);
    if !matches!(state ^ K::MAGIC, LIVE | ASIDE | BUSY) {
        return -crate::codes::RINGWAY_E_ARGUMENT;
    }
    // SAFETY: the word is a handle's, whose memory is never given back.
    unsafe { &*handle }.interrupts.raise();
    0
}

/// Runs a call on a handle that several threads may use at once. It sets no text: if `run` is fit for a signal handler,
/// the call is.
pub(crate) fn from_a_signal_handler<K: Kind + Sync>(handle: *const K::Opaque, run: impl FnOnce(&K)) -> i32 {
    let handle = handle.cast::<Handle<K>>();
    if handle.is_null() || !handle.cast::<u64>().is_aligned() {
        return -crate::codes::RINGWAY_E_ARGUMENT;
    }
    // SAFETY: by the module's contract, four bytes can be read there.
    let state = unsafe { &*handle.cast::<AtomicU32>() }.load(Ordering::Acquire);
    if state != K::MAGIC | LIVE {
        return -crate::codes::RINGWAY_E_ARGUMENT;
    }
    // SAFETY: the word is a live handle's, and calls on this kind take no exclusive reference. Freeing it meanwhile is
    // what the header forbids.
    run(unsafe { (*(*handle).body.get()).assume_init_ref() });
    0
}

/// Frees a handle. NULL is nothing to free.
pub(crate) fn free<K: Kind>(handle: *mut K::Opaque) -> i32 {
    if handle.is_null() {
        return 0;
    }
    entry(|| {
        let handle = take::<K>(handle, true)?;
        let broken = Broken(handle);
        // SAFETY: as in `call`.
        let body = unsafe { (*handle.body.get()).assume_init_mut() };
        let may = body.check_free();
        std::mem::forget(broken);
        if let Err(failure) = may {
            handle.state.store(body.live(), Ordering::Release);
            return Err(failure);
        }
        handle.state.store(K::MAGIC | FREED, Ordering::Release);
        // SAFETY: nothing reads the body of a freed handle.
        unsafe { (*handle.body.get()).assume_init_drop() };
        K::freed().keep(std::ptr::from_ref(handle).cast_mut());
        Ok(0)
    })
}

/// The handle at an address, if there can be one.
#[inline(always)]
fn check<'h, K: Kind>(handle: *const K::Opaque) -> Result<&'h Handle<K>, Failure> {
    let handle = handle.cast::<Handle<K>>();
    if handle.is_null() || !handle.cast::<u64>().is_aligned() {
        return Err(Misuse::Null { what: K::NAME }.into());
    }
    // SAFETY: by the module's contract, four bytes can be read there.
    let state = unsafe { &*handle.cast::<AtomicU32>() }.load(Ordering::Relaxed);
    if state & !STATES != K::MAGIC {
        return Err(refusal::<K>(FREED));
    }
    // SAFETY: the word is a handle's, whose memory is never given back.
    Ok(unsafe { &*handle })
}

/// The handle at an address, which is in this call from now on.
#[inline(always)]
fn take<'h, K: Kind>(handle: *const K::Opaque, even_broken: bool) -> Result<&'h Handle<K>, Failure> {
    let at = handle.cast::<Handle<K>>();
    if at.is_null() || !at.cast::<u64>().is_aligned() {
        return Err(Misuse::Null { what: K::NAME }.into());
    }
    // SAFETY: by the module's contract, four bytes can be read there.
    let state = unsafe { &*at.cast::<AtomicU32>() };
    match state.load(Ordering::Acquire) ^ K::MAGIC {
        LIVE | ASIDE => {}
        BROKEN if even_broken => {}
        state => return Err(refusal::<K>(state)),
    }
    // A plain store: what finds two threads in one handle is a help, not a lock.
    state.store(K::MAGIC | BUSY, Ordering::Relaxed);
    // SAFETY: the word is a handle's, whose memory is never given back.
    Ok(unsafe { &*at })
}

/// Marks a branch as one to be laid out of the way of the others, each of which is a comparison of its own then.
#[cold]
#[inline(always)]
pub(crate) fn aside() {}

#[cold]
#[inline(never)]
fn refusal<K: Kind>(state: u32) -> Failure {
    let kind = K::NAME;
    match state {
        BUSY => Misuse::Busy { kind },
        BROKEN => Misuse::Broken { kind },
        _ => Misuse::NoHandle { kind },
    }
    .into()
}

/// Dropped only while a panic unwinds.
struct Broken<'h, K: Kind>(&'h Handle<K>);

impl<K: Kind> Drop for Broken<'_, K> {
    fn drop(&mut self) {
        self.0.state.store(K::MAGIC | BROKEN, Ordering::Release);
    }
}

/// Fails if nothing can be written there.
#[inline(always)]
pub(crate) fn check_pointer<T>(pointer: *const T, what: &'static str) -> Result<(), Failure> {
    if pointer.is_null() || !pointer.is_aligned() { Err(Misuse::Null { what }.into()) } else { Ok(()) }
}

/// Fails if no memory can be there: at NULL, or longer than an address space has.
#[inline(always)]
pub(crate) fn check_bytes<T>(pointer: *const T, what: &'static str, len: usize) -> Result<(), Failure> {
    if pointer.is_null() {
        return Err(Misuse::NoBytes { what, len }.into());
    }
    // A Rust slice can't be longer, and nothing else can.
    if len > isize::MAX as usize {
        return Err(Misuse::TooManyBytes { what, len }.into());
    }
    Ok(())
}
