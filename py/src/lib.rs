//! The native half of the Python package `ringway`. Its other half, in `python/ringway`, has the exceptions, the events
//! and what belongs to asyncio.
//!
//! Each handle stands behind a lock that is only ever tried: a handle that is in use by another thread is an error,
//! never a wait. The GIL is held for everything but waiting.

mod batch;
mod best_effort;
mod buffer;
mod claim;
mod claim_view;
mod consumer;
mod copies;
mod dtype;
mod errors;
mod fork;
mod gathered;
mod hold;
mod limit;
mod memory;
mod message;
mod notify;
mod numpy_api;
mod observer;
mod opening;
mod options;
mod producer;
mod reader;
mod ring;
mod source;
mod token;
mod view;

use pyo3::prelude::*;

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    fork::watch();
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<ring::Ring>()?;
    module.add_class::<consumer::Consumer>()?;
    module.add_class::<best_effort::BestEffortReader>()?;
    module.add_class::<observer::Observer>()?;
    module.add_class::<producer::Producer>()?;
    module.add_class::<claim::Claim>()?;
    module.add_class::<message::Message>()?;
    module.add_class::<batch::Batch>()?;
    module.add_function(wrap_pyfunction!(opening::create, module)?)?;
    module.add_function(wrap_pyfunction!(opening::open, module)?)?;
    module.add_function(wrap_pyfunction!(opening::open_or_create, module)?)?;
    module.add_function(wrap_pyfunction!(opening::remove, module)?)?;
    Ok(())
}
