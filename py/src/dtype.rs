//! What is used of numpy, which is imported when it is needed first.
//!
//! # Safety
//! An array is made of memory that its base keeps, and of as many values as have room there.
#![allow(unsafe_code)]

use std::sync::{Mutex, PoisonError};

use pyo3::exceptions::{PyImportError, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;
use ringway::TypeInfo;

use crate::errors;
use crate::numpy_api::Api;

/// No dtype is aligned to more.
const LARGEST_ALIGNMENT: usize = 16;

/// What is used of numpy.
pub struct Numpy {
    frombuffer: Py<PyAny>,
    ndarray: Py<PyAny>,
    empty: Py<PyAny>,
    asarray: Py<PyAny>,
    dtype: Py<PyAny>,
    /// The type of bytes.
    pub uint8: Py<PyAny>,
    api: Option<Api>,
    /// The plain dtype that was used last, and bytes of a value.
    plain: Mutex<Option<(Py<PyAny>, usize)>>,
}

static NUMPY: PyOnceLock<Numpy> = PyOnceLock::new();

/// numpy, which this call may import.
pub fn numpy(py: Python<'_>) -> PyResult<&Numpy> {
    NUMPY.get_or_try_init(py, || {
        let numpy = py.import("numpy").map_err(|why| {
            let text = "numpy can't be imported, which arrays and dtypes need: install it (`pip install numpy`), or use memoryview() and bytes()";
            let error = PyImportError::new_err(text);
            error.set_cause(py, Some(why));
            error
        })?;
        let get = |name| numpy.getattr(name).map(Bound::unbind);
        let uint8 = numpy.getattr("dtype")?.call1(("uint8",))?.unbind();
        Ok(Numpy {
            frombuffer: get("frombuffer")?,
            ndarray: get("ndarray")?,
            empty: get("empty")?,
            asarray: get("asarray")?,
            dtype: get("dtype")?,
            uint8,
            api: Api::new(py),
            plain: Mutex::default(),
        })
    })
}

impl Numpy {
    /// `dtype` as numpy's own object for it.
    ///
    /// # Errors
    /// `TypeError` if it has Python objects, `ValueError` if it has no bytes.
    pub fn dtype<'py>(&self, dtype: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = dtype.py();
        let own = self.dtype.bind(py);
        let dtype = if dtype.is_instance(own)? { dtype.clone() } else { own.call1((dtype,))? };
        if dtype.getattr("hasobject")?.is_truthy()? {
            let text = format!(
                "dtype {dtype} has Python objects, expected plain values: an object is an address, which means nothing in another process; send its fields as numbers or bytes"
            );
            return Err(PyTypeError::new_err(text));
        }
        if size(&dtype)? == 0 {
            return Err(PyValueError::new_err(format!(
                "dtype {dtype} has no bytes, expected one with a size: name it (as in \"S16\")"
            )));
        }
        Ok(dtype)
    }

    /// An array over the `len` bytes at `at`, which `base` lends and keeps.
    ///
    /// # Errors
    /// What numpy raises, as `ValueError` for a length that the dtype doesn't take.
    ///
    /// # Safety
    /// So many bytes lie there as long as `base` lives; nobody else writes them.
    pub unsafe fn over<'py>(
        &self,
        base: &Bound<'py, PyAny>,
        at: *const u8,
        len: usize,
        dtype: &Bound<'py, PyAny>,
        writable: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        if let (Some(api), Some(size)) = (&self.api, self.plain_size(dtype))
            && len.is_multiple_of(size)
            && (at as usize).is_multiple_of(LARGEST_ALIGNMENT)
        {
            // SAFETY: the dtype is plain; the rest is the caller's promise.
            return unsafe { api.array(base, at, len / size, dtype, writable) };
        }
        self.flat(base, len, dtype)
    }

    /// Bytes of a value of `dtype`, if it is a dtype without objects and without a shape.
    fn plain_size(&self, dtype: &Bound<'_, PyAny>) -> Option<usize> {
        let py = dtype.py();
        let known = || {
            let plain = self.plain.lock().unwrap_or_else(PoisonError::into_inner);
            plain.as_ref().filter(|(plain, _)| plain.is(dtype)).map(|&(_, size)| size)
        };
        if let Some(size) = known() {
            return Some(size);
        }
        let is_dtype = dtype.is_instance(self.dtype.bind(py)).ok()?;
        let plain = is_dtype
            && !dtype.getattr("hasobject").ok()?.is_truthy().ok()?
            && dtype.getattr("subdtype").ok()?.is_none();
        let size = size(dtype).ok().filter(|&size| plain && size > 0)?;
        let next = Some((dtype.clone().unbind(), size));
        let last = std::mem::replace(&mut *self.plain.lock().unwrap_or_else(PoisonError::into_inner), next);
        drop(last);
        Some(size)
    }

    /// A read-only array over all of `view`, which has `len` bytes.
    pub fn flat<'py>(
        &self,
        view: &Bound<'py, PyAny>,
        len: usize,
        dtype: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if len == 0 {
            return self.empty.bind(view.py()).call1((0, dtype));
        }
        self.frombuffer.bind(view.py()).call1((view, dtype))
    }

    /// An array of `count` values over `bytes`, at a distance of `stride`.
    pub fn strided<'py>(
        &self,
        bytes: &Bound<'py, PyAny>,
        shape: &[usize],
        strides: &[usize],
        dtype: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = bytes.py();
        let options = PyDict::new(py);
        options.set_item("strides", pyo3::types::PyTuple::new(py, strides)?)?;
        let shape = pyo3::types::PyTuple::new(py, shape)?;
        self.ndarray.bind(py).call((shape, dtype, bytes), Some(&options))
    }
}

/// Bytes of one value.
pub fn size(dtype: &Bound<'_, PyAny>) -> PyResult<usize> {
    dtype.getattr("itemsize")?.extract()
}

/// What a ring records of `dtype`, under `name`: by default numpy's, for a type that isn't structured.
pub fn type_info(dtype: &Bound<'_, PyAny>, name: Option<&str>) -> PyResult<TypeInfo> {
    let name = match name {
        Some(name) => name.to_owned(),
        None if dtype.getattr("names")?.is_none() && dtype.getattr("subdtype")?.is_none() => {
            format!("numpy.{}", dtype.getattr("str")?.extract::<String>()?)
        }
        None => {
            let text = format!(
                "dtype {dtype} has no name, expected one: pass name=, such as \"example.Quote.v1\", and change it when the fields change"
            );
            return Err(PyValueError::new_err(text));
        }
    };
    let align: u64 = dtype.getattr("alignment")?.extract()?;
    Ok(TypeInfo::new(&name, size(dtype)? as u64, align))
}

/// Checks that `value`, an object with a buffer, has the ring's `dtype`, or is lent as bytes
/// (`plain`) and isn't numpy's.
///
/// # Errors
/// `TypeMismatch`.
pub fn check_value(
    value: &Bound<'_, PyAny>,
    plain: bool,
    dtype: &Bound<'_, PyAny>,
    what: &str,
) -> PyResult<()> {
    let py = value.py();
    let found = match value.getattr_opt(intern!(py, "dtype"))? {
        Some(found) if found.is(dtype) => return Ok(()),
        Some(found) => found,
        None if plain => return Ok(()),
        None => numpy(py)?.asarray.bind(py).call1((value,))?.getattr("dtype")?,
    };
    // Arrays of a dtype with a shape have the dtype below it.
    if found.eq(dtype.getattr("base")?)? {
        return Ok(());
    }
    let text = format!(
        "a {what} of dtype {found}, expected {dtype}: convert it with .astype(ring.dtype), or pass its bytes (.tobytes()) if they are such values"
    );
    Err(errors::error(py, "TypeMismatch", &text))
}

/// A message whose length isn't what a dtype takes.
pub fn wrong_length(py: Python<'_>, seq: u64, len: usize, dtype: &Bound<'_, PyAny>, exactly: bool) -> PyErr {
    let size = size(dtype).unwrap_or(0);
    let expected = if exactly { format!("{size}") } else { format!("a multiple of {size}") };
    let text = format!(
        "message {seq} has {len} bytes, dtype {dtype} takes {expected}: pass another dtype, or read it by memoryview() or bytes()"
    );
    errors::error(py, "WrongLength", &text)
}
