//! What the library says of itself, and of the last error.
#![allow(unsafe_code, reason = "names that C links")]

use std::ffi::{CStr, c_char};

use crate::codes::*;
use crate::entry::last_error;

/// The text of this thread's last error: what was found, what was expected and what to do. It stays until the next
/// error of this thread, and is "" before the first. A call that succeeds leaves it.
#[unsafe(no_mangle)]
pub extern "C" fn ringway_last_error() -> *const c_char {
    last_error()
}

/// What a code means, in a few words, whatever its sign. It is a constant text.
#[unsafe(no_mangle)]
pub extern "C" fn ringway_strerror(code: i32) -> *const c_char {
    meaning(code.unsigned_abs()).as_ptr()
}

fn meaning(code: u32) -> &'static CStr {
    match i32::try_from(code).unwrap_or(-1) {
        0 => c"success",
        RINGWAY_E_ARGUMENT => c"an argument can't be",
        RINGWAY_E_PANIC => c"the library has a bug",
        RINGWAY_E_FORKED => c"the handle belongs to the parent process",
        RINGWAY_E_TRUNCATED => c"the ring's file was cut short",
        RINGWAY_E_DAMAGED => c"the ring is damaged",
        RINGWAY_E_NO_MEMORY => c"there is no memory",
        RINGWAY_E_INTERRUPTED => c"the wait was interrupted",
        RINGWAY_E_HELD => c"messages are held",
        RINGWAY_E_FULL => c"the ring is full",
        RINGWAY_E_TIMED_OUT => c"the time was up",
        RINGWAY_E_CLOSED => c"this producer has closed the ring",
        RINGWAY_E_DEPOSED => c"another producer has taken over",
        RINGWAY_E_NO_READERS => c"no consumer is attached",
        RINGWAY_E_EXHAUSTED => c"the ring's sequences are used up",
        RINGWAY_E_LENGTH => c"the message has a wrong length or tag",
        RINGWAY_E_TOO_SMALL => c"the buffer is too short",
        RINGWAY_E_NOT_FOUND => c"no such file or directory",
        RINGWAY_E_EXISTS => c"the file exists",
        RINGWAY_E_PERMISSION => c"not permitted",
        RINGWAY_E_NO_SPACE => c"no space for the ring",
        RINGWAY_E_NOT_A_RING => c"the file holds no ring of this version",
        RINGWAY_E_MISMATCH => c"the ring isn't as asked for",
        RINGWAY_E_OTHER_BOOT => c"the ring is of another boot",
        RINGWAY_E_IN_USE => c"the ring is in use",
        RINGWAY_E_REPLACED => c"the ring's file was replaced",
        RINGWAY_E_UNSUITABLE => c"no ring can lie there",
        RINGWAY_E_TAKEN => c"the role is taken",
        RINGWAY_E_OVERWRITTEN => c"the message is no longer kept",
        RINGWAY_E_READ_ONLY => c"the ring is open for reading only",
        RINGWAY_E_OS => c"the operating system refused",
        _ => c"unknown error",
    }
}

/// The library's version, as in "0.1.0".
#[unsafe(no_mangle)]
pub extern "C" fn ringway_version() -> *const c_char {
    const VERSION: &CStr =
        match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
            Ok(version) => version,
            Err(_) => panic!("a version has no zero byte"),
        };
    VERSION.as_ptr()
}

/// Ends the current or next wait of each handle of this process, once: the call fails with `-RINGWAY_E_INTERRUPTED`, at
/// the latest after 20 ms. Nothing is lost. A signal handler may call it, and so may any thread.
///
/// No wait ends by a signal alone: the handler calls this, or the function for one handle.
#[unsafe(no_mangle)]
pub extern "C" fn ringway_interrupt() {
    crate::interrupt::raise_all();
}
