//! Making, opening and removing rings.

use std::path::{Path, PathBuf};
use std::time::Instant;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use ringway::file::{FileError, FileRing, OpenOptions};
use ringway::{Config, Ring as _, TypeInfo};

use crate::limit::{Limit, Timeout};
use crate::ring::Ring;
use crate::{dtype, errors, options};

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
    make: impl FnOnce(&OpenOptions, &PathBuf, &Config) -> Result<FileRing, FileError> + Send,
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
#[pyo3(signature = (path, *, timeout=Some(0.0), dtype=None, name=None, read_only=false, any_owner=false, allow_copy_on_write=false, allow_other_boot=false, trust_peers=false), text_signature = "(path, *, timeout=0.0, dtype=None, name=None, read_only=False, any_owner=False, allow_copy_on_write=False, allow_other_boot=False, trust_peers=False)")]
#[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
pub fn open(
    py: Python<'_>,
    path: PathBuf,
    timeout: Option<f64>,
    dtype: Option<&Bound<'_, PyAny>>,
    name: Option<&str>,
    read_only: bool,
    any_owner: bool,
    allow_copy_on_write: bool,
    allow_other_boot: bool,
    trust_peers: bool,
) -> PyResult<Ring> {
    let timeout = Timeout::new(timeout)?;
    if dtype.is_none() && name.is_some() {
        described(py, None, name)?;
    }
    guard(py)?;
    let options = OpenOptions::new()
        .any_owner(any_owner)
        .allow_copy_on_write(allow_copy_on_write)
        .allow_other_boot(allow_other_boot);
    let ring = wait_for(py, &path, &options, read_only, timeout)?;
    let dtype = match dtype {
        Some(dtype) => Some(check_type(py, ring.geometry().type_info(), dtype, name)?),
        None => None,
    };
    Ok(Ring::new(ring, path, dtype, trust_peers))
}

/// Opens the ring at `path`, waiting until there is one.
fn wait_for(
    py: Python<'_>,
    path: &Path,
    options: &OpenOptions,
    read_only: bool,
    timeout: Timeout,
) -> PyResult<FileRing> {
    let failed = |why: &FileError| errors::file(py, why, !read_only);
    let (limit, began) = (timeout.limit(), Instant::now());
    if let Limit::Now = limit {
        let opened = py.detach(|| if read_only { options.open_read_only(path) } else { options.open(path) });
        return opened.map_err(|why| failed(&why));
    }
    // A handler of a signal may change the working directory.
    let path = std::path::absolute(path)?;
    loop {
        let slice = limit.slice();
        let time = slice.unwrap_or_default();
        let opened = py.detach(|| {
            if read_only { options.wait_for_read_only(&path, time) } else { options.wait_for(&path, time) }
        });
        match opened {
            Ok(ring) => return Ok(ring),
            Err(FileError::TimedOut { .. }) if slice.is_some() => py.check_signals()?,
            Err(FileError::TimedOut { found, .. }) => {
                return Err(failed(&FileError::TimedOut { timeout: began.elapsed(), found }));
            }
            Err(why) => return Err(failed(&why)),
        }
    }
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
