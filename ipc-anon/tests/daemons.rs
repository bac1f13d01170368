//! What daemons do: they close every descriptor, and drop their privileges. Without test threads, since only a
//! process with one thread can be forked.

#![allow(unsafe_code, reason = "forking a process and closing others' descriptors are unsafe")]

use std::fs::File;
use std::io::{Read, Write, pipe};

use nix::unistd::{Gid, Uid, dup2_stdin, dup2_stdout, setgroups, setresgid, setresuid};
use ringway_core::{AttachError, Config, Outcome, Resume, Ring, Start};
use testkit::child::{apart, hear, tell};
use testkit::harness::run_alone;
use testkit::named;
use testkit::users::OTHER;

fn main() {
    run_alone(named![
        closing_every_descriptor_frees_no_role,
        a_ring_whose_locks_were_closed_gives_no_role,
        a_ring_whose_locks_were_closed_closes_nobody_elses,
        roles_are_taken_after_a_change_of_user,
    ]);
}

fn small() -> Config {
    testkit::files::small().max_consumers(1)
}

/// As daemons do: all but standard input, output and error.
fn close_every_descriptor() {
    // SAFETY: the descriptors' owners are to bear it, which is what these tests are about.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) };
    assert_eq!(closed, 0, "{}", std::io::Error::last_os_error());
}

fn closing_every_descriptor_frees_no_role() {
    let ring = ringway_anon::create(&small()).unwrap();
    let ((mut said, say), (told, mut tell_it)) = (pipe().unwrap(), pipe().unwrap());
    let mut child = apart(|| {
        dup2_stdin(&told).unwrap();
        dup2_stdout(&say).unwrap();
        let say = || std::io::stdout().write_all(b"!").and_then(|()| std::io::stdout().flush()).unwrap();
        let mut producer = ring.producer().unwrap();
        let consumer = ring.consumer(Start::Oldest).unwrap();
        close_every_descriptor();
        producer.publish(b"closed").unwrap();
        // There is nothing left to ask by: nobody is declared dead.
        assert_eq!(consumer.producer_alive(), Ok(true));
        assert_eq!(producer.consumer_count(), Ok(1));
        say();
        std::io::stdin().read_exact(&mut [0]).unwrap();
        // Their numbers are others' by now.
        let others: Vec<_> = (0..20).map(|_| File::open("/dev/null").unwrap()).collect();
        assert_eq!(consumer.producer_alive(), Ok(true));
        drop((producer, consumer));
        others.iter().for_each(|other| assert!(other.metadata().is_ok()));
        say();
        std::io::stdin().read_exact(&mut [0]).unwrap();
    });
    hear(&mut said);
    let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
    assert_eq!(&*observer.try_recv().unwrap().into_message().unwrap(), b"closed");
    let pid = u64::from(child.id());
    let taken = ring.producer();
    assert!(matches!(taken, Err(AttachError::ProducerTaken { pid: found, .. }) if found == pid), "{taken:?}");
    assert!(matches!(ring.consumer(Start::Oldest), Err(AttachError::NoFreeCell { max: 1, .. })));
    assert_eq!(observer.producer_alive(), Ok(true));
    // Dropping the handles frees their roles all the same.
    tell(&mut tell_it);
    hear(&mut said);
    assert_eq!(observer.producer_alive(), Ok(false));
    let (_producer, _consumer) = (ring.producer().unwrap(), ring.consumer(Start::Oldest).unwrap());
    tell(&mut tell_it);
    assert!(child.wait().unwrap().success());
}

fn a_ring_whose_locks_were_closed_gives_no_role() {
    let ring = ringway_anon::create(&small()).unwrap();
    let _producer = ring.producer().unwrap();
    let mut child = apart(|| {
        close_every_descriptor();
        assert!(matches!(ring.producer(), Err(AttachError::Os { .. })));
        // Nor by the locks of another file, to which the number was given.
        let others: Vec<_> = (0..20).map(|_| tempfile::tempfile().unwrap()).collect();
        assert!(matches!(ring.producer(), Err(AttachError::Os { .. })));
        assert!(matches!(ring.consumer(Start::Oldest), Err(AttachError::Os { .. })));
        drop(others);
    });
    assert!(child.wait().unwrap().success());
}

fn a_ring_whose_locks_were_closed_closes_nobody_elses() {
    let [ring, another] = [(); 2].map(|()| ringway_anon::create(&small()).unwrap());
    close_every_descriptor();
    drop(another);
    // One of them has the number of the ring's locks.
    let others: Vec<_> = (0..20).map(|_| File::open("/dev/null").unwrap()).collect();
    drop(ring);
    others.iter().for_each(|other| assert!(other.metadata().is_ok()));
}

fn roles_are_taken_after_a_change_of_user() {
    if !Uid::effective().is_root() {
        println!("skipped: only root can become another user");
        return;
    }
    let ring = ringway_anon::create(&small()).unwrap();
    let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
    let mut child = apart(|| {
        let (user, group) = (Uid::from_raw(OTHER), Gid::from_raw(OTHER));
        setgroups(&[]).unwrap();
        setresgid(group, group, group).unwrap();
        setresuid(user, user, user).unwrap();
        let mut producer = ring.producer().unwrap();
        let mut consumer = ring.consumer(Start::Oldest).unwrap();
        let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
        producer.publish(b"unprivileged").unwrap();
        assert_eq!(&*consumer.try_recv().unwrap().into_message().unwrap(), b"unprivileged");
        assert_eq!(&*observer.try_recv().unwrap().into_message().unwrap(), b"unprivileged");
        assert!(matches!(ring.producer(), Err(AttachError::ProducerTaken { .. })));
    });
    assert!(child.wait().unwrap().success());
    let Outcome::Message(message) = observer.try_recv().unwrap() else { panic!("a message was sent") };
    assert_eq!(&*message, b"unprivileged");
}
