//! The two rings, in either placement.
//!
//! # Safety
//!
//! The files' messages are borrowed where they lie. The files are made by this program, mode 0600, under names
//! that it chooses anew each time; its two processes alone open them, as rings, and then the names are
//! removed.

#![allow(unsafe_code)]

use std::fs;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use ringway::anon::AnonOptions;
use ringway::file::OpenOptions;
use ringway::{Config, Ring};

use super::Args;
use crate::options::PlacementChoice;

/// The rings as they are before the processes take their roles.
pub(super) enum Rings {
    /// Inherited.
    Anon {
        /// To the echoing process.
        ping: Box<dyn Ring>,
        /// And back.
        pong: Box<dyn Ring>,
    },
    /// Opened by name in each process.
    Files(Files),
}

impl Rings {
    pub(super) fn new(args: &Args) -> anyhow::Result<Self> {
        let config = Config::new()
            .slots(args.slots)
            .payload_capacity(args.size)
            .stride(args.stride.into())
            .max_consumers(1);
        match args.placement {
            PlacementChoice::Anon => {
                let ring = || AnonOptions::new().populate(true).create(&config);
                Ok(Rings::Anon { ping: Box::new(ring()?), pong: Box::new(ring()?) })
            }
            PlacementChoice::File => {
                let files = Files::new(&args.dir)?;
                for path in [&files.ping, &files.pong] {
                    options().create(path, &config)?;
                }
                Ok(Rings::Files(files))
            }
        }
    }

    /// Gives the calling process both rings, ping first, to take its roles on.
    pub(super) fn with<T>(
        &self,
        take_roles: impl FnOnce(&dyn Ring, &dyn Ring) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        match self {
            Rings::Anon { ping, pong } => take_roles(&**ping, &**pong),
            Rings::Files(Files { ping, pong, .. }) => {
                let (ping, pong) = (options().open(ping)?, options().open(pong)?);
                // SAFETY: nobody but this program's two processes knows the files, and they write them only
                // through the library.
                let (ping, pong) = unsafe { (ping.trust_peers(), pong.trust_peers()) };
                take_roles(&ping, &pong)
            }
        }
    }

    /// Removes what has a name. Nobody needs it once both processes have their roles, and a process that is
    /// killed later leaves nothing behind.
    pub(super) fn remove_names(&self) {
        if let Rings::Files(files) = self {
            files.remove();
        }
    }
}

fn options() -> OpenOptions {
    OpenOptions::new().populate(true)
}

/// Names of the rings' files, which are removed with this, if they are still there.
pub(super) struct Files {
    ping: PathBuf,
    pong: PathBuf,
    /// The process that made the files: a forked copy of this removes nothing.
    owner: u32,
}

impl Files {
    fn new(dir: &std::path::Path) -> anyhow::Result<Self> {
        let owner = std::process::id();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
        let name = |which| dir.join(format!("ipc-pingpong.{owner}.{}.{which}", now.as_nanos()));
        Ok(Self { ping: name("ping"), pong: name("pong"), owner })
    }

    fn remove(&self) {
        if self.owner == std::process::id() {
            // A file that isn't there is what was wanted.
            let _ = fs::remove_file(&self.ping);
            let _ = fs::remove_file(&self.pong);
        }
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        self.remove();
    }
}
