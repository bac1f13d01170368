//! Files and memory of one channel with one reader, seen from outside.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::crew::{Job, Measured};
use crate::message::Tally;
use crate::peer::{Peer, Receive, Send, Shape};

/// Bytes in a block of `stat`.
const BLOCK: u64 = 512;

/// Number of files, and what they take up, once a lap has gone through.
pub fn run<P: Peer, const W: usize>(job: &Job, slots: usize) -> anyhow::Result<Measured> {
    let channel = P::channel::<W>(&Shape::new(slots, &job.dir, "stream"))?;
    let mut sender = P::sender(&channel)?;
    let mut receiver = P::receiver(&channel)?;
    let mut tally = Tally::default();
    for number in 0..slots as u64 {
        sender.send(number);
        receiver.receive(&mut tally);
    }
    tally.check(W)?;
    let (mut files, mut blocks) = (0, 0);
    count(&job.dir, &mut files, &mut blocks)?;
    // What a peer names by itself lies beside the run's directory, under the same first letters.
    let run = job.dir.file_name().expect("a run's directory has a name").to_string_lossy();
    let beside = job.dir.parent().expect("it lies in another");
    for entry in std::fs::read_dir(beside)? {
        let entry = entry?;
        if entry.path() != job.dir && entry.file_name().to_string_lossy().starts_with(&*run) {
            files += 1;
            blocks += entry.metadata()?.blocks();
        }
    }
    Ok(Measured::new([("files", f64::from(files)), ("KiB", (blocks * BLOCK) as f64 / 1024.0)]))
}

fn count(dir: &Path, files: &mut u32, blocks: &mut u64) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            count(&entry.path(), files, blocks)?;
        } else {
            *files += 1;
            *blocks += entry.metadata()?.blocks();
        }
    }
    Ok(())
}
