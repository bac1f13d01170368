//! A relay of three languages: a Rust producer, a C program that republishes into a second ring, a Python consumer and
//! a tokio consumer at its end.
//!
//! ```text
//! Rust producer --> ring --> C relay --> ring --> Python consumer
//!                    |                    +-----> tokio consumer
//!                    +--> witnesses       +-----> witnesses
//! ```
//!
//! `relay run` has them hand on messages, first undisturbed, then while each of them is killed and started again. Two
//! witnesses on each ring are never killed: a consumer, which must get every message, and an observer, whose losses
//! must add up. The other programs are this one again, `relay.c` and `consume.py`.

mod checker;
mod consume;
mod kills;
mod message;
mod process;
mod produce;
mod run;
mod whole;
mod witness;

use anyhow::Result;
use clap::Parser;

#[derive(Parser)]
#[command(about = "A relay of three languages over two rings", version)]
enum Cli {
    /// Builds the C program, and has the relay hand on messages, undisturbed and with kills.
    Run(run::Args),
    /// The Rust producer.
    Produce(produce::Args),
    /// The tokio consumer.
    Consume(consume::Args),
}

fn main() -> Result<()> {
    match Cli::parse() {
        Cli::Run(args) => run::run(&args),
        Cli::Produce(args) => produce::run(&args),
        Cli::Consume(args) => consume::run(&args),
    }
}
