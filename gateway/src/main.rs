//! The program `ringway-gateway`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use ringway_gateway::config::{Config, parse_mode};
use ringway_gateway::export::Export;
use ringway_gateway::import::{Import, max_ring_bytes};
use ringway_gateway::names::Name;
use ringway_gateway::policy::Policy;
use ringway_gateway::session::{self, Link};
use ringway_gateway::status::{self, Style};
use ringway_gateway::{forget, host, keeper, kept, log};

/// Mirrors rings between machines, over Zenoh: the same messages, the same sequences, every loss told.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Sends a ring's messages to the machines that import it.
    Export(ExportOptions),
    /// Mirrors a ring that another machine exports.
    Import(ImportOptions),
    /// Exports and imports what a file says.
    Run {
        /// The file: see docs/guide/gateway.md.
        config: PathBuf,
    },
    /// Shows the rings that are exported.
    List {
        #[command(flatten)]
        link: Link,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Makes a source forget a sink that won't come back, such as one whose mirror is gone: it holds back no producer then.
    Forget {
        /// The name of the ring.
        name: String,
        /// Id of the sink's mirror, as `status` shows it.
        sink: String,
        #[command(flatten)]
        link: Link,
    },
    /// Shows how exports and imports stand, and what is guaranteed.
    Status {
        /// The name of one ring; all rings if not given.
        name: Option<String>,
        #[command(flatten)]
        link: Link,
        /// As JSON.
        #[arg(long, conflicts_with = "prometheus")]
        json: bool,
        /// In Prometheus's text format.
        #[arg(long)]
        prometheus: bool,
    },
}

#[derive(Debug, Args)]
struct ExportOptions {
    /// The ring's path.
    ring: PathBuf,
    /// The name under which other machines import it, such as desk/quotes.
    #[arg(long = "as", value_name = "NAME")]
    name: String,
    /// What holds the producer back, and what is repaired.
    #[arg(long, default_value = "reliable", value_parser = policies())]
    policy: Policy,
    /// Most messages beyond the slowest ack; a quarter of the ring's slots if not given.
    #[arg(long, value_name = "MESSAGES")]
    window: Option<u64>,
    /// Most bytes beyond the slowest ack; 768 KiB if not given.
    #[arg(long, value_name = "BYTES")]
    in_flight: Option<u64>,
    /// Under `reliable`: number of sinks that have to ack before anything is released.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    sinks: usize,
    /// Silence after which a sink is forgotten, such as 10min; under `reliable` never if not given.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    forget_after: Option<Duration>,
    /// Starts a parent process, which holds the ring and starts the gateway again when it fails: nothing is let go
    /// meanwhile.
    #[arg(long)]
    keeper: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct ImportOptions {
    /// The name under which the ring is exported.
    name: String,
    /// Path of the mirror, which is made if there is none.
    ring: PathBuf,
    /// Silence of the source after which the mirror's producer leaves, so that readers get ProducerLost.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = humantime::parse_duration)]
    link_lost_after: Duration,
    /// Replaces the mirror of another ring.
    #[arg(long)]
    replace: bool,
    /// Permissions of a new mirror.
    #[arg(long, default_value = "0600", value_parser = parse_mode)]
    mode: u32,
    /// Refuses a source whose ring is larger.
    #[arg(long, value_name = "BYTES", default_value_t = max_ring_bytes())]
    max_ring_bytes: u64,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct Common {
    #[command(flatten)]
    link: Link,
    /// File for metrics in Prometheus's text format, written each second.
    #[arg(long, value_name = "FILE")]
    metrics: Option<PathBuf>,
}

impl Common {
    fn config(self) -> Config {
        let Link { listen, connect, zenoh_config } = self.link;
        Config { listen, connect, zenoh_config, metrics: self.metrics, ..Config::default() }
    }
}

fn main() -> ExitCode {
    match run(Options::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::line(&format!("ringway-gateway: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Export(options) => {
            let ExportOptions { ring, name, policy, window, in_flight, sinks, forget_after, keeper, common } =
                options;
            let export = Export { ring, name, policy, window, in_flight, sinks, forget_after };
            start(&Config { exports: vec![export], keeper, ..common.config() })
        }
        Command::Import(options) => {
            let ImportOptions { name, ring, link_lost_after, replace, mode, max_ring_bytes, common } =
                options;
            let import = Import { name, ring, link_lost_after, replace, mode, max_ring_bytes };
            start(&Config { imports: vec![import], ..common.config() })
        }
        Command::Run { config } => start(&Config::read(&config)?),
        Command::List { link, json } => {
            let found = status::find(&session::open_client(&link)?, None)?;
            show(&status::list(&found, if json { Style::Json } else { Style::Plain })?)
        }
        Command::Forget { name, sink, link } => {
            let name = Name::new(&name)?;
            show(&forget::ask(&session::open_client(&link)?, &name, &sink)?)
        }
        Command::Status { name, link, json, prometheus } => {
            let name = name.map(|name| Name::new(&name)).transpose()?;
            let found = status::find(&session::open_client(&link)?, name.as_ref())?;
            let style = match (json, prometheus) {
                (true, _) => Style::Json,
                (_, true) => Style::Prometheus,
                _ => Style::Plain,
            };
            show(&status::status(&found, style)?)
        }
    }
}

fn policies() -> impl TypedValueParser<Value = Policy> {
    PossibleValuesParser::new(["reliable", "history", "lossy"])
        .map(|name| Policy::named(&name).unwrap_or_default())
}

/// Runs a gateway, or its keeper.
fn start(config: &Config) -> Result<()> {
    if config.keeper && keeper::is_of_use(config) && kept::keeper().is_none() {
        config.check()?;
        return keeper::run(config);
    }
    host::run(config)
}

/// Prints to standard output. A closed pipe isn't an error.
fn show(text: &str) -> Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}
