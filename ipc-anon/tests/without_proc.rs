//! Where /proc is missing, making a ring, taking a role and forking say so. Without test threads, since only a
//! process with one thread can be forked.

use ipc_anon::{AnonError, AnonRing, ForkError, fork};
use ipc_core::{AttachError, Config, Resume, Ring, Start};
use libtest_mimic::{Arguments, Failed, Trial};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

/// What a test that ran to its end exits with: no accident does.
const DONE: i32 = 77;

fn main() {
    let mut arguments = Arguments::from_args();
    // One thread: libtest-mimic runs the test in this one then.
    arguments.test_threads = Some(1);
    let trial = Trial::test("without_proc_everything_says_so", || {
        // SAFETY: the child uses nothing that was borrowed before.
        #[allow(unsafe_code)]
        let child = unsafe {
            fork(|| {
                without_proc_everything_says_so();
                DONE
            })
        };
        let status = child?.wait()?;
        if status.code() == Some(DONE) { Ok(()) } else { Err(Failed::from(status.to_string())) }
    });
    libtest_mimic::run(&arguments, vec![trial]).exit();
}

fn without_proc_everything_says_so() {
    let ring = AnonRing::new(&Config::new()).unwrap();
    let mut producer = ring.producer().unwrap();
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    let (none, private) = (None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE);
    let covered = unshare(CloneFlags::CLONE_NEWNS)
        .and_then(|()| mount(none, "/", none, private, none))
        .and_then(|()| mount(Some("tmpfs"), "/proc", Some("tmpfs"), MsFlags::empty(), none));
    if let Err(error) = covered {
        println!("skipped: no mount namespace ({error})");
        return;
    }
    let made = AnonRing::new(&Config::new());
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
    // Who has a role keeps it.
    producer.publish(b"on").unwrap();
    assert_eq!(&*consumer.try_recv().unwrap().message().unwrap(), b"on");
}
