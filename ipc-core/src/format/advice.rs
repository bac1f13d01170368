//! What to do about what the operating system says.

use std::io;

/// The end of a message that tells of an error of the operating system: what to do about it, after a colon.
/// Empty where the error's own words must do.
///
/// # Examples
/// ```
/// let error = std::io::Error::from_raw_os_error(libc::EMFILE);
/// assert!(ringway_core::advice(&error).contains("ulimit -n"));
/// ```
pub fn advice(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::EMFILE) => {
            ": the process has as many descriptors open as it may; close some, or raise the limit (`ulimit -n`)"
        }
        Some(libc::ENFILE) => {
            ": the machine has as many files open as it may; end processes, or raise the limit (`sysctl fs.file-max`)"
        }
        Some(libc::ENAMETOOLONG) => {
            ": a file's name may have 255 bytes, a memfd's 249 and a path 4095; choose a shorter one"
        }
        Some(libc::EFBIG) => {
            ": the file would be longer than its file system allows; make a smaller ring, or use a lower offset"
        }
        Some(libc::ENOSPC | libc::EDQUOT) => {
            ": free some space (`df` tells of bytes, `df -i` of files, `quota` of quotas)"
        }
        Some(libc::ENOMEM) => {
            ": the process may have no more memory or mappings; raise its limits (`ulimit -v`, `sysctl vm.max_map_count`), or make a smaller ring"
        }
        Some(libc::ENOTDIR) => ": a part of the path that should be a directory is none; check the path",
        Some(libc::ELOOP) => ": the path leads through too many symbolic links; check the path",
        _ => "",
    }
}
