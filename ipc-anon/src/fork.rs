//! A fork that is safe to use with rings.
//!
//! # Safety
//! `fork(2)` is called while the process has one thread. The child runs the function given to it and ends by
//! `_exit`: it never returns into the parent's code, so no destructor of the parent's values runs twice.

#![allow(unsafe_code)]

use std::any::Any;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use nix::unistd::ForkResult;

use crate::child::Child;
use crate::error::ForkError;

/// Where the kernel lists the threads of this process.
const TASKS: &str = "/proc/self/task";
/// The exit code of a child that panicked: that of a Rust program that does.
const PANICKED: i32 = 101;

/// Forks the process: the child runs `child` and exits with the code that it returns, 101 if it panics.
///
/// Handles taken before the fork stay with the parent: in the child, their calls return `Forked`, and dropping
/// them does nothing. The child takes roles of its own on rings that it inherits.
///
/// Standard output and standard error are flushed in both processes, so that nothing is printed twice.
/// In the child no destructor runs but those of `child` itself and of what was moved into it.
///
/// # Errors
/// `MultiThreaded` if the process has more than one thread. Only the thread that forks goes on in the child:
/// what another was just doing stays half done there, and its locks (those of the allocator's and the
/// standard library's internals included) are never released. `ProcUnavailable`, `Os`.
///
/// # Safety
/// No [`Guard`](ringway_core::Guard), [`Claim`](ringway_core::Claim) or [`Batch`](ringway_core::Batch) that was
/// borrowed from a handle before the fork may be used in the child: the memory that it points to isn't
/// mapped there. That includes the typed ones, and the bytes that
/// [`publish_batch_with`](ringway_core::Producer::publish_batch_with) has written. A copy of a message that the parent
/// owns may be.
///
/// # Examples
/// ```standalone_crate
/// use ringway_core::{Config, Outcome, Ring, Start};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ring = ringway_anon::create(&Config::new().slots(64))?;
/// let mut consumer = ring.consumer(Start::Oldest)?;
/// // SAFETY: the child uses nothing that was borrowed before the fork.
/// let mut child = unsafe {
///     ringway_anon::fork(|| match ring.producer().map(|mut producer| producer.publish(b"hello")) {
///         Ok(Ok(_)) => 0,
///         _ => 1,
///     })
/// }?;
/// assert!(child.wait()?.success());
/// let Outcome::Message(message) = consumer.try_recv()? else { panic!("no message") };
/// assert_eq!(&*message, b"hello");
/// # Ok(())
/// # }
/// ```
pub unsafe fn fork<F: FnOnce() -> i32>(child: F) -> Result<Child, ForkError> {
    let threads = threads().map_err(|error| ForkError::ProcUnavailable { path: TASKS.into(), error })?;
    if threads > 1 {
        return Err(ForkError::MultiThreaded { threads });
    }
    flush();
    // Before the fork: the word in a child has no generation until a handle is made there.
    let parent =
        ringway_file::placement::handle_status().map_err(os("making the word that detects forks"))?;
    // SAFETY: the process has one thread, so the child may do whatever the parent may.
    match unsafe { nix::unistd::fork() } {
        Ok(ForkResult::Parent { child }) => Ok(Child::new(child, parent)),
        Ok(ForkResult::Child) => run(child),
        Err(error) => Err(os("fork")(error)),
    }
}

fn threads() -> io::Result<usize> {
    Ok(std::fs::read_dir(TASKS)?.count())
}

fn run(child: impl FnOnce() -> i32) -> ! {
    // Nothing that the closure may have left inconsistent is used after it.
    let code = catch_unwind(AssertUnwindSafe(child)).unwrap_or_else(|panic| {
        let _ = writeln!(io::stderr(), "forked child {} panicked: {}", std::process::id(), text(&*panic));
        // Dropping the payload could panic again.
        std::mem::forget(panic);
        PANICKED
    });
    flush();
    // SAFETY: ends the process here and now; nothing of it is used afterwards.
    unsafe { libc::_exit(code) }
}

fn text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("(no message)")
}

fn flush() {
    let _ = io::stdout().flush();
    let _ = io::stderr().flush();
}

fn os<E: Into<io::Error>>(action: &'static str) -> impl FnOnce(E) -> ForkError {
    move |error| ForkError::Os { action, error: error.into() }
}
