//! `ipc-pingpong`: measures the round trip of a message between two processes, beside what the machine allows.

use std::process::ExitCode;

fn main() -> ExitCode {
    ringway_tools::pingpong::main()
}
