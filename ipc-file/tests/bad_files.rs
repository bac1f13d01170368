//! Whatever lies at the path, opening it says what it is, and takes nothing for granted.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;

use ringway_core::{AttachError, GeometryError, Resume, Ring, Start};
use ringway_file::{FileError, OpenOptions};
use testkit::files::{next, small, vacant};
use testkit::header::move_to_another_boot;

/// What opening `path` for writing and for reading both say.
fn refused(path: &Path) -> FileError {
    let read_only = ringway_file::open_read_only(path).expect_err("no ring to read").to_string();
    let error = ringway_file::open(path).expect_err("no ring");
    assert_eq!(error.to_string(), read_only);
    assert!(read_only.contains(path.to_str().unwrap()), "{read_only}");
    error
}

#[test]
fn nothing_there() {
    let (_directory, path) = vacant();
    assert!(matches!(refused(&path), FileError::NotFound { .. }));
}

#[test]
fn a_directory() {
    let (_directory, path) = vacant();
    fs::create_dir(&path).unwrap();
    assert!(matches!(refused(&path), FileError::Directory { .. }));
    assert!(matches!(ringway_file::open_or_create(&path, &small()), Err(FileError::Directory { .. })));
    assert!(matches!(ringway_file::create("/", &small()), Err(FileError::NoFileName { .. })));
}

#[test]
fn a_symbolic_link_even_to_a_ring() {
    let (_directory, path) = vacant();
    let target = path.with_file_name("target");
    std::os::unix::fs::symlink(&target, &path).unwrap();
    assert!(matches!(refused(&path), FileError::Symlink { .. }));
    ringway_file::create(&target, &small()).unwrap();
    assert!(matches!(refused(&path), FileError::Symlink { .. }));
    assert!(matches!(ringway_file::remove(&path), Err(FileError::Symlink { .. })));
}

#[test]
fn a_fifo_without_waiting_for_its_other_end() {
    let (_directory, path) = vacant();
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert!(matches!(refused(&path), FileError::NotRegular { kind: "FIFO", .. }));
}

#[test]
fn a_socket_and_a_device() {
    let (_directory, path) = vacant();
    let _listener = UnixListener::bind(&path).unwrap();
    assert!(matches!(refused(&path), FileError::NotRegular { kind: "socket", .. }));
    assert!(matches!(refused(Path::new("/dev/null")), FileError::NotRegular { .. }));
}

#[test]
fn an_empty_file() {
    let (_directory, path) = vacant();
    File::create(&path).unwrap();
    let error = refused(&path);
    assert!(
        matches!(&error, FileError::Geometry { error: GeometryError::TooShort { found: 0, .. }, .. }),
        "{error}"
    );
}

#[test]
fn garbage() {
    let (_directory, path) = vacant();
    fs::write(&path, vec![0xa5; 20_000]).unwrap();
    let error = refused(&path);
    assert!(matches!(&error, FileError::Geometry { error: GeometryError::NotARing { .. }, .. }), "{error}");
}

#[test]
fn a_ring_cut_short_or_grown() {
    let (_directory, path) = vacant();
    let length = ringway_file::create(&path, &small()).unwrap().geometry().total_length();
    for (changed, expected) in [(length - 4096, "truncated"), (length + 1, "grown")] {
        File::options().write(true).open(&path).unwrap().set_len(changed).unwrap();
        let error = refused(&path);
        assert!(matches!(&error, FileError::Geometry { error: GeometryError::Length { .. }, .. }), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn a_header_changed_after_it_was_checked_gives_no_role() {
    let (_directory, path) = vacant();
    let ring = ringway_file::create(&path, &small()).unwrap();
    move_to_another_boot(&path);
    assert!(matches!(ring.producer(), Err(AttachError::Geometry(_))));
    assert!(matches!(ring.consumer(Start::Oldest), Err(AttachError::Geometry(_))));
    assert!(matches!(ring.observer(Start::Oldest, Resume::Latest), Err(AttachError::Geometry(_))));
}

#[test]
fn another_hard_link() {
    let (_directory, path) = vacant();
    ringway_file::create(&path, &small()).unwrap();
    fs::hard_link(&path, path.with_file_name("other")).unwrap();
    assert!(matches!(refused(&path), FileError::Links { found: 2, .. }));
}

#[test]
fn a_file_of_another_user() {
    let (_directory, path) = vacant();
    ringway_file::create(&path, &small()).unwrap();
    let own = nix::unistd::geteuid();
    if !own.is_root() {
        println!("skipped: only root can give a file away");
        return;
    }
    std::os::unix::fs::chown(&path, Some(12345), None).unwrap();
    assert!(matches!(refused(&path), FileError::Owner { found: 12345, expected: 0, .. }));
    drop(OpenOptions::new().any_owner(true).open(&path).unwrap().producer().unwrap());
}

#[test]
fn a_ring_of_another_boot_can_at_most_be_looked_at() {
    let (_directory, path) = vacant();
    let ring = ringway_file::create(&path, &small()).unwrap();
    ring.producer().unwrap().publish(b"before the crash").unwrap();
    drop(ring);
    move_to_another_boot(&path);
    assert!(matches!(refused(&path), FileError::OtherBoot { .. }));

    let allowing = OpenOptions::new().allow_other_boot(true);
    assert!(matches!(allowing.open(&path), Err(FileError::OtherBoot { .. })));
    let ring = allowing.open_read_only(&path).unwrap();
    assert!(matches!(ring.producer(), Err(AttachError::OtherBoot)));
    assert!(matches!(ring.consumer(Start::Oldest), Err(AttachError::OtherBoot)));
    let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
    assert_eq!(&*observer.try_recv().unwrap().into_message().unwrap(), b"before the crash");
}

#[test]
fn a_file_system_without_shared_pages() {
    let path = Path::new("/proc/self/comm");
    let error = ringway_file::open_read_only(path).unwrap_err();
    assert!(matches!(error, FileError::UnsupportedFilesystem { name: "procfs", .. }), "{error}");
}

#[test]
fn offsets_where_no_ring_can_be() {
    let (_directory, path) = vacant();
    ringway_file::create(&path, &small()).unwrap();
    let at = |offset| OpenOptions::new().offset(offset);
    for offset in [1, 8, 4095, 4097] {
        let error = at(offset).open(&path).unwrap_err();
        assert!(matches!(error, FileError::UnalignedOffset { page_size: 4096, .. }), "{error}");
        assert!(error.to_string().contains("page size 4096"), "{error}");
    }
    assert!(matches!(at(4096).open(&path), Err(FileError::Geometry { offset: 4096, .. })));
    assert!(matches!(
        at(1 << 40).open(&path),
        Err(FileError::Geometry { error: GeometryError::TooShort { found: 0, .. }, .. })
    ));
}

#[test]
fn a_whole_file_ring_copied_into_a_larger_file() {
    let (_directory, path) = vacant();
    ringway_file::create(&path, &small()).unwrap();
    let ring = fs::read(&path).unwrap();
    let larger = path.with_file_name("larger");
    fs::write(&larger, [vec![0; 4096], ring].concat()).unwrap();
    let error = OpenOptions::new().offset(4096).open(&larger).unwrap_err();
    assert!(matches!(error, FileError::WrongPlacement { offset: 4096, .. }), "{error}");
}

#[test]
fn a_read_only_file_is_enough_to_observe() {
    let (_directory, path) = vacant();
    let ring = ringway_file::create(&path, &small()).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
    let view = ringway_file::open_read_only(&path).unwrap();
    drop(view.observer(Start::Oldest, Resume::Latest).unwrap());
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    ring.producer().unwrap().publish(b"unaffected").unwrap();
    assert_eq!(next(&mut consumer), b"unaffected");
}
