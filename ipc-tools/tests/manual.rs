//! What the tools say of themselves: help, completions, manual pages.

mod common;

use std::fs;

use common::{Run, directory};

const RINGWAY: &str = env!("CARGO_BIN_EXE_ringway");
const PINGPONG: &str = env!("CARGO_BIN_EXE_ipc-pingpong");

/// What a tool writes.
fn said(program: &str, args: &[&str]) -> String {
    String::from_utf8(Run::of(program, args).end().with(0).stdout).expect("text")
}

/// The commands that `ringway --help` lists.
fn commands() -> Vec<String> {
    let help = said(RINGWAY, &["--help"]);
    let list =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let name = |line: &str| {
        line.strip_prefix("  ")?.split(' ').next().filter(|name| !name.is_empty()).map(Into::into)
    };
    list.filter_map(name).filter(|name| name != "help").collect()
}

#[test]
fn each_help_has_examples_and_fits_the_terminal() {
    let commands = commands();
    assert!(commands.len() >= 8, "{commands:?}");
    let mut helps = vec![said(RINGWAY, &["--help"]), said(PINGPONG, &["--help"])];
    helps.extend(commands.iter().map(|command| said(RINGWAY, &[command, "--help"])));
    for help in &helps {
        assert!(help.contains("Examples:\n  "), "{help}");
        for line in help.lines() {
            assert!(line.chars().count() <= 80, "{line}");
            assert!(!line.contains('\x1b'), "{line}");
        }
    }
    for status in ["0    ", "1    ", "2    ", "130  "] {
        assert!(helps[0].contains(&format!("\n  {status}")), "{}", helps[0]);
    }
}

#[test]
fn completions_are_scripts_of_their_shell() {
    let dir = directory();
    let path = dir.path().join("completions");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = said(RINGWAY, &["completions", shell]);
        assert!(script.contains("doctor") && script.contains("json"), "{shell}: {script}");
        assert!(!script.contains("torture-role"), "{shell} offers what --help hides: {script}");
        if shell == "bash" {
            fs::write(&path, script).unwrap();
            Run::of("bash", ["-n", path.to_str().unwrap()]).end().with(0);
        }
    }
    Run::of(RINGWAY, ["completions", "cmd"]).end().with(2).saying(&["bash"]);
}

#[test]
fn there_is_a_manual_page_for_each_command() {
    let page = said(RINGWAY, &["man"]);
    assert!(page.contains(".TH ringway") && page.contains("Exit status"), "{page}");
    let dir = directory();
    let pages = dir.path().join("man1");
    said(RINGWAY, &["man", "--dir", pages.to_str().unwrap()]);
    let names = ["ringway".into(), "ipc\\-pingpong".into()].into_iter();
    for name in names.chain(commands().iter().map(|command| format!("ringway\\-{command}"))) {
        let path = pages.join(format!("{}.1", name.replace('\\', "")));
        let page = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        assert!(page.contains(".TH") && page.contains("Examples"), "{page}");
    }
    Run::of(RINGWAY, ["man", "--dir", "/proc/nothing"]).end().with(1).saying(&["/proc/nothing"]);
}
