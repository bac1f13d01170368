//! The user of this process, which a role writes beside its PID.
//!
//! # Safety
//!
//! The call takes no address.

#![allow(unsafe_code)]

/// The effective user.
pub(crate) fn effective_uid() -> u32 {
    // SAFETY: no memory is involved, and it can't fail.
    unsafe { libc::geteuid() }
}
