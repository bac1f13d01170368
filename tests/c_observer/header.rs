//! What compilers say of the header.

use std::process::{Command, Stdio};

use testkit::Kind;

use super::driver::source;

/// What `compiler` says of a program, if it is there.
fn judged(compiler: &[&str], program: &str) -> Option<String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("program");
    std::fs::write(&path, program).unwrap();
    let mut command = Command::new(compiler[0]);
    command.args(&compiler[1..]).arg("-I").arg(source("ringway-c/include")).arg("-fsyntax-only").arg(&path);
    let output = command.env("LC_ALL", "C").stdin(Stdio::null()).output().ok()?;
    Some(String::from_utf8(output.stderr).unwrap())
}

const PROGRAM: &str = r#"
#include "ringway_observer.h"
int main(int count, char **arguments) {
    rwobs_observer ring;
    rwobs_event event;
    rwobs_options options = rwobs_defaults();
    uint64_t head;
    if (rwobs_open(&ring, arguments[count - 1], &options) != 0 && rwobs_open_fd(&ring, 0, &options) != 0)
        return 1;
    if (rwobs_recv(&ring, 0, 0, 0, &event) != 0 || rwobs_head(&ring, &head) != 0)
        return 2;
    count = rwobs_producer_alive(&ring) + rwobs_has_type(&ring, "x", 1, 1);
    rwobs_close(&ring);
    return count;
}
"#;

pub fn a_callers_own_warnings_find_nothing_in_the_header(_: Kind) {
    let shared =
        ["-Wall", "-Wextra", "-Werror", "-pedantic", "-Wconversion", "-Wsign-conversion", "-Wcast-qual"];
    let c = ["-std=c11", "-x", "c"];
    let cpp = ["-std=c++17", "-Wold-style-cast", "-x", "c++"];
    for (compiler, own) in [("gcc", &c[..]), ("g++", &cpp[..]), ("clang", &c[..]), ("clang++", &cpp[..])] {
        let said = judged(&[&[compiler], &shared[..], own].concat(), PROGRAM);
        assert_eq!(said.unwrap_or_default(), "", "{compiler}");
    }
}

pub fn included_too_late_it_is_one_error_that_says_what_to_do(_: Kind) {
    let late = format!("#include <fcntl.h>\n{PROGRAM}");
    for compiler in ["gcc", "clang"] {
        let Some(said) = judged(&[compiler, "-std=c11", "-x", "c"], &late) else { continue };
        assert!(said.contains("Include ringway_observer.h before any other header"), "{said}");
        let found = said.lines().filter(|line| line.contains("error: ") || line.contains("warning: "));
        assert_eq!(found.count(), 1, "{said}");
    }
}
