//! Ports of loopback for gateways.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// The ports that are given out. The kernel takes those of connections, and those that a program leaves to it, from 32768
/// on: none of them comes between the look at a port and its gateway.
const PORTS: std::ops::Range<u16> = 10_000..32_000;

/// A port on loopback that was free just now, and that this process gives out once. Another process begins elsewhere.
pub fn free_port() -> u16 {
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    let first = std::process::id() as usize * 64;
    loop {
        let place = (first + usize::from(GIVEN.fetch_add(1, Ordering::Relaxed))) % PORTS.len();
        let port = PORTS.start + place as u16;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
