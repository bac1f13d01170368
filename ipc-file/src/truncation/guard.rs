//! The guard against a file that is cut short while it is mapped.
//!
//! Touching a page past the end of its file raises SIGBUS, which ends the process. Nothing that a process checks
//! beforehand helps, since another one may cut the file short between the check and the access. So the guard is
//! a signal handler: it finds the role whose mapping was touched, marks its status word, and puts private zeros
//! in the place of the whole mapping. The call goes on with them, looks at its word, and says `Truncated`.
//!
//! The whole mapping is replaced, not the part behind the new end. A handle that has lost a part must not change the
//! rest: a producer would count in head a message that it couldn't write. It also makes the handle find what it can't
//! mistake for a ring: no stamp, and epoch 0.
//!
//! # Safety
//! The handler may interrupt anything, so it allocates nothing, takes no lock, and calls nothing but system
//! calls: it reads a table made of atomics, which is never freed. It maps over a range only while the table says
//! that the range is a role's; a role leaves the table before its range is unmapped, and the fault itself
//! shows that somebody is using it.
//!
//! The previous handler may change the signal's action. So the guard asks the kernel after calling it, by
//! `sigaction`, which a handler may call, and puts itself back.
//!
//! The previous handler is called as the kernel would have called it: it was read from the kernel, which had
//! checked nothing of it either.

#![allow(unsafe_code)]
#![allow(clippy::disallowed_types, reason = "the words are private to the process, not shared memory")]

use std::io;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};

use libc::{c_int, c_void, siginfo_t};
use nix::errno::Errno;

use super::table::{self, Guarded};

/// Whether roles mapped from now on are guarded.
static INSTALLED: AtomicBool = AtomicBool::new(false);

/// What SIGBUS did before: the handler's address, or one of the kernel's constants; and its flags.
static PREVIOUS: AtomicUsize = AtomicUsize::new(libc::SIG_DFL);
static PREVIOUS_FLAGS: AtomicI32 = AtomicI32::new(0);

/// Makes a file that is cut short under a role an error of that role, `Truncated`, rather than a SIGBUS that
/// ends the process.
///
/// It sets a handler of SIGBUS for the whole process, and guards the roles that are taken from then on: call it
/// first. The handler passes faults that aren't a role's, and signals that were sent, to the handler that was
/// there before. Code that sets a handler later must do the same. Called again, it asks the kernel, and sets its
/// handler anew if the default action or the previous handler has taken its place.
///
/// A handle whose file was cut short touches the file no more. The call that met it says `Truncated`, or, where
/// that would cost every call, the next one does: a publish may say yes to a message that went nowhere.
/// No copy of a message is given out that isn't the message. A message that is borrowed where it lies, on
/// a ring with trusted peers, turns to zeros: that nobody cuts the file short is a part of that trust.
///
/// Limits:
/// - A thread that blocks SIGBUS is killed all the same.
/// - A previous handler that sets the default action, as the standard library's does, takes the guard away until
///   it returns. The guard then puts itself back. A role's fault in another thread meanwhile ends the process.
/// - Only an access past the end raises the signal. A file that is cut short and made longer again reads as zeros,
///   and so does the rest of a file's last page.
/// - Where the system commits no more memory than it has (`vm.overcommit_memory` 2) and none is left, there is none
///   for the zeros either: the process dies.
///
/// # Errors
/// What the system says.
///
/// # Examples
/// ```
/// use ringway_core::{Config, RecvError, Ring, Start};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("quotes");
/// ringway_file::guard_truncation()?;
/// let ring = ringway_file::create(&path, &Config::new())?;
/// let mut consumer = ring.consumer(Start::Oldest)?;
///
/// std::fs::File::options().write(true).open(&path)?.set_len(0)?;
/// assert!(matches!(consumer.try_recv(), Err(RecvError::Truncated(_))));
/// # Ok(())
/// # }
/// ```
pub fn guard_truncation() -> io::Result<()> {
    // Kept before the handler is set: another thread's fault may need it at once.
    let before = action(None)?;
    // A handler set later may call this one, which then must not call it back.
    if before.sa_sigaction == address() || INSTALLED.load(Ordering::Acquire) && !is_lost(&before) {
        return Ok(());
    }
    keep(&before);
    let replaced = action(Some(&ours(&before)))?;
    // Another thread may have set a handler meanwhile, this one or a third.
    if replaced.sa_sigaction != address() {
        keep(&replaced);
    }
    INSTALLED.store(true, Ordering::Release);
    Ok(())
}

/// The guard's own action, under what the previous handler asked to be called under.
fn ours(before: &libc::sigaction) -> libc::sigaction {
    // SAFETY: zero is a valid value of this plain structure.
    let mut ours: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    ours.sa_sigaction = address();
    let wanted = before.sa_flags & (libc::SA_NODEFER | libc::SA_RESTART);
    ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | wanted;
    ours.sa_mask = before.sa_mask;
    ours
}

/// Whether an action that was found in the place of the guard's can't lead to the guard: none at all, or the
/// handler that was there before it. Any other handler was set later, and calls the guard's.
fn is_lost(found: &libc::sigaction) -> bool {
    is_constant(found.sa_sigaction) || found.sa_sigaction == PREVIOUS.load(Ordering::Acquire)
}

fn is_constant(action: usize) -> bool {
    action == libc::SIG_DFL || action == libc::SIG_IGN
}

/// Guards a mapping of a file, if the guard is installed. To be dropped before it is unmapped.
pub(crate) fn guard(start: usize, length: usize) -> io::Result<Option<Guarded>> {
    INSTALLED.load(Ordering::Acquire).then(|| Guarded::new(start, length)).transpose()
}

fn address() -> usize {
    handler as extern "C" fn(c_int, *mut siginfo_t, *mut c_void) as usize
}

/// What SIGBUS does; sets it, if asked for.
fn action(new: Option<&libc::sigaction>) -> io::Result<libc::sigaction> {
    let mut old = MaybeUninit::zeroed();
    // SAFETY: `new` is a valid action or null, and `old` has room for one.
    Errno::result(unsafe {
        libc::sigaction(libc::SIGBUS, new.map_or(std::ptr::null(), |new| new), old.as_mut_ptr())
    })?;
    // SAFETY: written by the call, which succeeded.
    Ok(unsafe { old.assume_init() })
}

fn keep(before: &libc::sigaction) {
    // Without a handler the flags mean nothing, and another thread may be about to call the one that they are of.
    if !is_constant(before.sa_sigaction) {
        PREVIOUS_FLAGS.store(before.sa_flags, Ordering::Relaxed);
    }
    PREVIOUS.store(before.sa_sigaction, Ordering::Release);
}

extern "C" fn handler(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let errno = Errno::last_raw();
    // SAFETY: the kernel passes a valid structure to a handler of SA_SIGINFO, and of a fault its address.
    let (code, at) = unsafe { ((*info).si_code, (*info).si_addr() as usize) };
    if code != libc::BUS_ADRERR || !table::replace(at) {
        pass_on(signal, info, context, code);
    }
    Errno::set_raw(errno);
}

/// Does what would have been done without the guard.
fn pass_on(signal: c_int, info: *mut siginfo_t, context: *mut c_void, code: c_int) {
    let previous = PREVIOUS.load(Ordering::Acquire);
    let flags = PREVIOUS_FLAGS.load(Ordering::Relaxed);
    let fault = matches!(code, libc::BUS_ADRALN..=libc::BUS_MCEERR_AR);
    if is_constant(previous) {
        // The kernel ignores no fault.
        if previous == libc::SIG_DFL || fault {
            end(signal, fault);
        }
        return;
    }
    if flags & libc::SA_RESETHAND != 0 {
        PREVIOUS.store(libc::SIG_DFL, Ordering::Release);
    }
    if flags & libc::SA_SIGINFO != 0 {
        // SAFETY: set by `sigaction` with SA_SIGINFO: the address of such a function.
        let previous: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) =
            unsafe { std::mem::transmute(previous) };
        previous(signal, info, context);
    } else {
        // SAFETY: set without it: the address of such a function.
        let previous: extern "C" fn(c_int) = unsafe { std::mem::transmute(previous) };
        previous(signal);
    }
    stay();
}

/// Puts the guard back if the handler just called has taken it away, as the standard library's does: it sets
/// the default action, and returns to a fault that is to end the process. What it set is what the guard
/// passes on to from then on, so the next fault or signal that isn't a role's ends the process all the same.
fn stay() {
    // Of the errors of `sigaction` none can occur: the signal exists, and the structures are in place.
    let Ok(found) = action(None) else { return };
    if found.sa_sigaction != address() && is_lost(&found) {
        keep(&found);
        let _ = action(Some(&ours(&found)));
    }
}

/// Lets the signal end the process.
fn end(signal: c_int, fault: bool) {
    // SAFETY: zero is a valid value, and stands for the default action; both calls may be made in a handler.
    unsafe {
        let default: libc::sigaction = MaybeUninit::zeroed().assume_init();
        libc::sigaction(signal, &default, std::ptr::null_mut());
        // A fault comes again by itself, with all that a core dump should tell.
        if !fault {
            libc::raise(signal);
        }
    }
}
