//! The directory of a ring in a file, which goes when the directing process does, however that ends.
//!
//! A process of its own, the keeper, makes the directory, and removes it once the directing process has closed
//! the pipe between them: in the end, or by dying. It isn't one of those that are killed.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail};
use ringway::file::Shown;

/// Name of the subcommand that takes [`KeeperArgs`].
const TORTURE_KEEPER: &str = "torture-keeper";
/// What the keeper says first: that a path follows, or why there is none. A zero byte ends either.
const MADE: u8 = b'+';
const FAILED: u8 = b'-';

/// A directory of this run alone. Dropping it removes it, with all that is in it.
pub(super) struct Directory {
    path: PathBuf,
    keeper: Child,
}

impl Directory {
    /// Makes a directory in `parent`.
    pub(super) fn new(parent: &Path) -> anyhow::Result<Self> {
        let mut keeper = Command::new("/proc/self/exe")
            .arg(TORTURE_KEEPER)
            .arg(parent)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // What the user types at the terminal is for the directing process alone.
            .process_group(0)
            .spawn()
            .context("can't start the process that keeps the ring's directory")?;
        let mut said = Vec::new();
        let stdout = keeper.stdout.take().context("the keeper's output")?;
        let heard = BufReader::new(stdout).read_until(0, &mut said);
        // From here on the keeper is waited for.
        let mut directory = Self { path: PathBuf::new(), keeper };
        heard.context("can't hear of the ring's directory")?;
        match said.split_last().and_then(|(_, said)| said.split_first()) {
            Some((&MADE, path)) => directory.path = OsString::from_vec(path.to_vec()).into(),
            Some((&FAILED, why)) => bail!("{}", String::from_utf8_lossy(why)),
            _ => bail!("the process that keeps the ring's directory has failed: {}", directory.end()?),
        }
        Ok(directory)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the directory.
    pub(super) fn close(mut self) -> anyhow::Result<()> {
        match self.end()? {
            status if status.success() => Ok(()),
            status => bail!("can't remove {}: its keeper ended with {status}", Shown(&self.path)),
        }
    }

    fn end(&mut self) -> io::Result<std::process::ExitStatus> {
        drop(self.keeper.stdin.take());
        self.keeper.wait()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

/// Keep a directory as long as stdin is open: what `torture` starts
#[derive(clap::Args)]
pub(crate) struct KeeperArgs {
    /// Where to make the directory
    parent: PathBuf,
}

/// Keeps a directory until stdin ends.
pub(crate) fn keep(args: &KeeperArgs) -> anyhow::Result<()> {
    let made = tempfile::Builder::new().prefix("ringway-torture.").tempdir_in(&args.parent);
    let made = made.with_context(|| format!("can't make a directory in {}", Shown(&args.parent)));
    let (said, made) = match made {
        Ok(made) => ([&[MADE], made.path().as_os_str().as_bytes(), &[0]].concat(), Some(made)),
        Err(error) => ([&[FAILED], crate::describe(&error).as_bytes(), &[0]].concat(), None),
    };
    // If the directing process is gone already, so is the other end of stdin.
    let _ = io::stdout().write_all(&said).and_then(|()| io::stdout().flush());
    io::stdin().lock().read_to_end(&mut Vec::new())?;
    made.map_or(Ok(()), |made| made.close().context("can't remove the ring's directory"))
}
