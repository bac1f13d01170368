//! Errors and events of the library as those of the Python package, which defines their classes.

use pyo3::exceptions::{PyMemoryError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use ringway::file::FileError;
use ringway::{AttachError, PublishError, RecvError};

/// What a reader is told instead of a message.
#[derive(Clone, Copy)]
pub enum Event {
    /// So many messages were lost.
    Lagged(u64),
    /// Another producer has taken over.
    EpochChanged {
        /// Number of its incarnation.
        epoch: u64,
        /// The first message that it published, or will.
        first_seq: u64,
    },
    /// The producer is gone without closing the ring.
    ProducerLost,
    /// The ring's file isn't at its path any more.
    Orphaned,
    /// The ring is closed, and everything was read.
    Closed,
}

impl Event {
    /// An instance of the event's class.
    pub fn into_python(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        let events = py.import("ringway._events")?;
        match self {
            Self::Lagged(lost) => events.getattr("Lagged")?.call1((lost,)),
            Self::EpochChanged { epoch, first_seq } => {
                events.getattr("EpochChanged")?.call1((epoch, first_seq))
            }
            Self::ProducerLost => events.getattr("ProducerLost")?.call0(),
            Self::Orphaned => events.getattr("Orphaned")?.call0(),
            Self::Closed => events.getattr("Closed")?.call0(),
        }
    }
}

/// An exception of the class `name` of the package.
pub fn error(py: Python<'_>, name: &str, text: &str) -> PyErr {
    let made = || py.import("ringway._errors")?.getattr(name)?.call1((text,));
    match made() {
        Ok(error) => PyErr::from_value(error),
        Err(failure) => failure,
    }
}

/// One that tells how many messages of a batch were published before it.
pub fn with_published(py: Python<'_>, error: PyErr, published: usize) -> PyErr {
    match error.value(py).setattr("published", published) {
        Ok(()) => error,
        Err(failure) => failure,
    }
}

/// A handle that was closed.
pub fn closed(py: Python<'_>, what: &str) -> PyErr {
    error(py, "HandleClosed", &format!("this {what} is closed: take the role anew on the ring"))
}

/// A handle that some other call is using.
pub fn in_use(py: Python<'_>, what: &str) -> PyErr {
    let text = format!(
        "this {what} is in use by another thread (or by the call that a signal handler interrupted): give each thread a handle of its own, or guard the handle with a lock"
    );
    error(py, "HandleInUse", &text)
}

/// A consumer that holds all slots.
pub fn all_held(py: Python<'_>, slots: u64) -> PyErr {
    let text = format!(
        "this consumer holds all {slots} slots of the ring, so no other message can come: release the oldest (leave its `with` block or call release(), and delete its views), then receive"
    );
    error(py, "AllHeld", &text)
}

/// A handle of the parent process.
pub fn forked(py: Python<'_>) -> PyErr {
    error(py, "Forked", &ringway::Forked.to_string())
}

/// Why nothing was received.
pub fn receive(py: Python<'_>, why: &RecvError) -> PyErr {
    let name = match why {
        RecvError::NoMemory { .. } => return PyMemoryError::new_err(why.to_string()),
        RecvError::WrongLength { .. } => "WrongLength",
        RecvError::Damaged(_) => "Damaged",
        RecvError::Forked(_) => "Forked",
        RecvError::Truncated(_) => "Truncated",
        _ => "RingwayError",
    };
    error(py, name, &why.to_string())
}

/// Why nothing was published.
pub fn publish(py: Python<'_>, why: &PublishError) -> PyErr {
    let name = match why {
        PublishError::NoMemory { .. } => return PyMemoryError::new_err(why.to_string()),
        PublishError::NoSkips | PublishError::SkipBack { .. } => {
            return PyValueError::new_err(why.to_string());
        }
        PublishError::TooLong { .. } | PublishError::BeyondClaim { .. } => "TooLong",
        PublishError::FixedLength { .. } => "WrongLength",
        PublishError::NoTags { .. } => "NoTags",
        PublishError::Full(_) => "Full",
        PublishError::TimedOut(_) => "TimedOut",
        PublishError::Closed => "HandleClosed",
        PublishError::NoReaders => "NoReaders",
        PublishError::Deposed { .. } => "Deposed",
        PublishError::Exhausted => "Damaged",
        PublishError::Forked(_) => "Forked",
        PublishError::Truncated(_) => "Truncated",
        _ => "RingwayError",
    };
    error(py, name, &why.to_string())
}

/// Why a role wasn't taken.
pub fn attach(py: Python<'_>, why: &AttachError) -> PyErr {
    let name = match why {
        AttachError::NoMemory { .. } => return PyMemoryError::new_err(why.to_string()),
        AttachError::ProducerTaken { .. } => "ProducerTaken",
        AttachError::NoFreeCell { .. } => "NoFreeCell",
        AttachError::Overwritten { .. } | AttachError::StartTooLarge { .. } => "Overwritten",
        AttachError::ReadOnly { .. } | AttachError::NotPermitted { .. } => "NotPermitted",
        AttachError::OtherBoot => "OtherBoot",
        AttachError::Type(_) => "TypeMismatch",
        AttachError::Damaged(_) | AttachError::Geometry(_) => "Damaged",
        AttachError::Replaced { .. } => "Replaced",
        AttachError::Forked(_) => "Forked",
        AttachError::Truncated(_) => "Truncated",
        _ => "RingwayError",
    };
    let text = match why {
        AttachError::OtherBoot => "the ring was made before this machine last started: its contents may be incomplete; make it anew (an observer can still read what is there if the ring is opened with allow_other_boot=True)".to_owned(),
        _ => why.to_string(),
    };
    error(py, name, &text)
}

/// Why a ring wasn't made, opened or removed. With `observable`, the right to read would be enough for some of what is
/// asked.
pub fn file(py: Python<'_>, why: &FileError, observable: bool) -> PyErr {
    let name = match why {
        FileError::NotFound { .. } | FileError::NoDirectory { .. } => "NotFound",
        FileError::AlreadyExists { .. } => "AlreadyExists",
        FileError::PermissionDenied { .. }
        | FileError::Owner { .. }
        | FileError::ReadOnlyFilesystem { .. } => "NotPermitted",
        FileError::Geometry { .. } => "InvalidRing",
        FileError::ConfigMismatch { .. } | FileError::WrongPlacement { .. } => "ConfigMismatch",
        FileError::OtherBoot { .. } => "OtherBoot",
        FileError::Replaced { .. } => "Replaced",
        FileError::InUse { .. } | FileError::BeingCreated { .. } | FileError::BeingRemoved { .. } => {
            "RingInUse"
        }
        FileError::TimedOut { .. } => "TimedOut",
        FileError::NoSpace { .. } | FileError::FileSizeLimit { .. } => "NoSpace",
        _ => "RingwayError",
    };
    let text = match why {
        FileError::Owner { path, found, expected } => format!(
            "{path:?} belongs to uid {found}, expected {expected} (this process) or 0 (root): its owner could have planted it; if you trust them, open it with any_owner=True"
        ),
        FileError::CopyOnWrite { path, name } => format!(
            "{path:?} lies on {name}, which may copy a page that changes: once the file system is full, using the ring ends as Truncated, though all of it was allocated. Use another place: /dev/shm is one on most machines. To take the risk, pass allow_copy_on_write=True"
        ),
        FileError::OtherBoot { path } => format!(
            "{path:?} was made before this machine last started, so its contents may be incomplete: make it anew (to read what is there, open it with read_only=True and allow_other_boot=True, and take an observer)"
        ),
        FileError::PermissionDenied { path, action, uid, error } => {
            let less =
                if observable { "; to observe a ring that is there, read_only=True is enough" } else { "" };
            format!(
                "{path:?}: {action} isn't permitted to uid {uid} ({error}): ask the owner for the right, or choose another place{less}"
            )
        }
        _ => why.to_string(),
    };
    error(py, name, &text)
}

/// What `repr` prints of an object: its class and some fields.
pub fn shown(class: &str, fields: &Bound<'_, PyDict>) -> PyResult<String> {
    let mut text = Vec::new();
    for (name, value) in fields {
        text.push(format!("{name}={}", value.repr()?));
    }
    Ok(format!("<ringway.{class} {}>", text.join(" ")))
}
