//! `ringway completions` and `ringway man`: made of the command line itself, so that they never differ from it.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Context;
use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use ringway::file::Shown;

use crate::pingpong;

/// Write the completions of a shell to stdout
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  ringway completions bash > ~/.local/share/bash-completion/completions/ringway
  ringway completions zsh > ~/.zfunc/_ringway
  ringway completions fish > ~/.config/fish/completions/ringway.fish")]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Write the manual pages: this tool's to stdout, or all to a directory
///
/// With --dir there is a page for `ringway`, one for each of its commands, and one for `ipc-pingpong`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  ringway man | man -l -
  ringway man --dir ~/.local/share/man/man1 && man ringway-pub")]
pub(super) struct ManArgs {
    /// Write the pages to this directory, which is made if it isn't there
    #[arg(long)]
    dir: Option<PathBuf>,
}

pub(super) fn completions(args: &CompletionsArgs) -> anyhow::Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut shown(), "ringway", &mut text);
    answer(&text)
}

pub(super) fn man(args: &ManArgs) -> anyhow::Result<()> {
    let Some(dir) = &args.dir else {
        let mut page = Vec::new();
        Man::new(super::Args::command()).render(&mut page).context("can't write the page")?;
        return answer(&page);
    };
    let written = fs::create_dir_all(dir)
        .and_then(|()| clap_mangen::generate_to(super::Args::command(), dir))
        .and_then(|()| clap_mangen::generate_to(pingpong::command(), dir));
    written.with_context(|| {
        format!("can't write manual pages to {}: check that it is a directory of yours", Shown(dir))
    })
}

/// The command line without the commands that only this tool calls, which completions would offer.
fn shown() -> Command {
    let all = super::Args::command();
    let commands = all.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
    Command::new("ringway").version(env!("CARGO_PKG_VERSION")).subcommands(commands)
}

/// Writes to stdout. That nobody reads it any more is no failure.
fn answer(text: &[u8]) -> anyhow::Result<()> {
    match io::stdout().write_all(text) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("can't write to stdout")
        }
        _ => Ok(()),
    }
}
