//! Where /proc is missing, making a ring, taking a role and forking say so. Without test threads, since only a
//! process with one thread can be forked.

use std::path::Path;

use nix::mount::MsFlags;
use ringway_anon::{AnonError, ForkError, fork};
use ringway_core::{AttachError, Config, Resume, Ring, Start};
use testkit::harness::run_alone;
use testkit::mounts::{mount, own_mounts};
use testkit::named;

fn main() {
    run_alone(named![without_proc_everything_says_so]);
}

fn without_proc_everything_says_so() {
    let ring = ringway_anon::create(&Config::new()).unwrap();
    let mut producer = ring.producer().unwrap();
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    if !(own_mounts() && mount("tmpfs", Path::new("/proc"), MsFlags::empty(), "")) {
        return;
    }
    let made = ringway_anon::create(&Config::new());
    assert!(matches!(made, Err(AnonError::ProcUnavailable { .. })), "{made:?}");
    for refused in [
        ring.producer().map(drop),
        ring.consumer(Start::Oldest).map(drop),
        ring.observer(Start::Oldest, Resume::Latest).map(drop),
    ] {
        assert!(matches!(refused, Err(AttachError::ProcUnavailable { .. })), "{refused:?}");
    }
    // SAFETY: the child uses nothing.
    #[allow(unsafe_code)]
    let forked = unsafe { fork(|| 0) };
    assert!(matches!(forked, Err(ForkError::ProcUnavailable { .. })), "{forked:?}");
    // A role that was taken goes on.
    producer.publish(b"on").unwrap();
    assert_eq!(&*consumer.try_recv().unwrap().into_message().unwrap(), b"on");
}
