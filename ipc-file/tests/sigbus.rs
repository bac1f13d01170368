//! The guard's signal handler among others: nobody else's faults taken away, and threads and forks kept apart.

use std::io::pipe;
use std::num::NonZeroUsize;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use nix::sys::mman::{MapFlags, ProtFlags, mmap, mmap_anonymous};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, raise, sigaction};
use ringway_core::{PublishError, RecvError, Resume, Ring, Start, Truncated};
use ringway_file::guard_truncation;
use testkit::child::{child, hear, tell};
use testkit::files::{cut, made, next, small};
use testkit::harness::run_alone;
use testkit::named;

fn main() {
    run_alone(named![
        a_handler_set_before_gets_the_faults_of_others,
        a_handler_set_later_passes_the_roles_faults_on,
        faults_of_others_and_sent_signals_end_the_process_as_ever,
        a_signal_sent_from_outside_does_not_end_the_guard,
        a_previous_handler_that_sets_itself_anew_does_not_end_the_guard,
        asked_for_again_the_guard_comes_back,
        threads_that_fault_at_once_are_each_told,
        in_a_forked_child_a_guarded_handle_is_still_the_parents,
    ]);
}

/// A page of a file that is then cut short, at an address where nothing is: touching it is a fault that isn't
/// a ring's.
#[allow(unsafe_code)]
fn foreign(at: Option<usize>) -> *mut u8 {
    let file = tempfile::tempfile().unwrap();
    file.set_len(4096).unwrap();
    let (at, length) = (at.and_then(NonZeroUsize::new), NonZeroUsize::new(4096).unwrap());
    let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    let fixed = if at.is_some() { MapFlags::MAP_FIXED_NOREPLACE } else { MapFlags::empty() };
    // SAFETY: a new mapping that replaces none.
    let page = unsafe { mmap(at, length, access, MapFlags::MAP_SHARED | fixed, &file, 0) }.unwrap();
    file.set_len(0).unwrap();
    page.as_ptr().cast()
}

#[allow(unsafe_code)]
fn touch(page: *mut u8) -> u8 {
    // SAFETY: mapped; that it faults is what the test is about.
    unsafe { page.read_volatile() }
}

static FAULTS: AtomicUsize = AtomicUsize::new(0);
static LAST: AtomicUsize = AtomicUsize::new(0);

/// Puts a page where the fault was, as a program's own handler might.
#[allow(unsafe_code)]
extern "C" fn own_handler(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the kernel passes a valid structure.
    let at = unsafe { (*info).si_addr() } as usize & !4095;
    FAULTS.fetch_add(1, Ordering::Relaxed);
    LAST.store(at, Ordering::Relaxed);
    let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    let flags = MapFlags::MAP_PRIVATE | MapFlags::MAP_FIXED;
    let (at, length) = (NonZeroUsize::new(at), NonZeroUsize::new(4096).unwrap());
    // SAFETY: the page that faulted is the test's own.
    unsafe { mmap_anonymous(at, length, access, flags) }.unwrap();
}

#[allow(unsafe_code)]
fn set(handler: SigHandler) -> SigAction {
    let action = SigAction::new(handler, SaFlags::SA_ONSTACK, SigSet::empty());
    // SAFETY: the handlers of these tests do what a handler may.
    unsafe { sigaction(Signal::SIGBUS, &action) }.unwrap()
}

fn a_handler_set_before_gets_the_faults_of_others() {
    set(SigHandler::SigAction(own_handler));
    guard_truncation().unwrap();
    // A second time changes nothing.
    guard_truncation().unwrap();
    let (_directory, path, ring) = made(&small());
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    cut(&path, 0);
    assert!(matches!(consumer.try_recv(), Err(RecvError::Truncated(_))));
    assert_eq!(FAULTS.load(Ordering::Relaxed), 0);

    let page = foreign(None);
    assert_eq!(touch(page), 0);
    assert_eq!((FAULTS.load(Ordering::Relaxed), LAST.load(Ordering::Relaxed)), (1, page as usize));
    // Where a role was mapped before is no role's any more.
    let ring = ringway_file::create(path.with_file_name("other"), &small()).unwrap();
    let role = ring.consumer(Start::Oldest).unwrap();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let line = maps.lines().find(|line| line.ends_with("/other")).unwrap();
    let start = usize::from_str_radix(line.split_once('-').unwrap().0, 16).unwrap();
    drop(role);
    let page = foreign(Some(start));
    assert_eq!((page as usize, touch(page)), (start, 0));
    assert_eq!((FAULTS.load(Ordering::Relaxed), LAST.load(Ordering::Relaxed)), (2, start));
}

static GUARD: AtomicUsize = AtomicUsize::new(0);

/// Counts, and passes the fault on.
#[allow(unsafe_code)]
extern "C" fn later_handler(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    FAULTS.fetch_add(1, Ordering::Relaxed);
    let guard = GUARD.load(Ordering::Relaxed);
    // SAFETY: the address of the handler that was set before.
    let guard: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) =
        unsafe { std::mem::transmute(guard) };
    guard(signal, info, context);
}

fn a_handler_set_later_passes_the_roles_faults_on() {
    guard_truncation().unwrap();
    let SigHandler::SigAction(guard) = set(SigHandler::SigAction(later_handler)).handler() else { panic!() };
    GUARD.store(guard as usize, Ordering::Relaxed);
    // Asked for once more, the guard doesn't set itself before a handler that calls it.
    guard_truncation().unwrap();
    let (_directory, path, ring) = made(&small());
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    cut(&path, 0);
    assert!(matches!(consumer.try_recv(), Err(RecvError::Truncated(_))));
    assert_eq!(FAULTS.load(Ordering::Relaxed), 1);
    child(|| {
        touch(foreign(None));
    })
    .dies_by(Signal::SIGBUS);
}

fn faults_of_others_and_sent_signals_end_the_process_as_ever() {
    // As a Rust program starts, with its own handler; without any; and ignored.
    child(|| {
        guard_truncation().unwrap();
        touch(foreign(None));
    })
    .dies_by(Signal::SIGBUS);
    for (before, survives) in [(SigHandler::SigDfl, false), (SigHandler::SigIgn, true)] {
        child(|| {
            set(before);
            guard_truncation().unwrap();
            touch(foreign(None));
        })
        .dies_by(Signal::SIGBUS);
        let sent = child(|| {
            set(before);
            guard_truncation().unwrap();
            raise(Signal::SIGBUS).unwrap();
        });
        if survives { sent.succeed() } else { sent.dies_by(Signal::SIGBUS) }
    }
}

/// A new ring's file is cut short under a role, which is told.
fn guarded() {
    let (_directory, path, ring) = made(&small());
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    cut(&path, 0);
    assert!(matches!(consumer.try_recv(), Err(RecvError::Truncated(_))));
}

/// The action of a program as it starts: the standard library's handler, which sets the default action and
/// returns. It does so for any signal that isn't an overflow of a stack.
#[allow(unsafe_code)]
extern "C" fn resets(_: libc::c_int, _: *mut libc::siginfo_t, _: *mut libc::c_void) {
    FAULTS.fetch_add(1, Ordering::Relaxed);
    set(SigHandler::SigDfl);
}

fn a_signal_sent_from_outside_does_not_end_the_guard() {
    for by_std in [true, false] {
        let (mut told, mut telling) = pipe().unwrap();
        let (mut order, mut go) = pipe().unwrap();
        let signalled = child(|| {
            if !by_std {
                set(SigHandler::SigAction(resets));
            }
            guard_truncation().unwrap();
            // A role from before is guarded as well as one taken later.
            let (_directory, path, ring) = made(&small());
            let mut early = ring.consumer(Start::Oldest).unwrap();
            tell(&mut telling);
            hear(&mut order);
            cut(&path, 0);
            assert!(matches!(early.try_recv(), Err(RecvError::Truncated(_))));
            guarded();
            guard_truncation().unwrap();
            guarded();
            tell(&mut telling);
            hear(&mut order);
            tell(&mut telling);
        });
        drop((telling, order));
        hear(&mut told);
        signalled.signal(Signal::SIGBUS);
        tell(&mut go);
        hear(&mut told);
        // The second one ends the process, as it would without the guard.
        signalled.signal(Signal::SIGBUS);
        signalled.dies_by(Signal::SIGBUS);
    }
    // So does a fault that isn't a role's.
    child(|| {
        guard_truncation().unwrap();
        raise(Signal::SIGBUS).unwrap();
        touch(foreign(None));
    })
    .dies_by(Signal::SIGBUS);
}

/// As programs do that know of systems where a handler is called once.
extern "C" fn sets_itself(_: libc::c_int, _: *mut libc::siginfo_t, _: *mut libc::c_void) {
    if FAULTS.fetch_add(1, Ordering::Relaxed) > 10 {
        // A fault that nobody else answers comes again for ever.
        std::process::abort();
    }
    set(SigHandler::SigAction(sets_itself));
}

fn a_previous_handler_that_sets_itself_anew_does_not_end_the_guard() {
    set(SigHandler::SigAction(sets_itself));
    guard_truncation().unwrap();
    for signals in 1..=3 {
        raise(Signal::SIGBUS).unwrap();
        guarded();
        assert_eq!(FAULTS.load(Ordering::Relaxed), signals);
    }
}

fn asked_for_again_the_guard_comes_back() {
    for constant in [SigHandler::SigDfl, SigHandler::SigIgn] {
        child(|| {
            guard_truncation().unwrap();
            set(constant);
            guard_truncation().unwrap();
            guarded();
            touch(foreign(None));
        })
        .dies_by(Signal::SIGBUS);
    }
    // The handler from before, put back by code that doesn't know of the guard.
    set(SigHandler::SigAction(own_handler));
    guard_truncation().unwrap();
    set(SigHandler::SigAction(own_handler));
    guard_truncation().unwrap();
    guarded();
    assert_eq!(FAULTS.load(Ordering::Relaxed), 0);
    assert_eq!(touch(foreign(None)), 0);
    assert_eq!(FAULTS.load(Ordering::Relaxed), 1);
}

fn threads_that_fault_at_once_are_each_told() {
    const THREADS: usize = 6;
    guard_truncation().unwrap();
    let config = small().max_consumers(THREADS as u64);
    for _ in 0..30 {
        let (_directory, path, ring) = made(&config);
        let barrier = Barrier::new(THREADS + 1);
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let (ring, barrier) = (&ring, &barrier);
                scope.spawn(move || {
                    let mut consumer = ring.consumer(Start::Oldest).unwrap();
                    let mut observer = ring.observer(Start::Oldest, Resume::Latest).unwrap();
                    barrier.wait();
                    barrier.wait();
                    // Others' entries come and go while the table is read.
                    let (_directory, _, other) = made(&small());
                    let _other = other.consumer(Start::Oldest).unwrap();
                    let told = consumer.try_recv().map(drop);
                    assert_eq!(told, Err(RecvError::Truncated(Truncated)), "thread {thread}");
                    drop(other.observer(Start::Oldest, Resume::Latest).unwrap());
                    let told = observer.try_recv().map(drop);
                    assert_eq!(told, Err(RecvError::Truncated(Truncated)), "thread {thread}");
                });
            }
            barrier.wait();
            cut(&path, 0);
            barrier.wait();
        });
    }
}

fn in_a_forked_child_a_guarded_handle_is_still_the_parents() {
    guard_truncation().unwrap();
    let (_directory, path, ring) = made(&small());
    let mut handles = Some((ring.consumer(Start::Oldest).unwrap(), ring.producer().unwrap()));
    child(|| {
        let (mut consumer, mut producer) = handles.take().unwrap();
        let forked = |consumer: &mut ringway_core::Consumer| {
            assert!(matches!(consumer.try_recv(), Err(RecvError::Forked(_))));
        };
        forked(&mut consumer);
        assert!(matches!(producer.try_publish(b"x"), Err(PublishError::Forked(_))));
        // The child is guarded by the same handler, and has the table to itself.
        let (_directory, path, own) = made(&small());
        let mut own = own.consumer(Start::Oldest).unwrap();
        cut(&path, 0);
        assert!(matches!(own.try_recv(), Err(RecvError::Truncated(_))));
        forked(&mut consumer);
        // Dropping what isn't the child's leaves its own entry.
        drop((consumer, producer));
        assert!(matches!(own.try_recv(), Err(RecvError::Truncated(_))));
    })
    .succeed();

    // What the child did is nothing to the parent.
    let (consumer, producer) = handles.as_mut().unwrap();
    producer.publish(b"parent").unwrap();
    assert_eq!(next(consumer), b"parent");
    // Lost in the parent, the handle is still no child's.
    cut(&path, 0);
    assert!(matches!(consumer.try_recv(), Err(RecvError::Truncated(_))));
    child(|| {
        let (mut consumer, _producer) = handles.take().unwrap();
        assert!(matches!(consumer.try_recv(), Err(RecvError::Forked(_))));
    })
    .succeed();
}
