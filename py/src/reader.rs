//! What consumers and observers have in common for Python.

use std::sync::{Arc, Mutex, PoisonError};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::batch::Batch;
use crate::errors::{self, Event};
use crate::hold::Shared;
use crate::limit::Timeout;
use crate::message::Message;
use crate::source::{Got, Source, Taken};

/// A reader of a ring.
pub struct Reader {
    shared: Arc<Shared>,
    dtype: Option<Py<PyAny>>,
    /// The message that a loop has got last.
    last: Mutex<Option<Py<Message>>>,
}

static ASYNC_READER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

impl Reader {
    /// A reader, of which errors speak as `what`.
    pub fn new(what: &'static str, source: Source, dtype: Option<Py<PyAny>>) -> Self {
        Self { shared: Shared::new(what, source), dtype, last: Mutex::default() }
    }

    /// Calls `ask` with the reader.
    pub fn with<T>(&self, py: Python<'_>, ask: impl FnOnce(&mut Source) -> PyResult<T>) -> PyResult<T> {
        let mut borrowed = self.shared.borrow(py)?;
        let (source, _) = borrowed.parts(py)?;
        ask(source)
    }

    /// Fails for a consumer that holds all slots: waiting for a message that can't come would have no end.
    fn check_room(py: Python<'_>, source: &mut Source, shared: &Shared) -> PyResult<()> {
        source.holds_all(shared).map_or(Ok(()), |slots| Err(errors::all_held(py, slots)))
    }

    /// The next message or event; `None` if nothing came in time.
    fn take(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<Got<Taken>> {
        let timeout = Timeout::new(timeout)?;
        drop(self.replace_last(None));
        let mut borrowed = self.shared.borrow(py)?;
        let (source, shared) = borrowed.parts(py)?;
        let failed = |why| errors::receive(py, &why);
        if let got @ (Got::Message(_) | Got::Event(_)) = source.look(shared).map_err(failed)? {
            return Ok(got);
        }
        Self::check_room(py, source, shared)?;
        let limit = timeout.limit();
        while let Some(slice) = limit.slice() {
            match py.detach(|| source.wait(shared, slice)).map_err(failed)? {
                Got::Nothing => py.check_signals()?,
                got => return Ok(got),
            }
        }
        Ok(Got::Nothing)
    }

    /// The next message, event or `None`.
    pub fn recv<'py>(&self, py: Python<'py>, timeout: Option<f64>) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(match self.take(py, timeout)? {
            Got::Message(taken) => Some(self.message(py, taken)?.into_any()),
            Got::Event(event) => Some(event.into_python(py)?),
            Got::Nothing => None,
        })
    }

    /// The next message or event of a loop, until the ring is closed. The message before it is let go: a loop that kept
    /// them all would stop the producer.
    pub fn next<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        if let Some(last) = self.replace_last(None) {
            last.get().let_go();
        }
        Ok(match self.take(py, None)? {
            Got::Message(taken) => {
                let message = self.message(py, taken)?;
                self.replace_last(Some(message.clone().unbind()));
                Some(message.into_any())
            }
            Got::Event(Event::Closed) | Got::Nothing => None,
            Got::Event(event) => Some(event.into_python(py)?),
        })
    }

    fn replace_last(&self, next: Option<Py<Message>>) -> Option<Py<Message>> {
        std::mem::replace(&mut *self.last.lock().unwrap_or_else(PoisonError::into_inner), next)
    }

    fn message<'py>(&self, py: Python<'py>, taken: Taken) -> PyResult<Bound<'py, Message>> {
        let dtype = self.dtype.as_ref().map(|dtype| dtype.clone_ref(py));
        Bound::new(py, Message::new(taken, dtype))
    }

    /// The next messages, an event or `None`.
    pub fn recv_batch<'py>(
        &self,
        py: Python<'py>,
        max: usize,
        timeout: Option<f64>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let timeout = Timeout::new(timeout)?;
        if max == 0 {
            return Err(PyValueError::new_err(
                "a batch of at most 0 messages, expected 1 or more: pass how many to take at most",
            ));
        }
        drop(self.replace_last(None));
        let mut borrowed = self.shared.borrow(py)?;
        let (source, shared) = borrowed.parts(py)?;
        let failed = |why| errors::receive(py, &why);
        let mut got = source.look_for_batch(shared, max).map_err(failed)?;
        if matches!(got, Got::Nothing) {
            Self::check_room(py, source, shared)?;
            let limit = timeout.limit();
            while let Some(slice) = limit.slice() {
                got = py.detach(|| source.wait_for_batch(shared, max, slice)).map_err(failed)?;
                if !matches!(got, Got::Nothing) {
                    break;
                }
                py.check_signals()?;
            }
        }
        Ok(match got {
            Got::Message(taken) => {
                let dtype = self.dtype.as_ref().map(|dtype| dtype.clone_ref(py));
                Some(Bound::new(py, Batch::new(taken, dtype))?.into_any())
            }
            Got::Event(event) => Some(event.into_python(py)?),
            Got::Nothing => None,
        })
    }

    /// A descriptor for event loops. A forked child's copy would tell it of the parent's messages.
    pub fn fileno(&self, py: Python<'_>) -> PyResult<i32> {
        if self.shared.is_forked() {
            return Err(errors::forked(py));
        }
        self.with(py, |source| Ok(source.fileno()?))
    }

    /// The coroutine of one reception.
    pub fn recv_async<'py>(owner: &Bound<'py, PyAny>, timeout: Option<f64>) -> PyResult<Bound<'py, PyAny>> {
        Timeout::new(timeout)?;
        owner.py().import("ringway._aio")?.getattr("recv")?.call1((owner, timeout))
    }

    /// The coroutine of a batch's reception.
    pub fn recv_batch_async<'py>(
        owner: &Bound<'py, PyAny>,
        max: usize,
        timeout: Option<f64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Timeout::new(timeout)?;
        owner.py().import("ringway._aio")?.getattr("recv_batch")?.call1((owner, max, timeout))
    }

    /// The iterator of `async for`.
    pub fn aiter<'py>(owner: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = owner.py();
        let class = ASYNC_READER.get_or_try_init(py, || {
            Ok::<_, PyErr>(py.import("ringway._aio")?.getattr("AsyncReader")?.unbind())
        })?;
        class.bind(py).call1((owner,))
    }

    /// Leaves the ring, once nothing of it is held.
    pub fn close(&self, py: Python<'_>) -> PyResult<()> {
        drop(self.replace_last(None));
        if !self.shared.is_closed() && !self.shared.is_forked() {
            self.with(py, |source| {
                source.forget_fileno();
                Ok(())
            })?;
            self.shared.close();
        }
        Ok(())
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }
}
