//! A process that the kernel refuses a system call, as a container's policy may.
//!
//! # Safety
//! The kernel reads the filter and its program while the call lasts; both live longer.

#![allow(unsafe_code, reason = "a filter is installed by a system call")]

use std::mem::offset_of;

/// From here on, membarrier fails with EPERM in this process and its children.
pub fn deny_membarrier() {
    deny(libc::SYS_membarrier);
}

/// From here on, the system call of this number fails with EPERM in this process and its children.
pub fn deny(call: libc::c_long) {
    deny_with(call, libc::EPERM);
}

/// From here on, the system call of this number fails with `errno` in this process and its children.
pub fn deny_with(call: libc::c_long, errno: libc::c_int) {
    let statement = |code: u32, k: u32| libc::sock_filter { code: code as u16, jt: 0, jf: 0, k };
    let number = offset_of!(libc::seccomp_data, nr) as u32;
    let refused = libc::SECCOMP_RET_ERRNO | errno as u32;
    let skip_unless_equal = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    let mut program = [
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, number),
        libc::sock_filter { code: skip_unless_equal, jt: 0, jf: 1, k: call as u32 },
        statement(libc::BPF_RET | libc::BPF_K, refused),
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW),
    ];
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: takes no address.
    let done = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    assert_eq!(done, 0, "a process can give up privileges");
    // SAFETY: the filter and its program outlive the call.
    let done =
        unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const filter, 0, 0) };
    assert_eq!(done, 0, "a filter: {}", std::io::Error::last_os_error());
}
