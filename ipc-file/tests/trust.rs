//! What users and roles can do to each other: each promise of docs/files-and-trust.md, section 8, tried by a
//! process that would break it. Needs root, to be other users; says so where it isn't.

use std::fs::{File, Permissions};
use std::io::{Write, pipe};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::ptr::NonNull;

use nix::errno::Errno;
use nix::sys::mman::{MapFlags, ProtFlags, mmap, mprotect};
use nix::sys::signal::Signal;
use nix::unistd::Gid;
use ringway_core::{AttachError, Geometry, Resume, Ring, Section, Start};
use ringway_file::memfd::{MemfdOptions, MemfdRing};
use ringway_file::placement::{Lock, LockTable};
use ringway_file::{FileError, FileRing, OpenOptions};
use testkit::child::{child, hear, tell, until_killed};
use testkit::files::{next, small, vacant};
use testkit::harness::run_alone;
use testkit::named;
use testkit::users::{BOTH, OTHER, OWNER, shared, user};

fn main() {
    run_alone(named![
        a_stray_write_of_a_role_hits_nothing_but_what_the_role_writes,
        without_a_promise_nothing_is_borrowed,
        by_default_nobody_else_can_open_a_ring,
        who_may_read_can_observe,
        who_may_read_cannot_change_a_byte,
        who_may_read_can_refuse_new_roles_but_is_no_role,
        who_may_read_can_refuse_removal,
        a_planted_file_is_refused_unless_its_owner_is_trusted,
        what_root_made_is_trusted,
        a_memfd_is_for_its_owner_whoever_gets_the_descriptor,
        a_readable_memfd_is_observed_by_another_user_and_not_changed,
    ]);
}

/// A ring of `OWNER`'s with the mode, for the group of both.
fn owned(path: &Path, mode: u32) {
    user(OWNER, || {
        let ring = OpenOptions::new().mode(mode).create(path, &small()).unwrap();
        nix::unistd::chown(path, None, Some(Gid::from_raw(BOTH))).unwrap();
        ring.producer().unwrap().publish(b"for all to read").unwrap();
    })
    .succeed();
}

fn reading() -> OpenOptions {
    OpenOptions::new().any_owner(true)
}

fn observed(ring: &impl Ring) {
    let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
    assert_eq!(&*observer.try_recv().unwrap().into_message().unwrap(), b"for all to read");
}

/// Where this process maps each section of the only ring whose file's name holds `name`.
fn mapped(name: &str, geometry: &Geometry) -> [NonNull<u8>; 5] {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let at = |section: Section| {
        let found = maps.lines().filter(|line| line.contains(name)).find_map(|line| {
            let fields: Vec<_> = line.split_whitespace().collect();
            let hex = |text| u64::from_str_radix(text, 16).unwrap();
            let (from, to) = fields[0].split_once('-').unwrap();
            let (from, to, offset) = (hex(from), hex(to), hex(fields[2]));
            let inside = (offset..offset + to - from).contains(&section.offset);
            inside.then(|| from + section.offset - offset)
        });
        NonNull::new(std::ptr::with_exposed_provenance_mut(found.expect("a mapped section") as usize))
            .unwrap()
    };
    [
        at(geometry.geometry_section()),
        at(geometry.producer_section()),
        at(geometry.hints_section()),
        at(geometry.consumers_section()),
        at(geometry.slots_section()),
    ]
}

#[allow(unsafe_code)]
fn a_stray_write_of_a_role_hits_nothing_but_what_the_role_writes() {
    let stray = |role: &dyn Fn(&FileRing) -> Box<dyn std::any::Any>, writes: [bool; 5]| {
        for (section, writes) in writes.into_iter().enumerate() {
            let (_directory, path) = vacant();
            let ended = child(|| {
                let ring = ringway_file::create(&path, &small()).unwrap();
                let role = role(&ring);
                let at = mapped(path.to_str().unwrap(), ring.geometry())[section];
                // SAFETY: mapped; whether it may be written is what the test is about.
                unsafe { at.write_volatile(0) };
                std::mem::forget(role);
            });
            if writes { ended.succeed() } else { ended.dies_by(Signal::SIGSEGV) }
        }
    };
    // In this order: geometry, producer page, hints, cells, slots.
    stray(&|ring| Box::new(ring.producer().unwrap()), [false, true, true, false, true]);
    stray(&|ring| Box::new(ring.consumer(Start::Oldest).unwrap()), [false, false, true, true, false]);
    let observer = |ring: &FileRing| ring.observer(Start::Oldest, Resume::Latest).unwrap();
    stray(&|ring| Box::new(observer(ring)), [false; 5]);
}

fn without_a_promise_nothing_is_borrowed() {
    let (_directory, path) = vacant();
    let ring = ringway_file::create(&path, &small()).unwrap();
    let mut producer = ring.producer().unwrap();
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    assert!(!consumer.in_place());
    producer.publish(b"as it was").unwrap();
    let message = consumer.try_recv().unwrap().into_message().unwrap();
    // Somebody writes over the slot while the message is held.
    let slots = ring.geometry().slots_section();
    let file = File::options().write(true).open(&path).unwrap();
    file.write_all_at(&vec![0xff; slots.length as usize], slots.offset).unwrap();
    assert_eq!(&*message, b"as it was");
}

fn by_default_nobody_else_can_open_a_ring() {
    let Some((_directory, path)) = shared() else { return };
    user(OWNER, || drop(ringway_file::create(&path, &small()).unwrap())).succeed();
    user(OTHER, || {
        let refused = |opened: Result<FileRing, FileError>| match opened {
            Err(error @ FileError::PermissionDenied { uid: OTHER, action: "opening the file", .. }) => {
                let text = error.to_string();
                assert!(text.contains("isn't permitted to uid 64002"), "{text}");
                assert!(text.contains(path.to_str().unwrap()), "{text}");
            }
            other => panic!("{other:?}"),
        };
        refused(ringway_file::open(&path));
        refused(ringway_file::open_read_only(&path));
        refused(reading().open(&path));
        refused(ringway_file::open_or_create(&path, &small()));
        refused(OpenOptions::new().offset(1 << 20).create(&path, &small()));
        assert!(matches!(ringway_file::remove(&path), Err(FileError::PermissionDenied { uid: OTHER, .. })));
        // Nor does creating one replace it.
        assert!(matches!(ringway_file::create(&path, &small()), Err(FileError::AlreadyExists { .. })));
    })
    .succeed();
}

fn who_may_read_can_observe() {
    for mode in [0o640, 0o644] {
        let Some((_directory, path)) = shared() else { return };
        owned(&path, mode);
        user(OTHER, || {
            let ring = reading().open_read_only(&path).unwrap();
            observed(&ring);
            assert!(matches!(ring.producer(), Err(AttachError::ReadOnly { role: "producer" })));
            assert!(matches!(ring.consumer(Start::Oldest), Err(AttachError::ReadOnly { role: "consumer" })));
            for opened in [reading().open(&path), reading().open_or_create(&path, &small())] {
                assert!(matches!(opened, Err(FileError::PermissionDenied { uid: OTHER, .. })), "{opened:?}");
            }
        })
        .succeed();
    }
}

/// Tries to write by all that a reader of the file has: the file, a descriptor, a mapping.
#[allow(unsafe_code)]
fn cannot_write(file: &File, name: &str, geometry: &Geometry) {
    let again = format!("/proc/self/fd/{}", file.as_raw_fd());
    let error = File::options().write(true).open(again).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EACCES));
    assert!(file.write_at(b"x", 0).is_err());
    assert!(file.set_len(0).is_err());
    let length = geometry.total_length().try_into().ok().and_then(std::num::NonZeroUsize::new).unwrap();
    let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    // SAFETY: a new mapping, if there is one, touches nothing.
    let mapping = unsafe { mmap(None, length, access, MapFlags::MAP_SHARED, file, 0) };
    assert_eq!(mapping, Err(Errno::EACCES));
    for section in mapped(name, geometry) {
        // SAFETY: nothing is written, whatever is allowed.
        assert_eq!(unsafe { mprotect(section.cast(), 4096, access) }, Err(Errno::EACCES));
    }
}

fn who_may_read_cannot_change_a_byte() {
    for mode in [0o640, 0o644] {
        let Some((_directory, path)) = shared() else { return };
        owned(&path, mode);
        let before = std::fs::read(&path).unwrap();
        user(OTHER, || {
            let ring = reading().open_read_only(&path).unwrap();
            let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
            drop(observer.try_recv().unwrap());
            let name = path.to_str().unwrap();
            cannot_write(&File::open(&path).unwrap(), name, ring.geometry());
            let error = File::options().write(true).open(&path).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EACCES));
            assert_eq!(nix::unistd::truncate(&path, 0), Err(Errno::EACCES));
            let error = std::fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EPERM));
            // In a directory like /tmp it can't take the name away either.
            assert_eq!(nix::unistd::unlink(&path), Err(Errno::EPERM));
            assert!(std::fs::rename(&path, path.with_extension("moved")).is_err());
        })
        .succeed();
        assert!(std::fs::read(&path).unwrap() == before);
    }
}

fn who_may_read_can_refuse_new_roles_but_is_no_role() {
    let Some((_directory, path)) = shared() else { return };
    owned(&path, 0o644);
    let (mut locked, mut lock) = pipe().unwrap();
    let stranger = user(OTHER, || {
        let file = File::open(&path).unwrap();
        let table = LockTable::at(0);
        for byte in [LockTable::PRODUCER, LockTable::cell(0), LockTable::cell(1)] {
            // What a role holds, it can't.
            assert!(table.try_lock(file.as_fd(), byte, Lock::Write).is_err());
            assert!(table.try_lock(file.as_fd(), byte, Lock::Read).unwrap());
        }
        tell(&mut lock);
        until_killed();
    });
    hear(&mut locked);
    user(OWNER, || {
        let ring = ringway_file::open(&path).unwrap();
        assert!(matches!(ring.producer(), Err(AttachError::LockHeldByReader { byte: 0 })));
        assert!(matches!(ring.consumer(Start::Oldest), Err(AttachError::LockHeldByReader { byte: 3 })));
        let observer = ring.observer(Start::Oldest, Resume::Latest).unwrap();
        assert!(!observer.producer_alive().unwrap());
        assert!(observer.consumers().unwrap().is_empty());
    })
    .succeed();
    stranger.signal(Signal::SIGKILL);
    stranger.dies_by(Signal::SIGKILL);

    // A role that was taken goes on, and no process gets a lock against it.
    let (mut taken, mut take) = pipe().unwrap();
    let (mut tried, mut trying) = pipe().unwrap();
    let owner = user(OWNER, || {
        let ring = ringway_file::open(&path).unwrap();
        let mut producer = ring.producer().unwrap();
        let mut consumer = ring.consumer(Start::Latest).unwrap();
        tell(&mut take);
        hear(&mut tried);
        producer.publish(b"undisturbed").unwrap();
        assert_eq!(next(&mut consumer), b"undisturbed");
    });
    hear(&mut taken);
    user(OTHER, || {
        let file = File::open(&path).unwrap();
        let table = LockTable::at(0);
        for byte in [LockTable::PRODUCER, LockTable::cell(0)] {
            assert!(!table.try_lock(file.as_fd(), byte, Lock::Read).unwrap());
        }
    })
    .succeed();
    tell(&mut trying);
    owner.succeed();
}

fn who_may_read_can_refuse_removal() {
    let Some((_directory, path)) = shared() else { return };
    owned(&path, 0o644);
    let (mut opened, mut open) = pipe().unwrap();
    let stranger = user(OTHER, || {
        let _ring = reading().open_read_only(&path).unwrap();
        tell(&mut open);
        until_killed();
    });
    hear(&mut opened);
    user(OWNER, || assert!(matches!(ringway_file::remove(&path), Err(FileError::InUse { .. })))).succeed();
    stranger.signal(Signal::SIGKILL);
    stranger.dies_by(Signal::SIGKILL);
    user(OWNER, || ringway_file::remove(&path).unwrap()).succeed();
}

fn a_planted_file_is_refused_unless_its_owner_is_trusted() {
    let Some((_directory, path)) = shared() else { return };
    user(OTHER, || drop(OpenOptions::new().mode(0o666).create(&path, &small()).unwrap())).succeed();
    let refused = |expected: u32| {
        for opened in [
            ringway_file::open(&path),
            ringway_file::open_read_only(&path),
            ringway_file::open_or_create(&path, &small()),
        ] {
            match opened {
                Err(error @ FileError::Owner { found: OTHER, .. }) => {
                    let said = format!("belongs to uid {OTHER}, expected {expected} (this process)");
                    assert!(error.to_string().contains(&said), "{error}");
                }
                other => panic!("{other:?}"),
            }
        }
        let trusted = OpenOptions::new().any_owner(true).open(&path).unwrap();
        drop(trusted.producer().unwrap());
    };
    user(OWNER, || refused(OWNER)).succeed();
    // Root could open anything, and is as careful.
    child(|| refused(0)).succeed();
}

fn what_root_made_is_trusted() {
    let Some((_directory, path)) = shared() else { return };
    let ring = OpenOptions::new().mode(0o644).create(&path, &small()).unwrap();
    ring.producer().unwrap().publish(b"for all to read").unwrap();
    user(OTHER, || {
        let ring = ringway_file::open_read_only(&path).unwrap();
        observed(&ring);
    })
    .succeed();
}

/// A ring of `OWNER`'s in a memfd of this mode is handed to `OTHER`.
fn handed_over(mode: u32, send: fn(&MemfdRing, &UnixStream), receive: impl FnOnce(&UnixStream)) {
    let (here, there) = UnixStream::pair().unwrap();
    let (mut done, mut doing) = pipe().unwrap();
    let owner = user(OWNER, || {
        let ring = MemfdOptions::new().mode(mode).name("shared").create(&small()).unwrap();
        ring.producer().unwrap().publish(b"for all to read").unwrap();
        send(&ring, &here);
        hear(&mut done);
    });
    user(OTHER, || receive(&there)).succeed();
    tell(&mut doing);
    owner.succeed();
}

fn a_memfd_is_for_its_owner_whoever_gets_the_descriptor() {
    if shared().is_none() {
        return;
    }
    handed_over(
        0o600,
        |ring, socket| ring.send(socket).unwrap(),
        |socket| {
            let received = ringway_file::memfd::receive(socket);
            let refused = matches!(received, Err(FileError::Owner { found: OWNER, expected: OTHER, .. }));
            assert!(refused, "{received:?}");
        },
    );
    handed_over(
        0o600,
        |ring, socket| ring.send(socket).unwrap(),
        |socket| {
            let ring = MemfdOptions::new().any_owner(true).receive(socket).unwrap();
            let denied = |attached: Result<(), AttachError>| match attached {
                Err(AttachError::NotPermitted { uid: OTHER, error }) => {
                    assert_eq!(error.raw_os_error(), Some(libc::EACCES));
                }
                other => panic!("{other:?}"),
            };
            denied(ring.producer().map(drop));
            denied(ring.consumer(Start::Oldest).map(drop));
            denied(ring.observer(Start::Oldest, Resume::Latest).map(drop));
            // But a descriptor that is open for writing is the right to write, wherever it came from.
            File::from(ring.as_fd().try_clone_to_owned().unwrap()).write_all(b"x").unwrap();
        },
    );
}

fn a_readable_memfd_is_observed_by_another_user_and_not_changed() {
    if shared().is_none() {
        return;
    }
    handed_over(
        0o644,
        |ring, socket| ring.send_read_only(socket).unwrap(),
        |socket| {
            let ring = MemfdOptions::new().any_owner(true).receive(socket).unwrap();
            assert!(matches!(ring.producer(), Err(AttachError::ReadOnly { .. })));
            let observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
            let file = File::from(ring.as_fd().try_clone_to_owned().unwrap());
            cannot_write(&file, "memfd:shared", ring.geometry());
            drop(observer);
            observed(&ring);
        },
    );
}
