//! A message, as Python holds it.
//!
//! # Safety
//! A buffer of a message is one of its view.
#![allow(unsafe_code)]

use std::ffi::c_int;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};

use crate::memory::Memory;
use crate::source::Taken;
use crate::view::{self, View};
use crate::{dtype, errors};

/// The memory of a message or a batch, and how far its life has come.
pub struct Body(Mutex<State>);

enum State {
    /// Nothing was lent of it.
    Fresh(Memory),
    /// Something was.
    Viewed { view: Py<View>, stays: bool },
    /// It was let go. An array that took no export may still lead to the view.
    Gone { _kept: Option<Py<View>> },
}

impl Body {
    pub fn new(memory: Memory) -> Self {
        Self(Mutex::new(State::Fresh(memory)))
    }

    /// Never held while Python code may run.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What lends the memory.
    pub fn view<'py>(&self, py: Python<'py>, what: &str) -> PyResult<Bound<'py, View>> {
        let mut state = self.state();
        let memory = match &*state {
            State::Viewed { view, .. } => return Ok(view.bind(py).clone()),
            State::Gone { .. } => return Err(released(py, what)),
            State::Fresh(memory) if memory.is_forked() => return Err(errors::forked(py)),
            State::Fresh(_) => match std::mem::replace(&mut *state, State::Gone { _kept: None }) {
                State::Fresh(memory) => memory,
                _ => return Err(released(py, what)),
            },
        };
        drop(state);
        let view = Bound::new(py, View::new(memory))?;
        *self.state() = State::Viewed { view: view.clone().unbind(), stays: false };
        Ok(view)
    }

    /// Keeps the view until the message's object dies, whatever happens to the message.
    pub fn keep(&self) {
        if let State::Viewed { stays, .. } = &mut *self.state() {
            *stays = true;
        }
    }

    /// What `use_bytes` makes of the bytes; it runs no Python code.
    pub fn with_bytes<T>(
        &self,
        py: Python<'_>,
        what: &str,
        use_bytes: impl FnOnce(&[u8]) -> T,
    ) -> PyResult<T> {
        let state = self.state();
        let memory = match &*state {
            State::Fresh(memory) => memory,
            State::Viewed { view, .. } => view.get().memory(),
            State::Gone { .. } => return Err(released(py, what)),
        };
        if memory.is_forked() { Err(errors::forked(py)) } else { Ok(use_bytes(memory.bytes())) }
    }

    /// Lets it go, unless views are alive, or are the parent process's.
    pub fn release(&self, py: Python<'_>, what: &str) -> PyResult<()> {
        let view = match &*self.state() {
            State::Viewed { view, .. } => Some(view.bind(py).clone()),
            _ => None,
        };
        if let Some(view) = view {
            if view.get().memory().is_forked() {
                return Err(errors::forked(py));
            }
            let advice =
                "delete them first, or leave the `with` block: the slot goes when the last of them dies";
            view::check_unlent(view.as_any(), view.get().exports(), what, advice)?;
        }
        self.let_go();
        Ok(())
    }

    /// Lets it go: the slot is free once the last view has died.
    pub fn let_go(&self) {
        let mut state = self.state();
        let kept = match std::mem::replace(&mut *state, State::Gone { _kept: None }) {
            State::Viewed { view, stays: true } => State::Gone { _kept: Some(view) },
            gone @ State::Gone { .. } => gone,
            old => {
                drop(state);
                drop(old);
                return;
            }
        };
        *state = kept;
    }

    /// Whether it was let go.
    pub fn is_gone(&self) -> bool {
        matches!(*self.state(), State::Gone { .. })
    }

    /// Lends a buffer of it, for `owner`'s `__getbuffer__`.
    ///
    /// # Safety
    /// Python may fill `view`.
    pub unsafe fn lend(
        &self,
        py: Python<'_>,
        what: &str,
        view: *mut ffi::Py_buffer,
        flags: c_int,
    ) -> PyResult<()> {
        let lender = self.view(py, what)?;
        if view::asks_like_ndarray(flags) {
            self.keep();
        }
        // SAFETY: the caller's promise.
        unsafe { view::lend(lender.as_any(), view, flags) }
    }
}

fn released(py: Python<'_>, what: &str) -> PyErr {
    let text = format!(
        "{what} was released, and its slot may hold another by now: use it before its `with` block ends, or keep a copy (`bytes(message)`)"
    );
    errors::error(py, "Released", &text)
}

/// A message: its bytes, sequence and tag.
#[pyclass(frozen, weakref, module = "ringway")]
pub struct Message {
    /// Number of the message, from 0 for the ring's first.
    #[pyo3(get)]
    seq: u64,
    /// The tag that the producer gave it.
    #[pyo3(get)]
    tag: u32,
    len: usize,
    body: Body,
    dtype: Option<Py<PyAny>>,
}

impl Message {
    /// A message of a reader with `dtype`.
    pub fn new(taken: Taken, dtype: Option<Py<PyAny>>) -> Self {
        let Taken { seq, tag, memory } = taken;
        Self { seq, tag, len: memory.len(), body: Body::new(memory), dtype }
    }

    /// Lets it go.
    pub fn let_go(&self) {
        self.body.let_go();
    }
}

#[pymethods]
impl Message {
    fn __len__(&self) -> usize {
        self.len
    }

    /// A message is always true, also one without bytes.
    fn __bool__(&self) -> bool {
        true
    }

    fn __bytes__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        // Allocating bytes runs no Python code.
        self.body.with_bytes(py, "the message", |bytes| PyBytes::new(py, bytes))
    }

    /// # Safety
    /// Python calls it with a `view` that it may fill.
    unsafe fn __getbuffer__(slf: &Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        let this = slf.get();
        // SAFETY: the caller's promise.
        unsafe { this.body.lend(slf.py(), "the message", view, flags) }
    }

    /// # Safety
    /// Python never calls it: the buffers that are lent are the view's. numpy wants it to be there.
    unsafe fn __releasebuffer__(&self, _view: *mut ffi::Py_buffer) {}

    #[pyo3(signature = (dtype=None))]
    fn numpy<'py>(&self, py: Python<'py>, dtype: Option<Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        let numpy = dtype::numpy(py)?;
        let view = self.body.view(py, "the message")?;
        let (dtype, own) = match (dtype, &self.dtype) {
            (Some(dtype), _) => (dtype, false),
            (None, Some(dtype)) => (dtype.bind(py).clone(), true),
            (None, None) => (numpy.uint8.bind(py).clone(), false),
        };
        if own && self.len != dtype::size(&dtype)? {
            return Err(dtype::wrong_length(py, self.seq, self.len, &dtype, true));
        }
        let memory = view.get().memory();
        if memory.is_forked() {
            return Err(errors::forked(py));
        }
        // SAFETY: so many bytes lie there while the view lives, and nobody writes them.
        let array = unsafe { numpy.over(view.as_any(), memory.as_ptr(), self.len, &dtype, false) };
        array.or_else(|why| {
            let dtype = numpy.dtype(&dtype)?;
            let fits = self.len.is_multiple_of(dtype::size(&dtype)?);
            Err(if fits { why } else { dtype::wrong_length(py, self.seq, self.len, &dtype, false) })
        })
    }

    fn release(&self, py: Python<'_>) -> PyResult<()> {
        self.body.release(py, "the message")
    }

    #[getter]
    fn released(&self) -> bool {
        self.body.is_gone()
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_why))]
    fn __exit__(&self, _why: &Bound<'_, PyTuple>) {
        self.body.let_go();
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let fields = PyDict::new(py);
        fields.set_item("seq", self.seq)?;
        fields.set_item("tag", self.tag)?;
        fields.set_item("len", self.len)?;
        if self.body.is_gone() {
            fields.set_item("released", true)?;
        }
        errors::shown("Message", &fields)
    }
}
