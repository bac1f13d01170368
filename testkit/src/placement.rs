//! A ring of each placement.
//!
//! # Safety
//! Peers are trusted on rings in files of a directory of the test's own, which the test's processes reach through
//! Ringway alone.

#![allow(unsafe_code, reason = "to trust the peers on a ring in a file is to promise something")]

use std::path::{Path, PathBuf};

use ringway::anon::{self, AnonOptions, AnonRing};
use ringway::file::{self, FileRing, OpenOptions};
use ringway::{
    AttachError, BestEffortReader, Config, Consumer, Geometry, Observer, Producer, Resume, Ring, Start,
    Vacancy,
};
use tempfile::TempDir;

/// Where a test's ring lies, and whether it is read there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// In anonymous memory: messages are borrowed where they lie.
    Anonymous,
    /// In a file: messages are copied out.
    File,
    /// In a file whose users trust each other: messages are borrowed where they lie.
    TrustedFile,
}

impl Kind {
    /// Every placement.
    pub const ALL: [Kind; 3] = [Kind::Anonymous, Kind::File, Kind::TrustedFile];

    /// A ring of this kind, for one test.
    pub fn ring(self, config: &Config) -> TestRing {
        if self == Kind::Anonymous {
            return TestRing::Anonymous(anon::create(config).expect("an anonymous ring"));
        }
        let shm = Path::new("/dev/shm");
        let directory = if shm.is_dir() { tempfile::tempdir_in(shm) } else { tempfile::tempdir() };
        let directory = directory.expect("a temporary directory");
        let path = directory.path().join("ring");
        let ring = self.trust(file::create(&path, config).expect("a ring in a file"));
        TestRing::File { kind: self, path, ring, directory: Some(directory) }
    }

    /// The same, by a handle that declines membarrier.
    pub fn declining_ring(self, config: &Config) -> TestRing {
        match self.ring(config) {
            TestRing::Anonymous(_) => {
                let declining = AnonOptions::new().membarrier(false).create(config);
                TestRing::Anonymous(declining.expect("an anonymous ring"))
            }
            TestRing::File { kind, path, directory, .. } => {
                TestRing::File { kind, ring: kind.declining(&path), path, directory }
            }
        }
    }

    fn declining(self, path: &Path) -> FileRing {
        self.trust(OpenOptions::new().membarrier(false).open(path).expect("the ring in the file"))
    }

    /// The ring at `path`, which some other process made.
    pub fn open(self, path: PathBuf) -> TestRing {
        let ring = self.trust(file::open(&path).expect("the ring in the file"));
        TestRing::File { kind: self, path, ring, directory: None }
    }

    /// Whether messages are borrowed where they lie.
    pub fn in_place(self) -> bool {
        self != Kind::File
    }

    fn trust(self, ring: FileRing) -> FileRing {
        if !self.in_place() {
            return ring;
        }
        // SAFETY: the file lies in a directory of the test's own, and the test's processes reach it through
        // this library alone.
        unsafe { ring.trust_peers() }
    }
}

/// A ring, wherever it lies.
pub enum TestRing {
    /// In anonymous memory.
    Anonymous(AnonRing),
    /// In a file.
    File {
        /// Whether messages are read where they lie.
        kind: Kind,
        /// Where the file is.
        path: PathBuf,
        /// This process's handle.
        ring: FileRing,
        /// Removed with the ring by the process that made it.
        directory: Option<TempDir>,
    },
}

impl TestRing {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            TestRing::Anonymous(_) => Kind::Anonymous,
            TestRing::File { kind, .. } => *kind,
        }
    }

    /// Has this handle decline membarrier from now on; that of an anonymous ring is made to.
    pub fn decline_membarrier(&mut self) {
        if let TestRing::File { kind, path, ring, .. } = self {
            *ring = kind.declining(path);
        }
    }

    /// Drops this process's handle. What it returns keeps a ring's file.
    pub fn drop_handle(self) -> Option<TempDir> {
        match self {
            TestRing::Anonymous(_) => None,
            TestRing::File { directory, .. } => directory,
        }
    }

    fn ring(&self) -> &dyn Ring {
        match self {
            TestRing::Anonymous(ring) => ring,
            TestRing::File { ring, .. } => ring,
        }
    }
}

impl Ring for TestRing {
    fn geometry(&self) -> &Geometry {
        self.ring().geometry()
    }

    fn producer_of_any_type(&self) -> Result<Producer, AttachError> {
        self.ring().producer_of_any_type()
    }

    fn is_current(&self) -> bool {
        self.ring().is_current()
    }

    fn producer_vacancy(&self) -> Option<Box<dyn Vacancy>> {
        self.ring().producer_vacancy()
    }

    fn producer_looks_taken(&self) -> bool {
        self.ring().producer_looks_taken()
    }

    fn consumer(&self, start: Start) -> Result<Consumer, AttachError> {
        let consumer = self.ring().consumer(start)?;
        assert_eq!(consumer.in_place(), self.kind().in_place());
        Ok(consumer)
    }

    fn best_effort_reader(&self, start: Start) -> Result<BestEffortReader, AttachError> {
        self.ring().best_effort_reader(start)
    }

    fn observer(&self, start: Start, resume: Resume) -> Result<Observer, AttachError> {
        self.ring().observer(start, resume)
    }
}
