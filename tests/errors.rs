//! What errors print, by themselves and in a chain.

use std::error::Error;
use std::io;

use ringway::anon::{AnonError, ForkError};
use ringway::file::FileError;
use ringway::{AttachError, Full, GeometryError, PublishError};

fn system() -> io::Error {
    io::Error::from_raw_os_error(libc::ENOMEM)
}

fn full() -> Full {
    let ring = ringway::anon::create(&ringway::Config::new().slots(2)).unwrap();
    let _consumer = ringway::Ring::consumer(&ring, ringway::Start::Oldest).unwrap();
    let mut producer = ringway::Ring::producer(&ring).unwrap();
    loop {
        if let Err(PublishError::Full(full)) = producer.try_publish(b"x") {
            return full;
        }
    }
}

/// Each error that holds another, and what that other says.
fn errors() -> Vec<(Box<dyn Error>, String)> {
    let geometry = || GeometryError::Slots { found: 3 };
    let said = |inner: &dyn Error| inner.to_string();
    let io = said(&system());
    vec![
        (Box::new(AttachError::NoAddressSpace { needed: 1, error: system() }), io.clone()),
        (Box::new(AttachError::Geometry(geometry())), said(&geometry())),
        (Box::new(AttachError::ProcUnavailable { path: "/proc".into(), error: system() }), io.clone()),
        (Box::new(AttachError::NotPermitted { uid: 1, error: system() }), io.clone()),
        (Box::new(AttachError::Os { action: "mapping", error: system() }), io.clone()),
        (
            Box::new(FileError::PermissionDenied {
                path: "ring".into(),
                action: "opening the file",
                uid: 1,
                error: system(),
            }),
            io.clone(),
        ),
        (
            Box::new(FileError::Geometry { path: "ring".into(), offset: 0, error: geometry() }),
            said(&geometry()),
        ),
        (Box::new(FileError::NoSpace { path: "ring".into(), needed: 1, error: system() }), io.clone()),
        (
            Box::new(FileError::ProcUnavailable {
                path: "ring".into(),
                file: "/proc".into(),
                error: system(),
            }),
            io.clone(),
        ),
        (Box::new(FileError::Os { path: "ring".into(), action: "mapping", error: system() }), io.clone()),
        (Box::new(AnonError::Geometry(geometry())), said(&geometry())),
        (Box::new(AnonError::ProcUnavailable { path: "/proc".into(), error: system() }), io.clone()),
        (Box::new(AnonError::Os { action: "mapping", error: system() }), io.clone()),
        (Box::new(ForkError::ProcUnavailable { path: "/proc".into(), error: system() }), io.clone()),
        (Box::new(ForkError::Os { action: "fork", error: system() }), io),
        (Box::new(PublishError::Full(full())), said(&full())),
        (Box::new(PublishError::TimedOut(full())), said(&full())),
    ]
}

fn chain(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut said = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        said.push(error.to_string());
        cause = error.source();
    }
    said
}

#[test]
fn an_error_tells_all_of_its_cause() {
    for (error, cause) in errors() {
        let cause = cause.split(" (pid").next().unwrap_or_default();
        assert!(error.to_string().contains(cause), "{error}\nlacks {cause}");
    }
}

#[test]
fn a_chain_of_errors_tells_each_cause_once() {
    for (error, _) in errors() {
        let chain = chain(&*error);
        for (at, outer) in chain.iter().enumerate() {
            for inner in &chain[at + 1..] {
                assert!(!outer.contains(inner.as_str()), "told twice: {chain:#?}");
            }
        }
    }
}
