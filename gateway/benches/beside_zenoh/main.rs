//! The gateway beside bare Zenoh, in one run:
//! `cargo bench --bench beside_zenoh [-- --rounds N --seconds S --json FILE --svg FILE]`.
//!
//! Bare Zenoh is a process that puts and one that subscribes. The gateway is a process that publishes into a ring, two
//! gateways under `reliable` with a keeper, and a process that consumes the mirror. The forwarder is the same with two
//! processes in place of the gateways that know no protocol: one puts what it consumes, message by message, the other
//! publishes what it gets. So it shows what rings and processes alone cost. All go over TCP on loopback, with the same
//! configuration of Zenoh's. The sides take turns; what is shown is the median of the rounds.

mod relay;
mod roles;
mod table;

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Parser;
use ringway::{Config, file};
use tempfile::TempDir;

use crate::roles::{Load, Seen};
use crate::table::{Row, Unit};

/// The program.
const PROGRAM: &str = env!("CARGO_BIN_EXE_ringway-gateway");
/// Messages a second while latency is measured.
const RATE: u64 = 2000;

#[derive(Debug, Parser)]
struct Options {
    /// How often each side is measured.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How long each measurement lasts, in seconds.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Measures only what has this in its name.
    #[arg(long, default_value = "")]
    only: String,
    /// Writes all that was measured there.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Draws the latencies there.
    #[arg(long)]
    svg: Option<PathBuf>,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
    /// Another process of this benchmark.
    #[arg(long, hide = true)]
    role: Option<String>,
}

fn main() -> Result<()> {
    let options = Options::parse();
    if let Some(role) = &options.role {
        return roles::run(role);
    }
    if !options.bench {
        println!("nothing is measured but by `cargo bench`");
        return Ok(());
    }
    let load = |length, rate| Load { length, rate, seconds: options.seconds };
    let mut rows = vec![
        Row::new("48 B, messages/s", Unit::Rate, 3.0, load(48, 0)),
        Row::new("8 KiB, bytes/s", Unit::Bytes, 0.9, load(8192, 0)),
        Row::new("48 B, p50 in ns", Unit::Latency, 50_000.0, load(48, RATE)),
    ];
    rows.retain(|row| row.name.contains(&options.only));
    for _ in 0..options.rounds {
        for row in &mut rows {
            row.add(bare(&row.load)?, gateway(&row.load)?, forwarder(&row.load)?);
        }
    }
    print!("{}", table::text(&rows));
    if let Some(path) = &options.json {
        save(&rows, path)?;
    }
    if let Some(path) = &options.svg {
        draw(&rows, path)?;
    }
    Ok(())
}

fn save(rows: &[Row], path: &Path) -> Result<()> {
    std::fs::write(path, serde_json::to_vec_pretty(&table::json(rows))?)
        .with_context(|| format!("writing {}", path.display()))
}

/// Has an example of the tools draw it, so that the gateway depends on no crate for plots.
fn draw(rows: &[Row], path: &Path) -> Result<()> {
    let json = tempfile::NamedTempFile::new()?;
    save(rows, json.path())?;
    let status = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--package", "ringway-tools", "--example", "beside-zenoh"])
        .args(["--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"), "--"])
        .args([json.path(), path])
        .status()
        .context("starting cargo, to draw the plot")?;
    if !status.success() {
        bail!("the plot wasn't drawn");
    }
    Ok(())
}

/// A process that is killed when it isn't needed any more.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    fn role(role: &str, load: &Load, of: &str) -> Result<Self> {
        let Load { length, rate, seconds } = load;
        let child = Command::new(std::env::current_exe()?)
            .args(["--role", &format!("{role} {length} {rate} {seconds} {of}")])
            .stdout(Stdio::piped())
            .spawn()
            .context("starting a process of the benchmark")?;
        Ok(Self(child))
    }

    fn gateway(arguments: &[&str]) -> Result<Self> {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).stdin(Stdio::null()).stderr(Stdio::null());
        Ok(Self(command.spawn().context("starting a gateway")?))
    }

    fn line(&mut self) -> Result<String> {
        let output = self.0.stdout.as_mut().context("the process has no standard output")?;
        roles::line(output)
    }

    /// Waits until the process says that it is ready.
    fn is_ready(&mut self) -> Result<()> {
        match self.line()?.as_str() {
            "ready" => Ok(()),
            other => bail!("a process of the benchmark says {other:?}, expected ready"),
        }
    }
}

fn measure(reading: &str, writing: &str, load: &Load, of: [&str; 2]) -> Result<Seen> {
    let mut reader = Process::role(reading, load, of[0])?;
    reader.is_ready()?;
    let _writer = Process::role(writing, load, of[1])?;
    Ok(serde_json::from_str(&reader.line()?)?)
}

fn bare(load: &Load) -> Result<Seen> {
    let endpoint = free_endpoint()?;
    measure("subscribe", "put", load, [&endpoint, &endpoint])
}

/// A folder in memory, with a ring; where its mirror is to be.
fn rings(load: &Load) -> Result<(TempDir, [String; 2])> {
    let folder = tempfile::Builder::new().prefix("ringway-beside.").tempdir_in("/dev/shm")?;
    let rings = ["source", "mirror"].map(|name| folder.path().join(name).display().to_string());
    file::create(&rings[0], &shape(load))?;
    Ok((folder, rings))
}

fn shape(load: &Load) -> Config {
    let slots = if load.length > 1024 { 1024 } else { 65_536 };
    Config::new().slots(slots).payload_capacity(load.length as u64)
}

fn gateway(load: &Load) -> Result<Seen> {
    let (_folder, [source, mirror]) = rings(load)?;
    let endpoint = free_endpoint()?;
    let _export =
        Process::gateway(&["export", &source, "--as", "beside", "--keeper", "--listen", &endpoint])?;
    let _import = Process::gateway(&["import", "beside", &mirror, "--connect", &endpoint])?;
    measure("consume", "publish", load, [&mirror, &source])
}

fn forwarder(load: &Load) -> Result<Seen> {
    let (_folder, [source, mirror]) = rings(load)?;
    let endpoint = free_endpoint()?;
    let mut sink = Process::role("relay-in", load, &format!("{endpoint} {mirror}"))?;
    sink.is_ready()?;
    let mut source_side = Process::role("relay-out", load, &format!("{endpoint} {source}"))?;
    source_side.is_ready()?;
    measure("consume", "publish", load, [&mirror, &source])
}

fn free_endpoint() -> Result<String> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    Ok(format!("tcp/127.0.0.1:{port}"))
}

/// How long a message is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
