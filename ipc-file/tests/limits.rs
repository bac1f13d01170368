//! What a process may not have more of is an error that says so, and neither a signal nor a half-made ring.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use nix::sys::resource::{Resource, setrlimit};
use ringway_core::{Ring, Start};
use ringway_file::memfd::{self, MemfdOptions};
use ringway_file::{FileError, OpenOptions};
use testkit::files::{made, names, small, vacant};
use testkit::harness::run_alone;
use testkit::named;

fn main() {
    run_alone(named![
        past_the_limit_of_files_lengths_a_creator_is_told,
        past_the_limit_an_unfinished_ring_is_left_alone,
        without_descriptors_left_the_error_says_so,
        a_name_that_is_too_long_is_told_as_such,
    ]);
}

fn at(offset: u64) -> OpenOptions {
    OpenOptions::new().offset(offset)
}

fn past_the_limit_of_files_lengths_a_creator_is_told() {
    let (directory, path) = vacant();
    let length = small().footprint(4096).unwrap();
    let empty = path.with_file_name("empty");
    File::create(&empty).unwrap();
    setrlimit(Resource::RLIMIT_FSIZE, length - 1, length - 1).unwrap();
    for refused in [
        ringway_file::create(&path, &small()).map(drop),
        ringway_file::open_or_create(&path, &small()).map(drop),
        at(0).create(&path, &small()).map(drop),
        at(0).create(&empty, &small()).map(drop),
        memfd::create(&small()).map(drop),
    ] {
        let error = refused.unwrap_err();
        let FileError::FileSizeLimit { needed, limit, .. } = error else { panic!("{error}") };
        assert_eq!((needed, limit), (length, length - 1));
        assert!(error.to_string().contains("ulimit -f"), "{error}");
    }
    assert_eq!(names(&directory), ["empty"]);
    assert_eq!(fs::metadata(&empty).unwrap().len(), 0);
}

fn past_the_limit_an_unfinished_ring_is_left_alone() {
    let (_directory, path) = vacant();
    let far = 1 << 20;
    let length = small().footprint(4096).unwrap();
    // As a creator leaves it that dies: see `unfinished.rs`.
    drop(at(far).create(&path, &small()).unwrap());
    let file = File::options().read(true).write(true).open(&path).unwrap();
    file.write_all_at(b"RINGWAY?", far).unwrap();
    file.write_all_at(&0_u64.to_ne_bytes(), far + 384).unwrap();
    file.write_all_at(&far.to_ne_bytes(), far + 392).unwrap();
    let before = fs::read(&path).unwrap();
    setrlimit(Resource::RLIMIT_FSIZE, length, libc::RLIM_INFINITY).unwrap();
    let error = at(0).create(&path, &small()).unwrap_err();
    assert!(matches!(error, FileError::FileSizeLimit { .. }), "{error}");
    assert!(fs::read(&path).unwrap() == before);
    setrlimit(Resource::RLIMIT_FSIZE, libc::RLIM_INFINITY, libc::RLIM_INFINITY).unwrap();
    at(0).create(&path, &small()).unwrap();
}

fn without_descriptors_left_the_error_says_so() {
    let (_directory, path, ring) = made(&small());
    let mut all = Vec::new();
    setrlimit(Resource::RLIMIT_NOFILE, 64, 64).unwrap();
    while let Ok(file) = File::open("/dev/null") {
        all.push(file);
    }
    let new = path.with_file_name("new");
    let files = [
        ringway_file::create(&new, &small()).map(drop),
        ringway_file::open(&path).map(drop),
        ringway_file::open_or_create(&path, &small()).map(drop),
        ringway_file::remove(&path),
        memfd::create(&small()).map(drop),
    ];
    let roles = [ring.producer().map(drop), ring.consumer(Start::Oldest).map(drop)];
    let files = files.into_iter().map(|refused| refused.unwrap_err().to_string());
    let roles = roles.into_iter().map(|refused| refused.unwrap_err().to_string());
    for error in files.chain(roles) {
        assert!(error.contains("ulimit -n"), "{error}");
    }
}

fn a_name_that_is_too_long_is_told_as_such() {
    let (directory, path) = vacant();
    let long = path.with_file_name("n".repeat(256));
    for refused in [
        ringway_file::create(&long, &small()).map(drop),
        ringway_file::open(&long).map(drop),
        ringway_file::open_or_create(&long, &small()).map(drop),
        at(0).create(&long, &small()).map(drop),
        ringway_file::remove(&long),
        MemfdOptions::new().name("n".repeat(250)).create(&small()).map(drop),
    ] {
        let error = refused.unwrap_err().to_string();
        assert!(error.contains("255 bytes, a memfd's 249"), "{error}");
    }
    assert!(names(&directory).is_empty());
    MemfdOptions::new().name("n".repeat(249)).create(&small()).unwrap();
    ringway_file::create(path.with_file_name("n".repeat(255)), &small()).unwrap();
}
