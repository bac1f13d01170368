//! What lends a message's memory to Python: each memoryview and array over a message leads here, and keeps it.
//!
//! # Safety
//! A buffer is lent together with a reference to this object, which keeps the memory, as the buffer protocol asks for.
#![allow(unsafe_code)]

use std::ffi::c_int;
use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::exceptions::PyBufferError;
use pyo3::ffi;
use pyo3::prelude::*;

use crate::errors;
use crate::memory::Memory;

/// The memory of a message or a batch, once something was lent of it.
#[pyclass(frozen, module = "ringway._native", name = "_View")]
pub struct View {
    memory: Memory,
    exports: AtomicUsize,
}

impl View {
    /// Memory of which nothing is lent yet.
    pub fn new(memory: Memory) -> Self {
        Self { memory, exports: AtomicUsize::new(0) }
    }

    /// The memory.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// How many buffers are lent.
    pub fn exports(&self) -> usize {
        self.exports.load(Ordering::Relaxed)
    }
}

#[pymethods]
impl View {
    /// # Safety
    /// Python calls it with a `view` that it may fill.
    unsafe fn __getbuffer__(slf: &Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        let this = slf.get();
        if this.memory.is_forked() {
            return Err(errors::forked(slf.py()));
        }
        let at = this.memory.as_ptr().cast_mut().cast();
        let len = this.memory.len() as ffi::Py_ssize_t;
        // SAFETY: so many bytes lie there while this object lives, to which `view` gets a reference. They are lent
        // read-only.
        if unsafe { ffi::PyBuffer_FillInfo(view, slf.as_ptr(), at, len, 1, flags) } != 0 {
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

/// Lends a buffer of `lender` to a caller that asked another object for it.
///
/// # Errors
/// As its own `__getbuffer__`.
///
/// # Safety
/// Python may fill `view`.
pub unsafe fn lend(lender: &Bound<'_, PyAny>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
    // SAFETY: the caller's promise.
    if unsafe { ffi::PyObject_GetBuffer(lender.as_ptr(), view, flags) } == 0 {
        Ok(())
    } else {
        Err(PyErr::fetch(lender.py()))
    }
}

/// How `np.ndarray(buffer=…)` asks for a buffer, which it gives back at once and uses all the same. It keeps the object
/// that it asked.
pub fn asks_like_ndarray(flags: c_int) -> bool {
    flags & !ffi::PyBUF_WRITABLE == ffi::PyBUF_ANY_CONTIGUOUS
}

/// Fails if buffers of `lender` are lent, `exports` by the protocol. An array made by
/// `np.ndarray(buffer=memoryview(…))` has only a reference to it.
///
/// # Errors
/// `BufferError`.
pub fn check_unlent(lender: &Bound<'_, PyAny>, exports: usize, what: &str, advice: &str) -> PyResult<()> {
    // SAFETY: the object is alive.
    let references = usize::try_from(unsafe { ffi::Py_REFCNT(lender.as_ptr()) }).unwrap_or(usize::MAX);
    // One reference is the owner's, one this call's.
    let others = references.saturating_sub(2).saturating_sub(exports);
    let alive = exports.max(others);
    if alive == 0 {
        return Ok(());
    }
    let views = if alive == 1 { "1 view is".to_owned() } else { format!("{alive} views are") };
    Err(PyBufferError::new_err(format!(
        "{what}: {views} alive (a memoryview or an array), expected none: {advice}"
    )))
}
