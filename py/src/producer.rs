//! The one writer.

use std::sync::Arc;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use ringway::PublishError;

use crate::buffer::{Incoming, Rows};
use crate::claim::Claim;
use crate::claim_view::Space;
use crate::fork::Slots;
use crate::hold::try_lock;
use crate::limit::{Limit, Timeout};
use crate::token::{Shared, Token};
use crate::{errors, options};

/// The producer of a ring.
#[pyclass(frozen, weakref, module = "ringway")]
pub struct Producer {
    shared: Arc<Shared>,
    in_place: bool,
    /// The length of each message, where the ring carries a type.
    exactly: Option<usize>,
    dtype: Option<Py<PyAny>>,
}

impl Producer {
    /// A producer of messages of `exactly` so many bytes, values of `dtype`.
    pub fn new(
        producer: ringway::Producer,
        in_place: bool,
        exactly: Option<usize>,
        dtype: Option<Py<PyAny>>,
    ) -> Self {
        Self { shared: Arc::new(Shared::new(producer)), in_place, exactly, dtype }
    }

    fn dtype_of<'py>(&self, py: Python<'py>) -> Option<&Bound<'py, PyAny>> {
        self.dtype.as_ref().map(|dtype| dtype.bind(py))
    }

    fn check_length(&self, py: Python<'_>, len: usize) -> PyResult<()> {
        match self.exactly {
            Some(expected) if len != expected => {
                let text = format!(
                    "message of {len} bytes: the ring's type has {expected}; pass a value of the ring's dtype"
                );
                Err(errors::error(py, "WrongLength", &text))
            }
            _ => Ok(()),
        }
    }

    fn ask<T>(
        &self,
        py: Python<'_>,
        ask: impl FnOnce(&mut ringway::Producer) -> Result<T, PublishError>,
    ) -> PyResult<T> {
        let mut borrowed = self.shared.borrow(py)?;
        let producer = borrowed.as_mut().ok_or_else(|| errors::closed(py, "producer"))?;
        ask(producer).map_err(|why| errors::publish(py, &why))
    }
}

/// Calls `attempt` again and again until there is room for a message of `len` bytes.
fn once_room<T>(
    py: Python<'_>,
    producer: &mut ringway::Producer,
    len: usize,
    limit: Limit,
    mut attempt: impl FnMut(&mut ringway::Producer) -> Result<Option<T>, PublishError>,
) -> PyResult<T> {
    loop {
        let full = match attempt(producer) {
            Ok(Some(done)) => return Ok(done),
            Ok(None) => continue,
            Err(PublishError::Full(full)) => full,
            Err(why) => return Err(errors::publish(py, &why)),
        };
        let Some(slice) = limit.slice() else {
            let waited = !matches!(limit, Limit::Now);
            let why = if waited { PublishError::TimedOut(full) } else { PublishError::Full(full) };
            return Err(errors::publish(py, &why));
        };
        // A claim that is dropped publishes nothing. The message itself is copied with the GIL.
        match py.detach(|| producer.claim_timeout(len, slice).map(drop)) {
            Ok(()) | Err(PublishError::TimedOut(_)) => py.check_signals()?,
            Err(why) => return Err(errors::publish(py, &why)),
        }
    }
}

#[pymethods]
impl Producer {
    #[pyo3(signature = (message, tag=0, timeout=None))]
    fn publish(
        &self,
        py: Python<'_>,
        message: &Bound<'_, PyAny>,
        tag: u32,
        timeout: Option<f64>,
    ) -> PyResult<u64> {
        let timeout = Timeout::new(timeout)?;
        let message = Incoming::new(message, self.dtype_of(py))?;
        let bytes = message.bytes();
        self.check_length(py, bytes.len())?;
        let mut borrowed = self.shared.borrow_unclaimed(py)?;
        let producer = borrowed.as_mut().ok_or_else(|| errors::closed(py, "producer"))?;
        match producer.try_publish_tagged(bytes, tag) {
            Ok(seq) => Ok(seq),
            Err(PublishError::Full(_)) => once_room(py, producer, bytes.len(), timeout.limit(), |producer| {
                producer.try_publish_tagged(bytes, tag).map(Some)
            }),
            Err(why) => Err(errors::publish(py, &why)),
        }
    }

    #[pyo3(signature = (messages, tag=0, timeout=None))]
    fn publish_batch<'py>(
        &self,
        py: Python<'py>,
        messages: &Bound<'py, PyAny>,
        tag: u32,
        timeout: Option<f64>,
    ) -> PyResult<usize> {
        let timeout = Timeout::new(timeout)?;
        if Rows::is_one_message(messages) {
            return Err(PyTypeError::new_err(
                "a batch is bytes or a str, expected an array or a list of messages: pass one message to publish()",
            ));
        }
        let dtype = self.dtype_of(py);
        let listed;
        let rows = match Rows::of_array(messages, dtype) {
            Ok(rows) => rows,
            Err(why) if messages.hasattr("__array_interface__")? => return Err(why),
            Err(why) => {
                let Ok(items) = messages.try_iter() else { return Err(why) };
                listed = items.collect::<PyResult<Vec<_>>>()?;
                let each = listed.iter().map(|message| Incoming::new(message, dtype));
                Rows::List(each.collect::<PyResult<_>>()?)
            }
        };
        let messages = rows.messages();
        for message in &messages {
            self.check_length(py, message.len())?;
        }
        let mut borrowed = self.shared.borrow_unclaimed(py)?;
        let producer = borrowed.as_mut().ok_or_else(|| errors::closed(py, "producer"))?;
        let mut published = 0;
        while let Some(next) = messages.get(published) {
            let rest = &messages[published..];
            let done = once_room(py, producer, next.len(), timeout.limit(), |producer| {
                if tag == 0 {
                    producer.try_publish_batch(rest).map(Some)
                } else {
                    producer.try_publish_tagged(rest[0], tag).map(|_| Some(1))
                }
            });
            published += done.map_err(|error| errors::with_published(py, error, published))?;
        }
        Ok(published)
    }

    #[pyo3(signature = (length=None, tag=0, timeout=None))]
    fn claim(
        &self,
        py: Python<'_>,
        length: Option<usize>,
        tag: u32,
        timeout: Option<f64>,
    ) -> PyResult<Claim> {
        let timeout = Timeout::new(timeout)?;
        let Some(len) = length.or(self.exactly) else {
            let text =
                "claim() without a length, which only a ring with a dtype knows: pass the number of bytes";
            return Err(PyTypeError::new_err(text));
        };
        self.check_length(py, len)?;
        let mut borrowed = self.shared.borrow_unclaimed(py)?;
        let producer = borrowed.as_mut().ok_or_else(|| errors::closed(py, "producer"))?;
        let (at, seq) = once_room(py, producer, len, timeout.limit(), |producer| {
            producer.try_claim_raw(len).map(|claim| Some((claim.as_ptr() as usize, claim.seq())))
        })?;
        let token = Token::new(&self.shared);
        let space = if self.in_place {
            let mut mapped = self.shared.mapped.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            mapped.get_or_insert_with(|| Slots::around(at as *const u8, seq, producer.geometry()));
            Space::Slot { at: at as *mut u8, len, token: Token::new(&self.shared) }
        } else {
            Space::staged(len)
        };
        drop(borrowed);
        let dtype = self.dtype.as_ref().map(|dtype| dtype.clone_ref(py));
        Claim::new(py, space, token, len, tag, dtype)
    }

    #[pyo3(signature = (seq, timeout=None))]
    fn skip_to(&self, py: Python<'_>, seq: u64, timeout: Option<f64>) -> PyResult<()> {
        let limit = Timeout::new(timeout)?.limit();
        let mut borrowed = self.shared.borrow_unclaimed(py)?;
        let producer = borrowed.as_mut().ok_or_else(|| errors::closed(py, "producer"))?;
        let mut skipped = producer.try_skip_to(seq);
        while let (Err(PublishError::Full(_) | PublishError::TimedOut(_)), Some(slice)) =
            (&skipped, limit.slice())
        {
            py.check_signals()?;
            skipped = py.detach(|| producer.skip_to_timeout(seq, slice));
        }
        skipped.map_err(|why| errors::publish(py, &why))
    }

    /// The sequence of the next message.
    #[getter]
    fn next_seq(&self, py: Python<'_>) -> PyResult<u64> {
        self.ask(py, |producer| Ok(producer.next_seq()))
    }

    /// This producer's incarnation.
    #[getter]
    fn epoch(&self, py: Python<'_>) -> PyResult<u64> {
        self.ask(py, |producer| Ok(producer.epoch()))
    }

    /// How many consumers are attached.
    #[getter]
    fn consumer_count(&self, py: Python<'_>) -> PyResult<usize> {
        self.ask(py, |producer| producer.consumer_count())
    }

    /// For how many messages there is room now.
    #[getter]
    fn room(&self, py: Python<'_>) -> PyResult<u64> {
        self.ask(py, |producer| producer.count_room())
    }

    /// Whether the path still leads to the ring.
    fn is_current(&self, py: Python<'_>) -> PyResult<bool> {
        self.ask(py, |producer| Ok(producer.is_current()?))
    }

    /// How long best-effort readers may hold this producer back.
    fn set_patience(&self, py: Python<'_>, patience: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        let patience = options::patience(patience.as_ref())?;
        self.ask(py, |producer| {
            producer.set_patience(patience);
            Ok(())
        })
    }

    #[getter]
    fn patience<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        options::shown_patience(py, self.ask(py, |producer| Ok(producer.patience()))?)
    }

    /// Whether publishing leaves readers that sleep asleep.
    fn set_deferred_wake(&self, py: Python<'_>, deferred: bool) -> PyResult<()> {
        self.ask(py, |producer| {
            producer.set_deferred_wake(deferred);
            Ok(())
        })
    }

    #[getter]
    fn deferred_wake(&self, py: Python<'_>) -> PyResult<bool> {
        self.ask(py, |producer| Ok(producer.deferred_wake()))
    }

    /// Wakes the readers that sleep. Whether there were any.
    fn wake(&self, py: Python<'_>) -> PyResult<bool> {
        self.ask(py, |producer| producer.wake())
    }

    #[getter]
    fn closed(&self) -> bool {
        try_lock(&self.shared.producer).is_some_and(|producer| producer.is_none())
    }

    /// Closes the ring: readers get `Closed` once they have read everything.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let mut borrowed = self.shared.borrow_unclaimed(py)?;
        let Some(mut producer) = borrowed.take() else { return Ok(()) };
        drop(borrowed);
        producer.close().map_err(|why| errors::publish(py, &why))
    }

    /// Gives up the role without closing the ring: readers get `ProducerLost`.
    fn leave(&self) {
        self.shared.leave();
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    /// Closes the ring; after an exception, gives up the role without closing it.
    #[pyo3(signature = (kind=None, _error=None, _traceback=None))]
    fn __exit__(
        &self,
        py: Python<'_>,
        kind: Option<Bound<'_, PyAny>>,
        _error: Option<Bound<'_, PyAny>>,
        _traceback: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        if kind.is_none() {
            return self.close(py);
        }
        self.leave();
        Ok(())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let fields = PyDict::new(py);
        if self.closed() {
            fields.set_item("closed", true)?;
        } else if let Ok(next) = self.next_seq(py) {
            fields.set_item("next_seq", next)?;
        }
        errors::shown("Producer", &fields)
    }
}
