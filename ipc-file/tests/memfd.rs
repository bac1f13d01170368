//! Rings in memfds: handed over, sealed, taken over, and gone when nobody has them.

use std::fs::File;
use std::io::{Write, pipe};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::Signal;
use ringway_core::{AttachError, Consumer, Outcome, Resume, Ring, Start, Wait};
use ringway_file::memfd::{self, MemfdOptions, MemfdRing};
use ringway_file::{FileError, OpenOptions};
use testkit::child::{child, hear, tell, until_killed};
use testkit::files::{next, small, vacant};
use testkit::harness::run_alone;
use testkit::header;
use testkit::{PATIENCE, named};

/// Names the part that this program plays when a test starts it anew.
const PART: &str = "RINGWAY_TEST_PART";
/// The seals of a ring's memfd.
const ALL: SealFlag = SealFlag::F_SEAL_SHRINK.union(SealFlag::F_SEAL_GROW).union(SealFlag::F_SEAL_SEAL);
fn main() {
    if std::env::var_os(PART).is_some() {
        return inheritor();
    }
    run_alone(named![
        a_ring_sent_over_a_socket_is_the_same_ring,
        a_started_program_inherits_a_ring,
        a_descriptor_that_was_inherited_is_passed_on_to_no_program,
        nobody_can_change_a_rings_length,
        the_mode_is_for_the_owner_alone,
        an_unsealed_memfd_is_refused_and_names_its_seals,
        what_is_no_memfd_is_refused,
        a_memfd_that_holds_no_sound_ring_is_refused,
        a_read_only_descriptor_is_for_observers_alone,
        a_killed_producer_is_succeeded_by_the_other_process,
        a_message_without_one_descriptor_is_no_ring,
        nothing_is_left_when_all_have_dropped_it,
        messages_name_the_memfd,
    ]);
}

fn ring() -> MemfdRing {
    MemfdOptions::new().name("quotes").create(&small()).unwrap()
}

/// What happens next, which must be a message.
fn receive(consumer: &mut Consumer) -> Vec<u8> {
    consumer.set_wait(Wait::Yield);
    match consumer.recv_timeout(PATIENCE).expect("a sound ring") {
        Outcome::Message(message) => message.to_vec(),
        other => panic!("no message but {other:?}"),
    }
}

fn a_ring_sent_over_a_socket_is_the_same_ring() {
    let (here, there) = UnixStream::pair().unwrap();
    let (mut told, mut telling) = pipe().unwrap();
    let reader = child(|| {
        let ring = memfd::receive(&there).unwrap();
        assert!(!ring.is_read_only());
        // Received close-on-exec.
        let flags = fcntl(&ring, FcntlArg::F_GETFD).unwrap();
        assert_eq!(flags, FdFlag::FD_CLOEXEC.bits());
        let mut consumer = ring.consumer(Start::Oldest).unwrap();
        consumer.set_wait(Wait::Yield);
        // The sender has the role, and keeps it until it has found this consumer.
        let pid = u64::from(std::os::unix::process::parent_id());
        assert!(
            matches!(ring.producer(), Err(AttachError::ProducerTaken { pid: found, .. }) if found == pid)
        );
        tell(&mut telling);
        assert_eq!(receive(&mut consumer), b"over the socket");
        assert!(matches!(consumer.recv_timeout(PATIENCE), Ok(Outcome::Closed)));
    });
    let ring = ring();
    let mut producer = ring.producer().unwrap();
    ring.send(&here).unwrap();
    hear(&mut told);
    assert_eq!(producer.consumer_count().unwrap(), 1);
    producer.publish(b"over the socket").unwrap();
    producer.close().unwrap();
    reader.succeed();
}

/// The program that `a_started_program_inherits_a_ring` starts.
fn inheritor() {
    let descriptor = std::io::stdin().as_fd().try_clone_to_owned().unwrap();
    let ring = memfd::open(descriptor).unwrap();
    ring.producer().unwrap().publish(b"from a program of its own").unwrap();
}

fn a_started_program_inherits_a_ring() {
    let ring = ring();
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    let descriptor = ring.as_fd().try_clone_to_owned().unwrap();
    let mut program = Command::new(std::env::current_exe().unwrap())
        .env(PART, "inheritor")
        .stdin(Stdio::from(descriptor))
        .spawn()
        .unwrap();
    assert!(program.wait().unwrap().success());
    assert_eq!(next(&mut consumer), b"from a program of its own");
    assert!(!consumer.producer_alive().unwrap());
}

fn a_descriptor_that_was_inherited_is_passed_on_to_no_program() {
    let inherited = nix::unistd::dup(ring()).unwrap();
    assert_eq!(fcntl(&inherited, FcntlArg::F_GETFD), Ok(0));
    let opened = memfd::open(inherited).unwrap();
    assert_eq!(fcntl(&opened, FcntlArg::F_GETFD), Ok(FdFlag::FD_CLOEXEC.bits()));
}

fn nobody_can_change_a_rings_length() {
    let ring = ring();
    let file = File::from(ring.as_fd().try_clone_to_owned().unwrap());
    let length = ring.geometry().total_length();
    assert_eq!(file.metadata().unwrap().len(), length);
    for other in [0, length - 1, length + 1] {
        let refused = file.set_len(other).unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(libc::EPERM), "to {other} bytes");
    }
    // Nor can anybody add the seals that would lock out the next producer.
    for seal in [SealFlag::F_SEAL_WRITE, SealFlag::from_bits_retain(libc::F_SEAL_FUTURE_WRITE)] {
        assert_eq!(fcntl(&file, FcntlArg::F_ADD_SEALS(seal)), Err(Errno::EPERM));
    }
    // All of it is there: no page has to be found later.
    assert!(file.metadata().unwrap().blocks() * 512 >= length);
    ring.producer().unwrap().publish(b"x").unwrap();
}

fn the_mode_is_for_the_owner_alone() {
    let mode = |ring: &MemfdRing| {
        let file = File::from(ring.as_fd().try_clone_to_owned().unwrap());
        file.metadata().unwrap().mode() & 0o7777
    };
    assert_eq!(mode(&ring()), 0o600);
    let readable = MemfdOptions::new().mode(0o644).name("quotes").create(&small()).unwrap();
    assert_eq!(mode(&readable), 0o644);
}

/// A memfd with these bytes and seals.
fn sealed(bytes: &[u8], seals: SealFlag) -> OwnedFd {
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let file = File::from(memfd_create("by hand", flags).unwrap());
    (&file).write_all(bytes).unwrap();
    fcntl(&file, FcntlArg::F_ADD_SEALS(seals)).unwrap();
    file.into()
}

fn an_unsealed_memfd_is_refused_and_names_its_seals() {
    let (_directory, path) = vacant();
    ringway_file::create(&path, &small()).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    for (lacking, name) in [
        (SealFlag::F_SEAL_SHRINK, "F_SEAL_SHRINK"),
        (SealFlag::F_SEAL_GROW, "F_SEAL_GROW"),
        (SealFlag::F_SEAL_SEAL, "F_SEAL_SEAL"),
        (ALL, "F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW"),
    ] {
        match memfd::open(sealed(&bytes, ALL - lacking)) {
            Err(FileError::Unsealed { path, missing }) => {
                assert_eq!((path.as_path(), missing.as_str()), (Path::new("memfd:by hand"), name));
            }
            other => panic!("without {name}: {other:?}"),
        }
    }
    // The same bytes with all the seals are a ring.
    memfd::open(sealed(&bytes, ALL)).unwrap();
}

fn what_is_no_memfd_is_refused() {
    // On a disk and in memory: no file with a name has a memfd's seals.
    for directory in ["/tmp", "/dev/shm"] {
        let directory = tempfile::tempdir_in(directory).unwrap();
        let path = directory.path().join("ring");
        ringway_file::create(&path, &small()).unwrap();
        let opened = memfd::open(File::open(&path).unwrap().into());
        let refused = matches!(opened, Err(FileError::NotMemfd { .. } | FileError::Unsealed { .. }));
        assert!(refused, "{opened:?}");
    }
    let (reader, _writer) = pipe().unwrap();
    assert!(matches!(memfd::open(reader.into()), Err(FileError::NotRegular { kind: "FIFO", .. })));
    let directory = File::open("/").unwrap();
    assert!(matches!(memfd::open(directory.into()), Err(FileError::Directory { .. })));
}

fn a_memfd_that_holds_no_sound_ring_is_refused() {
    let geometry = |bytes: &[u8]| match memfd::open(sealed(bytes, ALL)) {
        Err(FileError::Geometry { .. }) => {}
        other => panic!("{} bytes: {other:?}", bytes.len()),
    };
    geometry(b"");
    geometry(&[0; 8192]);
    let (_directory, path) = vacant();
    ringway_file::create(&path, &small()).unwrap();
    let ring = std::fs::read(&path).unwrap();
    memfd::open(sealed(&ring, ALL)).unwrap();
    geometry(&ring[..ring.len() - 1]);
    geometry(&[&ring[..], &[0]].concat());
    let mut flipped = ring.clone();
    flipped[40] ^= 1;
    geometry(&flipped);

    // One made to share its file, and one of another boot.
    let shared = path.with_file_name("shared");
    OpenOptions::new().offset(0).create(&shared, &small()).unwrap();
    memfd::open(sealed(&std::fs::read(shared).unwrap(), ALL)).unwrap();
    header::move_to_another_boot(&path);
    let other = memfd::open(sealed(&std::fs::read(&path).unwrap(), ALL));
    assert!(matches!(other, Err(FileError::OtherBoot { .. })), "{other:?}");
}

fn a_read_only_descriptor_is_for_observers_alone() {
    let (here, there) = UnixStream::pair().unwrap();
    let ring = ring();
    let mut producer = ring.producer().unwrap();
    producer.publish(b"seen").unwrap();
    ring.send_read_only(&here).unwrap();
    child(|| {
        let ring = memfd::receive(&there).unwrap();
        assert!(ring.is_read_only());
        assert!(matches!(ring.producer(), Err(AttachError::ReadOnly { role: "producer" })));
        assert!(matches!(ring.consumer(Start::Oldest), Err(AttachError::ReadOnly { role: "consumer" })));
        let mut observer = ring.observer(Start::Oldest, Resume::Latest).unwrap();
        assert_eq!(&*observer.try_recv().unwrap().into_message().unwrap(), b"seen");
        assert!(observer.producer_alive().unwrap());
    })
    .succeed();
    drop(producer);
}

fn a_killed_producer_is_succeeded_by_the_other_process() {
    let (here, there) = UnixStream::pair().unwrap();
    let (mut told, mut telling) = pipe().unwrap();
    let first = child(|| {
        let ring = ring();
        let mut producer = ring.producer().unwrap();
        producer.publish(b"first").unwrap();
        ring.send(&here).unwrap();
        tell(&mut telling);
        until_killed();
    });
    let ring = memfd::receive(&there).unwrap();
    hear(&mut told);
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    consumer.set_wait(Wait::Yield);
    assert!(matches!(ring.producer(), Err(AttachError::ProducerTaken { .. })));
    assert_eq!(receive(&mut consumer), b"first");

    first.signal(Signal::SIGKILL);
    first.dies_by(Signal::SIGKILL);
    assert!(matches!(consumer.recv_timeout(PATIENCE), Ok(Outcome::ProducerLost)));
    let mut second = ring.producer().unwrap();
    assert_eq!((second.epoch(), second.next_seq()), (2, 1));
    second.publish(b"second").unwrap();
    assert_eq!(receive(&mut consumer), b"second");
    assert!(matches!(consumer.try_recv(), Ok(Outcome::EpochChanged { epoch: 2, first_seq: 1 })));
}

fn a_message_without_one_descriptor_is_no_ring() {
    use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
    use std::os::fd::AsRawFd;

    let (here, there) = UnixStream::pair().unwrap();
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let before = open();
    (&here).write_all(b"x").unwrap();
    assert!(matches!(memfd::receive(&there), Err(FileError::NoDescriptor { bytes: 1, found: 0, .. })));

    // Too many: none of them stays open.
    for many in [2, 3, 253] {
        let descriptors = vec![here.as_raw_fd(); many];
        let rights = [ControlMessage::ScmRights(&descriptors)];
        let part = [std::io::IoSlice::new(b"x")];
        sendmsg::<()>(here.as_raw_fd(), &part, &rights, MsgFlags::empty(), None).unwrap();
        match memfd::receive(&there) {
            Err(FileError::NoDescriptor { bytes: 1, found, .. }) => assert_eq!(found, many),
            other => panic!("{other:?}"),
        }
        assert_eq!(open(), before);
    }

    drop(here);
    assert!(matches!(memfd::receive(&there), Err(FileError::NoDescriptor { bytes: 0, found: 0, .. })));
    // A peer that is gone is an error to the sender, too.
    let ring = ring();
    assert!(matches!(ring.send(&there), Err(FileError::Os { action: "sending the ring's descriptor", .. })));
}

fn nothing_is_left_when_all_have_dropped_it() {
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let before = open();
    let ring = ring();
    let producer = ring.producer().unwrap();
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    // Roles outlive the ring.
    drop(ring);
    let mut producer = producer;
    producer.publish(b"on").unwrap();
    assert_eq!(next(&mut consumer), b"on");
    let maps = || std::fs::read_to_string("/proc/self/maps").unwrap();
    assert!(maps().contains("/memfd:quotes"));
    drop((producer, consumer));
    assert!(!maps().contains("/memfd:quotes"));
    assert_eq!(open(), before);
}

fn messages_name_the_memfd() {
    let ring = ring();
    assert_eq!(ring.to_string(), "memfd:quotes");
    assert!(format!("{ring:?}").contains("memfd:quotes"));
    let received = memfd::open(ring.as_fd().try_clone_to_owned().unwrap()).unwrap();
    assert_eq!(received.label(), Path::new("memfd:quotes"));
    let error = MemfdOptions::new().name("x".repeat(250)).create(&small()).unwrap_err();
    assert!(error.to_string().starts_with("memfd:xxx"), "{error}");
    assert!(matches!(error, FileError::Os { action: "creating a memfd", .. }));
}
