//! A claimed slot, as Python writes it.
//!
//! # Safety
//! A buffer of a claim is one of its view.
#![allow(unsafe_code)]

use std::ffi::c_int;
use std::sync::{Mutex, PoisonError};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::claim_view::{ClaimView, Space};
use crate::token::Token;
use crate::{dtype, errors, view};

/// The next message, claimed and not yet published.
#[pyclass(frozen, weakref, module = "ringway")]
pub struct Claim {
    len: usize,
    tag: u32,
    dtype: Option<Py<PyAny>>,
    open: Mutex<Option<Open>>,
}

struct Open {
    view: Py<ClaimView>,
    token: Token,
}

impl Claim {
    /// A claim of `len` bytes in `space`.
    pub fn new(
        py: Python<'_>,
        space: Space,
        token: Token,
        len: usize,
        tag: u32,
        dtype: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let view = Py::new(py, ClaimView::new(space))?;
        Ok(Self { len, tag, dtype, open: Mutex::new(Some(Open { view, token })) })
    }

    fn view<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, ClaimView>> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.as_ref().map(|open| open.view.bind(py).clone()).ok_or_else(|| over(py))
    }

    fn take(&self) -> Option<Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

fn over(py: Python<'_>) -> PyErr {
    let text = "this claim was committed or abandoned: claim the next slot (`producer.claim(length)`)";
    errors::error(py, "Released", text)
}

fn other_dtype(asked: &Bound<'_, PyAny>, own: &Bound<'_, PyAny>) -> PyErr {
    let text = format!(
        "claim.numpy() is asked for dtype {asked}, expected {own}: leave it out and assign values, which converts them; memoryview(claim) takes bytes"
    );
    errors::error(own.py(), "TypeMismatch", &text)
}

#[pymethods]
impl Claim {
    fn __len__(&self) -> usize {
        self.len
    }

    fn __bool__(&self) -> bool {
        true
    }

    #[getter]
    fn tag(&self) -> u32 {
        self.tag
    }

    /// # Safety
    /// Python calls it with a `view` that it may fill.
    unsafe fn __getbuffer__(slf: &Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        let lender = slf.get().view(slf.py())?;
        // SAFETY: the caller's promise.
        unsafe { view::lend(lender.as_any(), view, flags) }
    }

    /// # Safety
    /// Python never calls it: the buffers that are lent are the view's. numpy wants it to be there.
    unsafe fn __releasebuffer__(&self, _view: *mut ffi::Py_buffer) {}

    #[pyo3(signature = (dtype=None))]
    fn numpy<'py>(&self, py: Python<'py>, dtype: Option<Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        let numpy = dtype::numpy(py)?;
        let view = self.view(py)?;
        let dtype = match (dtype, &self.dtype) {
            (Some(dtype), Some(own)) => {
                if !dtype.is(own) && !numpy.dtype(&dtype)?.eq(own)? {
                    return Err(other_dtype(&dtype, own.bind(py)));
                }
                dtype
            }
            (Some(dtype), None) => dtype,
            (None, Some(dtype)) => dtype.bind(py).clone(),
            (None, None) => numpy.uint8.bind(py).clone(),
        };
        let at = view.get().address(py)?;
        // SAFETY: so many bytes lie there while the view lives, and only Python code writes them.
        let array = unsafe { numpy.over(view.as_any(), at, self.len, &dtype, true) };
        // What is wrong with a dtype is found out once numpy has refused it.
        array.or_else(|why| {
            let dtype = numpy.dtype(&dtype)?;
            let size = dtype::size(&dtype)?;
            if self.len.is_multiple_of(size) {
                return Err(why);
            }
            let text = format!(
                "a claim of {} bytes, dtype {dtype} takes a multiple of {size}: claim so many, or pass another dtype",
                self.len
            );
            Err(errors::error(py, "WrongLength", &text))
        })
    }

    /// Publishes what was written, or the first `length` bytes of it.
    #[pyo3(signature = (length=None))]
    fn commit(&self, py: Python<'_>, length: Option<usize>) -> PyResult<u64> {
        let Open { view, token } = self.take().ok_or_else(|| over(py))?;
        let view = view.into_bound(py);
        let advice = "nothing was published, and the claim is abandoned; delete arrays over it before the `with` block ends, or write by `claim.numpy()[:] = …`";
        // The view has one owner less than a message's: this call.
        let again = view.clone();
        view::check_unlent(again.as_any(), view.get().exports(), "the claim", advice)?;
        token.commit(py, view.get(), self.len, length.unwrap_or(self.len), self.tag)
    }

    /// Publishes nothing: the sequence goes to the next message.
    fn abandon(&self) {
        drop(self.take());
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (kind=None, _error=None, _traceback=None))]
    fn __exit__(
        &self,
        py: Python<'_>,
        kind: Option<Bound<'_, PyAny>>,
        _error: Option<Bound<'_, PyAny>>,
        _traceback: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        if kind.is_some() {
            self.abandon();
        } else if open {
            self.commit(py, None)?;
        }
        Ok(())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let fields = PyDict::new(py);
        fields.set_item("len", self.len)?;
        fields.set_item("tag", self.tag)?;
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        if !open {
            fields.set_item("over", true)?;
        }
        errors::shown("Claim", &fields)
    }
}
