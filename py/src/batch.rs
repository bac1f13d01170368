//! Several messages, as Python holds them.

use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyIterator, PyMemoryView, PyRange, PySlice, PyTuple};

use crate::message::Body;
use crate::source::TakenBatch;
use crate::{dtype, errors};

/// Messages that follow each other.
#[pyclass(frozen, weakref, sequence, module = "ringway")]
pub struct Batch {
    /// The sequence of the first message.
    #[pyo3(get)]
    first_seq: u64,
    tags: Vec<u32>,
    /// Where each message begins, and its length.
    places: Vec<(usize, usize)>,
    len: usize,
    body: Body,
    dtype: Option<Py<PyAny>>,
}

impl Batch {
    /// A batch of a reader with `dtype`.
    pub fn new(taken: TakenBatch, dtype: Option<Py<PyAny>>) -> Self {
        let TakenBatch { first_seq, tags, places, memory } = taken;
        Self { first_seq, tags, places, len: memory.len(), body: Body::new(memory), dtype }
    }

    /// The length that all messages have.
    fn common_length(&self, py: Python<'_>) -> PyResult<usize> {
        let first = self.places.first().map_or(0, |place| place.1);
        let Some(odd) = self.places.iter().position(|place| place.1 != first) else { return Ok(first) };
        let text = format!(
            "message {} has {} bytes, the first of the batch {first}: one array takes messages of one length; read them one by one (`for view in batch`)",
            self.first_seq + odd as u64,
            self.places[odd].1
        );
        Err(errors::error(py, "WrongLength", &text))
    }

    fn message<'py>(&self, py: Python<'py>, index: usize) -> PyResult<Bound<'py, PyAny>> {
        let view = self.body.view(py, "the batch")?;
        let (at, len) = self.places[index];
        let all = PyMemoryView::from(view.as_any())?;
        all.get_item(PySlice::new(py, at as isize, (at + len) as isize, 1))
    }
}

#[pymethods]
impl Batch {
    fn __len__(&self) -> usize {
        self.places.len()
    }

    fn __bool__(&self) -> bool {
        true
    }

    fn __getitem__<'py>(&self, py: Python<'py>, index: isize) -> PyResult<Bound<'py, PyAny>> {
        let count = self.places.len();
        let at = if index < 0 { index + count as isize } else { index };
        let at = usize::try_from(at).ok().filter(|&at| at < count);
        let at =
            at.ok_or_else(|| PyIndexError::new_err(format!("index {index} in a batch of {count} messages")))?;
        self.message(py, at)
    }

    /// Views of the messages.
    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        let views = (0..self.places.len()).map(|index| self.message(py, index));
        PyTuple::new(py, views.collect::<PyResult<Vec<_>>>()?)?.try_iter()
    }

    #[getter]
    fn seqs<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyRange>> {
        let first = self.first_seq as isize;
        PyRange::new(py, first, first + self.places.len() as isize)
    }

    #[getter]
    fn tags<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.tags)
    }

    #[pyo3(signature = (dtype=None))]
    fn numpy<'py>(&self, py: Python<'py>, dtype: Option<Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        let numpy = dtype::numpy(py)?;
        let view = self.body.view(py, "the batch")?;
        let len = self.common_length(py)?;
        let (dtype, exactly) = match (dtype, &self.dtype) {
            (Some(dtype), _) => (numpy.dtype(&dtype)?, false),
            (None, Some(dtype)) => (dtype.bind(py).clone(), true),
            (None, None) => (numpy.uint8.bind(py).clone(), false),
        };
        let size = dtype::size(&dtype)?;
        if !len.is_multiple_of(size) || exactly && len != size {
            return Err(dtype::wrong_length(py, self.first_seq, len, &dtype, exactly));
        }
        let bytes = numpy.flat(view.as_any(), self.len, numpy.uint8.bind(py))?;
        let count = self.places.len();
        let stride = self.places.get(1).map_or(len, |second| second.0);
        if len == size && !numpy.uint8.is(&dtype) {
            return numpy.strided(&bytes, &[count], &[stride], &dtype);
        }
        numpy.strided(&bytes, &[count, len / size], &[stride, size], &dtype)
    }

    fn release(&self, py: Python<'_>) -> PyResult<()> {
        self.body.release(py, "the batch")
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
        fields.set_item("first_seq", self.first_seq)?;
        fields.set_item("len", self.places.len())?;
        if self.body.is_gone() {
            fields.set_item("released", true)?;
        }
        errors::shown("Batch", &fields)
    }
}
