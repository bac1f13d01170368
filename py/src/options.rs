//! Arguments of Python as options of the library.

use std::time::Duration;

use pyo3::IntoPyObjectExt;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBool;
use ringway::{Config, Patience, Resume, Start, Stride, TypeInfo, Wait};

/// Where a reader starts: `"latest"`, `"oldest"`, a sequence, or how many messages back.
pub fn start(asked: &Bound<'_, PyAny>) -> PyResult<Start> {
    if let Ok(seq) = asked.extract::<i64>() {
        let back = seq.unsigned_abs();
        return Ok(if seq < 0 { Start::Newest(back) } else { Start::At(back) });
    }
    match asked.extract::<&str>() {
        Ok("latest") => Ok(Start::Latest),
        Ok("oldest") => Ok(Start::Oldest),
        _ => Err(PyValueError::new_err(format!(
            "start is {}, expected \"latest\", \"oldest\", a sequence, or -n for the last n messages",
            asked.repr()?
        ))),
    }
}

/// How calls wait: by name, or polling for so many seconds before they sleep.
pub fn wait(asked: Option<&Bound<'_, PyAny>>) -> PyResult<Wait> {
    let Some(asked) = asked else { return Ok(Wait::Park) };
    if let Some(seconds) = seconds(asked)
        && let Ok(time) = Duration::try_from_secs_f64(seconds)
    {
        return Ok(Wait::park_after(time));
    }
    match asked.extract::<&str>() {
        Ok("park") => Ok(Wait::Park),
        Ok("yield") => Ok(Wait::Yield),
        Ok("spin") => Ok(Wait::Spin),
        Ok("adaptive") => Ok(Wait::Adaptive),
        _ => Err(PyValueError::new_err(format!(
            "wait is {}, expected \"park\", \"yield\", \"spin\", \"adaptive\", or for how many seconds to poll before sleeping",
            asked.repr()?
        ))),
    }
}

/// A number of seconds, unless `asked` is none. `True` and `False` are none.
fn seconds(asked: &Bound<'_, PyAny>) -> Option<f64> {
    if asked.is_instance_of::<PyBool>() { None } else { asked.extract().ok() }
}

/// How long best-effort readers may hold a producer back: so many seconds, `"lap"`, or `None` for no end.
pub fn patience(asked: Option<&Bound<'_, PyAny>>) -> PyResult<Patience> {
    let Some(asked) = asked else { return Ok(Patience::Endless) };
    if let Some(seconds) = seconds(asked)
        && seconds >= 0.0
    {
        // What no clock will show is no end.
        return Ok(Duration::try_from_secs_f64(seconds).map_or(Patience::Endless, Patience::Time));
    }
    match asked.extract::<&str>() {
        Ok("lap") => Ok(Patience::Lap),
        _ => Err(PyValueError::new_err(format!(
            "patience is {}, expected seconds from 0 on, \"lap\" to pass readers over at once, or None to wait for them without end",
            asked.repr()?
        ))),
    }
}

/// A patience, as [`patience`] takes it.
pub fn shown_patience(py: Python<'_>, patience: Patience) -> PyResult<Bound<'_, PyAny>> {
    Ok(match patience {
        Patience::Lap => "lap".into_bound_py_any(py)?,
        Patience::Time(time) => time.as_secs_f64().into_bound_py_any(py)?,
        _ => py.None().into_bound(py),
    })
}

/// Where a reader goes on after it was overtaken.
pub fn resume(asked: &str) -> PyResult<Resume> {
    match asked {
        "oldest" => Ok(Resume::OldestSafe),
        "latest" => Ok(Resume::Latest),
        _ => Err(PyValueError::new_err(format!("resume is {asked:?}, expected \"oldest\" or \"latest\""))),
    }
}

fn stride(asked: &str) -> PyResult<Stride> {
    match asked {
        "aligned" => Ok(Stride::Aligned),
        "packed" => Ok(Stride::Packed),
        "line" => Ok(Stride::Line),
        "split" => Ok(Stride::Split),
        _ => Err(PyValueError::new_err(format!(
            "stride is {asked:?}, expected \"aligned\", \"packed\", \"line\" or \"split\""
        ))),
    }
}

/// The name of a stride.
pub fn stride_name(stride: Stride) -> &'static str {
    match stride {
        Stride::Packed => "packed",
        Stride::Line => "line",
        Stride::Split => "split",
        _ => "aligned",
    }
}

/// The shape of a new ring, as Python passes it.
pub struct Shape<'a> {
    pub slots: u64,
    pub payload_capacity: Option<u64>,
    pub stride: &'a str,
    pub max_consumers: u64,
    pub first_seq: Option<u64>,
}

/// What `shape` and a type describe.
pub fn config(shape: &Shape<'_>, info: Option<TypeInfo>) -> PyResult<Config> {
    let mut config = Config::new();
    match (shape.payload_capacity, info) {
        (Some(_), Some(_)) => {
            return Err(PyTypeError::new_err(
                "both payload_capacity and dtype are given, expected one of them: a dtype's messages have its size",
            ));
        }
        (Some(bytes), None) => config = config.payload_capacity(bytes),
        (None, Some(info)) => config = config.of_type_info(info),
        (None, None) => {}
    }
    if let Some(seq) = shape.first_seq {
        config = config.first_seq(seq);
    }
    Ok(config.slots(shape.slots).stride(stride(shape.stride)?).max_consumers(shape.max_consumers))
}
