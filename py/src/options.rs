//! Arguments of Python as options of the library.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use ringway::{Config, Resume, Start, Stride, TypeInfo, Wait};

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

/// How calls wait.
pub fn wait(asked: &str) -> PyResult<Wait> {
    match asked {
        "park" => Ok(Wait::Park),
        "yield" => Ok(Wait::Yield),
        "spin" => Ok(Wait::Spin),
        "adaptive" => Ok(Wait::Adaptive),
        _ => Err(PyValueError::new_err(format!(
            "wait is {asked:?}, expected \"park\", \"yield\", \"spin\" or \"adaptive\""
        ))),
    }
}

/// Where an observer goes on after it was overtaken.
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
