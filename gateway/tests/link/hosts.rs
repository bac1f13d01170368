//! The walk-through of docs/guide/gateway.md between two hosts: network namespaces, and a link with delay that breaks.

use std::net::Ipv4Addr;
use std::process::Command;
use std::time::Duration;

use ringway::{Config, file};

use crate::gateway::{Gateway, folder, program_on, turn};
use crate::proxy::Proxy;
use crate::reader::{Kind, Reader};
use crate::roles::{Produce, Producer};

/// The page. Its commands are the ones that run here.
const PAGE: &str = include_str!("../../../docs/guide/gateway.md");
/// The exporting host's endpoint on the page, and its ring on both.
const ENDPOINT: &str = "10.0.0.1:7447";
const RING: &str = "/dev/shm/quotes";
const MESSAGES: u64 = 20_000;
const DELAY: Duration = Duration::from_millis(20);
/// The link breaks whenever it has carried so many bytes.
const BREAKS: u64 = 500_000;

/// A network namespace with one link, to this one. It has no route to anywhere else.
struct Host {
    name: String,
    /// Its own address.
    address: Ipv4Addr,
    /// This side's.
    here: Ipv4Addr,
}

impl Host {
    /// Host number `number`, in the range of addresses for benchmarks.
    fn new(number: u8) -> Result<Self, String> {
        let id = std::process::id();
        let [name, inner, outer] = ["rwh", "rwi", "rwo"].map(|kind| format!("{kind}{number}{id}"));
        let [here, address] = [1, 2].map(|last| Ipv4Addr::new(198, 18, 77 + number, last));
        ip(&format!("netns add {name}"))?;
        let host = Self { name, address, here };
        let Self { name, .. } = &host;
        for command in [
            format!("link add {outer} type veth peer name {inner} netns {name}"),
            format!("addr add {here}/30 dev {outer}"),
            format!("link set {outer} up"),
            format!("-n {name} addr add {address}/30 dev {inner}"),
            format!("-n {name} link set {inner} up"),
            format!("-n {name} link set lo up"),
        ] {
            ip(&command)?;
        }
        Ok(host)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // The link goes with it.
        let _ = ip(&format!("netns del {}", self.name));
    }
}

fn ip(arguments: &str) -> Result<(), String> {
    let output = Command::new("ip").args(arguments.split(' ')).output().map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(format!("ip {arguments}: {}", said.trim())) }
}

/// The arguments of the page's command that begins so, with these in the place of its endpoint and its ring.
fn command(begins: &str, endpoint: &str, ring: &str) -> Vec<String> {
    let (_, section) = PAGE.split_once("## Two hosts").expect("the section of the walk-through");
    let line = section.lines().find_map(|line| line.strip_prefix("ringway-gateway ")?.strip_prefix(begins));
    let line = line.unwrap_or_else(|| panic!("no command ringway-gateway {begins} on the page"));
    let line = format!("{begins}{line}").replace(ENDPOINT, endpoint).replace(RING, ring);
    line.split_whitespace().map(Into::into).collect()
}

#[test]
fn the_walk_through_of_the_guide_works_between_two_hosts_with_delay_and_a_link_that_breaks() {
    let _turn = turn();
    let (first, second) = match (Host::new(1), Host::new(2)) {
        (Ok(first), Ok(second)) => (first, second),
        (Err(why), _) | (_, Err(why)) => {
            println!("skipped, since network namespaces aren't permitted here: {why}");
            return;
        }
    };
    let folder = folder();
    let [source, mirror, out, back] = ["source", "mirror", "export.log", "import.log"].map(|name| {
        let path = folder.path().join(name);
        (path.to_str().unwrap().to_string(), path)
    });
    file::create(&source.1, &Config::new().slots(4096).payload_capacity(256)).unwrap();
    let endpoint = format!("{}:7447", first.address);
    let link = Proxy::between(second.here.into(), (first.address, 7447).into(), DELAY, BREAKS);
    let seen = format!("{}:{}", second.here, link.port());

    let start = |host: &Host, log, arguments: Vec<String>| {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        Gateway::start_on(Some(&host.name), log, &arguments)
    };
    let export = start(&first, &out.1, command("export", &endpoint, &source.0));
    let import = start(&second, &back.1, command("import", &seen, &mirror.0));
    let reader = Reader::join(&mirror.1, Kind::Consumer, u64::MAX);
    let how = Produce { until: MESSAGES, close: false, require_readers: true };
    let producer = Producer::start(&source.1, how);
    reader.wait_until(MESSAGES, || export.log() + &import.log());

    let arguments = command("export", &endpoint, &source.0);
    let name = arguments.iter().skip_while(|word| *word != "--as").nth(1).unwrap();
    let listed =
        program_on(Some(&first.name)).args(["list", "--connect", &format!("tcp/{endpoint}")]).output();
    let listed = String::from_utf8(listed.unwrap().stdout).unwrap();
    assert!(listed.contains(name) && listed.contains(&format!("head {MESSAGES}")), "{listed}");

    drop(producer);
    Producer::start(&source.1, Produce { close: true, ..how }).wait();
    let ledger = reader.until_closed();
    assert_eq!((ledger.received, ledger.lost), (MESSAGES, 0));
    println!("{} bytes were carried, and the link broke after each {BREAKS}", link.carried());
    assert!(link.carried() > 2 * BREAKS, "the link broke twice at least");
}
