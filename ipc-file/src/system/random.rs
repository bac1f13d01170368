//! Numbers that no other ring has.
//!
//! # Safety
//! The kernel fills an array of the length that it is told, which lives until the call returns.

#![allow(unsafe_code)]

use std::io;

use super::boot;

/// Where the kernel gives out random numbers as text.
pub const RANDOM: &str = "/proc/sys/kernel/random/uuid";

/// A random number, for a new ring.
///
/// # Errors
/// The kernel gives out none by `getrandom`, as early in a boot or in a sandbox, and [`RANDOM`] can't be read.
pub fn ring_id() -> io::Result<[u8; 16]> {
    match from_kernel() {
        Some(id) => Ok(id),
        None => boot::read_uuid(RANDOM),
    }
}

/// By one system call that opens nothing.
fn from_kernel() -> Option<[u8; 16]> {
    let mut id = [0; 16];
    // SAFETY: the array has this length. So few bytes come all at once, or none.
    let filled = unsafe { libc::getrandom(id.as_mut_ptr().cast(), id.len(), libc::GRND_NONBLOCK) };
    (usize::try_from(filled) == Ok(id.len())).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ring_ids_differ_whichever_way_the_kernel_is_asked() {
        let ids = [ring_id().unwrap(), from_kernel().unwrap(), boot::read_uuid(RANDOM).unwrap()];
        assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2], "{ids:?}");
        assert!(!ids.contains(&[0; 16]), "{ids:?}");
    }
}
