//! A creator or remover of a ring is killed before and after each of its system calls: what is visible then is
//! complete, and the next one finds nothing in its way and leaves nothing behind.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::sys::wait::WaitStatus;
use ringway::file::{FileError, FileRing, OpenOptions};
use ringway::{GeometryError, Outcome, Ring, Start};
use testkit::files::{contents, small};
use testkit::tracing;
use testkit::tracing::{Call, Verdict, opens_unnamed};

/// What the file system, or a sandbox, doesn't have.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Lacking {
    Nothing,
    UnnamedFiles,
    /// Nor a rename that replaces nothing.
    Both,
}

/// A way to make a ring in, or take one from, a file of its own.
type Whole = (&'static str, fn(&Path), fn(&Path));

const WHOLE: &[Whole] = &[
    ("create", |_| {}, |path| drop(ringway::file::create(path, &small()).expect("a ring"))),
    (
        "open_or_create_where_nothing_is",
        |_| {},
        |path| drop(ringway::file::open_or_create(path, &small()).expect("a ring")),
    ),
    (
        "open_or_create_where_a_ring_is",
        |path| drop(ringway::file::create(path, &small()).expect("a ring")),
        |path| drop(ringway::file::open_or_create(path, &small()).expect("a ring")),
    ),
    (
        "remove",
        |path| drop(ringway::file::create(path, &small()).expect("a ring")),
        |path| ringway::file::remove(path).expect("removed"),
    ),
];

/// Where the ring goes in a larger file: at an offset, in a file of a length, to be shortened by the next creator.
const EMBEDDED: &[(&str, u64, u64)] = &[
    ("in_a_longer_file", 32 << 10, 1 << 20),
    ("beyond_the_end", 128 << 10, THEIRS_END + 36),
    ("across_the_end", 64 << 10, (64 << 10) + 5000),
    ("with_the_end_in_the_header", 64 << 10, (64 << 10) + 100),
];

/// Somebody else's bytes in the larger files, and where.
const THEIRS: &[u8] = b"somebody else's";
const THEIRS_AT: u64 = 60 << 10;
const THEIRS_END: u64 = THEIRS_AT + THEIRS.len() as u64;

fn main() {
    let mut tests: Vec<(String, Box<dyn FnOnce() + Send>)> = Vec::new();
    for whole in WHOLE {
        for lacking in [Lacking::Nothing, Lacking::UnnamedFiles, Lacking::Both] {
            if lacking != Lacking::Nothing && whole.0 == "open_or_create_where_a_ring_is" {
                continue;
            }
            tests.push((
                format!("{}::lacking_{lacking:?}", whole.0),
                Box::new(move || kill_whole(whole, lacking)),
            ));
        }
    }
    for &(name, offset, length) in EMBEDDED {
        for open_or_create in [false, true] {
            let call = if open_or_create { "open_or_create" } else { "create" };
            let test = move || kill_embedded(offset, length, open_or_create);
            tests.push((format!("{call}_at_an_offset::{name}"), Box::new(test)));
        }
    }
    tests.push(("create_at_an_offset::in_no_file".into(), Box::new(kill_embedded_in_no_file)));
    tracing::run(tests);
}

/// Kills `run` at each stop of each system call, in a directory of its own each time; `check` gets the ring's
/// path, and whether the victim had done everything.
fn kill_everywhere(lacking: Lacking, prepare: impl Fn(&Path), run: impl Fn(&Path), check: impl Fn(&Path)) {
    for position in 0.. {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("ring");
        prepare(&path);
        let mut stops = 0;
        let decide = |call: &Call| {
            stops += 1;
            if stops > position {
                return Verdict::Kill;
            }
            match (lacking, call.is_entry) {
                (Lacking::UnnamedFiles | Lacking::Both, true) if opens_unnamed(call) => {
                    Verdict::Fail(Errno::EOPNOTSUPP)
                }
                (Lacking::Both, true) if call.number == libc::SYS_renameat2 => Verdict::Fail(Errno::EINVAL),
                _ => Verdict::Go,
            }
        };
        let victim = || {
            tracing::begin();
            run(&path);
            tracing::end();
        };
        let ended = tracing::traced(victim, decide);
        let whole = matches!(ended, WaitStatus::Exited(_, 0));
        assert!(
            whole || matches!(ended, WaitStatus::Signaled(_, Signal::SIGKILL, _)),
            "{position}: {ended:?}"
        );
        if let Err(panic) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(&path))) {
            eprintln!("killed at stop {position}; the directory: {:?}", contents(directory.path()).keys());
            std::panic::resume_unwind(panic);
        }
        if whole {
            println!("killed at {position} positions");
            return;
        }
    }
}

/// Both ends of the ring work.
fn works(ring: &FileRing) {
    let mut consumer = ring.consumer(Start::Latest).expect("a cell");
    let mut producer = ring.producer().expect("the producer's role");
    producer.publish(b"on").expect("room");
    loop {
        match consumer.try_recv().expect("a sound ring") {
            Outcome::Message(message) => return assert_eq!(&*message, b"on"),
            Outcome::EpochChanged { .. } => {}
            other => panic!("{other:?}"),
        }
    }
}

fn kill_whole(&(name, prepare, run): &Whole, lacking: Lacking) {
    // Hidden names are there for a while only where they can't be done without.
    let hidden = name == "remove" || lacking != Lacking::Nothing;
    kill_everywhere(lacking, prepare, run, |path| {
        let directory = path.parent().expect("a directory");
        for found in contents(directory).keys() {
            assert!(found == "ring" || hidden && found.starts_with(".ring.ringway-"), "{found}");
        }
        if path.exists() {
            works(&ringway::file::open(path).expect("what is visible is complete"));
        }
        if name == "remove" && !path.exists() {
            assert!(matches!(ringway::file::remove(path), Err(FileError::NotFound { .. })));
            assert!(contents(directory).is_empty(), "the next removal leaves nothing, either");
        }
        works(&ringway::file::open_or_create(path, &small()).expect("nothing is in the way"));
        // This process lacks nothing, so it looks for no hidden file before it removes the ring.
        let left = contents(directory);
        assert!(left.contains_key("ring") && (left.len() == 1 || lacking != Lacking::Nothing), "{left:?}");
        ringway::file::remove(path).expect("nobody uses it");
        assert!(contents(directory).is_empty());
        drop(ringway::file::create(path, &small()).expect("nothing is in the way"));
        assert_eq!(contents(directory).len(), 1);
    });
}

fn at(offset: u64) -> OpenOptions {
    OpenOptions::new().offset(offset)
}

fn kill_embedded_in_no_file() {
    let run = |path: &Path| drop(at(8192).create(path, &small()).expect("a ring"));
    kill_everywhere(
        Lacking::Nothing,
        |_| {},
        run,
        |path| {
            if path.exists() {
                works(&at(8192).open(path).expect("what is visible is complete"));
            }
            works(&at(8192).open_or_create(path, &small()).expect("nothing is in the way"));
            assert_eq!(contents(path.parent().expect("a directory")).len(), 1);
        },
    );
}

/// Kills a creator at an offset of a file with somebody else's bytes in it.
fn kill_embedded(offset: u64, length: u64, open_or_create: bool) {
    let prepare = |path: &Path| {
        let file = File::create(path).expect("a file");
        file.write_all_at(THEIRS, THEIRS_AT).expect("room");
        file.set_len(length).expect("room");
    };
    let run = |path: &Path| {
        drop(match open_or_create {
            true => at(offset).open_or_create(path, &small()).expect("a ring"),
            false => at(offset).create(path, &small()).expect("a ring"),
        });
    };
    let end = offset + small().footprint(4096).expect("possible");
    // The next one asks for the same place.
    kill_everywhere(Lacking::Nothing, prepare, run, |path| {
        let complete = is_complete(path, offset);
        if !complete {
            works(&at(offset).create(path, &small()).expect("what the dead left is cleared"));
        }
        works(&at(offset).open(path).expect("a ring"));
        theirs_are_untouched(path, length.max(end));
    });
    // The next one asks for another place: what the dead left is taken back all the same.
    kill_everywhere(Lacking::Nothing, prepare, run, |path| {
        let complete = is_complete(path, offset);
        works(&at(0).create(path, &small()).expect("a free place"));
        if complete {
            return works(&at(offset).open(path).expect("a ring"));
        }
        // But for the note itself, where the file ended in the middle of it.
        let in_the_note = length > offset && length < offset + 400;
        let found = fs::metadata(path).expect("the file").len();
        assert!(found == length || in_the_note, "{found}");
        theirs_are_untouched(path, found);
        let rest = &fs::read(path).expect("the file")[THEIRS_END as usize..];
        assert!(rest.iter().all(|&byte| byte == 0), "something is left");
    });
}

/// Whether there is a ring, which works then; else it is said why not.
fn is_complete(path: &Path, offset: u64) -> bool {
    match at(offset).open(path) {
        Ok(ring) => {
            works(&ring);
            true
        }
        Err(FileError::Geometry {
            error:
                GeometryError::Unfinished | GeometryError::TooShort { .. } | GeometryError::NotARing { found: 0 },
            ..
        }) => false,
        Err(other) => panic!("{other}"),
    }
}

fn theirs_are_untouched(path: &Path, length: u64) {
    let bytes = fs::read(path).expect("the file");
    assert_eq!(bytes.len() as u64, length);
    assert_eq!(&bytes[THEIRS_AT as usize..THEIRS_END as usize], THEIRS);
    let (mut file, name) = (contents(path.parent().expect("a directory")).into_keys(), "ring".to_string());
    assert_eq!((file.next(), file.next()), (Some(name), None));
}
