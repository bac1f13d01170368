//! A role's descriptor that other code closed, and whose number is another file's by now. The only test of its program:
//! descriptors that other tests open meanwhile would be taken for the role's.
//!
//! # Safety
//! The number that is closed here is the role's, which asks whether it still has its file before it uses it.

#![allow(unsafe_code)]

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::Path;

use ringway_core::{AttachError, Config, Ring, Start};

/// The numbers of this process's descriptors of the file at `path`.
fn descriptors(path: &Path) -> BTreeSet<i32> {
    let entries = fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap());
    let of_file = |entry: &fs::DirEntry| fs::read_link(entry.path()).is_ok_and(|target| target == path);
    entries.filter(of_file).map(|entry| entry.file_name().to_str().unwrap().parse().unwrap()).collect()
}

#[test]
fn a_role_whose_descriptor_is_another_files_leads_to_no_ring() {
    let directory = tempfile::tempdir().unwrap();
    let (path, copy) = (directory.path().join("ring"), directory.path().join("copy"));
    let ring = ringway_file::create(&path, &Config::new().slots(8).payload_capacity(8)).unwrap();
    fs::copy(&path, &copy).unwrap();
    let other = File::options().read(true).write(true).open(&copy).unwrap();

    let before = descriptors(&path);
    let consumer = ring.consumer(Start::Oldest).unwrap();
    let of_the_role: Vec<i32> = descriptors(&path).difference(&before).copied().collect();
    assert!(consumer.ring().is_ok());
    assert!(!of_the_role.is_empty());
    for number in of_the_role {
        // SAFETY: see the module's documentation.
        assert_eq!(unsafe { libc::dup2(other.as_raw_fd(), number) }, number);
    }
    let refused = consumer.ring().unwrap_err();
    assert!(matches!(refused, AttachError::Replaced { .. }), "{refused}");
    let refused = consumer.try_clone().unwrap_err();
    assert!(matches!(refused, AttachError::Replaced { .. }), "{refused}");
}
