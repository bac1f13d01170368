//! What the library's errors advise, in the words of the command line.

use anyhow::anyhow;
use ringway::AttachError;
use ringway::file::{FileError, Shown};

use super::Command;
use super::inspect::subject::leads_to_memfd;

/// What a command was to do, as far as the advice depends on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Task {
    Create,
    Publish,
    Consume,
    Observe,
    Look,
    Remove,
    Other,
}

impl Task {
    pub(super) fn of(command: &Command) -> Self {
        match command {
            Command::Create(_) => Task::Create,
            Command::Pub(_) => Task::Publish,
            Command::Sub(args) if args.observes() => Task::Observe,
            Command::Sub(_) => Task::Consume,
            Command::Info(_) | Command::Dump(_) | Command::Ls(_) | Command::Maps(_) | Command::Watch(_) => {
                Task::Look
            }
            Command::Rm(_) => Task::Remove,
            _ => Task::Other,
        }
    }

    /// What to do where the right is missing, or the file system can't be written.
    fn otherwise(self, owner: &str) -> String {
        match self {
            Task::Look | Task::Remove => owner.into(),
            _ => format!("use another place, or {owner}"),
        }
    }
}

/// Adds what the command line calls what the library's error advises, or says what helps this task instead.
pub(super) fn in_words_of(task: Task, error: anyhow::Error) -> anyhow::Error {
    let flag = match (error.downcast_ref(), error.downcast_ref()) {
        (Some(FileError::Owner { .. }), _) => "--any-owner",
        (Some(FileError::CopyOnWrite { .. }), _) => "--allow-copy-on-write",
        (Some(FileError::OtherBoot { .. }), _) => "sub --observe --allow-other-boot",
        (_, Some(AttachError::NoFreeCell { .. })) => "sub --observe, or --max-consumers for a new ring",
        (Some(file), _) => match instead(task, file) {
            Some(Said::Flag(flag)) => flag,
            Some(Said::All(text)) => return anyhow!(text),
            None => return error,
        },
        _ => return error,
    };
    anyhow!("{} (here: {flag})", crate::describe(&error))
}

enum Said {
    /// The flag that stands for the library's advice.
    Flag(&'static str),
    /// The whole message, where that advice doesn't help.
    All(String),
}

fn instead(task: Task, error: &FileError) -> Option<Said> {
    Some(match error {
        FileError::PermissionDenied { .. } | FileError::ReadOnlyFilesystem { .. }
            if task == Task::Consume =>
        {
            Said::Flag("sub --observe")
        }
        FileError::PermissionDenied { path, action, uid, error } => Said::All(format!(
            "{}: {action} isn't permitted to uid {uid} ({error}): {}",
            Shown(path),
            task.otherwise("ask the owner for the right")
        )),
        FileError::ReadOnlyFilesystem { path, action } => Said::All(format!(
            "{}: {action} failed, since its file system is mounted read-only: {}",
            Shown(path),
            task.otherwise("mount it for writing")
        )),
        FileError::NotFound { path } if matches!(task, Task::Look | Task::Remove) => {
            Said::All(format!("{}: no such file or directory: check the path", Shown(path)))
        }
        FileError::AlreadyExists { .. } if task == Task::Create => {
            Said::Flag("--if-missing to use it, `ringway rm` to remove it")
        }
        FileError::InUse { .. } if task == Task::Remove => {
            Said::Flag("`ringway maps` names those that map it")
        }
        FileError::Symlink { path } if leads_to_memfd(path) => Said::All(format!(
            "{} stands for a memfd: of the commands, those that only look take such a path, as `ringway info`; a program \
             gets the ring with `memfd::receive`",
            Shown(path)
        )),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn said(task: Task, error: impl Into<anyhow::Error>) -> String {
        in_words_of(task, error.into()).to_string()
    }

    fn denied() -> FileError {
        let error = io::ErrorKind::PermissionDenied.into();
        FileError::PermissionDenied { path: "ring".into(), action: "opening the file", uid: 1, error }
    }

    fn read_only() -> FileError {
        FileError::ReadOnlyFilesystem { path: "ring".into(), action: "opening the file" }
    }

    #[test]
    fn an_error_that_an_option_answers_names_the_flag() {
        let copy_on_write = FileError::CopyOnWrite { path: "ring".into(), name: "btrfs" };
        let owner = FileError::Owner { path: "ring".into(), found: 1, expected: 2 };
        assert!(said(Task::Publish, copy_on_write).ends_with("(here: --allow-copy-on-write)"));
        assert!(said(Task::Publish, owner).ends_with("(here: --any-owner)"));
        assert_eq!(said(Task::Publish, anyhow!("another")), "another");
        let named = anyhow!(AttachError::NoFreeCell { max: 1, observers: 0 }).context("ring");
        let named = said(Task::Consume, named);
        assert!(named.starts_with("ring: the only") && named.contains("--max-consumers"), "{named}");
    }

    #[test]
    fn a_missing_right_advises_to_observe_where_that_helps() {
        for error in [denied, read_only] {
            assert!(said(Task::Consume, error()).ends_with("(here: sub --observe)"));
            for task in [Task::Publish, Task::Observe, Task::Look, Task::Remove] {
                let text = said(task, error());
                assert!(text.starts_with("ring: opening the file "), "{text}");
                assert!(!text.contains("observe") && !text.contains("opened read-only"), "{text}");
            }
        }
    }
}
