//! A ring, as Python opens it.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use ringway::file::{FileRing, OpenOptions};
use ringway::{AttachError, Config, Geometry, Ring as _, State, TypeInfo};

use crate::consumer::Consumer;
use crate::limit::Timeout;
use crate::observer::Observer;
use crate::producer::Producer;
use crate::source::Source;
use crate::{dtype, errors, options};

/// How often a successor asks whether the producer's role is free.
const SUCCESSION_SLICE: Duration = Duration::from_millis(1);

/// A ring in a file.
#[pyclass(frozen, weakref, module = "ringway")]
pub struct Ring {
    ring: Mutex<Option<FileRing>>,
    geometry: Geometry,
    path: PathBuf,
    /// Of the messages, if it is known.
    dtype: Option<Py<PyAny>>,
    trust_peers: bool,
}

/// What a new ring's messages are.
fn described(
    py: Python<'_>,
    dtype: Option<&Bound<'_, PyAny>>,
    name: Option<&str>,
) -> PyResult<(Option<Py<PyAny>>, Option<TypeInfo>)> {
    match dtype {
        Some(dtype) => {
            let dtype = dtype::numpy(py)?.dtype(dtype)?;
            let info = dtype::type_info(&dtype, name)?;
            Ok((Some(dtype.unbind()), Some(info)))
        }
        None if name.is_some() => Err(PyTypeError::new_err(
            "name is given without a dtype, which it is the name of: pass both, or neither",
        )),
        None => Ok((None, None)),
    }
}

#[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
fn with_config(
    py: Python<'_>,
    path: PathBuf,
    shape: &options::Shape<'_>,
    dtype: Option<&Bound<'_, PyAny>>,
    name: Option<&str>,
    file_options: &OpenOptions,
    trust_peers: bool,
    make: impl FnOnce(&OpenOptions, &PathBuf, &Config) -> Result<FileRing, ringway::file::FileError> + Send,
) -> PyResult<Ring> {
    let (dtype, info) = described(py, dtype, name)?;
    let config = options::config(shape, info)?;
    guard(py)?;
    let ring =
        py.detach(|| make(file_options, &path, &config)).map_err(|why| errors::file(py, &why, true))?;
    Ok(Ring::new(ring, path, dtype, trust_peers))
}

/// Has a file that is cut short end as an exception, not as SIGBUS.
fn guard(py: Python<'_>) -> PyResult<()> {
    ringway::file::guard_truncation().map_err(|why| {
        errors::error(py, "RingwayError", &format!("setting a handler of SIGBUS failed: {why}"))
    })
}

/// Makes a ring in a new file.
#[pyfunction]
#[pyo3(signature = (path, *, slots=1024, payload_capacity=None, dtype=None, name=None, stride="aligned", max_consumers=16, first_seq=None, mode=0o600, allow_copy_on_write=false, trust_peers=false))]
#[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
pub fn create(
    py: Python<'_>,
    path: PathBuf,
    slots: u64,
    payload_capacity: Option<u64>,
    dtype: Option<&Bound<'_, PyAny>>,
    name: Option<&str>,
    stride: &str,
    max_consumers: u64,
    first_seq: Option<u64>,
    mode: u32,
    allow_copy_on_write: bool,
    trust_peers: bool,
) -> PyResult<Ring> {
    let shape = options::Shape { slots, payload_capacity, stride, max_consumers, first_seq };
    let file_options = OpenOptions::new().mode(mode).allow_copy_on_write(allow_copy_on_write);
    with_config(py, path, &shape, dtype, name, &file_options, trust_peers, |options, path, config| {
        options.create(path, config)
    })
}

/// Opens a ring, or makes it if it isn't there.
#[pyfunction]
#[pyo3(signature = (path, *, slots=1024, payload_capacity=None, dtype=None, name=None, stride="aligned", max_consumers=16, first_seq=None, mode=0o600, any_owner=false, allow_copy_on_write=false, trust_peers=false))]
#[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
pub fn open_or_create(
    py: Python<'_>,
    path: PathBuf,
    slots: u64,
    payload_capacity: Option<u64>,
    dtype: Option<&Bound<'_, PyAny>>,
    name: Option<&str>,
    stride: &str,
    max_consumers: u64,
    first_seq: Option<u64>,
    mode: u32,
    any_owner: bool,
    allow_copy_on_write: bool,
    trust_peers: bool,
) -> PyResult<Ring> {
    let shape = options::Shape { slots, payload_capacity, stride, max_consumers, first_seq };
    let file_options =
        OpenOptions::new().mode(mode).any_owner(any_owner).allow_copy_on_write(allow_copy_on_write);
    with_config(py, path, &shape, dtype, name, &file_options, trust_peers, |options, path, config| {
        options.open_or_create(path, config)
    })
}

/// Opens a ring.
#[pyfunction]
#[pyo3(signature = (path, *, dtype=None, name=None, read_only=false, any_owner=false, allow_copy_on_write=false, allow_other_boot=false, trust_peers=false))]
#[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
pub fn open(
    py: Python<'_>,
    path: PathBuf,
    dtype: Option<&Bound<'_, PyAny>>,
    name: Option<&str>,
    read_only: bool,
    any_owner: bool,
    allow_copy_on_write: bool,
    allow_other_boot: bool,
    trust_peers: bool,
) -> PyResult<Ring> {
    if dtype.is_none() && name.is_some() {
        described(py, None, name)?;
    }
    guard(py)?;
    let options = OpenOptions::new()
        .any_owner(any_owner)
        .allow_copy_on_write(allow_copy_on_write)
        .allow_other_boot(allow_other_boot);
    let opened = py.detach(|| if read_only { options.open_read_only(&path) } else { options.open(&path) });
    let ring = opened.map_err(|why| errors::file(py, &why, !read_only))?;
    let dtype = match dtype {
        Some(dtype) => Some(check_type(py, ring.geometry().type_info(), dtype, name)?),
        None => None,
    };
    Ok(Ring::new(ring, path, dtype, trust_peers))
}

/// Removes a ring that nobody uses.
#[pyfunction]
pub fn remove(py: Python<'_>, path: PathBuf) -> PyResult<()> {
    py.detach(|| ringway::file::remove(&path)).map_err(|why| errors::file(py, &why, false))
}

/// Checks that a ring's messages are values of `dtype`, and of the type `name` if that is given.
fn check_type(
    py: Python<'_>,
    found: Option<&TypeInfo>,
    dtype: &Bound<'_, PyAny>,
    name: Option<&str>,
) -> PyResult<Py<PyAny>> {
    let dtype = dtype::numpy(py)?.dtype(dtype)?;
    let Some(found) = found else {
        let text = format!(
            "the ring carries plain bytes (no type), this program expects dtype {dtype}: open it without dtype and call numpy(dtype) of each message, or make the ring with a dtype"
        );
        return Err(errors::error(py, "TypeMismatch", &text));
    };
    let expected = dtype::type_info(&dtype, Some(name.unwrap_or(found.name())))?;
    if *found != expected {
        let text = format!(
            "the ring carries type {found}, this program expects type {expected}: open it with the dtype and the name that it was made with (np.dtype(fields, align=True) aligns as C does)"
        );
        return Err(errors::error(py, "TypeMismatch", &text));
    }
    Ok(dtype.unbind())
}

impl Ring {
    fn new(ring: FileRing, path: PathBuf, dtype: Option<Py<PyAny>>, trust_peers: bool) -> Self {
        let ring = if trust_peers { trusted(ring) } else { ring };
        let geometry = ring.geometry().clone();
        Self { ring: Mutex::new(Some(ring)), geometry, path, dtype, trust_peers }
    }

    fn open(&self, py: Python<'_>) -> PyResult<FileRing> {
        let ring = self.ring.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        ring.ok_or_else(|| errors::error(py, "HandleClosed", "this ring is closed: open it again"))
    }

    fn dtype_of_messages(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.dtype.as_ref().map(|dtype| dtype.clone_ref(py))
    }
}

/// A ring whose messages are used where they lie.
#[allow(unsafe_code, reason = "the caller of the Python function vouches for the ring's peers")]
fn trusted(ring: FileRing) -> FileRing {
    // SAFETY: `trust_peers=True` is that promise, as the documentation of the function says.
    unsafe { ring.trust_peers() }
}

#[pymethods]
impl Ring {
    #[pyo3(signature = (start=None, *, wait="park"), text_signature = "($self, start='latest', *, wait='park')")]
    fn consumer(&self, py: Python<'_>, start: Option<&Bound<'_, PyAny>>, wait: &str) -> PyResult<Consumer> {
        let start = start.map_or(Ok(Default::default()), options::start)?;
        let (ring, wait) = (self.open(py)?, options::wait(wait)?);
        let mut consumer = py.detach(|| ring.consumer(start)).map_err(|why| errors::attach(py, &why))?;
        consumer.set_wait(wait);
        Ok(Consumer::new(consumer, self.dtype_of_messages(py)))
    }

    #[pyo3(signature = (start=None, *, resume="oldest", wait="park"), text_signature = "($self, start='latest', *, resume='oldest', wait='park')")]
    fn observer(
        &self,
        py: Python<'_>,
        start: Option<&Bound<'_, PyAny>>,
        resume: &str,
        wait: &str,
    ) -> PyResult<Observer> {
        let start = start.map_or(Ok(Default::default()), options::start)?;
        let (ring, resume, wait) = (self.open(py)?, options::resume(resume)?, options::wait(wait)?);
        let mut observer =
            py.detach(|| ring.observer(start, resume)).map_err(|why| errors::attach(py, &why))?;
        observer.set_wait(wait);
        Ok(Observer::new(Source::observer(observer), self.dtype_of_messages(py)))
    }

    #[pyo3(signature = (*, timeout=Some(0.0), wait="park", require_readers=false), text_signature = "($self, *, timeout=0.0, wait='park', require_readers=False)")]
    fn producer(
        &self,
        py: Python<'_>,
        timeout: Option<f64>,
        wait: &str,
        require_readers: bool,
    ) -> PyResult<Producer> {
        let (ring, wait, limit) = (self.open(py)?, options::wait(wait)?, Timeout::new(timeout)?.limit());
        if let (Some(info), None) = (self.geometry.type_info(), &self.dtype) {
            let text = format!(
                "the ring carries type {info}, this program expects plain bytes: open it with dtype=, a dtype of that size"
            );
            return Err(errors::error(py, "TypeMismatch", &text));
        }
        loop {
            match py.detach(|| ring.producer_of_any_type()) {
                Ok(mut producer) => {
                    producer.set_wait(wait);
                    producer.require_readers(require_readers);
                    let exactly = self.dtype.is_some().then_some(self.geometry.payload_capacity() as usize);
                    return Ok(Producer::new(
                        producer,
                        self.trust_peers,
                        exactly,
                        self.dtype_of_messages(py),
                    ));
                }
                Err(AttachError::ProducerTaken { .. } | AttachError::LockHeldByReader { .. })
                    if limit.slice().is_some() =>
                {
                    let time = limit.slice().unwrap_or_default();
                    py.detach(|| {
                        let end = std::time::Instant::now() + time;
                        while std::time::Instant::now() < end && ring.producer_looks_taken() {
                            std::thread::sleep(SUCCESSION_SLICE.min(time));
                        }
                    });
                    py.check_signals()?;
                }
                Err(why) => return Err(errors::attach(py, &why)),
            }
        }
    }

    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let ring = self.open(py)?;
        let stats = ring.stats().map_err(|why| errors::attach(py, &why))?;
        let state = match stats.state {
            State::NoProducerYet => "no producer yet",
            State::Open => "open",
            State::Closed => "closed",
            _ => "unknown",
        };
        let module = py.import("ringway._stats")?;
        let consumer = module.getattr("ConsumerStats")?;
        let consumers = stats.consumers.iter().map(|c| consumer.call1((c.cell, c.pid, c.next_seq, c.lag)));
        let consumers = PyTuple::new(py, consumers.collect::<PyResult<Vec<_>>>()?)?;
        let room = stats.room();
        module.getattr("Stats")?.call1((
            stats.head,
            stats.epoch,
            state,
            stats.producer_alive,
            room,
            consumers,
        ))
    }

    #[getter]
    fn path<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("pathlib")?.getattr("Path")?.call1((self.path.as_os_str(),))
    }

    #[getter]
    fn slots(&self) -> u64 {
        self.geometry.slots()
    }

    #[getter]
    fn payload_capacity(&self) -> u64 {
        self.geometry.payload_capacity()
    }

    #[getter]
    fn stride(&self) -> &'static str {
        options::stride_name(self.geometry.stride_kind())
    }

    #[getter]
    fn max_consumers(&self) -> u64 {
        self.geometry.max_consumers()
    }

    #[getter]
    fn dtype(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.dtype_of_messages(py)
    }

    #[getter]
    fn type_name(&self) -> Option<&str> {
        self.geometry.type_info().map(TypeInfo::name)
    }

    #[getter]
    fn trust_peers(&self) -> bool {
        self.trust_peers
    }

    #[getter]
    fn closed(&self) -> bool {
        self.ring.lock().unwrap_or_else(std::sync::PoisonError::into_inner).is_none()
    }

    fn close(&self) {
        let ring = self.ring.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        drop(ring);
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_why))]
    fn __exit__(&self, _why: &Bound<'_, PyTuple>) {
        self.close();
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let fields = PyDict::new(py);
        fields.set_item("path", self.path.as_os_str())?;
        fields.set_item("slots", self.slots())?;
        fields.set_item("payload_capacity", self.payload_capacity())?;
        if let Some(name) = self.type_name() {
            fields.set_item("type_name", name)?;
        }
        errors::shown("Ring", &fields)
    }
}
