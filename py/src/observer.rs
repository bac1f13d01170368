//! The reader that slows nobody, and is told how many messages it lost.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::errors;
use crate::reader::Reader;
use crate::source::Source;

/// An observer of a ring.
#[pyclass(frozen, weakref, module = "ringway")]
pub struct Observer {
    reader: Reader,
}

impl Observer {
    /// An observer whose messages are values of `dtype`.
    pub fn new(source: Source, dtype: Option<Py<PyAny>>) -> Self {
        Self { reader: Reader::new("observer", source, dtype) }
    }

    fn ask<T>(
        &self,
        py: Python<'_>,
        ask: impl FnOnce(&mut ringway::Observer) -> Result<T, ringway::RecvError>,
    ) -> PyResult<T> {
        self.reader.with(py, |source| match source.as_observer() {
            Some(observer) => ask(observer).map_err(|why| errors::receive(py, &why)),
            None => Err(errors::closed(py, "observer")),
        })
    }
}

#[pymethods]
impl Observer {
    #[pyo3(signature = (timeout=None))]
    fn recv<'py>(&self, py: Python<'py>, timeout: Option<f64>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.reader.recv(py, timeout)
    }

    #[pyo3(signature = (max, timeout=None))]
    fn recv_batch<'py>(
        &self,
        py: Python<'py>,
        max: usize,
        timeout: Option<f64>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.reader.recv_batch(py, max, timeout)
    }

    #[pyo3(signature = (timeout=None))]
    fn recv_async<'py>(slf: &Bound<'py, Self>, timeout: Option<f64>) -> PyResult<Bound<'py, PyAny>> {
        Reader::recv_async(slf.as_any(), timeout)
    }

    #[pyo3(signature = (max, timeout=None))]
    fn recv_batch_async<'py>(
        slf: &Bound<'py, Self>,
        max: usize,
        timeout: Option<f64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Reader::recv_batch_async(slf.as_any(), max, timeout)
    }

    /// A descriptor that is readable until a call finds nothing, and again once there may be something.
    fn fileno(&self, py: Python<'_>) -> PyResult<i32> {
        self.reader.fileno(py)
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    /// The next message or event, until the ring is closed.
    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.reader.next(py)
    }

    fn __aiter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Reader::aiter(slf.as_any())
    }

    /// The sequence of the next message to read.
    #[getter]
    fn next_seq(&self, py: Python<'_>) -> PyResult<u64> {
        self.ask(py, |observer| Ok(observer.next_seq()))
    }

    /// How many published messages it has neither received nor lost.
    #[getter]
    fn lag(&self, py: Python<'_>) -> PyResult<u64> {
        self.ask(py, |observer| observer.lag())
    }

    /// How many messages it has received.
    #[getter]
    fn received(&self, py: Python<'_>) -> PyResult<u64> {
        self.ask(py, |observer| Ok(observer.received()))
    }

    /// How many messages it has lost.
    #[getter]
    fn lost(&self, py: Python<'_>) -> PyResult<u64> {
        self.ask(py, |observer| Ok(observer.lost()))
    }

    /// The producer's incarnation.
    #[getter]
    fn epoch(&self, py: Python<'_>) -> PyResult<u64> {
        self.ask(py, |observer| observer.epoch())
    }

    /// Whether some process is the producer now.
    #[getter]
    fn producer_alive(&self, py: Python<'_>) -> PyResult<bool> {
        self.ask(py, |observer| Ok(observer.producer_alive()?))
    }

    /// Whether the path still leads to the ring.
    fn is_current(&self, py: Python<'_>) -> PyResult<bool> {
        self.ask(py, |observer| Ok(observer.is_current()?))
    }

    #[getter]
    fn closed(&self) -> bool {
        self.reader.is_closed()
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.reader.close(py)
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_why))]
    fn __exit__(&self, py: Python<'_>, _why: &Bound<'_, PyTuple>) -> PyResult<()> {
        self.close(py)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let fields = PyDict::new(py);
        if self.closed() {
            fields.set_item("closed", true)?;
        } else if let (Ok(next), Ok(lost)) = (self.next_seq(py), self.lost(py)) {
            fields.set_item("next_seq", next)?;
            fields.set_item("lost", lost)?;
        }
        errors::shown("Observer", &fields)
    }
}
