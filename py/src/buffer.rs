//! Bytes that Python code passes to be published.
//!
//! # Safety
//! A buffer that an object has lent lies where it says, and has the length that it says, until it is given back. Its
//! bytes are read with the GIL held, within one call: no Python code changes them meanwhile.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::mem::MaybeUninit;

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyString};

use crate::dtype;

/// The format too, by which bytes are told from values.
const FLAGS: std::ffi::c_int = ffi::PyBUF_C_CONTIGUOUS | ffi::PyBUF_FORMAT;

/// A message that Python code passes.
pub enum Incoming<'a, 'py> {
    /// Python's own bytes.
    Bytes(&'a [u8]),
    /// What another object lends.
    Lent(Lent<'py>),
}

impl<'a, 'py> Incoming<'a, 'py> {
    /// The bytes of `object`, which must lie one after another: plain bytes or values of `dtype`, if that is given.
    ///
    /// # Errors
    /// `TypeError` if it lends no bytes; what it raises, as `BufferError` if they don't lie one after another;
    /// `TypeMismatch` for values of another dtype.
    pub fn new(object: &'a Bound<'py, PyAny>, dtype: Option<&Bound<'py, PyAny>>) -> PyResult<Self> {
        if let Ok(bytes) = object.cast::<PyBytes>() {
            return Ok(Self::Bytes(bytes.as_bytes()));
        }
        if object.is_instance_of::<PyString>() {
            return Err(PyTypeError::new_err(
                "a message is a str, expected bytes: encode it (`text.encode()`)",
            ));
        }
        Lent::new(object, dtype, "message").map(Self::Lent)
    }

    /// The message.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Lent(lent) => lent.bytes(),
        }
    }
}

/// A buffer that an object lends.
pub struct Lent<'py> {
    view: Box<ffi::Py_buffer>,
    _py: Python<'py>,
}

impl<'py> Lent<'py> {
    fn new(object: &Bound<'py, PyAny>, dtype: Option<&Bound<'py, PyAny>>, what: &str) -> PyResult<Self> {
        // SAFETY: it only looks at the object's class.
        if unsafe { ffi::PyObject_CheckBuffer(object.as_ptr()) } == 0 {
            let text = format!(
                "a {what} is of type {}, expected bytes or an array: pass bytes, or np.asarray(x, dtype)",
                object.get_type().name()?
            );
            return Err(PyTypeError::new_err(text));
        }
        let mut view = Box::new(MaybeUninit::<ffi::Py_buffer>::zeroed());
        // SAFETY: the view is to be filled.
        if unsafe { ffi::PyObject_GetBuffer(object.as_ptr(), view.as_mut_ptr(), FLAGS) } != 0 {
            return Err(advised(object.py(), PyErr::fetch(object.py())));
        }
        // SAFETY: it was filled.
        let lent = Self { view: unsafe { view.assume_init() }, _py: object.py() };
        if lent.has_objects() {
            return Err(PyTypeError::new_err(format!(
                "a {what} has Python objects in it, which are addresses of this process: expected values, pass an array of a numeric dtype or bytes"
            )));
        }
        if let Some(dtype) = dtype {
            dtype::check_value(object, lent.is_plain(), dtype, what)?;
        }
        Ok(lent)
    }

    /// What its values are; `None` for bytes.
    fn format(&self) -> Option<&[u8]> {
        // SAFETY: a format that is there ends with a zero, and stays until the buffer is given back.
        (!self.view.format.is_null()).then(|| unsafe { CStr::from_ptr(self.view.format) }.to_bytes())
    }

    /// Whether it is lent as bytes, not as values of some type.
    fn is_plain(&self) -> bool {
        self.format().is_none_or(|format| matches!(format, b"B" | b"b" | b"c"))
    }

    /// Whether some of its values are addresses of Python objects. A field's name stands between two colons.
    fn has_objects(&self) -> bool {
        let types =
            self.format().into_iter().flat_map(|format| format.split(|&byte| byte == b':').step_by(2));
        types.into_iter().any(|types| types.contains(&b'O'))
    }

    fn bytes(&self) -> &[u8] {
        if self.view.len == 0 {
            return &[];
        }
        // SAFETY: so many bytes lie there, one after another, until the buffer is given back.
        unsafe { core::slice::from_raw_parts(self.view.buf.cast(), self.view.len as usize) }
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        // SAFETY: it was lent, and isn't used any more.
        unsafe { ffi::PyBuffer_Release(&raw mut *self.view) };
    }
}

/// `why` an object lends no buffer, and what to do.
fn advised(py: Python<'_>, why: PyErr) -> PyErr {
    let text = format!("{}: pass np.ascontiguousarray(x) of an array, or bytes", why.value(py));
    let advised = PyErr::from_type(why.get_type(py), text);
    advised.set_cause(py, Some(why));
    advised
}

/// Messages that Python code passes: the rows of an array, or a list.
pub enum Rows<'a, 'py> {
    /// So many rows, of so many bytes each.
    Array(Lent<'py>, usize, usize),
    /// Buffers.
    List(Vec<Incoming<'a, 'py>>),
}

impl<'a, 'py> Rows<'a, 'py> {
    /// The messages of `array`, by its first dimension.
    ///
    /// # Errors
    /// `TypeError` if it is one message; as for [`Incoming::new`].
    pub fn of_array(array: &'a Bound<'py, PyAny>, dtype: Option<&Bound<'py, PyAny>>) -> PyResult<Self> {
        let lent = Lent::new(array, dtype, "batch")?;
        let dimensions = usize::try_from(lent.view.ndim).unwrap_or(0);
        if dimensions == 0 || lent.view.shape.is_null() {
            return Err(PyTypeError::new_err(
                "an array without dimensions is one message, expected several: pass it to publish()",
            ));
        }
        // SAFETY: a buffer with dimensions has a shape, of one number each.
        let count = usize::try_from(unsafe { *lent.view.shape }).unwrap_or(0);
        let row = (lent.view.len as usize).checked_div(count).unwrap_or(0);
        Ok(Self::Array(lent, count, row))
    }

    /// Whether `object` is one message, which would be taken apart byte by byte.
    pub fn is_one_message(object: &Bound<'_, PyAny>) -> bool {
        object.is_instance_of::<PyBytes>()
            || object.is_instance_of::<PyByteArray>()
            || object.is_instance_of::<PyString>()
    }

    /// The messages, one after another.
    pub fn messages(&self) -> Vec<&[u8]> {
        match self {
            Self::Array(_, count, 0) => vec![&[]; *count],
            Self::Array(lent, _, row) => lent.bytes().chunks_exact(*row).collect(),
            Self::List(buffers) => buffers.iter().map(Incoming::bytes).collect(),
        }
    }
}
