//! Two hosts, which are network namespaces, and between them a link with delay that breaks.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use ringway::{Config, file};

use crate::gateway::{Gateway, folder, turn};
use crate::proxy::Proxy;
use crate::reader::{Kind, Reader};
use crate::roles::{Produce, Producer};

const PORT: u16 = 7447;
const MESSAGES: u64 = 20_000;
const DELAY: Duration = Duration::from_millis(20);
/// Bytes after which the link breaks, again and again.
const BREAKS: u64 = 500_000;

/// A network namespace with one link to this one, and no other route.
struct Host {
    name: String,
    /// Its own address.
    address: Ipv4Addr,
    /// The address of this side.
    here: Ipv4Addr,
}

impl Host {
    /// Host number `number`, in the range of addresses for benchmarks. Another run has others.
    fn new(number: u32) -> Result<Self, String> {
        let id = std::process::id();
        let [_, _, network, part] = (id * 2 + number).to_be_bytes();
        let [name, inner, outer] = ["rwh", "rwi", "rwo"].map(|kind| format!("{kind}{number}{id}"));
        let [here, address] = [1, 2].map(|last| Ipv4Addr::new(198, 18 + network % 2, part, last));
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

#[test]
fn nothing_is_lost_between_two_hosts_over_a_link_with_delay_that_breaks() {
    let _turn = turn();
    let (first, second) = match (Host::new(1), Host::new(2)) {
        (Ok(first), Ok(second)) => (first, second),
        (Err(why), _) | (_, Err(why)) => {
            println!("skipped, since network namespaces aren't permitted here: {why}");
            return;
        }
    };
    let folder = folder();
    let [source, mirror] = ["source", "mirror"].map(|name| folder.path().join(name));
    let [out, back] = ["export.log", "import.log"].map(|name| folder.path().join(name));
    file::create(&source, &Config::new().slots(4096).payload_capacity(256)).unwrap();
    let link = Proxy::between(second.here.into(), (first.address, PORT).into(), DELAY, BREAKS);
    let (listen, seen) =
        (format!("tcp/{}:{PORT}", first.address), format!("tcp/{}:{}", second.here, link.port()));
    let path = |path: &Path| path.to_str().unwrap().to_string();
    let export = Gateway::start_on(
        Some(&first.name),
        &out,
        &["export", &path(&source), "--as", "link", "--listen", &listen],
    );
    let import =
        Gateway::start_on(Some(&second.name), &back, &["import", "link", &path(&mirror), "--connect", &seen]);
    let reader = Reader::join(&mirror, Kind::Consumer, u64::MAX);
    let how = Produce { until: MESSAGES, close: false, require_readers: true };
    let producer = Producer::start(&source, how);
    reader.wait_until(MESSAGES, || export.log() + &import.log());

    drop(producer);
    Producer::start(&source, Produce { close: true, ..how }).wait();
    let ledger = reader.until_closed();
    assert_eq!((ledger.received, ledger.lost), (MESSAGES, 0));
    println!("{} bytes were carried, and the link broke after each {BREAKS}", link.carried());
    assert!(link.carried() > 2 * BREAKS, "the link broke twice at least");
}
