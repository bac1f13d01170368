//! File systems in images, mounted where no other process sees them.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::child::child;
use crate::files::vacant;
use crate::mounts::own_mounts;

/// The smallest image that the tool makes a file system in, in bytes.
pub const BTRFS: (&str, u64) = ("mkfs.btrfs", 128 << 20);
/// The same of XFS.
pub const XFS: (&str, u64) = ("mkfs.xfs", 300 << 20);

/// Runs `run` with a directory and a path in it, on a file system that `make` has made; says why if it can't.
pub fn on_an_image(make: (&str, u64), options: &[&str], run: impl FnOnce(&TempDir, &Path)) {
    let (images, image) = vacant();
    let (directory, path) = vacant();
    // In a child: this process removes the directories.
    child(|| {
        File::create(&image).unwrap().set_len(make.1).unwrap();
        let mut mkfs = Command::new(make.0);
        mkfs.arg("-q").args(options).arg(&image);
        let mut mount = Command::new("mount");
        mount.args(["-o", "loop"]).arg(&image).arg(directory.path());
        if own_mounts() && done(mkfs) && done(mount) {
            run(&directory, &path);
        }
    })
    .succeed();
    drop(images);
}

/// Runs a program of the machine's; says why if it can't.
pub fn done(mut program: Command) -> bool {
    let name = program.get_program().to_os_string();
    match program.output() {
        Ok(output) if output.status.success() => return true,
        Ok(output) => println!("skipped: {name:?} failed: {}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => println!("skipped: {name:?} can't be run ({error})"),
    }
    false
}

/// Fills the file system to the last block.
pub fn fill(directory: &Path) {
    let mut filler = File::create(directory.join("filler")).unwrap();
    for _ in 0..2 {
        for length in [1 << 20, 1 << 16, 4096, 512] {
            while filler.write_all(&vec![1; length]).is_ok() {}
        }
        // What isn't written back yet may turn out to take less than was reserved for it.
        let _ = filler.sync_all();
        nix::unistd::sync();
    }
}
