//! What lends a claimed slot to Python, for writing.
//!
//! # Safety
//! A slot that is lent lies in the mapping of the producer that the token keeps. As long as the token lives, the
//! producer publishes nothing, so no reader looks at the slot, and the producer makes no reference to its bytes.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::ffi::c_int;
use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::exceptions::PyBufferError;
use pyo3::ffi;
use pyo3::prelude::*;

use crate::token::Token;
use crate::{errors, view};

/// Where a claimed message is written.
pub enum Space {
    /// In a buffer, which is copied when the claim is committed.
    Staged(Box<[UnsafeCell<u8>]>),
    /// In the slot.
    Slot {
        /// The first byte.
        at: *mut u8,
        /// Number of bytes.
        len: usize,
        /// What keeps it.
        token: Token,
    },
}

// SAFETY: Python code writes it with the GIL, or as it does with any writable buffer. This module only reads staged
// bytes, with the GIL, once nothing of them is lent.
unsafe impl Send for Space {}
// SAFETY: as above.
unsafe impl Sync for Space {}

impl Space {
    /// A buffer of `len` zeros.
    pub fn staged(len: usize) -> Self {
        Self::Staged((0..len).map(|_| UnsafeCell::new(0)).collect())
    }

    fn parts(&self) -> (*mut u8, usize) {
        match self {
            // The address of the whole slice: each cell has that of its byte.
            Self::Staged(bytes) => (bytes.as_ptr().cast_mut().cast(), bytes.len()),
            Self::Slot { at, len, .. } => (*at, *len),
        }
    }
}

/// The memory of a claim.
#[pyclass(frozen, module = "ringway._native", name = "_ClaimView")]
pub struct ClaimView {
    space: Space,
    exports: AtomicUsize,
}

impl ClaimView {
    /// Memory of which nothing is lent yet.
    pub fn new(space: Space) -> Self {
        Self { space, exports: AtomicUsize::new(0) }
    }

    /// Where the message is written, if that is this process's.
    pub fn address(&self, py: Python<'_>) -> PyResult<*mut u8> {
        match &self.space {
            Space::Slot { token, .. } if token.is_forked() => Err(errors::forked(py)),
            space => Ok(space.parts().0),
        }
    }

    /// How many buffers are lent.
    pub fn exports(&self) -> usize {
        self.exports.load(Ordering::Relaxed)
    }

    /// The first `len` bytes that were written, if they lie in a buffer. Nothing of them is lent.
    pub fn staged(&self, len: usize) -> Option<&[u8]> {
        match &self.space {
            Space::Staged(bytes) => {
                // SAFETY: nobody writes them: nothing is lent.
                Some(unsafe { core::slice::from_raw_parts(bytes.as_ptr().cast(), len.min(bytes.len())) })
            }
            Space::Slot { .. } => None,
        }
    }
}

#[pymethods]
impl ClaimView {
    /// # Safety
    /// Python calls it with a `view` that it may fill.
    unsafe fn __getbuffer__(slf: &Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        let this = slf.get();
        if matches!(&this.space, Space::Slot { token, .. } if token.is_forked()) {
            return Err(errors::forked(slf.py()));
        }
        if view::asks_like_ndarray(flags) {
            let text = "np.ndarray(buffer=claim) keeps no export, so it could write to a published message: use claim.numpy(), or np.frombuffer(claim)";
            return Err(PyBufferError::new_err(text));
        }
        let (at, len) = this.space.parts();
        // SAFETY: so many bytes lie there while this object lives, to which `view` gets a reference.
        if unsafe { ffi::PyBuffer_FillInfo(view, slf.as_ptr(), at.cast(), len as ffi::Py_ssize_t, 0, flags) }
            != 0
        {
            return Err(PyErr::fetch(slf.py()));
        }
        this.exports.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// # Safety
    /// Python calls it for a buffer that `__getbuffer__` has lent.
    unsafe fn __releasebuffer__(&self, _view: *mut ffi::Py_buffer) {
        self.exports.fetch_sub(1, Ordering::Relaxed);
    }
}
