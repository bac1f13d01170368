//! A ring, as Python opens it.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use ringway::file::FileRing;
use ringway::{AttachError, Geometry, Ring as _, Standby, State, TypeInfo};

use crate::best_effort::BestEffortReader;
use crate::consumer::Consumer;
use crate::limit::Timeout;
use crate::observer::Observer;
use crate::producer::Producer;
use crate::source::Source;
use crate::{errors, options};

/// Least pause of a successor between two tries to take the producer's role.
const BETWEEN_TRIES: Duration = Duration::from_millis(1);

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

impl Ring {
    /// A ring that was opened by `path`.
    pub fn new(ring: FileRing, path: PathBuf, dtype: Option<Py<PyAny>>, trust_peers: bool) -> Self {
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
    #[pyo3(signature = (start=None, *, wait=None), text_signature = "($self, start='latest', *, wait='park')")]
    fn consumer(
        &self,
        py: Python<'_>,
        start: Option<&Bound<'_, PyAny>>,
        wait: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Consumer> {
        let start = start.map_or(Ok(Default::default()), options::start)?;
        let (ring, wait) = (self.open(py)?, options::wait(wait)?);
        let mut consumer = py.detach(|| ring.consumer(start)).map_err(|why| errors::attach(py, &why))?;
        consumer.set_wait(wait);
        Ok(Consumer::new(consumer, self.dtype_of_messages(py)))
    }

    #[pyo3(signature = (start=None, *, resume="oldest", wait=None), text_signature = "($self, start='latest', *, resume='oldest', wait='park')")]
    fn observer(
        &self,
        py: Python<'_>,
        start: Option<&Bound<'_, PyAny>>,
        resume: &str,
        wait: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Observer> {
        let start = start.map_or(Ok(Default::default()), options::start)?;
        let (ring, resume, wait) = (self.open(py)?, options::resume(resume)?, options::wait(wait)?);
        let mut observer =
            py.detach(|| ring.observer(start, resume)).map_err(|why| errors::attach(py, &why))?;
        observer.set_wait(wait);
        Ok(Observer::new(Source::observer(observer), self.dtype_of_messages(py)))
    }

    #[pyo3(signature = (start=None, *, resume="oldest", wait=None), text_signature = "($self, start='latest', *, resume='oldest', wait='park')")]
    fn best_effort_reader(
        &self,
        py: Python<'_>,
        start: Option<&Bound<'_, PyAny>>,
        resume: &str,
        wait: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<BestEffortReader> {
        let start = start.map_or(Ok(Default::default()), options::start)?;
        let (ring, resume, wait) = (self.open(py)?, options::resume(resume)?, options::wait(wait)?);
        let mut reader =
            py.detach(|| ring.best_effort_reader(start)).map_err(|why| errors::attach(py, &why))?;
        reader.set_resume(resume);
        reader.set_wait(wait);
        Ok(BestEffortReader::new(Source::best_effort(reader), self.dtype_of_messages(py)))
    }

    #[pyo3(signature = (*, timeout=Some(0.0), wait=None, require_readers=false), text_signature = "($self, *, timeout=0.0, wait='park', require_readers=False)")]
    fn producer(
        &self,
        py: Python<'_>,
        timeout: Option<f64>,
        wait: Option<&Bound<'_, PyAny>>,
        require_readers: bool,
    ) -> PyResult<Producer> {
        let (ring, wait, limit) = (self.open(py)?, options::wait(wait)?, Timeout::new(timeout)?.limit());
        if let (Some(info), None) = (self.geometry.type_info(), &self.dtype) {
            let text = format!(
                "the ring carries type {info}, this program expects plain bytes: open it with dtype=, a dtype of that size"
            );
            return Err(errors::error(py, "TypeMismatch", &text));
        }
        let mut standby = Standby::new(&ring);
        loop {
            match py.detach(|| standby.producer_of_any_type()) {
                Ok(mut producer) => {
                    producer.set_wait(wait);
                    producer.require_readers(require_readers);
                    let exactly = self.dtype.is_some().then_some(self.geometry.payload_capacity() as usize);
                    let dtype = self.dtype_of_messages(py);
                    return Ok(Producer::new(producer, self.trust_peers, exactly, dtype));
                }
                Err(AttachError::ProducerTaken { .. } | AttachError::LockHeldByReader { .. })
                    if limit.slice().is_some() =>
                {
                    let time = limit.slice().unwrap_or_default();
                    py.detach(|| {
                        // Trying costs many times what asking costs, and a role that looks free may not be.
                        std::thread::sleep(BETWEEN_TRIES.min(time));
                        let _ = standby.wait(time);
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
        let consumers = stats
            .consumers
            .iter()
            .map(|c| consumer.call1((c.cell, c.pid, c.next_seq, c.lag, c.is_best_effort, c.lost)));
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

    /// Whether the path still leads to the ring.
    fn is_current(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.open(py)?.is_current())
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
