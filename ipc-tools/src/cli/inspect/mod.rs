//! What the commands share that look at rings without disturbing them.
//!
//! | file | what it gives |
//! | --- | --- |
//! | `subject` | a ring opened for looking, by its path or as a memfd |
//! | `snapshot` | how it stood at one moment, and what changed between two |
//! | `probe` | what a file holds that may be a ring, without mapping it |
//! | `holders` | which processes hold the locks of its roles |
//! | `process` | a process by its number: name, command, user |
//! | `kind` | which readers may be passed over |
//! | `table` | text that fits a terminal |
//!
//! A look takes no lock but the shared one that keeps a ring's file from being removed, which no role meets, and maps
//! the ring read-only. Whether a role is alive is asked of the kernel (`F_OFD_GETLK`), which takes nothing either.
//! Numbers of processes that a ring holds are hints: any process that may write the ring may have written them, and
//! they count in the PID namespace of their writer. What holds a lock is found under `/proc`, and is no hint.

pub(crate) mod holders;
pub(crate) mod kind;
pub(crate) mod probe;
pub(crate) mod process;
pub(crate) mod snapshot;
pub(crate) mod subject;
pub(crate) mod table;
