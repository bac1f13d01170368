//! Anonymous rings between forked processes. Without test threads, since only a process with one thread can
//! be forked.

use std::io::{Read, Write, pipe};
use std::os::fd::AsRawFd;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Instant;

use ringway_anon::{AnonRing, Child, ForkError};
use ringway_core::{AttachError, Consumer, Outcome, PublishError, RecvError, Resume, Ring, Start, Wait};
use testkit::child::{fork, hear, tell};
use testkit::files::small;
use testkit::harness::run_alone;
use testkit::{PATIENCE, named};

fn main() {
    run_alone(named![
        a_child_streams_to_its_parent,
        a_parent_streams_to_its_child,
        siblings_stream_to_each_other,
        a_handle_used_in_a_forked_child_is_refused,
        a_childs_death_frees_its_roles,
        a_ring_outlives_the_process_that_made_it,
        a_child_exits_with_its_code,
        what_was_printed_before_a_fork_is_printed_once,
        a_panic_in_a_child_is_code_101_and_said,
        a_dropped_child_is_killed_and_reaped,
        a_child_does_not_reap_its_siblings,
        waiting_goes_on_after_a_signal,
        a_process_with_threads_is_not_forked,
    ]);
}

/// How the child ends.
fn join(mut child: Child) -> ExitStatus {
    child.wait().expect("a child")
}

/// Sends numbers until `count` are published, waiting whenever the ring is full.
fn send(ring: &AnonRing, count: u64) -> i32 {
    let mut producer = ring.producer().expect("the producer's role");
    producer.set_wait(Wait::Yield);
    for number in 0..count {
        producer.publish_timeout(&number.to_le_bytes(), PATIENCE).expect("a reader that keeps up");
    }
    producer.close().expect("still the producer");
    0
}

/// Receives numbers until the ring is closed: all of them, in order.
fn receive(consumer: &mut Consumer) -> u64 {
    consumer.set_wait(Wait::Yield);
    let mut count: u64 = 0;
    loop {
        match consumer.recv_timeout(PATIENCE).expect("a sound ring") {
            Outcome::Message(message) => {
                assert_eq!(*message, count.to_le_bytes());
                count += 1;
            }
            Outcome::Closed => return count,
            other => panic!("{other:?}"),
        }
    }
}

fn a_child_streams_to_its_parent() {
    let ring = ringway_anon::create(&small()).unwrap();
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    assert!(consumer.in_place());
    let child = fork(|| send(&ring, 10_000));
    assert_eq!(receive(&mut consumer), 10_000);
    assert!(join(child).success());
}

fn a_parent_streams_to_its_child() {
    let ring = ringway_anon::create(&small()).unwrap();
    let (mut reader, mut writer) = pipe().unwrap();
    let child = fork(|| {
        let mut consumer = ring.consumer(Start::Oldest).unwrap();
        tell(&mut writer);
        assert_eq!(receive(&mut consumer), 10_000);
        0
    });
    hear(&mut reader);
    send(&ring, 10_000);
    assert!(join(child).success());
}

fn siblings_stream_to_each_other() {
    let ring = ringway_anon::create(&small().slots(1024).section_align(1 << 21)).unwrap();
    let (mut reader, mut writer) = pipe().unwrap();
    let receiver = fork(|| {
        let mut consumer = ring.consumer(Start::Oldest).unwrap();
        tell(&mut writer);
        assert_eq!(receive(&mut consumer), 10_000);
        0
    });
    hear(&mut reader);
    let sender = fork(|| send(&ring, 10_000));
    assert!(join(sender).success());
    assert!(join(receiver).success());
}

fn a_handle_used_in_a_forked_child_is_refused() {
    let ring = ringway_anon::create(&small()).unwrap();
    let mut producer = ring.producer().unwrap();
    producer.publish(b"parent").unwrap();
    let consumer = ring.consumer(Start::Oldest).unwrap();
    let observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
    let mut handles = Some((producer, consumer, observer));
    let child = fork(|| {
        let (mut producer, mut consumer, mut observer) = handles.take().unwrap();
        assert!(matches!(producer.publish(b"child"), Err(PublishError::Forked(_))));
        assert!(matches!(consumer.try_recv(), Err(RecvError::Forked(_))));
        assert!(matches!(observer.try_recv(), Err(RecvError::Forked(_))));
        drop((producer, consumer, observer));
        0
    });
    assert!(join(child).success());
    let (mut producer, mut consumer, _observer) = handles.unwrap();
    assert_eq!(&*consumer.try_recv().unwrap().into_message().unwrap(), b"parent");
    assert_eq!(producer.publish(b"still here").unwrap(), 1);
}

fn a_childs_death_frees_its_roles() {
    let ring = ringway_anon::create(&small().max_consumers(1)).unwrap();
    let (mut reader, mut writer) = pipe().unwrap();
    let mut child = fork(|| {
        let mut producer = ring.producer().unwrap();
        let _consumer = ring.consumer(Start::Oldest).unwrap();
        producer.publish(b"last words").unwrap();
        tell(&mut writer);
        loop {
            std::thread::park();
        }
    });
    hear(&mut reader);
    let taken = ring.producer();
    assert!(
        matches!(taken, Err(AttachError::ProducerTaken { pid, .. }) if pid == u64::from(child.id())),
        "{taken:?}"
    );
    assert!(matches!(ring.consumer(Start::Oldest), Err(AttachError::NoFreeCell { max: 1, .. })));
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    let mut successor = ring.producer().unwrap();
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    successor.publish(b"and on").unwrap();
    assert_eq!(&*consumer.try_recv().unwrap().into_message().unwrap(), b"last words");
    assert_eq!(&*consumer.try_recv().unwrap().into_message().unwrap(), b"and on");
}

fn a_ring_outlives_the_process_that_made_it() {
    let (mut reader, mut writer) = pipe().unwrap();
    let (mut answers, mut answer) = pipe().unwrap();
    let parent = fork(|| {
        let ring = ringway_anon::create(&small()).unwrap();
        let mut producer = ring.producer().unwrap();
        producer.publish(b"from the dead").unwrap();
        // It outlives its parent, too: nobody drops its handle.
        std::mem::forget(fork(|| {
            hear(&mut reader);
            let mut consumer = ring.consumer(Start::Oldest).unwrap();
            assert!(!consumer.producer_alive().unwrap());
            let message = consumer.try_recv().unwrap().into_message().unwrap();
            answer.write_all(&message).unwrap();
            0
        }));
        0
    });
    drop(answer);
    assert!(join(parent).success());
    tell(&mut writer);
    let mut heard = Vec::new();
    answers.read_to_end(&mut heard).unwrap();
    assert_eq!(heard, b"from the dead");
}

fn a_child_exits_with_its_code() {
    let mut child = fork(|| 7);
    assert_eq!(child.wait().unwrap().code(), Some(7));
    // The answer stays.
    assert_eq!(child.try_wait().unwrap().unwrap().code(), Some(7));
    assert_eq!(child.wait().unwrap().code(), Some(7));
    child.kill().unwrap();
}

fn what_was_printed_before_a_fork_is_printed_once() {
    let (mut reader, writer) = pipe().unwrap();
    let printer = fork(|| {
        nix::unistd::dup2_stdout(&writer).unwrap();
        print!("parent ");
        let child = fork(|| {
            print!("child");
            0
        });
        assert!(join(child).success());
        0
    });
    drop(writer);
    let mut printed = String::new();
    reader.read_to_string(&mut printed).unwrap();
    assert_eq!(printed, "parent child");
    assert!(join(printer).success());
}

fn a_panic_in_a_child_is_code_101_and_said() {
    let (mut reader, writer) = pipe().unwrap();
    let child = fork(|| {
        nix::unistd::dup2_stderr(&writer).unwrap();
        std::panic::set_hook(Box::new(|_| {}));
        panic!("of number {}", 13);
    });
    drop(writer);
    let mut said = String::new();
    reader.read_to_string(&mut said).unwrap();
    assert!(said.contains("panicked: of number 13"), "{said:?}");
    assert_eq!(join(child).code(), Some(101));
}

fn a_dropped_child_is_killed_and_reaped() {
    let (mut reader, writer) = pipe().unwrap();
    let child = fork(|| {
        loop {
            std::thread::park();
        }
    });
    let id = child.id();
    drop(writer);
    drop(child);
    // The child had the pipe's other end open until it died.
    assert_eq!(reader.read(&mut [0]).unwrap(), 0);
    assert!(!std::path::Path::new(&format!("/proc/{id}")).exists());
}

fn a_child_does_not_reap_its_siblings() {
    let (mut reader, mut writer) = pipe().unwrap();
    let first = fork(|| {
        hear(&mut reader);
        5
    });
    let mut first = Some(first);
    let second = fork(|| {
        let mut first = first.take().unwrap();
        assert!(first.kill().is_err() && first.wait().is_err());
        drop(first);
        0
    });
    assert!(join(second).success());
    tell(&mut writer);
    assert_eq!(join(first.unwrap()).code(), Some(5));
}

/// Where the signal handler says that it ran.
static HANDLED: AtomicI32 = AtomicI32::new(-1);

extern "C" fn say_so(_: i32) {
    // SAFETY: a write of one byte that lives as long as the program, in a handler, where `write` is allowed.
    #[allow(unsafe_code)]
    unsafe {
        libc::write(HANDLED.load(Ordering::Relaxed), b"!".as_ptr().cast(), 1)
    };
}

fn waiting_goes_on_after_a_signal() {
    use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, kill, sigaction};
    let (mut reader, writer) = pipe().unwrap();
    HANDLED.store(writer.as_raw_fd(), Ordering::Relaxed);
    // Without SA_RESTART: the system call returns EINTR.
    let action = SigAction::new(SigHandler::Handler(say_so), SaFlags::empty(), SigSet::empty());
    // SAFETY: the handler calls nothing that a handler may not.
    #[allow(unsafe_code)]
    unsafe { sigaction(Signal::SIGUSR1, &action) }.unwrap();
    let parent = nix::unistd::Pid::this();
    let mut child = fork(|| {
        // Until the parent sleeps in `wait`, as the kernel sees it.
        let place = format!("/proc/{parent}/wchan");
        let deadline = Instant::now() + PATIENCE;
        while !std::fs::read_to_string(&place).unwrap().contains("wait") && Instant::now() < deadline {
            std::thread::yield_now();
        }
        kill(parent, Signal::SIGUSR1).unwrap();
        // Not before the parent has seen the signal: a child that ended is what `wait` would find first.
        hear(&mut reader);
        3
    });
    assert_eq!(child.wait().unwrap().code(), Some(3));
}

fn a_process_with_threads_is_not_forked() {
    let (mut reader, mut writer) = pipe().unwrap();
    let thread = std::thread::spawn(move || hear(&mut reader));
    // SAFETY: the child uses nothing.
    #[allow(unsafe_code)]
    let forked = unsafe { ringway_anon::fork(|| 0) };
    assert!(matches!(forked, Err(ForkError::MultiThreaded { threads: 2 })), "{forked:?}");
    tell(&mut writer);
    thread.join().unwrap();
}
