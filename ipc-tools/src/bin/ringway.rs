//! `ringway`: publishes, reads and inspects rings in files, from a shell.

use std::process::ExitCode;

fn main() -> ExitCode {
    ringway_tools::cli::main()
}
