//! What is used of numpy, which is imported when it is needed first.

use pyo3::exceptions::{PyImportError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;
use ringway::TypeInfo;

use crate::errors;

/// What is used of numpy.
pub struct Numpy {
    frombuffer: Py<PyAny>,
    ndarray: Py<PyAny>,
    empty: Py<PyAny>,
    dtype: Py<PyAny>,
    /// The type of bytes.
    pub uint8: Py<PyAny>,
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
        Ok(Numpy { frombuffer: get("frombuffer")?, ndarray: get("ndarray")?, empty: get("empty")?, dtype: get("dtype")?, uint8 })
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

/// A message whose length isn't what a dtype takes.
pub fn wrong_length(py: Python<'_>, seq: u64, len: usize, dtype: &Bound<'_, PyAny>, exactly: bool) -> PyErr {
    let size = size(dtype).unwrap_or(0);
    let expected = if exactly { format!("{size}") } else { format!("a multiple of {size}") };
    let text = format!(
        "message {seq} has {len} bytes, dtype {dtype} takes {expected}: pass another dtype, or read it by memoryview() or bytes()"
    );
    errors::error(py, "WrongLength", &text)
}
