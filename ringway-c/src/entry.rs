//! The one way into the library: a panic ends here, and so does an error, whose text the thread keeps.

#![cfg_attr(test, allow(unsafe_code, reason = "a test reads C's text"))]

use std::any::Any;
use std::cell::RefCell;
use std::ffi::{CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{Failure, Misuse};

thread_local! {
    /// The text of this thread's last error.
    static LAST: RefCell<Option<CString>> = const { RefCell::new(None) };
}

/// Runs a call of C's: what it returns is 0 or a positive number, and else the negative of an error's code.
#[inline(always)]
pub(crate) fn entry(call: impl FnOnce() -> Result<i32, Failure>) -> i32 {
    // A handle that a panic leaves half changed refuses all further calls: see `handle`.
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(answer)) => answer,
        Ok(Err(failure)) => failed(failure),
        Err(panic) => panicked(&*panic),
    }
}

#[cold]
#[inline(never)]
fn panicked(panic: &(dyn Any + Send)) -> i32 {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no text");
    failed(Misuse::Panic { text: text.into() }.into())
}

#[cold]
#[inline(never)]
fn failed(failure: Failure) -> i32 {
    let (code, text) = failure.take_apart();
    // A text has no zero byte but one that came with a path, and a path of C's has none. A thread that ends may have
    // lost its text already.
    let text = CString::new(text.replace('\0', "?")).ok();
    let _ = LAST.try_with(|last| last.replace(text));
    -code
}

/// The text of this thread's last error, where it lies until the next one. Empty before the first.
pub(crate) fn last_error() -> *const c_char {
    let text = LAST.try_with(|last| last.borrow().as_ref().map(|text| text.as_ptr()));
    text.ok().flatten().unwrap_or(c"".as_ptr())
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use super::*;
    use crate::codes::{RINGWAY_E_ARGUMENT, RINGWAY_E_PANIC};

    fn text() -> String {
        let text = last_error();
        // SAFETY: a text of this thread's, which no error replaces meanwhile.
        unsafe { CStr::from_ptr(text) }.to_str().unwrap().into()
    }

    #[test]
    fn a_panic_ends_as_an_error_with_its_text() {
        assert_eq!(text(), "");
        assert_eq!(entry(|| panic!("seeded")), -RINGWAY_E_PANIC);
        assert!(text().contains("seeded"), "{}", text());
        let number = 7;
        assert_eq!(entry(|| panic!("seeded {number}")), -RINGWAY_E_PANIC);
        assert!(text().contains("seeded 7"), "{}", text());
        assert_eq!(entry(|| std::panic::panic_any(number)), -RINGWAY_E_PANIC);
        assert!(text().contains("no text"), "{}", text());
        assert_eq!(entry(|| Ok(3)), 3);
    }

    #[test]
    fn each_thread_keeps_its_own_text() {
        assert_eq!(entry(|| Err(Misuse::Null { what: "out" }.into())), -RINGWAY_E_ARGUMENT);
        assert!(text().contains("out"));
        std::thread::spawn(|| assert_eq!(text(), "")).join().unwrap();
    }
}
